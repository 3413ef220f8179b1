/* Scores, dot products and training steps of the published MLP against PyTorch in double (reference.h). The pictures for training are in
 * $VAE_REF/../data. */
#include "dots.h"
#include "gemm/mat.h"
#include "input/idx.h"
#include "reference.h"
#include "train/trainer.h"

enum { RECORDS = 64, INPUT = 784, LATENT = 128, DRAWS = 16, STEPS = 20 };

static void load_model(struct model *m)
{
	struct config c;
	struct safetensors s;
	char path[4096];
	size_t at = 0;
	config_defaults(&c);
	snprintf(path, sizeof path, "%s/mnist/init.safetensors", ref);
	if (config_load(&c, "config/mnist-mlp.yaml", &f) || config_check(&c, &f) || model_build(m, &c, &f) || safetensors_read(&s, path, &f))
		BAIL(&f);
	for (int i = 0; i < m->ntensors; at += m->tensor[i++].count)
		if (safetensors_get(&s, &m->tensor[i], m->params + at, &f))
			BAIL(&f);
	safetensors_free(&s);
}

static void test_scores(struct model *m)
{
	static float x[RECORDS * INPUT], eps[RECORDS * DRAWS * LATENT];
	static double gram[RECORDS * RECORDS], expected[RECORDS * RECORDS], part[RECORDS * MODEL_MAX_TENSORS];
	struct score out[RECORDS], again[RECORDS];
	uint64_t id[RECORDS] = {0};
	load_npy("input_u8_64x1x28x28.npy", x, NULL, RECORDS * INPUT);
	load_npy("eps_64x16x128.npy", eps, NULL, RECORDS * DRAWS * LATENT);
	load_npy("expected_gram_64x64.npy", NULL, expected, RECORDS * RECORDS);
	json_t *j = load_json("expected_selfinf.json"), *records = json_object_get(j, "records");
	m->cfg.score.draws = DRAWS;
	m->cfg.score.beta = number(j, "beta");
	m->cfg.score.likelihood = GAUSSIAN;
	struct influence *s = influence_open(m, 1, RECORDS, 0, &f);
	if (!s)
		BAIL(&f);
	influence_score(s, RECORDS, x, id, eps, out, part);
	int far = 0;
	double recon = 0, kl = 0, nll = 0, loss = 0, selfinf = 0, pairs = 0, sums = 0, parts[MODEL_MAX_TENSORS] = {0};
	for (size_t r = 0; r < RECORDS; r++) {
		const json_t *e = json_array_get(records, r), *by = json_object_get(e, "per_tensor");
		recon = max_error(recon, fabs(out[r].recon / number(e, "recon") - 1));
		kl = max_error(kl, fabs(out[r].kl / number(e, "kl") - 1));
		nll = max_error(nll, fabs(out[r].nll / number(e, "bce") - 1));
		loss = max_error(loss, fabs(out[r].loss / number(e, "loss") - 1));
		selfinf = max_error(selfinf, fabs(out[r].selfinf / number(e, "selfinf") - 1));
		far += !(fabs(out[r].selfinf / number(e, "selfinf") - 1) < 1e-5);
		for (int i = 0; i < m->ntensors; i++)
			parts[i] = max_error(parts[i], fabs(part[r * (size_t)m->ntensors + (size_t)i] / number(by, m->tensor[i].name) - 1));
	}
	ok(json_array_size(records) == RECORDS, "%zu records are expected", json_array_size(records));
	ok(recon < 1e-6, "recon at most %.2g off", recon);
	ok(kl < 1e-6, "kl at most %.2g off", kl);
	ok(nll < 1e-6, "nll (bernoulli) at most %.2g off", nll);
	ok(loss < 1e-6, "loss at most %.2g off", loss);
	/* a ReLU at 0 may flip in float: small differences in a few records */
	ok(selfinf < 1e-4 && far <= RECORDS / 10, "selfinf at most %.2g off, of %d records by more than 1e-5", selfinf, far);
	for (int i = 0; i < m->ntensors; i++)
		ok(parts[i] < 1e-4, "part of %s at most %.2g off", m->tensor[i].name, parts[i]);
	dots(m, 1, 0, x, id, eps, RECORDS, again, x, id, eps, RECORDS, again, gram);
	for (int a = 0; a < RECORDS; a++)
		for (int b = 0; b < RECORDS; b++) {
			double size = sqrt(expected[a * (RECORDS + 1)] * expected[b * (RECORDS + 1)]);
			pairs = max_error(pairs, fabs(gram[a * RECORDS + b] - expected[a * RECORDS + b]) / size);
			sums = a == b ? max_error(sums, fabs(gram[a * RECORDS + a] / out[a].selfinf - 1)) : sums;
		}
	ok(pairs < 1e-4, "dot products at most %.2g off", pairs);
	ok(sums < 1e-5, "a record's dot product with itself is its selfinf, to %.2g", sums);
	json_decref(j);
	influence_close(s);
}

static void test_training(struct model *m)
{
	static float x[RECORDS * INPUT], eps[STEPS * RECORDS * LATENT];
	char path[4096];
	snprintf(path, sizeof path, "%s/../data/mnist-train-images-idx3-ubyte.gz", ref);
	struct idx *images = idx_open(path, &f);
	if (!images) {
		skip("20 steps of SGD", f.msg);
		return;
	}
	load_npy("eps_sgd_20x64x128.npy", eps, NULL, STEPS * RECORDS * LATENT);
	json_t *j = load_json("expected_sgd_20_steps.json"), *steps = json_object_get(j, "steps");
	m->cfg.train.likelihood = BERNOULLI;
	m->cfg.train.optimizer = SGD;
	m->cfg.train.beta = 4;
	m->cfg.train.lr = 1e-4;
	m->cfg.train.batch = RECORDS;
	struct pool *pool = pool_open(2, &f);
	struct trainer *t = pool ? trainer_open(m, pool, &f) : NULL;
	if (!t)
		BAIL(&f);
	float *gradient = mat_floats(m->nparams);
	double worst[4] = {0};
	for (size_t step = 0; step < STEPS; step++) {
		struct train_stats s;
		unsigned char image[INPUT];
		for (int r = 0; r < RECORDS; r++) {
			if (idx_next(images, image, &f) != 1)
				BAIL(&f);
			for (int i = 0; i < INPUT; i++)
				x[r * INPUT + i] = (float)image[i] / 255;
		}
		trainer_gradient(t, x, eps + step * RECORDS * LATENT, gradient, &s);
		double square = dot(gradient, gradient, (int)m->nparams);
		if (trainer_step(t, x, eps + step * RECORDS * LATENT, &s, &f))
			BAIL(&f);
		const double got[4] = {s.recon, s.kl, s.loss, square};
		for (size_t k = 0; k < 4; k++)
			worst[k] = max_error(worst[k], fabs(got[k] / json_number_value(json_array_get(json_array_get(steps, step), k)) - 1));
	}
	static const char *const column[4] = {"recon", "kl", "loss", "grad_sqnorm"};
	for (size_t k = 0; k < 4; k++) {
		const char *name = json_string_value(json_array_get(json_object_get(j, "columns"), k));
		ok(name && !strcmp(name, column[k]) && worst[k] < 1e-3, "%d steps of SGD: %s at most %.2g off", STEPS, column[k], worst[k]);
	}
	ok(json_array_size(steps) == STEPS, "%zu steps are expected", json_array_size(steps));
	free(gradient);
	trainer_close(t);
	pool_close(pool);
	idx_close(images);
	json_decref(j);
}

int main(void)
{
	struct model m;
	if (!reference_open("mnist"))
		return done();
	mat_thread_init();
	load_model(&m);
	test_scores(&m);
	test_training(&m);
	model_free(&m);
	return done();
}

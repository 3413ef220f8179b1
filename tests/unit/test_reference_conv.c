/* A published convolutional VAE (beta-vae-h, CIFAR-10 aeroplanes, 1.5 million steps) against PyTorch in double (reference.h): scores and
 * their parts by tensor, from the input tensor and from the JPEG files; and the influence of training records over test records. */
#include "gemm/kernels.h"
#include "model/batch.h"
#include "dots.h"
#include "gemm/mat.h"
#include "stream/reader.h"
#include "reference.h"

enum { RECORDS = 32, TESTS = 16, INPUT = 3 * 64 * 64, LATENT = 64, DRAWS = 16 };

static float x[RECORDS * INPUT], decoded[RECORDS * INPUT], eps[RECORDS * DRAWS * LATENT];
static float tests_x[TESTS * INPUT], tests_eps[TESTS * DRAWS * LATENT];

/* The preset with 64 latent variables. */
static void load_model(struct model *m)
{
	struct config c;
	struct safetensors s;
	char path[4096];
	config_defaults(&c);
	snprintf(path, sizeof path, "%s/cifar/step-1500000.safetensors", ref);
	if (config_load(&c, "config/beta-vae-h.yaml", &f) || config_set(&c, "model.latent=64", &f) || config_set(&c, "score.beta=2", &f))
		BAIL(&f);
	c.encoder.v[c.encoder.n - 1].out = 2 * LATENT;
	if (config_check(&c, &f) || model_build(m, &c, &f) || safetensors_read(&s, path, &f) || model_load_tensors(m, &s, &f))
		BAIL(&f);
	safetensors_free(&s);
}

/* The records of images.tar, decoded. */
static void load_pictures(const struct config *c)
{
	struct batch b;
	char path[4096], *paths[] = {path};
	snprintf(path, sizeof path, "%s/cifar/images.tar", ref);
	struct reader *r = reader_open(paths, 1, 0, &f);
	if (!r || batch_open(&b, RECORDS, c, &f) || batch_fill(&b, r, &f) != 1)
		BAIL(&f);
	if (batch_decode(&b, c, &f))
		BAIL(&f);
	batch_floats(&b, NULL, decoded);
	ok(b.nrows == RECORDS, "%d records in images.tar", b.nrows);
	batch_free(&b);
	reader_close(r);
}

static struct influence *score(const struct model *m, const float *input, const float *noise, int n, struct score *out, double *part)
{
	uint64_t id[RECORDS] = {0};
	struct influence *s = influence_open(m, 1, n, 0, &f);
	if (!s)
		BAIL(&f);
	influence_score(s, n, input, id, noise, out, part);
	return s;
}

static double off(double got, const json_t *o, const char *name) { return fabs(got / number(o, name) - 1); }

static void test_scores(const struct model *m, const float *input, const char *from)
{
	static double part[RECORDS * MODEL_MAX_TENSORS];
	struct score out[RECORDS];
	json_t *j = load_json("expected_selfinf.json"), *records = json_object_get(j, "records");
	double recon = 0, kl = 0, loss = 0, selfinf = 0;
	int far = 0, far_part[MODEL_MAX_TENSORS] = {0};
	influence_close(score(m, input, eps, RECORDS, out, part));
	for (size_t r = 0; r < RECORDS; r++) {
		const json_t *e = json_array_get(records, r), *by = json_object_get(e, "per_tensor");
		recon = max_error(recon, off(out[r].recon, e, "recon"));
		kl = max_error(kl, off(out[r].kl, e, "kl"));
		loss = max_error(loss, off(out[r].loss, e, "loss"));
		selfinf = max_error(selfinf, off(out[r].selfinf, e, "selfinf"));
		far += !(off(out[r].selfinf, e, "selfinf") <= 1e-5);
		for (int i = 0; i < m->ntensors; i++)
			far_part[i] += !(off(part[r * (size_t)m->ntensors + (size_t)i], by, m->tensor[i].name) <= 5e-4);
	}
	ok(json_array_size(records) == RECORDS && number(j, "beta") == m->cfg.score.beta && json_array_size(json_object_get(j, "tensors")) == (size_t)m->ntensors,
	   "%s: %zu records of %zu tensors are expected", from, json_array_size(records), json_array_size(json_object_get(j, "tensors")));
	ok(recon <= 3e-6 && kl <= 3e-6 && loss <= 3e-6, "%s: recon at most %.2g off, kl %.2g, loss %.2g", from, recon, kl, loss);
	/* a ReLU at 0 may flip in float: small differences in a few records; with AMX tiles, which sum in another order, in one more */
	ok(selfinf <= 1e-3 && far <= RECORDS / 20 + (gemm_select(512, 512, 512, MAT_24) == GEMM_AMX), "%s: selfinf at most %.2g off, of %d records by more than 1e-5", from, selfinf, far);
	for (int i = 0; i < m->ntensors; i++)
		ok(far_part[i] <= RECORDS / 20, "%s: part of %s more than 5e-4 off in %d records", from, m->tensor[i].name, far_part[i]);
	json_decref(j);
}

static void test_dots(const struct model *m)
{
	static double got[TESTS * RECORDS], expected[TESTS * RECORDS];
	struct score tests[TESTS], out[RECORDS];
	double worst = 0;
	load_npy("expected_testinf_16x32.npy", NULL, expected, TESTS * RECORDS);
	uint64_t id[RECORDS] = {0};
	dots(m, 1, 0, tests_x, id, tests_eps, TESTS, tests, x, id, eps, RECORDS, out, got);
	for (int i = 0; i < TESTS * RECORDS; i++) {
		int t = i / RECORDS, r = i % RECORDS;
		worst = max_error(worst, fabs(got[r * TESTS + t] - expected[i]) / sqrt(tests[t].selfinf * out[r].selfinf));
	}
	ok(worst <= 2e-4, "test influences at most %.2g |g||g'| off", worst);
}

int main(void)
{
	struct model m;
	if (!reference_open("cifar"))
		return done();
	mat_thread_init();
	load_model(&m);
	load_npy("input_u8_32x3x64x64.npy", x, NULL, RECORDS * INPUT);
	load_npy("eps_32x16x64.npy", eps, NULL, RECORDS * DRAWS * LATENT);
	load_npy("tests_u8_16x3x64x64.npy", tests_x, NULL, TESTS * INPUT);
	load_npy("eps_tests_16x16x64.npy", tests_eps, NULL, TESTS * DRAWS * LATENT);
	load_pictures(&m.cfg);
	ok(!memcmp(x, decoded, sizeof x), "the JPEG files decode and resize to the same input, byte for byte");
	test_scores(&m, x, "tensor");
	test_scores(&m, decoded, "JPEG");
	test_dots(&m);
	model_free(&m);
	return done();
}

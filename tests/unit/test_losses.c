/* The loss of every record at every checkpoint, against plain loops in double with the same noise. */
#include <stdlib.h>

#include "influence/influence.h"
#include "influence/losses.h"
#include "gemm/mat.h"
#include "naive.h"
#include "base/rng.h"

enum { BATCH = 5, CHECKPOINTS = 3 };

static void compare(const char *what, const char *yaml)
{
	static float x[BATCH * NAIVE_WIDTH];
	static double wide[NAIVE_WIDTH];
	struct model m[CHECKPOINTS];
	struct fail f = {{0}};
	struct score score[BATCH];
	uint64_t id[BATCH] = {3, 1, 4, 1, 59}, state = 7;
	double got[BATCH * CHECKPOINTS], worst = 0, off = 0;
	for (int c = 0; c < CHECKPOINTS; c++) {
		naive_model(&m[c], yaml, 0.4, &state);
		m[c].step = 10 * c + 1;
	}
	size_t in = (size_t)m[0].enc.in;
	int latent = m[0].cfg.latent, draws = m[0].cfg.score.draws;
	naive_fill(x, BATCH * in, 0, 1, &state);
	struct losses *s = losses_open(m, CHECKPOINTS, BATCH, &f);
	struct influence *last = influence_open(m, CHECKPOINTS, BATCH, 0, &f);
	if (!s || !last)
		BAIL(&f);
	losses_score(s, x, id, got);
	for (int c = 0; c < CHECKPOINTS; c++) {
		struct naive n = naive_of(&m[c], m[c].cfg.score.likelihood, m[c].cfg.score.beta);
		struct naive_draw *t = calloc(1, sizeof *t);
		for (int r = 0; r < BATCH; r++) {
			double want = 0;
			to_double(wide, x + (size_t)r * in, in);
			for (int j = 0; j < draws; j++) {
				float eps[64];
				double wide_eps[64];
				rng_normal(eps, latent, (uint64_t)m[c].cfg.score.seed, ROLE_TRAIN_RECORD, (uint64_t)m[c].step, id[r], (uint32_t)j);
				to_double(wide_eps, eps, (size_t)latent);
				want += naive_loss(&n, wide, wide_eps, t) / draws;
			}
			worst = max_error(worst, fabs(got[r * CHECKPOINTS + c] / want - 1));
		}
		free(t);
		free(n.p);
	}
	ok(worst < 4e-6, "%s: the loss at every checkpoint (relative error %.2g)", what, worst);
	influence_score(last, BATCH, x, id, NULL, score, NULL);
	for (int r = 0; r < BATCH; r++)
		off = max_error(off, fabs(got[r * CHECKPOINTS + CHECKPOINTS - 1] / score[r].loss - 1));
	ok(off < 2e-6, "%s: at the last one the same as the loss of vae-selfinf (relative error %.2g)", what, off);
	losses_close(s);
	influence_close(last);
	for (int c = 0; c < CHECKPOINTS; c++)
		model_free(&m[c]);
}

int main(void)
{
	mat_thread_init();
	compare("linear layers", "input: {shape: [1, 3, 4]}\nmodel:\n  latent: 3\n  encoder: [flatten, {linear: 9}, relu, {linear: 6}]\n"
	                         "  decoder: [{linear: 8}, tanh, {linear: 12}]\nscore: {draws: 7, beta: 2.5, seed: 11}\n");
	compare("convolutions", "input: {shape: [3, 6, 6]}\nmodel:\n  latent: 2\n"
	                        "  encoder: [{conv2d: {out: 4, kernel: 3, stride: 2, padding: 1}}, leaky_relu, flatten, {linear: 4}]\n"
	                        "  decoder: [{linear: 36}, relu, {unflatten: [4, 3, 3]}, {conv_transpose2d: {out: 3, kernel: 4, stride: 2, padding: 1}}]\n"
	                        "score: {draws: 5, likelihood: bernoulli}\n");
	/* more draws than are decoded at once */
	compare("many draws", "input: {shape: [1, 20, 20]}\nmodel:\n  latent: 2\n  encoder: [flatten, {linear: 4}]\n  decoder: [{linear: 400}]\n"
	                      "score: {draws: 4096, likelihood: linear}\n");
	return done();
}

#include "influence/sparse_decoder.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "base/simd.h"
#include "gemm/sparse_block.h"
#include "nn/loss.h"

enum { RECORDS = 2, ROWS = RECORDS * SPARSE_ROWS }; /* that are generated, and their draws */

/* Sparse blocks with no more work than this are taken to be faster than tiles.
 *
 * Seconds of CPU for 6,000 records of MNIST by mnist-mlp with 16 draws, on a Xeon of two cores with AMX; `work` is that of sparse_decoder_work():
 *
 *                                    work   tiles          sparse blocks
 *   trained as the preset says       0.28   1.91 to 2.15   1.51 to 1.56
 *   untrained                        0.95   2.86           4.84, from the rate that AVX-512 has of the peak of sgemm (92 %; tiles have 156 %)
 *
 * Between the two both are taken to be linear in the work, as blocks are within 4 % on a processor without AMX. The lines meet at 0.41, where a
 * wrong choice costs little. Generated records need more work than real ones, by up to 0.1 in the middle of a training and 0.02 at its end. */
static const double MOST_WORK = 0.4;

/* --- generated records --- */

struct generator {
	struct network decoder; /* sparse, so that the work does not depend on whether there are tiles */
	struct tape enc, dec;
	float *xi; /* [ROWS][latent] */
	float *x;  /* [RECORDS][input] */
};

static int generator_open(struct generator *g, const struct model *m, struct fail *f)
{
	*g = (struct generator){.decoder = m->dec};
	g->decoder.sparse = 1;
	if (tape_open(&g->enc, &m->enc, RECORDS, f) || tape_open(&g->dec, &m->dec, ROWS, f))
		return -1;
	g->xi = mat_floats((size_t)ROWS * (size_t)m->cfg.latent);
	g->x = mat_floats((size_t)RECORDS * (size_t)m->enc.in);
	return g->xi && g->x ? 0 : fail_memory_for(f, "%d generated records", RECORDS);
}

static void generator_close(struct generator *g)
{
	free(g->enc.all);
	free(g->dec.all);
	free(g->xi);
	free(g->x);
}

static void generate(struct generator *g, const struct model *m)
{
	size_t n = (size_t)RECORDS * (size_t)m->dec.out;
	g->dec.rows = RECORDS;
	for (int r = 0; r < RECORDS; r++)
		rng_normal(g->xi + r * m->cfg.latent, m->cfg.latent, 0, ROLE_GENERATED, 0, (uint64_t)r, 0);
	network_forward(&g->decoder, m->params, g->xi, &g->dec, NULL);
	const float *logits = g->dec.v[m->dec.last];
	for (size_t i = 0; i < n; i++)
		g->x[i] = m->cfg.train.likelihood == LINEAR ? logits[i] : 1 / (1 + expf(-logits[i]));
}

/* The draws of the generated records, through the decoder as far as its last ReLU. */
static void decode_draws(struct generator *g, const struct model *m)
{
	int n = m->cfg.latent;
	network_forward(&m->enc, m->params, g->x, &g->enc, NULL);
	for (int row = 0; row < ROWS; row++) {
		const float *mu = g->enc.v[m->enc.last] + row / SPARSE_ROWS * 2 * n, *logvar = mu + n;
		float *xi = g->xi + row * n;
		rng_normal(xi, n, 0, ROLE_GENERATED, 1, (uint64_t)(row / SPARSE_ROWS), (uint32_t)(row % SPARSE_ROWS));
		for (int i = 0; i < n; i++)
			xi[i] = mu[i] + expf(0.5f * logvar[i]) * xi[i];
	}
	g->dec.rows = ROWS;
	for (int i = 0; i < m->dec.last; i++)
		layer_forward(&g->decoder, i, m->params, g->xi, &g->dec, 0, ROWS, NULL);
}

/* The share of the columns of v [ROWS][width] that a block of SPARSE_ROWS rows keeps. */
static double share_kept(const float *v, int width)
{
	long kept = 0;
	for (int from = 0; from < ROWS; from += SPARSE_ROWS)
		for (int j = 0; j < width; j++) {
			int any = 0;
			for (int r = from; r < from + SPARSE_ROWS; r++)
				any |= v[r * width + j] != 0;
			kept += any;
		}
	return (double)kept / RECORDS / width;
}

/* Of one layer, forward and backward, each 1 if dense. in, out: the shares of its inputs and outputs that blocks keep. */
static double layer_work(double in, double out)
{
	const double all_outputs = 2.0 / 3; /* above this share sparse_nn_masked() computes masked outputs too */
	return in + out * (in < all_outputs ? in : 1);
}

int sparse_decoder_work(const struct model *m, double *work, struct fail *f)
{
	struct generator g;
	double sum = 0, dense = 0, out = 1;
	if (generator_open(&g, m, f)) {
		generator_close(&g);
		return -1;
	}
	generate(&g, m);
	decode_draws(&g, m);
	for (int i = m->dec.n - 1; i >= 0; i--) {
		const struct layer *l = &m->dec.l[i];
		if (!layer_has_weights(l))
			continue;
		double in = share_kept(network_source(&m->dec, i, g.xi, &g.dec), l->in), size = (double)l->in * (double)l->out;
		sum += size * layer_work(in, out);
		dense += 2 * size;
		out = in;
	}
	*work = sum / dense;
	generator_close(&g);
	return 0;
}

/* --- the choice --- */

/* Whether the draws of a record can be blocks, but are not without dec.sparse. */
static int has_choice(struct network *dec)
{
	dec->sparse = 0;
	int blocks = network_sparse(dec, 0);
	dec->sparse = 1;
	int choice = !blocks && network_sparse(dec, 0);
	dec->sparse = 0;
	return choice;
}

int sparse_decoders_choose(struct model *models, int n, struct fail *f)
{
	int draws = models[n - 1].cfg.score.draws;
	for (int c = 0; c < n; c++) {
		struct model *m = &models[c];
		double work;
		if (!has_choice(&m->dec) || simd_only_amx() || draws != SPARSE_ROWS || m->enc.has_convolution)
			continue;
		if (sparse_decoder_work(m, &work, f))
			return -1;
		m->dec.sparse = work <= MOST_WORK;
	}
	return 0;
}

/* dots.h - VAE-TracIn of all records over all test records, summed over the checkpoints. */
#ifndef VF_DOTS_H
#define VF_DOTS_H

#include "influence/gradients.h"
#include "naive.h"

struct dots_run { /* nx records over nz test records */
	struct influence *s;
	float **kept; /* [checkpoints]: gradients of the test records */
	int nz, nx;
	double *out;  /* [nx][nz]; NULL in the pass that keeps them */
};

/* [checkpoints]: the forms of gradients, chosen by the test records; NULL: all dense */
static struct gradient_forms *dots_forms;

static inline int on_checkpoint(void *ctx, int c, struct fail *f)
{
	struct dots_run *d = ctx;
	if (!d->out) {
		if (dots_forms)
			gradients_choose(d->s, d->nz);
		d->kept[c] = mat_floats((size_t)d->nz * gradients_size(d->s));
		gradients_copy(d->s, d->nz, d->kept[c]);
		return 0;
	}
	/* in four pieces, so that both ranges also begin in the middle */
	for (int i = 0; i < 4; i++) {
		int r = i / 2 ? d->nx / 2 : 0, q = i % 2 ? d->nz / 3 : 0, nr = i / 2 ? d->nx - r : d->nx / 2, nq = i % 2 ? d->nz - q : d->nz / 3;
		gradients_dots(d->s, r, nr, d->kept[c], d->nz, q, nq, d->out + r * d->nz + q, (size_t)d->nz);
	}
	return 0;
}

static inline struct influence *dots_open(const struct model *m, int n, int batch, int flags, const struct whitening *w)
{
	struct fail f = {{0}};
	struct influence *s = influence_open(m, n, batch, INFLUENCE_GRADIENTS | flags, &f);
	if (!s || (w && influence_whiten(s, w, &f)) || (dots_forms && influence_use_forms(s, dots_forms, &f)))
		BAIL(&f);
	return s;
}

/* out [nx][nz], and the scores of both. flags INFLUENCE_TESTS: z has the noise of test records. w [n]: the whitening, or NULL */
static inline void dots_white(const struct model *m, int n, int flags, const struct whitening *w, const float *z, const uint64_t *zid, const float *zeps, int nz, struct score *zs,
                        const float *x, const uint64_t *xid, const float *xeps, int nx, struct score *xs, double *out)
{
	struct fail f = {{0}};
	float *kept[16];
	struct dots_run d = {dots_open(m, n, nz, flags, w), kept, nz, nx, NULL};
	if (influence_each_checkpoint(d.s, z, zid, zeps, zs, on_checkpoint, &d, &f))
		BAIL(&f);
	influence_close(d.s);
	d.s = dots_open(m, n, nx, 0, w);
	d.out = out;
	memset(out, 0, (size_t)nx * (size_t)nz * sizeof *out);
	if (influence_each_checkpoint(d.s, x, xid, xeps, xs, on_checkpoint, &d, &f))
		BAIL(&f);
	influence_close(d.s);
	for (int c = 0; c < n; c++)
		free(kept[c]);
}

static inline void dots(const struct model *m, int n, int flags, const float *z, const uint64_t *zid, const float *zeps, int nz, struct score *zs,
                        const float *x, const uint64_t *xid, const float *xeps, int nx, struct score *xs, double *out)
{
	dots_white(m, n, flags, NULL, z, zid, zeps, nz, zs, x, xid, xeps, nx, xs, out);
}

/* A copy of models [n] with another number of draws; the caller frees it. */
static inline struct model *with_draws(const struct model *m, int n, int draws)
{
	struct model *v = malloc((size_t)n * sizeof *v);
	memcpy(v, m, (size_t)n * sizeof *v);
	for (int c = 0; c < n; c++)
		v[c].cfg.score.draws = draws;
	return v;
}

/* [n][draws][latent]: each record has the same noise in all draws. */
static inline float *equal_draws(const struct model *m, int n, int draws, uint64_t state)
{
	size_t latent = (size_t)m->cfg.latent;
	float *eps = malloc((size_t)n * (size_t)draws * latent * sizeof *eps);
	for (size_t r = 0; r < (size_t)n; r++) {
		float *first = eps + r * (size_t)draws * latent;
		naive_fill(first, latent, 1, 1, &state);
		for (size_t j = 1; j < (size_t)draws; j++)
			memcpy(first + j * latent, first, latent * sizeof *eps);
	}
	return eps;
}

/* If all draws of a test record have the same noise, its gradient has the rank that one draw gives, and gradients_low_rank() must reduce that of 16
 * draws to that of 3 without error. Returns the largest difference between influences by both, relative to |g||g'|. forms: of 16 draws, or NULL */
static inline double low_rank_error(const struct model *m, int n, const struct whitening *w, struct gradient_forms *forms, const float *z, const uint64_t *zid, int nz,
                                    const float *x, const uint64_t *xid, int nx)
{
	enum { MANY = 16, FEW = 3 };
	struct fail f = {{0}};
	struct score *zs = calloc((size_t)nz, sizeof *zs), *xs = calloc((size_t)nx, sizeof *xs);
	double *want = calloc((size_t)nx * (size_t)nz, sizeof *want), *got = calloc((size_t)nx * (size_t)nz, sizeof *got), worst = 0;
	float *kept[3][16], *many_eps = equal_draws(m, nz, MANY, 3), *few_eps = equal_draws(m, nz, FEW, 3);
	struct model *many = with_draws(m, n, MANY), *few = with_draws(m, n, FEW);
	dots_forms = forms;
	struct dots_run a = {dots_open(many, n, nz, INFLUENCE_TESTS, w), kept[0], nz, nx, NULL};
	if (influence_each_checkpoint(a.s, z, zid, many_eps, zs, on_checkpoint, &a, &f))
		BAIL(&f);
	dots_forms = NULL;
	for (int c = 0; c < n; c++)
		few[c].dec.sparse = 0;
	struct dots_run b = {dots_open(few, n, nz, INFLUENCE_TESTS, w), kept[1], nz, nx, NULL};
	if (influence_each_checkpoint(b.s, z, zid, few_eps, zs, on_checkpoint, &b, &f))
		BAIL(&f);
	for (int c = 0; c < n; c++) {
		kept[2][c] = mat_floats((size_t)nz * gradients_size(b.s));
		if (gradients_low_rank(a.s, b.s, (size_t)c, (size_t)nz, kept[0][c], kept[2][c], &f))
			BAIL(&f);
	}
	influence_close(a.s);
	influence_close(b.s);
	struct dots_run of_few = {dots_open(few, n, nx, 0, w), kept[1], nz, nx, want}, of_low_rank = {of_few.s, kept[2], nz, nx, got};
	if (influence_each_checkpoint(of_few.s, x, xid, NULL, xs, on_checkpoint, &of_few, &f) ||
	    influence_each_checkpoint(of_few.s, x, xid, NULL, xs, on_checkpoint, &of_low_rank, &f))
		BAIL(&f);
	for (int i = 0; i < nx; i++)
		for (int q = 0; q < nz; q++)
			worst = max_error(worst, fabs(got[i * nz + q] - want[i * nz + q]) / sqrt(xs[i].selfinf * zs[q].selfinf));
	influence_close(of_few.s);
	for (int c = 0; c < n; c++)
		for (int k = 0; k < 3; k++)
			free(kept[k][c]);
	free(zs), free(xs), free(want), free(got), free(many_eps), free(few_eps), free(many), free(few);
	return worst;
}

#endif

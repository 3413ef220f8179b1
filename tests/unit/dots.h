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

#endif

/* points.h - what the tests of the density estimators share: threads, and errors. */
#ifndef VF_POINTS_H
#define VF_POINTS_H

#include "density/gmm.h"
#include "density/kde.h"
#include "density/kmeans.h"
#include "density/knn.h"
#include "density/top_points.h"
#include "naive.h"

static struct exec exec;

/* As many threads as a test needs. */
static inline void set_threads(int n)
{
	struct fail f;
	pool_close(exec.pool);
	exec = (struct exec){pool_open(n, &f), n, NULL, NULL};
}

static inline void points_free(struct points *p)
{
	free((void *)p->u8);
	free((void *)p->f4);
}

/* r [n][2]: R_k and R_{k+1} of every point, where copies count as neighbours. */
static inline int knn_radii(const struct points *x, int k, const struct exec *e, double *r, struct fail *f)
{
	struct rows rows;
	struct knn_ball *b = malloc((x->n + 1) * sizeof *b);
	int bad = rows_find(&rows, x, 1, f) || knn_balls(&rows, &k, 1, e, b, f);
	for (size_t i = 0; i < x->n; i++) {
		r[2 * i] = b[i].r;
		r[2 * i + 1] = b[i].next_r;
	}
	free(b);
	rows_free(&rows);
	return bad ? -1 : 0;
}

/* The self influence of a point without copies. */
static inline double knn_selfinf(size_t n, int d, int k, double rk, double rk1)
{
	return knn_influence(n, d, &(struct knn_ball){rk, rk1, k, 1}, 1, 1);
}

/* The larger of `worst` and |a - b|, relative to |b| or to 1 if b is smaller. */
static inline double larger_error(double worst, double a, double b)
{
	double e = fabs(a - b) / fmax(1, fabs(b));
	return isnan(e) || e > worst ? (isnan(e) ? INFINITY : e) : worst;
}

#endif

/* points.h - what the tests of density.h share: threads, and errors. */
#ifndef VF_POINTS_H
#define VF_POINTS_H

#include "density/density.h"
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

/* The larger of `worst` and |a - b|, relative to |b| or to 1 if b is smaller. */
static inline double larger_error(double worst, double a, double b)
{
	double e = fabs(a - b) / fmax(1, fabs(b));
	return isnan(e) || e > worst ? (isnan(e) ? INFINITY : e) : worst;
}

#endif

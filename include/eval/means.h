/* means.h - means and standard errors of the numbers of several runs, from the files that --summary writes. */
#ifndef VF_MEANS_H
#define VF_MEANS_H

#include <stddef.h>

#include "base/buf.h"
#include "stream/fields.h"

struct mean {
	char *name;
	size_t n;              /* runs that have the number */
	double mean, squares;  /* squares: the sum of (value - mean)^2 */
};

struct means {
	struct mean *v; /* [n], in the order of first appearance, or in the order of means_only() */
	size_t n, cap;
	int only;       /* means_only() was called: other names are ignored */
};

/* Adds a value: Welford's mean and sum of squares. */
void mean_add(struct mean *m, double value);
/* Restricts the means to these names, separated by commas, in this order. */
int means_only(struct means *m, const char *names, struct fail *f);
/* Adds the numbers of a run, from the flat JSON object in the file at path. -1 with a message. */
int means_add_file(struct means *m, const char *path, struct fail *f);
/* The standard error of the mean; NAN for fewer than two runs. */
double mean_error(const struct mean *m);
/* Fails if a name of means_only() is in no run. */
int means_check(const struct means *m, struct fail *f);
void means_free(struct means *m);

#endif

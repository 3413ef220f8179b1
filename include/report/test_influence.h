/* test_influence.h - proponents and opponents of test records, as --influence of vae-density and vae-testinf writes
 * them: one JSON object a line, with `test` and the lists `proponents` and `opponents` of `key` and
 * `influence`. */
#ifndef VF_TEST_INFLUENCE_H
#define VF_TEST_INFLUENCE_H

#include <stddef.h>

#include "base/fail.h"

enum { INFLUENTIAL_MAX = 24 }; /* proponents, or opponents, that are kept of a row */

struct influential {
	char *key; /* escaped */
	double influence;
};

struct test_influence {
	char *test, *method; /* method: NULL where there is none */
	struct influential item[2][INFLUENTIAL_MAX]; /* proponents, opponents */
	int n[2];
};

struct test_influences {
	struct test_influence *v;
	size_t n, left_out; /* lines beyond what was asked for */
};

/* The first `most` lines that have an influence, `each` of either kind. */
int test_influences_read(struct test_influences *rows, const char *path, size_t most, int each, struct fail *f);
void test_influences_free(struct test_influences *rows);

#endif

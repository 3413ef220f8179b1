/* test_influence.h - proponents and opponents of test records, read from what --influence of vae-density and vae-testinf
 * writes: one JSON object a line, with `test`, and the lists `proponents` and `opponents` of `key` and `influence`. */
#ifndef VF_TEST_INFLUENCE_H
#define VF_TEST_INFLUENCE_H

#include <stddef.h>

#include "stream/influence_file.h"

enum { INFLUENTIAL_MAX = 24 }; /* proponents of a test record that are kept, and as many opponents */

struct influential {
	char *key; /* escaped */
	double influence;
};

struct test_influence {
	char *test, *method; /* the key of the test record; method: NULL if not stated */
	struct influential item[INFLUENCE_KINDS][INFLUENTIAL_MAX]; /* [n] of each kind */
	int n[INFLUENCE_KINDS];
};

struct test_influences {
	struct test_influence *v;
	size_t n, left_out; /* left_out: lines after the first max */
};

/* Reads the first max lines that have an influence, and at most INFLUENTIAL_MAX records of either kind. Call
 * test_influences_free() also after a failure. */
int test_influences_read(struct test_influences *t, const char *path, size_t max, struct fail *f);
/* The same with only the lines for which chosen() returns 1, called with the key of the test record; NULL: all lines. */
int test_influences_select(struct test_influences *t, const char *path, size_t max, int (*chosen)(void *ctx, const char *test), void *ctx, struct fail *f);
void test_influences_free(struct test_influences *t);

#endif

/* rows.h - proponents and opponents of test records, as --influence of vae-density and vae-testinf writes
 * them: one JSON object a line, with `test` and the lists `proponents` and `opponents` of `key` and
 * `influence`. */
#ifndef VF_ROWS_H
#define VF_ROWS_H

#include <stddef.h>

#include "base/fail.h"

enum { ROWS_EACH = 24 }; /* proponents, or opponents, that are kept of a row */

struct row_item {
	char *key; /* escaped */
	double influence;
};

struct row {
	char *test, *method; /* method: NULL where there is none */
	struct row_item item[2][ROWS_EACH]; /* proponents, opponents */
	int n[2];
};

struct rows {
	struct row *v;
	size_t n, left_out; /* lines beyond what was asked for */
};

/* The first `most` lines that have an influence, `each` of either kind. */
int rows_read(struct rows *rows, const char *path, size_t most, int each, struct fail *f);
void rows_free(struct rows *rows);

#endif

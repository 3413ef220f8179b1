/* nearest.h - which records of a stream are among the nearest k of each test record: found in one pass, with memory for k a
 * test and none for the others.
 */
#ifndef VF_NEAREST_H
#define VF_NEAREST_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define NEAREST_NONE UINT32_MAX /* in place of a test: a record that could not be read, to be told so */

struct near {
	double distance;
	uint64_t position; /* in the stream, from 0 */
};

struct pair {
	uint64_t position;
	uint32_t test;
};

struct nearest {
	size_t k, tests;
	struct near *heap; /* [tests][k], the farthest first */
	size_t *have;      /* [tests] */
	struct pair *pair; /* by position, then test */
	size_t n, cap, at; /* at: where nearest_skip() is */
};

int nearest_open(struct nearest *s, size_t k, size_t tests, struct fail *f);
/* The next record's distances [tests]; of equal ones the earlier record is nearer. NAN: it is not near. */
void nearest_add(struct nearest *s, uint64_t position, const double *distance);
int nearest_unread(struct nearest *s, uint64_t position, struct fail *f);
/* Ends the adding. */
int nearest_sort(struct nearest *s, struct fail *f);
/* The pairs of a record: the first of *n. */
const struct pair *nearest_find(const struct nearest *s, uint64_t position, size_t *n);
/* Whether it has none; for positions in increasing order, in one thread. */
int nearest_skip(struct nearest *s, uint64_t position);
void nearest_free(struct nearest *s);

#endif

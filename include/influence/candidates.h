/* candidates.h - which records of a stream are among the nearest k of each test record: found in one pass, with memory for k a
 * test and none for the others.
 */
#ifndef VF_CANDIDATES_H
#define VF_CANDIDATES_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define CANDIDATE_UNREADABLE UINT32_MAX /* in place of a test: a record that could not be read, to be told so */

struct neighbour {
	double distance;
	uint64_t position; /* in the stream, from 0 */
};

struct candidate {
	uint64_t position;
	uint32_t test;
};

struct candidates {
	size_t k, tests;
	struct neighbour *heap; /* [tests][k], the farthest first */
	size_t *heap_size;      /* [tests] */
	struct candidate *list; /* by position, then test */
	size_t n, capacity, next; /* next: where candidates_skip() is */
};

int candidates_open(struct candidates *s, size_t k, size_t tests, struct fail *f);
/* The next record's distances [tests]; of equal ones the earlier record is nearer. NAN: it is not near. */
void candidates_add(struct candidates *s, uint64_t position, const double *distance);
int candidates_add_unreadable(struct candidates *s, uint64_t position, struct fail *f);
/* Ends the adding. */
int candidates_sort(struct candidates *s, struct fail *f);
/* The pairs of a record: the first of *n. */
const struct candidate *candidates_find(const struct candidates *s, uint64_t position, size_t *n);
/* Whether it has none; for positions in increasing order, in one thread. */
int candidates_skip(struct candidates *s, uint64_t position);
void candidates_free(struct candidates *s);

#endif

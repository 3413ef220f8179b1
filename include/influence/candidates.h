/* candidates.h - finds the k records of a stream with the strongest influence over each test record. One pass over the stream adds the
 * strengths of every record; then the records that are candidates of a test record can be looked up by their position. Memory: 32 bytes for
 * each candidate, and 16 for each record that cannot be read.
 */
#ifndef VF_CANDIDATES_H
#define VF_CANDIDATES_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define CANDIDATE_UNREADABLE UINT32_MAX /* instead of a test record: the record cannot be read, and must be reported */

struct strong_record {
	double strength;
	uint64_t position; /* in the stream, from 0 */
};

struct candidate { /* the record at this position is one of the strongest of this test record */
	uint64_t position;
	uint32_t test;
};

struct candidates {
	size_t k, tests;
	struct strong_record *heap; /* [tests][k]: a heap of the strongest so far, with the weakest of them first */
	size_t *heap_size;      /* [tests] */
	struct candidate *list; /* [n]: sorted by position, then test */
	size_t n, capacity, next; /* next: where candidates_skip() goes on */
};

int candidates_open(struct candidates *c, size_t k, size_t tests, struct fail *f);
/* Adds the next record with its strengths [tests]; NAN: not a candidate. Of equal strengths, the earlier record counts as stronger. */
void candidates_add(struct candidates *c, uint64_t position, const double *strength);
int candidates_add_unreadable(struct candidates *c, uint64_t position, struct fail *f);
/* After the last record: makes the list. */
int candidates_sort(struct candidates *c, struct fail *f);
/* The *n test records that the record at this position is a candidate of, in c->list; of an unreadable one CANDIDATE_UNREADABLE alone. */
const struct candidate *candidates_find(const struct candidates *c, uint64_t position, size_t *n);
/* Whether the record is no candidate, and can be read. Positions must increase from call to call, in one thread. */
int candidates_skip(struct candidates *c, uint64_t position);
void candidates_free(struct candidates *c);

#endif

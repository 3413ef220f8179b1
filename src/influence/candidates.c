/* Each test record keeps its k strongest records in a binary heap with the weakest on top, which a stronger record replaces. */
#include "influence/candidates.h"

#include <math.h>
#include <stdlib.h>

#include "base/grow.h"

int candidates_open(struct candidates *c, size_t k, size_t tests, struct fail *f)
{
	*c = (struct candidates){.k = k, .tests = tests};
	c->heap = calloc(k * tests + 1, sizeof *c->heap);
	c->heap_size = calloc(tests + 1, sizeof *c->heap_size);
	return c->heap && c->heap_size ? 0 : fail_memory_for(f, "%zu candidates of each of %zu test records", k, tests);
}

static int weaker(const struct strong_record *a, const struct strong_record *b)
{
	return a->strength < b->strength || (a->strength == b->strength && a->position > b->position);
}

static void swap(struct strong_record *a, struct strong_record *b)
{
	struct strong_record t = *a;
	*a = *b;
	*b = t;
}

static void sift_up(struct strong_record *h, size_t i)
{
	for (size_t up = (i - 1) / 2; i > 0 && weaker(&h[i], &h[up]); i = up, up = (i - 1) / 2)
		swap(&h[i], &h[up]);
}

static void sift_down(struct strong_record *h, size_t n)
{
	for (size_t i = 0, weakest = 0;; i = weakest) {
		for (size_t child = 2 * i + 1; child < n && child <= 2 * i + 2; child++)
			if (weaker(&h[child], &h[weakest]))
				weakest = child;
		if (weakest == i)
			return;
		swap(&h[i], &h[weakest]);
	}
}

void candidates_add(struct candidates *c, uint64_t position, const double *strength)
{
	for (size_t q = 0; q < c->tests; q++) {
		struct strong_record added = {strength[q], position}, *heap = c->heap + q * c->k;
		if (isnan(added.strength))
			continue;
		if (c->heap_size[q] < c->k) {
			heap[c->heap_size[q]] = added;
			sift_up(heap, c->heap_size[q]++);
		} else if (weaker(&heap[0], &added)) {
			heap[0] = added;
			sift_down(heap, c->k);
		}
	}
}

static int append(struct candidates *c, struct candidate entry, struct fail *f)
{
	if (grow(&c->list, &c->capacity, c->n + 1, "candidates", f))
		return -1;
	c->list[c->n++] = entry;
	return 0;
}

int candidates_add_unreadable(struct candidates *c, uint64_t position, struct fail *f)
{
	return append(c, (struct candidate){position, CANDIDATE_UNREADABLE}, f);
}

static int by_position_then_test(const void *a, const void *b)
{
	const struct candidate *p = a, *q = b;
	if (p->position != q->position)
		return p->position < q->position ? -1 : 1;
	return (p->test > q->test) - (p->test < q->test);
}

int candidates_sort(struct candidates *c, struct fail *f)
{
	for (size_t q = 0; q < c->tests; q++)
		for (size_t i = 0; i < c->heap_size[q]; i++)
			if (append(c, (struct candidate){c->heap[q * c->k + i].position, (uint32_t)q}, f))
				return -1;
	if (c->n)
		qsort(c->list, c->n, sizeof *c->list, by_position_then_test);
	return 0;
}

const struct candidate *candidates_find(const struct candidates *c, uint64_t position, size_t *n)
{
	size_t low = 0, high = c->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (c->list[middle].position < position)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < c->n && c->list[low + *n].position == position;)
		++*n;
	return c->list + low;
}

int candidates_skip(struct candidates *c, uint64_t position)
{
	while (c->next < c->n && c->list[c->next].position < position)
		c->next++;
	return c->next == c->n || c->list[c->next].position > position;
}

void candidates_free(struct candidates *c)
{
	free(c->heap);
	free(c->heap_size);
	free(c->list);
	*c = (struct candidates){.k = 0};
}

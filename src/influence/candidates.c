/* Each test record keeps its k nearest records in a binary heap with the farthest on top, which a nearer record replaces. */
#include "influence/candidates.h"

#include <stdlib.h>

int candidates_open(struct candidates *c, size_t k, size_t tests, struct fail *f)
{
	*c = (struct candidates){.k = k, .tests = tests};
	c->heap = calloc(k * tests + 1, sizeof *c->heap);
	c->heap_size = calloc(tests + 1, sizeof *c->heap_size);
	return c->heap && c->heap_size ? 0 : fail_memory_for(f, "%zu candidates of each of %zu test records", k, tests);
}

static int farther(const struct neighbour *a, const struct neighbour *b)
{
	return a->distance > b->distance || (a->distance == b->distance && a->position > b->position);
}

static void swap(struct neighbour *a, struct neighbour *b)
{
	struct neighbour t = *a;
	*a = *b;
	*b = t;
}

static void sift_up(struct neighbour *h, size_t i)
{
	for (size_t up = (i - 1) / 2; i > 0 && farther(&h[i], &h[up]); i = up, up = (i - 1) / 2)
		swap(&h[i], &h[up]);
}

static void sift_down(struct neighbour *h, size_t n)
{
	for (size_t i = 0, farthest = 0;; i = farthest) {
		for (size_t child = 2 * i + 1; child < n && child <= 2 * i + 2; child++)
			if (farther(&h[child], &h[farthest]))
				farthest = child;
		if (farthest == i)
			return;
		swap(&h[i], &h[farthest]);
	}
}

void candidates_add(struct candidates *c, uint64_t position, const double *distance)
{
	for (size_t q = 0; q < c->tests; q++) {
		struct neighbour added = {distance[q], position}, *heap = c->heap + q * c->k;
		if (!(added.distance >= 0))
			continue;
		if (c->heap_size[q] < c->k) {
			heap[c->heap_size[q]] = added;
			sift_up(heap, c->heap_size[q]++);
		} else if (farther(&heap[0], &added)) {
			heap[0] = added;
			sift_down(heap, c->k);
		}
	}
}

static int append(struct candidates *c, struct candidate entry, struct fail *f)
{
	if (c->n == c->capacity) {
		size_t capacity = c->capacity ? 2 * c->capacity : 256;
		struct candidate *more = realloc(c->list, capacity * sizeof *more);
		if (!more)
			return fail_memory_for(f, "%zu candidates", capacity);
		c->list = more;
		c->capacity = capacity;
	}
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

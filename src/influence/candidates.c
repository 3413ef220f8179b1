#include "influence/candidates.h"

#include <stdlib.h>

int candidates_open(struct candidates *s, size_t k, size_t tests, struct fail *f)
{
	*s = (struct candidates){.k = k, .tests = tests};
	s->heap = calloc(k * tests + 1, sizeof *s->heap);
	s->heap_size = calloc(tests + 1, sizeof *s->heap_size);
	return s->heap && s->heap_size ? 0 : fail_memory_for(f, "%zu candidates of each of %zu test records", k, tests);
}

static int farther(const struct neighbour *a, const struct neighbour *b)
{
	return a->distance > b->distance || (a->distance == b->distance && a->position > b->position);
}

static void sift_up(struct neighbour *h, size_t i)
{
	for (size_t up = (i - 1) / 2; i > 0 && farther(&h[i], &h[up]); i = up, up = (i - 1) / 2) {
		struct neighbour t = h[i];
		h[i] = h[up];
		h[up] = t;
	}
}

static void sift_down(struct neighbour *h, size_t n)
{
	for (size_t i = 0, most = 0;; i = most) {
		for (size_t c = 2 * i + 1; c < n && c <= 2 * i + 2; c++)
			if (farther(&h[c], &h[most]))
				most = c;
		if (most == i)
			return;
		struct neighbour t = h[i];
		h[i] = h[most];
		h[most] = t;
	}
}

void candidates_add(struct candidates *s, uint64_t position, const double *distance)
{
	for (size_t q = 0; q < s->tests; q++) {
		struct neighbour one = {distance[q], position}, *h = s->heap + q * s->k;
		if (!(one.distance >= 0))
			continue;
		if (s->heap_size[q] < s->k) {
			h[s->heap_size[q]] = one;
			sift_up(h, s->heap_size[q]++);
		} else if (farther(&h[0], &one)) {
			h[0] = one;
			sift_down(h, s->k);
		}
	}
}

static int add_pair(struct candidates *s, struct candidate p, struct fail *f)
{
	if (s->n == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 256;
		struct candidate *more = realloc(s->list, capacity * sizeof *more);
		if (!more)
			return fail_memory_for(f, "%zu candidates", capacity);
		s->list = more;
		s->capacity = capacity;
	}
	s->list[s->n++] = p;
	return 0;
}

int candidates_add_unreadable(struct candidates *s, uint64_t position, struct fail *f) { return add_pair(s, (struct candidate){position, CANDIDATE_UNREADABLE}, f); }

static int by_position(const void *a, const void *b)
{
	const struct candidate *p = a, *q = b;
	if (p->position != q->position)
		return p->position < q->position ? -1 : 1;
	return (p->test > q->test) - (p->test < q->test);
}

int candidates_sort(struct candidates *s, struct fail *f)
{
	for (size_t q = 0; q < s->tests; q++)
		for (size_t i = 0; i < s->heap_size[q]; i++)
			if (add_pair(s, (struct candidate){s->heap[q * s->k + i].position, (uint32_t)q}, f))
				return -1;
	if (s->n)
		qsort(s->list, s->n, sizeof *s->list, by_position);
	return 0;
}

const struct candidate *candidates_find(const struct candidates *s, uint64_t position, size_t *n)
{
	size_t low = 0, high = s->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (s->list[middle].position < position)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < s->n && s->list[low + *n].position == position;)
		++*n;
	return s->list + low;
}

int candidates_skip(struct candidates *s, uint64_t position)
{
	while (s->next < s->n && s->list[s->next].position < position)
		s->next++;
	return s->next == s->n || s->list[s->next].position > position;
}

void candidates_free(struct candidates *s)
{
	free(s->heap);
	free(s->heap_size);
	free(s->list);
	*s = (struct candidates){.k = 0};
}

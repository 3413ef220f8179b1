#include "influence/nearest.h"

#include <stdlib.h>

int nearest_open(struct nearest *s, size_t k, size_t tests, struct fail *f)
{
	*s = (struct nearest){.k = k, .tests = tests};
	s->heap = calloc(k * tests + 1, sizeof *s->heap);
	s->have = calloc(tests + 1, sizeof *s->have);
	return s->heap && s->have ? 0 : fail_memory_for(f, "%zu candidates of each of %zu test records", k, tests);
}

static int farther(const struct near *a, const struct near *b)
{
	return a->distance > b->distance || (a->distance == b->distance && a->position > b->position);
}

static void sift_up(struct near *h, size_t i)
{
	for (size_t up = (i - 1) / 2; i > 0 && farther(&h[i], &h[up]); i = up, up = (i - 1) / 2) {
		struct near t = h[i];
		h[i] = h[up];
		h[up] = t;
	}
}

static void sift_down(struct near *h, size_t n)
{
	for (size_t i = 0, most = 0;; i = most) {
		for (size_t c = 2 * i + 1; c < n && c <= 2 * i + 2; c++)
			if (farther(&h[c], &h[most]))
				most = c;
		if (most == i)
			return;
		struct near t = h[i];
		h[i] = h[most];
		h[most] = t;
	}
}

void nearest_add(struct nearest *s, uint64_t position, const double *distance)
{
	for (size_t q = 0; q < s->tests; q++) {
		struct near one = {distance[q], position}, *h = s->heap + q * s->k;
		if (!(one.distance >= 0))
			continue;
		if (s->have[q] < s->k) {
			h[s->have[q]] = one;
			sift_up(h, s->have[q]++);
		} else if (farther(&h[0], &one)) {
			h[0] = one;
			sift_down(h, s->k);
		}
	}
}

static int add_pair(struct nearest *s, struct pair p, struct fail *f)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 256;
		struct pair *more = realloc(s->pair, cap * sizeof *more);
		if (!more)
			return fail_memory_for(f, "%zu candidates", cap);
		s->pair = more;
		s->cap = cap;
	}
	s->pair[s->n++] = p;
	return 0;
}

int nearest_unread(struct nearest *s, uint64_t position, struct fail *f) { return add_pair(s, (struct pair){position, NEAREST_NONE}, f); }

static int by_position(const void *a, const void *b)
{
	const struct pair *p = a, *q = b;
	if (p->position != q->position)
		return p->position < q->position ? -1 : 1;
	return (p->test > q->test) - (p->test < q->test);
}

int nearest_sort(struct nearest *s, struct fail *f)
{
	for (size_t q = 0; q < s->tests; q++)
		for (size_t i = 0; i < s->have[q]; i++)
			if (add_pair(s, (struct pair){s->heap[q * s->k + i].position, (uint32_t)q}, f))
				return -1;
	if (s->n)
		qsort(s->pair, s->n, sizeof *s->pair, by_position);
	return 0;
}

const struct pair *nearest_find(const struct nearest *s, uint64_t position, size_t *n)
{
	size_t low = 0, high = s->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (s->pair[middle].position < position)
			low = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; low + *n < s->n && s->pair[low + *n].position == position;)
		++*n;
	return s->pair + low;
}

int nearest_skip(struct nearest *s, uint64_t position)
{
	while (s->at < s->n && s->pair[s->at].position < position)
		s->at++;
	return s->at == s->n || s->pair[s->at].position > position;
}

void nearest_free(struct nearest *s)
{
	free(s->heap);
	free(s->have);
	free(s->pair);
	*s = (struct nearest){.k = 0};
}

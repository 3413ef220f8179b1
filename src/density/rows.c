/* Finds equal points: the points are sorted by a hash of their coordinates, and points with one hash are compared. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "density/rows.h"

struct hashed {
	uint64_t hash;
	uint32_t point;
};

static int by_hash(const void *pa, const void *pb)
{
	const struct hashed *a = pa, *b = pb;
	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->point < b->point ? -1 : 1;
}

/* scratch [d]: the coordinates of floats, where -0 becomes 0. */
static uint64_t hash_point(const struct points *x, size_t i, float *scratch)
{
	size_t d = (size_t)x->d;
	if (x->u8)
		return XXH3_64bits(x->u8 + i * d, d);
	for (size_t k = 0; k < d; k++)
		scratch[k] = x->f4[i * d + k] + 0.0f;
	return XXH3_64bits(scratch, d * sizeof *scratch);
}

static int is_equal(const struct points *x, size_t i, size_t j)
{
	size_t d = (size_t)x->d;
	if (x->u8)
		return memcmp(x->u8 + i * d, x->u8 + j * d, d) == 0;
	for (size_t k = 0; k < d; k++)
		if (x->f4[i * d + k] != x->f4[j * d + k])
			return 0;
	return 1;
}

/* of [n]: the first point that equals a point. */
static int find_first(const struct points *x, uint32_t *of, struct fail *f)
{
	size_t n = x->n;
	struct hashed *h = malloc(n * sizeof *h);
	float *scratch = malloc((size_t)x->d * sizeof *scratch);
	int r = h && scratch ? 0 : fail_memory_for(f, "the hashes of %zu records", n);
	for (size_t i = 0; i < n && !r; i++)
		h[i] = (struct hashed){hash_point(x, i, scratch), (uint32_t)i};
	if (!r)
		qsort(h, n, sizeof *h, by_hash);
	for (size_t i = 0, from = 0; i < n && !r; i++) {
		from = h[from].hash == h[i].hash ? from : i;
		size_t j = from; /* points with one hash differ only by chance */
		while (j < i && (of[h[j].point] != h[j].point || !is_equal(x, h[j].point, h[i].point)))
			j++;
		of[h[i].point] = h[j].point;
	}
	free(h);
	free(scratch);
	return r;
}

int rows_find(struct rows *r, const struct points *x, int count_copies, struct fail *f)
{
	size_t n = x->n;
	*r = (struct rows){.x = *x};
	r->of = malloc((n + 1) * sizeof *r->of);
	r->first = malloc((n + 1) * sizeof *r->first);
	r->copies = calloc(n + 1, sizeof *r->copies);
	if (!r->of || !r->first || !r->copies)
		return fail_memory_for(f, "the rows of %zu records", n);
	for (size_t i = 0; i < n; i++)
		r->of[i] = (uint32_t)i;
	if (n && !count_copies && find_first(x, r->of, f))
		return -1;
	r->x.n = 0;
	for (size_t i = 0; i < n; i++) {
		if (r->of[i] == i) {
			r->first[r->x.n] = (uint32_t)i;
			r->of[i] = (uint32_t)r->x.n++;
		} else {
			r->of[i] = r->of[r->of[i]]; /* the first point comes earlier, and has its row */
		}
		r->copies[r->of[i]]++;
	}
	r->x.at = r->x.n < n ? r->first : NULL;
	return 0;
}

uint64_t *rows_hash(const struct rows *r, const struct points *all, struct fail *f)
{
	uint64_t *hash = malloc((r->x.n + 1) * sizeof *hash);
	float *scratch = malloc((size_t)all->d * sizeof *scratch);
	for (size_t i = 0; i < r->x.n && hash && scratch; i++)
		hash[i] = hash_point(all, r->first[i], scratch);
	if (!hash || !scratch) {
		fail_memory_for(f, "the hashes of %zu records", r->x.n);
		free(hash);
		hash = NULL;
	}
	free(scratch);
	return hash;
}

void rows_free(struct rows *r)
{
	free(r->of);
	free(r->first);
	free(r->copies);
	*r = (struct rows){.of = NULL};
}

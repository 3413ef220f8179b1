#include "density/knn_parts.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "density/tiles.h"

/* --- the rows near a point --- */

static int put_row(struct buf *out, double d2, uint64_t hash, uint32_t copies, struct fail *f)
{
	char row[KNN_ROW_BYTES];
	uint64_t bits;
	memcpy(&bits, &d2, sizeof bits);
	bits = htole64(bits);
	hash = htole64(hash);
	copies = htole32(copies);
	memcpy(row, &bits, 8);
	memcpy(row + 8, &hash, 8);
	memcpy(row + 16, &copies, 4);
	return buf_add(out, row, sizeof row, f);
}

/* All rows up to a distance: for the few points whose k-th row has others at its distance. */
static int put_tied_rows(const struct rows *rows, const uint64_t *hash, const struct points *z, size_t i, double last, struct buf *out, struct fail *f)
{
	for (size_t j = 0; j < rows->x.n; j++) {
		double d2 = squared_steps(z, i, &rows->x, j);
		if (d2 <= last && put_row(out, d2, hash[j], rows->copies[j], f))
			return -1;
	}
	return 0;
}

/* v [keep]: the nearest rows, v[k - 1] the k-th and v[k] the next, if there is one. */
static int put_rows(const struct rows *rows, const uint64_t *hash, const struct points *z, size_t i, const struct knn_neighbour *v, size_t k, size_t keep,
                    struct buf *out, struct fail *f)
{
	if (keep > k && !(v[k].d2 > v[k - 1].d2))
		return put_tied_rows(rows, hash, z, i, v[k - 1].d2, out, f);
	for (size_t j = 0; j < k; j++)
		if (put_row(out, v[j].d2, hash[v[j].row], v[j].copies, f))
			return -1;
	return 0;
}

int knn_near_rows(const struct knn_index *x, const struct rows *rows, const uint64_t *hash, const struct points *z, struct buf *out, size_t *ends, struct fail *f)
{
	size_t keep, k = knn_index_lists(x, &keep);
	struct knn_ball *balls = malloc((z->n + 1) * sizeof *balls);
	struct knn_neighbour *lists = malloc((z->n * keep + 1) * sizeof *lists);
	int r = balls && lists ? knn_search(x, z, balls, lists, f) : fail_memory_for(f, "%zu neighbours of %zu records", keep, z->n);
	for (size_t i = 0; i < z->n && !r; i++) {
		r = put_rows(rows, hash, z, i, lists + i * keep, k, keep, out, f);
		ends[i] = out->len;
	}
	free(balls);
	free(lists);
	return r ? -1 : 0;
}

/* --- writing --- */

static int flush(struct knn_part_writer *w, struct fail *f)
{
	XXH3_64bits_update(w->state, w->out.p, w->out.len);
	int r = write_all(w->to.fd, w->out.p, w->out.len, f);
	w->out.len = 0;
	return r;
}

int knn_part_create(struct knn_part_writer *w, const char *path, const struct knn_part *p, struct fail *f)
{
	*w = (struct knn_part_writer){.state = XXH3_createState()};
	if (!w->state)
		return fail_memory(f);
	XXH3_64bits_reset(w->state);
	if (atomic_open(&w->to, path, f)) {
		XXH3_freeState(w->state);
		w->state = NULL;
		return -1;
	}
	return buf_addf(&w->out, f, "vae-knn 1\noptions %s\nshape %d %d %d %d\nreference %" PRIu64 " %" PRIu64 " %016" PRIx64 "\n", p->options, p->kind, p->shape[0],
	                p->shape[1], p->shape[2], p->records, p->rows, p->hash);
}

static int add_head(struct knn_part_writer *w, uint64_t a, uint32_t b, struct fail *f)
{
	a = htole64(a);
	b = htole32(b);
	return buf_add(&w->out, &a, sizeof a, f) || buf_add(&w->out, &b, sizeof b, f) ? -1 : 0;
}

int knn_part_add(struct knn_part_writer *w, uint64_t id, const char *rows, size_t len, struct fail *f)
{
	enum { BLOCK = 1 << 18 };
	w->records++;
	if (add_head(w, id, (uint32_t)(len / KNN_ROW_BYTES), f) || (len && buf_add(&w->out, rows, len, f)))
		return -1;
	return w->out.len > BLOCK ? flush(w, f) : 0;
}

static void end_writer(struct knn_part_writer *w)
{
	XXH3_freeState(w->state);
	w->state = NULL;
	buf_free(&w->out);
}

int knn_part_commit(struct knn_part_writer *w, struct fail *f)
{
	int r = add_head(w, w->records, UINT32_MAX, f) || flush(w, f) ? -1 : 0;
	uint64_t sum = htole64(XXH3_64bits_digest(w->state));
	if (!r)
		r = write_all(w->to.fd, &sum, sizeof sum, f);
	end_writer(w);
	if (!r)
		return atomic_commit(&w->to, f);
	atomic_abort(&w->to);
	return -1;
}

void knn_part_abort(struct knn_part_writer *w)
{
	if (!w->state)
		return;
	atomic_abort(&w->to);
	end_writer(w);
}

/* Sparse files: a map of extents, and their data one after the other. The map is in the header (GNU's type S), in pax records
 * (versions 0.0 and 0.1, read by tar_pax.c) or in blocks before the data (1.0). tar_data() delivers the whole file. */
#include "stream/tar_state.h"

enum { MAX_EXTENTS = 1 << 20, HOLE = 1 << 16 };

int sparse_add_extent(struct tar_reader *t, int64_t from, int64_t len, struct fail *f)
{
	struct extent e = {(uint64_t)from, (uint64_t)len};
	if (t->extents.len / sizeof e >= MAX_EXTENTS)
		return fail_set(f, "a sparse file of more than %d parts", MAX_EXTENTS);
	return buf_add(&t->extents, &e, sizeof e, f);
}

/* The map of GNU's type S: 4 extents in the header and 21 in each block that follows it. */
static int old_sparse(struct tar_reader *t, const char *b, int64_t *real, struct fail *f)
{
	size_t at = 386, slots = 4, last = 482; /* `last` says whether a block follows */
	if (tar_field(b, 483, 12, "realsize", 0, real, f))
		return -1;
	for (;;) {
		for (size_t i = 0; i < slots && b[at + 24 * i]; i++) {
			int64_t from, len;
			if (tar_field(b, at + 24 * i, 12, "offset", 0, &from, f) || tar_field(b, at + 24 * i + 12, 12, "numbytes", 0, &len, f) || sparse_add_extent(t, from, len, f))
				return -1;
		}
		if (!b[last])
			return 0;
		if (tar_whole_block(t, &b, f))
			return -1;
		at = 0;
		slots = 21;
		last = 504;
	}
}

/* A number and a newline of the map before the data; *at counts its bytes. */
static int map_number(struct tar_reader *t, const char **b, size_t *at, int64_t *v, struct fail *f)
{
	int n = 0;
	for (*v = 0;; n++) {
		if (*at % TAR_BLOCK == 0) {
			if (t->stored < TAR_BLOCK)
				return fail_set(f, "the map of a sparse file is damaged");
			if (tar_whole_block(t, b, f))
				return -1;
			t->stored -= TAR_BLOCK;
		}
		char c = (*b)[(*at)++ % TAR_BLOCK];
		if (c == '\n' && n > 0)
			return 0;
		if (c < '0' || c > '9' || n > 17)
			return fail_set(f, "the map of a sparse file is damaged");
		*v = *v * 10 + (c - '0');
	}
}

static int new_sparse(struct tar_reader *t, struct fail *f)
{
	const char *b = NULL;
	size_t at = 0;
	int64_t n, from, len;
	if (map_number(t, &b, &at, &n, f))
		return -1;
	for (int64_t i = 0; i < n; i++)
		if (map_number(t, &b, &at, &from, f) || map_number(t, &b, &at, &len, f) || sparse_add_extent(t, from, len, f))
			return -1;
	return 0;
}

int sparse_open(struct tar_reader *t, const char *b, struct fail *f)
{
	const struct extended *s = &t->next;
	int has = s->has & SPARSE, old = b[156] == 'S';
	int64_t real = s->sparse_size;
	if (old && has)
		return fail_set(f, "it has two sparse maps");
	if (has && has != SPARSE_10 && has != SPARSE_01 && has != SPARSE_00)
		return fail_set(f, "a sparse file whose map is not complete");
	if (has == SPARSE_10 && (s->sparse_major != 1 || s->sparse_minor != 0))
		return fail_set(f, "a sparse file of version %lld.%lld, which is not supported", (long long)s->sparse_major, (long long)s->sparse_minor);
	if ((old && old_sparse(t, b, &real, f)) || (has == SPARSE_10 && new_sparse(t, f)))
		return -1;
	const struct extent *e = (const struct extent *)(const void *)t->extents.p;
	size_t n = t->extents.len / sizeof *e;
	uint64_t at = 0, total = 0;
	if ((has & SPARSE_COUNT) && (uint64_t)s->sparse_count != n)
		return fail_set(f, "a sparse file whose map is not complete");
	for (size_t i = 0; i < n; i++) {
		if (e[i].from < at)
			return fail_set(f, "the parts of a sparse file overlap");
		if (e[i].from > (uint64_t)real || e[i].len > (uint64_t)real - e[i].from)
			return fail_set(f, "a part of a sparse file is outside of it");
		at = e[i].from + e[i].len;
		total += e[i].len;
	}
	if (total != t->stored)
		return fail_set(f, "the parts of a sparse file have %llu bytes, and %llu are stored", (unsigned long long)total, (unsigned long long)t->stored);
	t->size = (uint64_t)real;
	t->sparse = 1;
	return 0;
}

ptrdiff_t sparse_piece(struct tar_reader *t, const void **piece, struct fail *f)
{
	static const char zeros[HOLE];
	const struct extent *e = (const struct extent *)(const void *)t->extents.p;
	size_t n = t->extents.len / sizeof *e;
	while (t->extent < n && t->used == e[t->extent].len) {
		t->extent++;
		t->used = 0;
	}
	uint64_t to = t->extent < n ? e[t->extent].from : t->size;
	if (t->at < to) {
		size_t hole = to - t->at < HOLE ? (size_t)(to - t->at) : HOLE;
		*piece = zeros;
		t->at += hole;
		return (ptrdiff_t)hole;
	}
	ptrdiff_t got = tar_stored_piece(t, e[t->extent].len - t->used, piece, f);
	if (got > 0)
		t->used += (size_t)got;
	return got;
}

/* columns.h - some fields of all records of a shard, in a file: what a ranking over many shards needs, without the records.
 *
 * The file (vae-records(5)) is a header of text lines, the values [records][p] as little-endian doubles (NaN: missing), a hash of each
 * key, the keys as lines, and a hash of all bytes before it. Its header has a text that binds it to what it was made of.
 */
#ifndef VF_COLUMNS_H
#define VF_COLUMNS_H

#include "rank/criterion.h"

enum { COLUMNS_MAX_HEADER = 64 << 10 };

struct columns { /* the header; all in text */
	const char *bind, *list;            /* what the file is bound to; the fields and patterns that it was made for */
	const char *name[JOINT_MAX_FIELDS]; /* [p] */
	int p;
	uint64_t records, key_bytes;
	char *text;
};

/* Writes the file of a stream, whole or not at all: of the records of r, which were added by criterion_add() with c->joint_wanted, and whose
 * keys (escaped) are the lines of `keys`. bind: without control characters. */
int columns_write(const char *path, const struct criterion *c, const struct ranking *r, const struct buf *keys, const char *bind, struct fail *f);

/* What columns_read() calls, in this order; each may be NULL, and fails by -1. */
struct columns_visitor {
	void *ctx;
	int (*header)(void *ctx, const struct columns *h, struct fail *f);
	int (*row)(void *ctx, const double *values, struct fail *f); /* [p], in the order of the records */
	int (*key)(void *ctx, const char *key, size_t len, uint64_t hash, struct fail *f);
};
/* Reads a file that columns_write() could have written, and fails for others, perhaps after some calls. sum: its hash. Holds the keys and their hashes
 * meanwhile. */
int columns_read(const char *path, const struct columns_visitor *v, uint64_t *sum, struct fail *f);

#endif

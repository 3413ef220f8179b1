/* pack.h - records out of what is no stream yet: IDX files, directories. */
#ifndef VF_PACK_H
#define VF_PACK_H

#include "expr.h"
#include "writer.h"

struct pack {
	struct writer *out;
	const char *prefix;    /* before the ordinal in every key */
	const struct expr *only; /* pack what matches, or NULL for all */
	uint64_t limit;        /* at most so many records; 0: all */
	uint64_t seen, packed;
	uint64_t skipped; /* directory entries that can be no payload */
	uint64_t missing; /* records without a name that `only` asks for */
	/* called now and then */
	void (*tick)(void *ctx, const struct pack *p, double total);
	void *ctx;
};

/* Pictures [n][height][width] (or [n][height][width][3]) as PNG, labels [n] as .cls; labels may be NULL. */
int pack_idx(struct pack *p, const char *images, const char *labels, struct fail *f);
/* Every regular file below dir, in byte order of names: bytes and extension kept, its path below
 * dir in the field `source`. Dot files, and names without an extension, are skipped and counted. */
int pack_directory(struct pack *p, const char *dir, struct fail *f);

#endif

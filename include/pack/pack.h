/* pack.h - records out of what is no stream yet: IDX files, tables of numbers, directories. */
#ifndef VF_PACK_H
#define VF_PACK_H

#include "stream/expr.h"
#include "stream/writer.h"

struct pack {
	struct writer *out;
	const char *prefix;    /* before the ordinal in every key */
	const struct expr *only; /* pack what matches, or NULL for all */
	uint64_t limit;        /* at most so many records; 0: all */
	const char *label;     /* CSV: the column that becomes .cls, by name or number, or NULL */
	int header;            /* CSV: the first line holds names, whatever it looks like */
	int separator;         /* CSV: between cells */
	uint64_t seen, packed;
	uint64_t skipped; /* directory entries that can be no payload */
	char own[512];    /* the output, where it lies in the directory: not packed */
	uint64_t missing; /* records without a name that `only` asks for */
	/* called now and then */
	void (*tick)(void *ctx, const struct pack *p, double total);
	void *ctx;
};

/* Pictures [n][height][width] (or [n][height][width][3]) as PNG, labels [n] as .cls; labels may be NULL. */
int pack_idx(struct pack *p, const char *images, const char *labels, struct fail *f);
/* A row of a CSV file as an .npy of float64, its label as .cls. */
int pack_csv(struct pack *p, const char *path, struct fail *f);
/* array [n][...] along its first index, each as an .npy of its type; labels [n], integers, as .cls, or NULL. */
int pack_npy(struct pack *p, const char *array, const char *labels, struct fail *f);
/* Every regular file below dir, in byte order of names: bytes and extension kept, its path below
 * dir in the field `source`. Dot files, and names without an extension, are skipped and counted; so, uncounted, is the
 * output. */
int pack_directory(struct pack *p, const char *dir, struct fail *f);

#endif

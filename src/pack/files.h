/* files.h - files, of a directory or an archive, to records. */
#ifndef VF_PACK_FILES_H
#define VF_PACK_FILES_H

#include "pack/pack_record.h"

struct files {
	struct pack *pack;
	struct record r;  /* with pack->together, until a file of another name comes */
	uint64_t ordinal; /* of the next record */
	struct buf file;  /* the path of the first file of r, which messages name later too */
	struct buf class;
	int open;         /* r is a record that is not written yet */
};

/* Whether a name, without its directories, can be that of a payload: it does not begin with a dot, and has an extension. */
int files_takes(const char *name);

/* Adds the file `path`, which is `below` a root; read(ctx, data, f) appends its bytes. 1 to go on, 0 when the limit is reached, -1. A name
 * that is no key is counted in pack->skipped. */
int files_add(struct files *s, const char *path, const char *below, int64_t mtime, int (*read)(void *ctx, struct buf *data, struct fail *f), void *ctx, struct fail *f);

/* Writes the last record, unless `failed`, and frees what s owns. Returns `failed`, or -1. */
int files_end(struct files *s, int failed, struct fail *f);

#endif

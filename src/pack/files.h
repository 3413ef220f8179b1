/* files.h - makes records of the files of a directory or an archive. */
#ifndef VF_PACK_FILES_H
#define VF_PACK_FILES_H

#include "pack/pack_record.h"

struct files {
	struct pack *pack;
	struct record r;  /* with pack->together it grows until a file of another name comes */
	uint64_t ordinal; /* of the next record */
	struct buf file;  /* path of the first file of r, for messages */
	struct buf class;
	int open;         /* r has not been written yet */
};

/* Whether a file can be a payload: its name, without directories, does not begin with a dot and has an extension. */
int files_takes(const char *name);

/* Adds the file `path`, which is `below` relative to the root; read(ctx, data, f) appends its bytes. Returns 1 to continue, 0 if the limit is
 * reached, or -1. A name that cannot be a key is counted in pack->skipped. */
int files_add(struct files *s, const char *path, const char *below, int64_t mtime, int (*read)(void *ctx, struct buf *data, struct fail *f), void *ctx, struct fail *f);

/* Writes the last record, unless `failed`, and frees what s owns. Returns `failed`, or -1. */
int files_end(struct files *s, int failed, struct fail *f);

#endif

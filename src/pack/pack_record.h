/* pack_record.h - makes and writes the records of vae-pack. */
#ifndef VF_PACK_RECORD_H
#define VF_PACK_RECORD_H

#include "pack/pack.h"

/* Makes r an empty record with the key of this ordinal (from 0). */
int pack_begin(struct pack *p, struct record *r, uint64_t ordinal, const char *file, struct fail *f);
/* Appends the member KEY.ext. */
struct member *pack_add(struct record *r, const char *ext, int64_t mtime, struct fail *f);
/* Writes the record if it matches p->only: 1 to go on, 0 when the limit is reached, -1. */
int pack_emit(struct pack *p, struct record *r, double total, struct fail *f);

#endif

/* pack_record.h - the records that vae-pack writes, one after the other. */
#ifndef VF_PACK_RECORD_H
#define VF_PACK_RECORD_H

#include "pack/pack.h"

/* Begins a record with the key of this ordinal. */
int pack_begin(struct pack *p, struct record *r, uint64_t ordinal, const char *file, struct fail *f);
/* One more member, KEY.ext. */
struct member *pack_add(struct record *r, const char *ext, int64_t mtime, struct fail *f);
/* Writes the record if it is wanted: 1 to go on, 0 when the limit is reached, -1. */
int pack_emit(struct pack *p, struct record *r, double total, struct fail *f);

#endif

/* metadata.h - other people's metadata: values of the JSON object in a record's member KEY.json, as img2dataset and clip-retrieval
 * write it.
 *
 * `json.NAME` is the value NAME of the object, `json.a.b` the value b of the object a, `json.a.0` the first value of the array a.
 * A NAME that has dots itself is found at the outermost object. Numbers, strings, true and false are values; null, objects,
 * arrays and numbers that are not finite are missing.
 *
 * The member is parsed when the first name is asked for, and is never written. A member that cannot be read (no JSON object, not
 * UTF-8, NaN, nested too deeply, larger than METADATA_MAX_BYTES) has no values, and metadata_is_bad() says so.
 */
#ifndef VF_METADATA_H
#define VF_METADATA_H

#include "base/buf.h"

#define METADATA_MAX_BYTES (4u << 20)

struct metadata { /* {0}: nothing was asked for yet */
	struct json_t *root;
	int state;
};

/* Whether a name begins with "json.". */
int metadata_is_name(const char *name);
/* `member` is what the member KEY.json holds, NULL if the record has none.
 * Appends the value's text to `out`, of a string its characters: 1, 0 if it is missing, -1. */
int metadata_text(struct metadata *m, const struct buf *member, const char *name, struct buf *out, struct fail *f);
/* The same as JSON, of a string with its quotes. */
int metadata_json(struct metadata *m, const struct buf *member, const char *name, struct buf *out, struct fail *f);
/* 1 and *value, 0 if it is missing or no number, -1. */
int metadata_number(struct metadata *m, const struct buf *member, const char *name, double *value, struct fail *f);
/* Whether a value was asked for, and the member cannot be read. */
int metadata_is_bad(const struct metadata *m);
/* Forgets what was parsed: the record will hold another one. */
void metadata_clear(struct metadata *m);

#endif

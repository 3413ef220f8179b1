/* record.h - a record: a run of regular members with the same key.
 *
 * Members that belong to no record (directories, links, dot files, names without an extension, __x__/...) are called loose.
 * A loose member that stands between members of a record keeps its place in it.
 */
#ifndef VF_RECORD_H
#define VF_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "stream/fields.h"
#include "stream/metadata.h"
#include "stream/tar.h"

struct member {
	struct tar_header header; /* name, mode, owner, times, extended attributes */
	const char *name;         /* the path, inside header */
	struct buf data;
	struct buf ext; /* lower case; empty when loose */
	int loose;
};

struct record { /* {.fields_member = -1} is an empty one; freed by record_free() */
	struct buf key;       /* empty for a loose member between records */
	const char *file;     /* the input it was read from ("standard input" or a path), not owned */
	uint64_t ordinal;     /* counts records from 1 over all inputs; 0 for a loose member */
	struct member *m;     /* n in use; cap allocated, which keep their buffers */
	size_t n, cap;
	int fields_member;    /* index of the member KEY.vae.json, or -1 */
	struct fields fields; /* its contents, once record_fields() has parsed it */
	int fields_read, fields_changed;
	struct metadata metadata; /* values of KEY.json that were asked for */
};

/* A record is held in memory. A reader refuses a larger one, and reads no data of a member whose header claims more. Another limit:
 * reader_limit(). */
#define RECORD_MAX_BYTES ((size_t)1 << 30)
#define RECORD_MAX_MEMBERS 10000

void member_free(struct member *m);
void record_free(struct record *r);
/* Bytes allocated for the data of its members, in use or kept for the next record. */
size_t record_capacity(const struct record *r);
/* Frees the data of all members, and empties the record, if they take more than `keep` bytes. */
void record_trim(struct record *r, size_t keep);
/* Appends an empty member; NULL when memory is out. */
struct member *record_push(struct record *r, struct fail *f);
/* Appends an empty member of this name: a regular file, mode 0644, owner 0; mtime in seconds since 1970. NULL on failure. */
struct member *record_add_member(struct record *r, const char *name, int64_t mtime, struct fail *f);
/* The member with this extension (lower case), or NULL. */
const struct member *record_member(const struct record *r, const char *ext);
/* The payload: the record's first member whose extension is in the comma-separated list. NULL if there is none, with a
 * message that names the record's extensions. */
const struct member *record_payload(const struct record *r, const char *extensions, struct fail *f);

/* Parses the fields, once. -1 if KEY.vae.json is not a flat JSON object. */
int record_fields(struct record *r, struct fail *f);
/* Appends the text that expressions and tables use for a name: the field of that name; else, for `key`, the escaped key,
 * for `cls`, the member .cls without surrounding white space, escaped, and for `json.NAME` the value in the member .json
 * (stream/metadata.h). 1, 0 when missing, -1. */
int record_value(struct record *r, const char *name, struct buf *out, struct fail *f);
/* The same text as a line or a TSV cell: control characters are escaped. scratch is overwritten. */
int record_text(struct record *r, const char *name, struct buf *scratch, struct buf *out, struct fail *f);
/* The number that a name stands for, a field or json.NAME (stream/metadata.h): 1 and *value, 0 if it is missing or no finite number, -1. */
int record_number(struct record *r, const char *name, double *value, struct fail *f);
/* The value of json.NAME as JSON: 1, 0 when missing, -1. */
int record_json(struct record *r, const char *name, struct buf *out, struct fail *f);
/* Puts a prefix before the key and the names of the record's members, and remembers it in the field key_prefix. */
int record_prefix_key(struct record *r, const char *prefix, size_t len, struct fail *f);
/* Removes all fields but `source`, which vae-pack wrote, the prefix of the key that the field key_prefix remembers, and the member
 * KEY.vae.json where no field is left. */
int record_remove_fields(struct record *r, struct fail *f);

/* Puts "FILE: record 12 'KEY': " before the message; -1. */
int record_fail(const struct record *r, struct fail *f);

#endif

/* record.h - a record: a run of regular members with the same key.
 *
 * Members that belong to no record (directories, links, dot files, names without an extension,
 * __x__/...) may stand inside the run; they are kept in place and marked loose.
 */
#ifndef VF_RECORD_H
#define VF_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "stream/fields.h"

struct archive_entry;

struct member {
	struct archive_entry *entry; /* owned: name, mode, owner, times, xattrs */
	const char *name;            /* the path, inside entry */
	struct buf data;
	struct buf ext;              /* in lower case; empty when loose */
	int loose;
};

struct record {
	struct buf key;       /* empty for a loose member that stands between records */
	const char *file;     /* where it came from ("standard input" or a path), not owned */
	uint64_t ordinal;     /* counts records from 1 over all inputs; 0 for a loose member */
	struct member *m;     /* n in use, cap allocated with their buffers */
	size_t n, cap;
	int scores;           /* index of the member KEY.vae.json, or -1 */
	struct fields fields; /* what stands in it, once record_fields() has read it */
	int fields_read, fields_changed;
};

/* The largest record that is held in memory, members and all: a sparse or hostile header can
 * claim any size, so the limit is on bytes that have arrived. */
#define RECORD_MAX_BYTES (1ull << 30)
#define RECORD_MAX_MEMBERS 10000

void record_free(struct record *r);
/* The next unused member of r, emptied; NULL when memory is out. */
struct member *record_push(struct record *r, struct fail *f);
/* Appends an empty member of this name: a regular file, mode 0644, owner 0. Owned by r. NULL on failure. */
struct member *record_add_member(struct record *r, const char *name, int64_t mtime, struct fail *f);
/* The member with this extension (lower case), or NULL. */
const struct member *record_member(const struct record *r, const char *ext);
/* The record's payload: its first member whose extension is in the comma-separated list; or NULL
 * with a message that names the extensions there are. */
const struct member *record_payload(const struct record *r, const char *extensions, struct fail *f);

/* Reads the fields (once); -1 when KEY.vae.json is not a flat JSON object. */
int record_fields(struct record *r, struct fail *f);
/* The text of a name as expressions and tables know it: `key` (escaped), `cls` (the member .cls,
 * white space around it cut) unless a field has that name, else a field. 1, 0 missing, -1. */
int record_value(struct record *r, const char *name, struct buf *out, struct fail *f);

/* The same as a line or a column of TSV holds it, appended to out; scratch is overwritten. */
int record_text(struct record *r, const char *name, struct buf *scratch, struct buf *out, struct fail *f);
/* Takes the scores away: all fields but `source`, which a record has from vae-pack, and the member KEY.vae.json where
 * that leaves none. */
int record_remove_scores(struct record *r, struct fail *f);

/* "FILE: record 12 'KEY': " before the message that is there. */
int record_fail(const struct record *r, struct fail *f);

#endif

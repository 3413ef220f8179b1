/* selection.h - the records of many shards that rank highest, from their files of columns (columns.h): the same ones that a ranking of the
 * stream of all shards, in this order, would select. Writes the keys of each shard's own into a file.
 *
 * The files are read three times: hashes of keys, values, keys. Memory: 16 bytes a record, or 8 for every field and 16 if the score is a
 * joint one, and 8 for every field of --far; and the keys of one shard.
 */
#ifndef VF_SELECTION_H
#define VF_SELECTION_H

#include "rank/columns.h"
#include "rank/rule.h"

struct selection {
	/* set by the caller, borrowed */
	struct criterion *criterion; /* opened */
	char *const *path;           /* [files] */
	int files;
	struct quota top;
	const char *bindings;        /* a file whose I-th line is what the I-th file must be bound to, or NULL */
	const char *lists;           /* the directory for the lists: of a/b.col it is b.keys */
	int keys_per_file;           /* files may have keys in common */

	uint64_t records, scored, selected;
	double threshold;            /* the score of the last selected record; NAN if there is none */
};

/* Nothing is written unless all files are whole and bound as they should be; then every list appears whole. */
int selection_run(struct selection *s, struct fail *f);

#endif

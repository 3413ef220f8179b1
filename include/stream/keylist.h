/* keylist.h - a list of keys from a file, one a line, as vae-cut -k key prints them.
 *
 * A line ends at a tab, so that the list may be a table whose first column is the key, and at a carriage
 * return before the newline; empty lines are none. Bytes that vae-cut would have escaped are taken as
 * if it had. In memory: the text, and some 16 bytes a key.
 */
#ifndef VF_KEYLIST_H
#define VF_KEYLIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct listed {
	uint64_t at; /* offset of a NUL-terminated key in text, and 1; 0: empty */
	int came;
};

struct keylist {
	struct buf text;
	struct listed *slot; /* open addressing */
	size_t n, cap, came; /* different keys; those looked up so far */
};

/* path "-": standard input. */
int keylist_read(struct keylist *l, const char *path, struct fail *f);
/* Whether a key, as record_text() writes it, is in the list; it has come from then on. */
int keylist_has(struct keylist *l, const char *key, size_t len);
/* The keys that never came, in the order of the list: *i begins at 0; NULL behind the last one. */
const char *keylist_next_unseen(const struct keylist *l, size_t *i);
void keylist_free(struct keylist *l);

#endif

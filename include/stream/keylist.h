/* keylist.h - a list of keys from a file, one per line, as vae-cut -k key prints them.
 *
 * A line ends at a tab, so the list may be a table whose first column is the key, and at a carriage return before the newline.
 * Empty lines and a byte order mark are skipped. Bytes that vae-cut would escape may also stand in the list unescaped. Memory: the text, and 24
 * bytes per key.
 */
#ifndef VF_KEYLIST_H
#define VF_KEYLIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct keylist_slot {
	uint64_t at; /* 1 + the offset of the key in text; 0: the slot is empty */
	int seen;
};

struct keylist {
	struct buf text; /* the keys, each with its NUL */
	struct keylist_slot *slot; /* [cap], open addressing */
	size_t n, cap, seen; /* distinct keys; those that keylist_has() was asked for */
};

/* path "-": standard input. */
int keylist_read(struct keylist *l, const char *path, struct fail *f);
/* Whether the list has a key (as record_text() writes it); marks it as seen. */
int keylist_has(struct keylist *l, const char *key, size_t len);
/* The next key that was never seen, in the order of the list, or NULL; *i begins as 0. */
const char *keylist_next_unseen(const struct keylist *l, size_t *i);
void keylist_free(struct keylist *l);

#endif

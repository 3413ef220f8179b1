/* keylist.h - a list of keys from a file, one per line, as vae-cut -k key prints them; or a list of decisions on them.
 *
 * A line ends at a tab, so the list may be a table whose first column is the key, and at a carriage return before the newline.
 * Empty lines and a byte order mark are skipped. Bytes that vae-cut would escape may also stand in the list unescaped. Memory: the text, and 24
 * bytes per key.
 *
 * Where the second column of any line is keep, drop or unsure, as in what the page of vae-report --review exports, the file is a list
 * of decisions: then every line must have one of them, and of a key that is listed again the last line counts. A first line "key", tab,
 * "decision" is a header.
 */
#ifndef VF_KEYLIST_H
#define VF_KEYLIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum decision { DECISION_NONE, DECISION_KEEP, DECISION_DROP, DECISION_UNSURE, DECISIONS };
extern const char *const decision_words[DECISIONS]; /* "", keep, drop, unsure */

struct keylist_slot {
	uint64_t at; /* 1 + the offset of the key in text; 0: the slot is empty */
	unsigned char seen, decision;
};

struct keylist {
	struct buf text; /* of every line: a byte, its decision; the key, and its NUL */
	struct keylist_slot *slot; /* [cap], open addressing */
	size_t cap, all;     /* all: distinct keys */
	size_t n, seen;      /* keys for which keylist_has() is true; those of them that it was asked for */
	int decisions;       /* it is a list of decisions */
};

/* path "-": standard input. */
int keylist_read(struct keylist *l, const char *path, struct fail *f);
/* The same, but fails unless the file is a list of decisions, or empty. */
int keylist_read_decisions(struct keylist *l, const char *path, struct fail *f);
/* Whether a key (as record_text() writes it) is listed: of a list of decisions, whether it is to be dropped. Marks it as seen. */
int keylist_has(struct keylist *l, const char *key, size_t len);
/* The next listed key that was never seen, in the order of the list, or NULL; *i begins as 0. */
const char *keylist_next_unseen(const struct keylist *l, size_t *i);
/* The decision on a key; DECISION_NONE where there is none. */
enum decision keylist_decision(const struct keylist *l, const char *key, size_t len);
/* The next key and the decision on it, in the order of the first lines of keys, or NULL; *i begins as 0. */
const char *keylist_next(const struct keylist *l, size_t *i, enum decision *decision);
void keylist_free(struct keylist *l);

#endif

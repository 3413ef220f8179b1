/* keyset.h - a set of keys, kept as their XXH3-128 hashes: 16 bytes per key, in a table that is at most four fifths full. */
#ifndef VF_KEYSET_H
#define VF_KEYSET_H

#include <stddef.h>
#include <xxhash.h>

#include "base/fail.h"

struct keyset { /* zeros: empty */
	XXH128_hash_t *slot; /* [cap], open addressing; {0, 0} is an empty slot */
	size_t n, cap;
};

/* 1 when the key was added, 0 when it was there, -1 when memory is out. */
int keyset_add(struct keyset *s, const char *key, size_t len, struct fail *f);
/* Removes all keys, keeps the memory. */
void keyset_clear(struct keyset *s);
void keyset_free(struct keyset *s);

#endif

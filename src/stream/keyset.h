/* keyset.h - the set of keys seen: 16 bytes each (XXH3-128), in a table that is a half to four fifths full. */
#ifndef VF_KEYSET_H
#define VF_KEYSET_H

#include <stddef.h>
#include <xxhash.h>

#include "base/fail.h"

struct keyset {
	XXH128_hash_t *slot; /* open addressing; {0,0} is empty */
	size_t n, cap;
};

/* 1 when added, 0 when it was there already, -1 when memory is out. */
int keyset_add(struct keyset *s, const char *key, size_t len, struct fail *f);
void keyset_clear(struct keyset *s);
void keyset_free(struct keyset *s);

#endif

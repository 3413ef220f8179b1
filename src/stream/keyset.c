#include "stream/keyset.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 81920 }; /* 1.3 MB; holds the keys of a shard of 65,536 records without growing */

/* The slot of h, or the empty slot to put it in. */
static XXH128_hash_t *find(XXH128_hash_t *slot, size_t cap, XXH128_hash_t h)
{
	size_t i = (size_t)((unsigned __int128)h.low64 * cap >> 64);
	while ((slot[i].low64 | slot[i].high64) && (slot[i].low64 != h.low64 || slot[i].high64 != h.high64))
		i = i + 1 < cap ? i + 1 : 0;
	return &slot[i];
}

static int grow(struct keyset *s, struct fail *f)
{
	size_t cap = s->cap ? s->cap + s->cap / 2 : FIRST_CAP;
	XXH128_hash_t *slot = calloc(cap, sizeof *slot);
	if (!slot)
		return fail_memory_for(f, "the set of %zu keys", s->n);
	for (size_t i = 0; i < s->cap; i++)
		if (s->slot[i].low64 | s->slot[i].high64)
			*find(slot, cap, s->slot[i]) = s->slot[i];
	free(s->slot);
	s->slot = slot;
	s->cap = cap;
	return 0;
}

int keyset_add(struct keyset *s, const char *key, size_t len, struct fail *f)
{
	if (5 * (s->n + 1) > 4 * s->cap && grow(s, f))
		return -1;
	XXH128_hash_t h = XXH3_128bits(key, len);
	if (!(h.low64 | h.high64))
		h.low64 = 1;
	XXH128_hash_t *at = find(s->slot, s->cap, h);
	if (at->low64 | at->high64)
		return 0;
	*at = h;
	s->n++;
	return 1;
}

void keyset_clear(struct keyset *s)
{
	if (s->slot)
		memset(s->slot, 0, s->cap * sizeof *s->slot);
	s->n = 0;
}

void keyset_free(struct keyset *s)
{
	free(s->slot);
	*s = (struct keyset){0};
}

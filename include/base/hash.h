/* hash.h - XXH3 of large arrays. */
#ifndef VF_HASH_H
#define VF_HASH_H

#include <stddef.h>
#include <stdint.h>

/* XXH3_64bits_withSeed(); with seed 0, XXH3_64bits(). */
uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);

#endif

/* sha256.h - SHA-256 (FIPS 180-4), for a Content Security Policy. */
#ifndef VF_SHA256_H
#define VF_SHA256_H

#include <stddef.h>

/* The digest of n bytes, in out[32]. */
void sha256(const void *data, size_t n, unsigned char out[32]);

#endif

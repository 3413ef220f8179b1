/* reference_format.h - what the writer and the reader of references share. */
#ifndef VF_REFERENCE_FORMAT_H
#define VF_REFERENCE_FORMAT_H

#define REFERENCE_FORMAT "vae-rank reference"
#define REFERENCE_VERSION 2 /* 1 had no names, counts nor distributions beside a Mahalanobis distance; it is still read */

/* The file ends in the hash of all bytes before, as 16 hexadecimal digits. */
#define REFERENCE_HASH "\"hash\":\"%016" PRIx64 "\"}\n"
enum { REFERENCE_HASH_NAME = 8, REFERENCE_HASH_TAIL = REFERENCE_HASH_NAME + 16 + 3 };

#endif

/* pages.h - large blocks of zeros, whose pages the system maps when they are first touched. */
#ifndef VF_PAGES_H
#define VF_PAGES_H

#include <stddef.h>

/* Allocates `bytes` zeros, aligned to 64 bytes; the caller frees them with free(). Large blocks use huge pages if the system has them. NULL: out
 * of memory. */
void *pages_alloc(size_t bytes);

#endif

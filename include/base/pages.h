/* pages.h - large blocks of zeros whose pages the system gives when they are first touched. */
#ifndef VF_PAGES_H
#define VF_PAGES_H

#include <stddef.h>

/* `bytes` zeros, aligned to 64; freed with free(). Large blocks lie in large pages where the system has them. NULL: out of memory. */
void *pages_alloc(size_t bytes);

#endif

#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { LINE = 64, SMALL_PAGE = 1 << 16, LARGE_PAGE = 2 << 20 }; /* the largest of the small pages that Linux uses */

/* Sets whole pages to zero. Linux drops private pages and maps zeros when they are touched again, so this is cheap; it refuses if the memory is
 * locked. */
static void clear_pages(void *p, size_t bytes)
{
#if defined(__linux__)
	if (madvise(p, bytes, MADV_DONTNEED) == 0)
		return;
#endif
	memset(p, 0, bytes);
}

/* With small pages, the TLB does not cover the operands of one product, and mapping one takes as long as mapping a large page. */
void *pages_alloc(size_t bytes)
{
	size_t align = bytes >= LARGE_PAGE ? LARGE_PAGE : bytes >= 4 * SMALL_PAGE ? SMALL_PAGE : LINE;
	if (bytes > SIZE_MAX - 2 * LARGE_PAGE)
		return NULL;
	/* A rest of less than half a large page is not worth one: Linux sets all of it to zero. */
	size_t large = align == LARGE_PAGE ? (bytes + LARGE_PAGE / 2) / LARGE_PAGE * LARGE_PAGE : 0, unit = align == LINE ? LINE : SMALL_PAGE;
	bytes = bytes <= large ? large : bytes ? (bytes + unit - 1) / unit * unit : unit;
	void *p;
	if (posix_memalign(&p, align, bytes))
		return NULL;
#ifdef MADV_HUGEPAGE
	if (align == LARGE_PAGE)
		madvise(p, large, MADV_HUGEPAGE); /* a refusal costs only time */
#endif
	if (align == LINE)
		memset(p, 0, bytes);
	else
		clear_pages(p, bytes);
	return p;
}

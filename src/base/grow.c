#include "base/grow.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int grow_list(void *list, size_t size, size_t *cap, size_t n, const char *what, struct fail *f)
{
	const size_t most = PTRDIFF_MAX / size;
	if (n <= *cap)
		return 0;
	size_t more = *cap + *cap / 2 + 8; /* no overflow: *cap is at most `most` */
	more = more < n ? n : more > most ? most : more;
	void *p;
	memcpy(&p, list, sizeof p);
	p = n <= most ? realloc(p, more * size) : NULL;
	if (!p)
		return fail_memory_for(f, "%zu %s", n, what);
	memcpy(list, &p, sizeof p);
	*cap = more;
	return 0;
}

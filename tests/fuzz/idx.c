#include <stdlib.h>
#include <unistd.h>

#include "fuzz.h"
#include "input/idx.h"

enum { ITEM_MAX = 1 << 16, ITEMS_MAX = 2000 };

/* The number of items is that of the header, or there is a message. The size of a plain file is that of header and items. */
int fuzz_idx(const uint8_t *data, size_t size)
{
	char path[64];
	struct fail f = {{0}};
	int fd = fuzz_file(data, size, path), got = 1;
	struct idx *x = idx_open(path, &f);
	CHECK(x || f.msg[0]);
	if (x) {
		size_t item = 1, n = 0;
		CHECK(idx_ndim(x) >= 1 && idx_ndim(x) <= 4);
		for (int i = 1; i < idx_ndim(x); i++)
			item *= idx_dim(x, i);
		uint8_t *p = item <= ITEM_MAX ? malloc(item) : NULL;
		while (p && n < ITEMS_MAX && (got = idx_next(x, p, &f)) > 0)
			n++;
		CHECK(got >= 0 || f.msg[0]);
		if (p && got == 0) {
			CHECK(n == idx_dim(x, 0));
			CHECK(data[0] == 0x1f || size == 4 + 4 * (size_t)idx_ndim(x) + n * item);
		}
		free(p);
	}
	idx_close(x);
	close(fd);
	return 0;
}

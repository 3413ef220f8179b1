#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/buf.h"
#include "density/knn_parts.h"
#include "fuzz.h"

/* The hash that the next record must have: that of the part's next one, or of none. */
static uint64_t next_id(const uint8_t *data, size_t size, size_t *at)
{
	uint64_t id = 0;
	uint32_t n = 0;
	if (size - *at < 12)
		return 0;
	memcpy(&id, data + *at, 8);
	memcpy(&n, data + *at + 8, 4);
	*at += 12 + (n < (size - *at - 12) / KNN_ROW_BYTES ? n * (size_t)KNN_ROW_BYTES : size - *at - 12);
	return id;
}

static size_t header_size(const uint8_t *data, size_t size)
{
	size_t n = 0;
	for (int lines = 0; lines < 4 && n < size; n++)
		lines += data[n] == '\n';
	return n;
}

/* Parts of a reference, as they are and with a valid hash: balls are those of the k nearest rows, and nothing but the whole file ends well. */
int fuzz_knn_parts(const uint8_t *data, size_t size)
{
	static const int k[] = {2, 5};
	struct buf b = {0};
	for (int hashed = 0; hashed < 2; hashed++) {
		struct fail f = {.msg = ""};
		char path[64];
		uint64_t sum = XXH3_64bits(data, size);
		b.len = 0;
		CHECK(buf_add(&b, data, size, &f) == 0 && (!hashed || buf_add(&b, &sum, sizeof sum, &f) == 0));
		int fd = fuzz_file((const uint8_t *)b.p, b.len, path);
		struct knn_parts *p = knn_parts_open(path, &f);
		CHECK(p || f.msg[0]);
		size_t at = header_size(data, size);
		struct knn_ball balls[2];
		while (p && at + 12 < size) {
			uint64_t id = next_id(data, size, &at);
			if (knn_parts_next(p, id, k, 2, balls, &f))
				break;
			CHECK(balls[0].r >= 0 && balls[1].r >= balls[0].r && balls[0].records >= 2 && balls[1].records >= balls[0].records + 3);
		}
		CHECK(!p || knn_parts_end(p, &f) == 0 || f.msg[0]);
		knn_parts_free(p);
		close(fd);
	}
	buf_free(&b);
	return 0;
}

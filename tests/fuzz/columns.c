#include "rank/columns.h"

#include <inttypes.h>
#include <math.h>
#include <unistd.h>
#include <xxhash.h>

#include "fuzz.h"

struct seen {
	int p;
	uint64_t records, rows, keys;
};

static int header(void *ctx, const struct columns *h, struct fail *f)
{
	struct seen *s = ctx;
	s->p = h->p;
	s->records = h->records;
	return 0;
}

static int row(void *ctx, const double *values, struct fail *f)
{
	struct seen *s = ctx;
	for (int i = 0; i < s->p; i++)
		CHECK(!isinf(values[i]));
	s->rows++;
	return 0;
}

static int key(void *ctx, const char *text, size_t len, uint64_t hash, struct fail *f)
{
	CHECK(len > 0 && hash == XXH3_64bits(text, len));
	((struct seen *)ctx)->keys++;
	return 0;
}

/* Reads the bytes as they are, and with a valid hash: every record has a row and a key. */
int fuzz_columns(const uint8_t *data, size_t size)
{
	struct buf b = {0};
	struct fail f = {{0}};
	for (int hashed = 0; hashed < 2; hashed++) {
		char path[64];
		struct seen s = {0};
		uint64_t sum;
		const struct columns_visitor v = {&s, header, row, key};
		b.len = 0;
		CHECK(buf_add(&b, (const char *)data, size, &f) == 0);
		if (hashed)
			CHECK(buf_addf(&b, &f, "%016" PRIx64 "\n", (uint64_t)XXH3_64bits(data, size)) == 0);
		int fd = fuzz_file((const uint8_t *)b.p, b.len, path), r = columns_read(path, &v, &sum, &f);
		CHECK(r == 0 || f.msg[0]);
		CHECK(r != 0 || (s.rows == s.records && s.keys == s.records));
		close(fd);
	}
	buf_free(&b);
	return 0;
}

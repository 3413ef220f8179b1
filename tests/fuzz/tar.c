/* Tars whose headers have right checksums, so that what is changed inside them is reached. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "stream/tar.h"

static uint64_t octal(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v * 8 + (uint64_t)(p[i] - '0');
	return v;
}

/* Writes the checksum of every header, from one to the next by the sizes that they state, and an end-of-archive. */
int fuzz_tar(const uint8_t *data, size_t size)
{
	size_t n = size / TAR_BLOCK * TAR_BLOCK;
	uint8_t *tar = calloc(1, n + 2 * TAR_BLOCK);
	CHECK(tar);
	if (n)
		memcpy(tar, data, n);
	for (size_t at = 0; at < n;) {
		uint8_t *h = tar + at;
		unsigned sum = 0;
		memset(h + 148, ' ', 8);
		for (int i = 0; i < TAR_BLOCK; i++)
			sum += h[i];
		snprintf((char *)h + 148, 8, "%06o", sum);
		CHECK(tar_is_header((const char *)h));
		uint64_t blocks = 1 + (octal(h + 124, 12) + TAR_BLOCK - 1) / TAR_BLOCK;
		if (strchr("23456", h[156]) && h[156]) /* without data */
			blocks = 1;
		at = blocks > (n - at) / TAR_BLOCK ? n : at + (size_t)blocks * TAR_BLOCK;
	}
	fuzz_reader(tar, n + 2 * TAR_BLOCK);
	free(tar);
	return 0;
}

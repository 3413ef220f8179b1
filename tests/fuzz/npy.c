#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "input/decode.h"
#include "input/npy.h"

/* The values are inside the file, and a header written from the result parses to the same. */
int fuzz_npy(const uint8_t *data, size_t size)
{
	struct npy n, again;
	struct fail f;
	int shape[3], vector = 0, interleaved = 0;
	size_t picture[3];
	uint8_t small[16], all[16];
	if (npy_parse(data, size, &n, &f)) {
		CHECK(f.msg[0]);
		return 0;
	}
	size_t one = npy_size(n.type);
	const uint8_t *p = n.values;
	CHECK(p >= data && p + n.count * one == data + size);
	struct buf b = {0};
	CHECK(npy_header(&b, n.type, n.ndim, n.shape, &f) == 0);
	CHECK(b.len % 64 == 0 && buf_add(&b, p, n.count * one, &f) == 0);
	CHECK(npy_parse(b.p, b.len, &again, &f) == 0);
	CHECK(again.type == n.type && again.ndim == n.ndim && again.count == n.count && memcmp(again.shape, n.shape, sizeof n.shape) == 0);
	CHECK(n.count == 0 || memcmp(again.values, n.values, n.count * one) == 0);
	buf_free(&b);
	if (input_shape(data, size, shape, &vector, &f) == 0) {
		CHECK((size_t)shape[0] * (size_t)shape[1] * (size_t)shape[2] == n.count && n.count > 0);
		double *v = malloc(n.count * sizeof *v);
		CHECK(v);
		if (input_vector(data, size, (int)n.count, v, &f) == 0)
			for (size_t i = 0; i < n.count; i++)
				CHECK(isfinite(v[i]));
		free(v);
		if (!vector && n.count <= sizeof small)
			CHECK(input_decode(data, size, &(struct input_form){shape[0], shape[1], shape[2], 0}, small, NULL, &f) == 0 && npy_is_picture(&n, picture, &interleaved));
		for (size_t i = 0; !vector && n.count <= sizeof small && i < n.count; i++) {
			size_t at = interleaved ? i % 3 * (n.count / 3) + i / 3 : i;
			npy_copy(&n, i, 1, all);
			CHECK(small[at] == (uint8_t)npy_value(&n, i) && small[at] == all[0]);
		}
	}
	return 0;
}

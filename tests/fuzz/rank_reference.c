#include "rank/reference.h"

#include <inttypes.h>
#include <unistd.h>
#include <xxhash.h>

#include "fuzz.h"

/* Reads the bytes as they are, and with a valid hash. Percentiles must be at most 100 and must not fall. */
int fuzz_rank_reference(const uint8_t *data, size_t size)
{
	struct buf b = {0};
	struct fail f;
	for (int hashed = 0; hashed < 2; hashed++) {
		char path[64];
		struct reference ref;
		b.len = 0;
		CHECK(buf_add(&b, (const char *)data, size, &f) == 0);
		if (hashed)
			CHECK(buf_addf(&b, &f, "\"hash\":\"%016" PRIx64 "\"}\n", (uint64_t)XXH3_64bits(data, size)) == 0);
		int fd = fuzz_file((const uint8_t *)b.p, b.len, path), r = reference_read(&ref, path, &f);
		CHECK(r == 0 || f.msg[0]);
		double last = 0;
		for (double v = -1e6; r == 0 && v < 1e6; v = v < -1 ? v / 10 : v < 1 ? v + 0.25 : v * 10) {
			double pct = reference_pct(&ref, v);
			CHECK(pct >= last - 1e-9 && pct <= 100 + 1e-9);
			reference_z(&ref, v);
			last = pct;
		}
		reference_free(&ref);
		close(fd);
	}
	buf_free(&b);
	return 0;
}

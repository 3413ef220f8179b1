#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "input/csv.h"

/* Line numbers rise, every cell ends in a NUL, and a second reader reads the same. */
int fuzz_csv(const uint8_t *data, size_t size)
{
	char path[64];
	struct fail f, g;
	int fd = fuzz_file(data, size, path), got = -1;
	struct csv *c = csv_open(path, ',', &f), *again = csv_open(path, ',', &g);
	CHECK(!c == !again);
	for (size_t last = 0; c && (got = csv_next(c, &f)) > 0; last = csv_line(c)) {
		CHECK(csv_next(again, &g) > 0 && csv_cells(c) > 0 && csv_cells(c) == csv_cells(again) && csv_line(c) > last);
		for (int i = 0; i < csv_cells(c); i++) {
			size_t n, m;
			const char *a = csv_cell(c, i, &n), *b = csv_cell(again, i, &m);
			CHECK(n == m && a[n] == 0 && memcmp(a, b, n) == 0);
		}
	}
	CHECK(got == 0 || f.msg[0]);
	if (c)
		csv_close(c);
	if (again)
		csv_close(again);
	close(fd);
	return 0;
}

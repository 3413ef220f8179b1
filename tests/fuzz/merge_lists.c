#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "fuzz.h"
#include "influence/merge_lists.h"

static void merge(char **paths, int n, long top, struct buf *out, int *r)
{
	static const uint8_t none[1];
	struct fail f = {.msg = ""};
	char path[64];
	int fd = fuzz_file(none, 0, path);
	out->len = 0;
	*r = influence_merge(paths, n, top, fd, &f);
	CHECK(*r == 0 || f.msg[0]);
	CHECK(*r != 0 || buf_read_file(out, path, SIZE_MAX / 2, &f) == 0);
	close(fd);
}

/* Files of --influence: what a file becomes by a merge stays as it is in the next one, and two equal files are refused unless their lists are empty. */
int fuzz_merge_lists(const uint8_t *data, size_t size)
{
	struct buf once = {0}, again = {0};
	char path[64], merged[64], *two[2] = {path, path}, *one[1] = {merged};
	int r, fd = fuzz_file(data, size, path);
	merge(two, 1, -1, &once, &r);
	if (r == 0) {
		CHECK(once.len > 0 && once.p[once.len - 1] == '\n');
		int copy = fuzz_file((const uint8_t *)once.p, once.len, merged);
		merge(one, 1, -1, &again, &r);
		CHECK(r == 0 && again.len == once.len && memcmp(again.p, once.p, once.len) == 0);
		close(copy);
		merge(two, 2, -1, &again, &r);
		CHECK(r != 0 || (again.len == once.len && memcmp(again.p, once.p, once.len) == 0));
		merge(two, 2, 1, &again, &r);
	}
	close(fd);
	buf_free(&once);
	buf_free(&again);
	return 0;
}

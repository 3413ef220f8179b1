#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/pages.h"

enum { READ_AHEAD = 1 << 16 };

int buf_reserve(struct buf *b, size_t extra, struct fail *f)
{
	if (extra < b->cap - b->len && b->p)
		return 0;
	if (extra > SIZE_MAX / 2 - b->len - 1)
		return fail_memory_for(f, "%zu more bytes", extra);
	size_t needed = b->len + extra + 1;
	size_t cap = b->cap ? b->cap : 64;
	while (cap < needed)
		cap += cap / 2 + 1;
	char *p = realloc(b->p, cap);
	if (!p)
		return fail_memory_for(f, "%zu bytes", cap);
	b->p = p;
	b->cap = cap;
	b->p[b->len] = 0;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n, struct fail *f)
{
	if (buf_reserve(b, n, f))
		return -1;
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = 0;
	return 0;
}

int buf_addf(struct buf *b, struct fail *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	int r = n < 0 ? fail_set(f, "cannot format text") : buf_reserve(b, (size_t)n, f);
	if (!r) {
		vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	return r;
}

/* The current size of a regular file, as a first capacity. The file may still grow, and other files have no size. */
static int reserve_file(struct buf *b, int fd, size_t max, struct fail *f)
{
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size > max)
		return 0;
	size_t size = (size_t)st.st_size + READ_AHEAD;
	if (b->p || size < BUF_PAGES)
		return buf_reserve(b, size, f);
	b->p = pages_alloc(size + 2);
	b->cap = b->p ? size + 2 : 0;
	return b->p ? 0 : fail_memory_for(f, "%zu bytes", size);
}

int check_regular(const char *path, struct fail *f)
{
	struct stat st;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) ? fail_set(f, "%s: not a regular file: remove it", path) : 0;
}

int buf_read_file(struct buf *b, const char *path, size_t max, struct fail *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(f, "%s", path);
	int r = reserve_file(b, fd, max, f) ? fail_add(f, "%s", path) : 0;
	while (!r) {
		if (buf_reserve(b, READ_AHEAD, f)) {
			r = fail_add(f, "%s", path);
			break;
		}
		ssize_t n = read(fd, b->p + b->len, b->cap - b->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = fail_errno(f, "%s", path);
		if (n <= 0)
			break;
		b->len += (size_t)n;
		if (b->len > max) {
			r = fail_set(f, "%s: larger than the limit of %zu bytes", path, max);
			break;
		}
	}
	if (b->p)
		b->p[b->len] = 0;
	close(fd);
	return r;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

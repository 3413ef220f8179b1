#include "input/infile.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Calls inflate(), since gzread() accepts a file that is truncated in its last 8 bytes if an item ends where its buffer does. */
struct infile {
	FILE *file;
	char *path;
	int gzip;
	int at_member_start; /* gzip: before the first byte of a member, where the file may end */
	z_stream z;          /* next_in, avail_in: the bytes read ahead, also of a plain file */
	uint8_t in[1 << 16];
};

/* Makes sure that bytes were read ahead: 1, 0 at the end of the file, -1. */
static int fill(struct infile *x, struct fail *f)
{
	if (x->z.avail_in)
		return 1;
	x->z.next_in = x->in;
	x->z.avail_in = (uInt)fread(x->in, 1, sizeof x->in, x->file);
	if (ferror(x->file))
		return fail_errno(f, "%s", x->path);
	return x->z.avail_in > 0;
}

int infile_read(struct infile *x, void *to, size_t n, size_t *got, struct fail *f)
{
	x->z.next_out = to;
	*got = 0;
	while (*got < n) {
		int r = fill(x, f);
		if (r < 0)
			return -1;
		if (!r && x->gzip && !x->at_member_start)
			return fail_set(f, "%s: gzip file is truncated", x->path);
		if (!r)
			break;
		size_t left = n - *got < 1 << 30 ? n - *got : 1 << 30;
		if (!x->gzip) {
			size_t m = x->z.avail_in < left ? x->z.avail_in : left;
			memcpy(x->z.next_out, x->z.next_in, m);
			x->z.next_in += m, x->z.avail_in -= (uInt)m;
			x->z.next_out += m, *got += m;
			continue;
		}
		x->at_member_start = 0;
		x->z.avail_out = (uInt)left;
		r = inflate(&x->z, Z_NO_FLUSH);
		*got += left - x->z.avail_out;
		if (r == Z_STREAM_END) { /* another member may follow */
			x->at_member_start = 1;
			r = inflateReset(&x->z);
		}
		if (r != Z_OK)
			return fail_set(f, "%s: gzip file is damaged: %s", x->path, x->z.msg ? x->z.msg : zError(r));
	}
	return 0;
}

struct infile *infile_open(const char *path, struct fail *f)
{
	int standard = strcmp(path, "-") == 0;
	struct infile *x = calloc(1, sizeof *x);
	if (!x || !(x->path = strdup(standard ? "standard input" : path))) {
		free(x);
		fail_memory_for(f, "a file");
		return NULL;
	}
	int fd = standard ? fcntl(0, F_DUPFD_CLOEXEC, 3) : -1;
	x->file = fd >= 0 ? fdopen(fd, "rb") : standard ? NULL : fopen(path, "rbe");
	int r = x->file ? fill(x, f) : fail_errno(f, "%s", x->path);
	x->gzip = r > 0 && x->z.avail_in > 1 && x->in[0] == 0x1f && x->in[1] == 0x8b;
	if (x->gzip && inflateInit2(&x->z, 15 + 16) != Z_OK) {
		x->gzip = 0;
		fail_memory_for(f, "a gzip decoder");
		r = fail_add(f, "%s", x->path);
	}
	if (r >= 0)
		return x;
	infile_close(x);
	return NULL;
}

const char *infile_name(const struct infile *x) { return x->path; }

void infile_close(struct infile *x)
{
	if (!x)
		return;
	if (x->gzip)
		inflateEnd(&x->z);
	if (x->file)
		fclose(x->file);
	free(x->path);
	free(x);
}

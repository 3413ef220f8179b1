/* Delivers the bytes of several inputs, block by block.
 *
 * An input that can seek is read directly, and a second pass starts it again. An input that cannot seek (a pipe, a FIFO) is
 * copied to an unlinked spool file while it is read for the first time, if there will be a second pass; that pass reads the
 * spool. A file that was changed between the passes, or during one of them, is an error: its size, time to the nanosecond and inode are
 * compared when it is opened, and a hash of all its bytes at its end.
 *
 * Reading a pipe may take forever, and another thread must be able to end it: await_input() polls an eventfd beside the input,
 * and source_stop() writes to it. Files are read without polling.
 *
 * Gzip is decompressed here, with its checksums. An input is gzip if its first three bytes say so.
 * A gzip member may be followed by another member, or by zeros to the end (tape padding); anything else is an error.
 *
 * Ranges of a file (source_open_ranges) are read with pread(). They hold plain tar without an end-of-archive, which is
 * delivered after the last one. */
#include "stream/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>

#include "base/atomic.h"

#define BLOCK (1u << 18)
#define TAR_END 1024 /* zero bytes of an end-of-archive */

struct input {
	const char *path; /* NULL: standard input */
	int spool;        /* a copy of an input that cannot seek, or -1 */
	off_t start;      /* the offset of standard input when it was opened */
	struct stat st;   /* compared at the second pass */
	int seekable;
	uint64_t hash;    /* of all bytes, once the first pass has read them */
	int hashed;
};

struct source {
	struct input *in;
	int n, current, fd, rewindable, second_pass;
	int wake;                   /* the eventfd, or -1: every input is a file */
	const uint64_t *from, *len; /* ranges of fd, or NULL: the inputs */
	size_t nranges, range;
	uint64_t range_at, total;
	int end_delivered;
	_Atomic uint64_t bytes_read; /* the progress line reads it in another thread */
	/* of the current input */
	XXH3_state_t *hash; /* of the bytes read so far; NULL without a second pass */
	int begun, gzip;
	int member_ended; /* gzip: the last byte read ended a member */
	int in_padding;   /* gzip: in the zeros after the last member */
	z_stream z;       /* next_in, avail_in: the bytes in block that were not delivered yet, gzip or not */
	char block[BLOCK], inflated[BLOCK]; /* the last members: not set to zero, so that memory is touched only as it is used */
};

static struct source *new_source(void)
{
	struct source *s = malloc(sizeof *s);
	return s ? memset(s, 0, offsetof(struct source, block)) : NULL;
}

struct source *source_open(char *const *paths, int n, int rewindable, struct fail *f)
{
	int standard = n == 0;
	struct source *s = new_source();
	if (standard)
		n = 1;
	if (s)
		s->in = calloc((size_t)n, sizeof *s->in);
	if (!s || !s->in) {
		free(s);
		fail_memory(f);
		return NULL;
	}
	s->n = n;
	s->current = s->fd = s->wake = -1;
	s->rewindable = rewindable;
	s->hash = rewindable ? XXH3_createState() : NULL;
	if (rewindable && !s->hash) {
		free(s->in);
		free(s);
		fail_memory(f);
		return NULL;
	}
	int all_seekable = 1, stdins = 0;
	for (int i = 0; i < n; i++) {
		struct input *in = &s->in[i];
		in->spool = -1;
		in->path = standard || strcmp(paths[i], "-") == 0 ? NULL : paths[i];
		if (in->path ? stat(in->path, &in->st) : fstat(0, &in->st)) {
			fail_errno(f, "%s", in->path ? in->path : "standard input");
			source_close(s);
			return NULL;
		}
		if (!in->path && ++stdins > 1) {
			fail_set(f, "standard input is named twice");
			source_close(s);
			return NULL;
		}
		in->start = in->path ? 0 : lseek(0, 0, SEEK_CUR);
		in->seekable = S_ISREG(in->st.st_mode) && in->start >= 0;
		if (in->seekable && in->st.st_size > in->start)
			s->total += (uint64_t)(in->st.st_size - in->start);
		all_seekable &= in->seekable;
	}
	if (all_seekable)
		return s;
	s->total = 0;
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->wake >= 0)
		return s;
	fail_errno(f, "cannot wait for input");
	source_close(s);
	return NULL;
}

struct source *source_open_ranges(int fd, const uint64_t *from, const uint64_t *len, size_t n, struct fail *f)
{
	struct source *s = new_source();
	if (!s) {
		fail_memory(f);
		return NULL;
	}
	s->current = s->wake = -1;
	s->fd = fd;
	s->from = from;
	s->len = len;
	s->nranges = n;
	return s;
}

const char *source_name(const struct source *s)
{
	if (s->from)
		return "spool";
	return s->current >= 0 && s->current < s->n && s->in[s->current].path ? s->in[s->current].path : "standard input";
}

static void close_input(struct source *s)
{
	if (s->fd > 2 && s->in[s->current].path && !(s->second_pass && s->in[s->current].spool >= 0))
		close(s->fd);
	s->fd = -1;
}

static int fail_changed(struct fail *f)
{
	return fail_set(f, "changed between the two passes over it, or during one: run the tool again");
}

int source_next(struct source *s, struct fail *f)
{
	s->end_delivered = s->begun = 0;
	if (s->from)
		return ++s->current == 0;
	if (s->current >= 0 && s->current < s->n)
		close_input(s);
	if (++s->current >= s->n)
		return 0;
	struct input *in = &s->in[s->current];
	struct stat st;
	if (s->hash)
		XXH3_64bits_reset(s->hash);
	if (s->second_pass && in->spool >= 0) {
		s->fd = in->spool;
		return lseek(s->fd, 0, SEEK_SET) < 0 ? fail_errno(f, "cannot rewind the spool") : 1;
	}
	/* Opening a FIFO must not wait for its writer here: await_input() waits, where source_stop() can end it. */
	s->fd = in->path ? open(in->path, O_RDONLY | O_CLOEXEC | (S_ISFIFO(in->st.st_mode) ? O_NONBLOCK : 0)) : 0;
	if (s->fd < 0 || fstat(s->fd, &st))
		return fail_errno(f, "%s", source_name(s));
	if (S_ISDIR(st.st_mode))
		return fail_set(f, "%s: is a directory, not a stream of records: vae-pack makes one from it", source_name(s));
	if (s->second_pass && in->seekable &&
	    (st.st_size != in->st.st_size || st.st_mtim.tv_sec != in->st.st_mtim.tv_sec || st.st_mtim.tv_nsec != in->st.st_mtim.tv_nsec || !same_inode(&st, &in->st))) {
		fail_changed(f);
		return fail_add(f, "%s", source_name(s));
	}
	if (!s->second_pass)
		in->st = st;
	if (s->second_pass && !in->path && lseek(0, in->start, SEEK_SET) < 0)
		return fail_errno(f, "standard input: cannot rewind");
	if (s->rewindable && !s->second_pass && !in->seekable) {
		in->spool = open_spool(f);
		if (in->spool < 0)
			return -1;
	}
	return 1;
}

static ptrdiff_t read_ranges(struct source *s, struct fail *f)
{
	while (s->range < s->nranges && s->range_at == s->len[s->range]) {
		s->range++;
		s->range_at = 0;
	}
	if (s->range == s->nranges) {
		ptrdiff_t n = s->end_delivered ? 0 : TAR_END;
		memset(s->block, 0, (size_t)n);
		s->end_delivered = 1;
		return n;
	}
	uint64_t left = s->len[s->range] - s->range_at;
	ssize_t n;
	do
		n = pread(s->fd, s->block, left < BLOCK ? (size_t)left : BLOCK, (off_t)(s->from[s->range] + s->range_at));
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		s->range_at += (uint64_t)n;
		atomic_fetch_add_explicit(&s->bytes_read, (uint64_t)n, memory_order_relaxed);
	}
	return n < 0 ? fail_errno(f, "cannot read the spool") : n == 0 ? fail_set(f, "the spool is truncated") : n;
}

/* Waits until there is something to read, or the end. */
static int await_input(const struct source *s, struct fail *f)
{
	struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN}, {.fd = s->wake, .events = POLLIN}};
	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return fail_errno(f, "cannot wait for input");
	return p[1].revents ? fail_set(f, "stopped") : 0;
}

/* The end of the current input: the second pass must have read the bytes of the first. */
static int check_hash(struct source *s, struct fail *f)
{
	struct input *in = &s->in[s->current];
	uint64_t h = s->hash ? XXH3_64bits_digest(s->hash) : 0;
	if (s->second_pass)
		return in->hashed && h != in->hash ? fail_changed(f) : 0;
	in->hash = h;
	in->hashed = s->hash != NULL;
	return 0;
}

/* Reads raw bytes into block, after those that z holds: their number, 0 at the end, -1. */
static ptrdiff_t read_raw(struct source *s, struct fail *f)
{
	int may_wait = !s->second_pass && !s->in[s->current].seekable;
	char *to = s->block + s->z.avail_in;
	ssize_t n;
	do {
		if (may_wait && await_input(s, f))
			return -1;
		n = read(s->fd, to, BLOCK - s->z.avail_in);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return fail_errno(f, "cannot read");
	int spool = s->second_pass ? -1 : s->in[s->current].spool;
	if (n > 0 && spool >= 0 && write_all(spool, to, (size_t)n, f))
		return fail_add(f, "spool in $TMPDIR");
	if (n == 0 && check_hash(s, f))
		return -1;
	if (n > 0 && s->hash)
		XXH3_64bits_update(s->hash, to, (size_t)n);
	s->z.next_in = (unsigned char *)s->block;
	s->z.avail_in += (uInt)n;
	atomic_fetch_add_explicit(&s->bytes_read, (uint64_t)n, memory_order_relaxed);
	return n;
}

/* Reads the first bytes of an input, which a pipe may deliver one by one, to tell whether it is gzip. */
static int begin_input(struct source *s, struct fail *f)
{
	static const char magic[] = {0x1f, (char)0x8b, 8};
	ptrdiff_t n = 1;
	s->z.avail_in = 0;
	while (n > 0 && s->z.avail_in < sizeof magic)
		n = read_raw(s, f);
	if (n < 0)
		return -1;
	s->begun = 1;
	s->member_ended = s->in_padding = 0;
	s->gzip = s->z.avail_in >= sizeof magic && memcmp(s->block, magic, sizeof magic) == 0;
	if (s->gzip && (s->z.state ? inflateReset(&s->z) : inflateInit2(&s->z, 15 + 16)) != Z_OK)
		return fail_memory_for(f, "a gzip decoder");
	return 0;
}

/* Checks the bytes after a gzip member, and skips padding. */
static int check_after_member(struct source *s, struct fail *f)
{
	s->in_padding |= *s->z.next_in == 0;
	if (!s->in_padding && *s->z.next_in != 0x1f)
		return fail_set(f, "bytes after the end of the gzip stream that are not gzip");
	for (; s->in_padding && s->z.avail_in; s->z.next_in++, s->z.avail_in--)
		if (*s->z.next_in)
			return fail_set(f, "bytes after the end of the gzip stream that are not gzip");
	return 0;
}

static ptrdiff_t inflate_block(struct source *s, struct fail *f)
{
	s->z.next_out = (unsigned char *)s->inflated;
	s->z.avail_out = BLOCK;
	while (s->z.avail_out == BLOCK) {
		ptrdiff_t n = s->z.avail_in ? 1 : read_raw(s, f);
		if (n < 0)
			return -1;
		if (n == 0)
			return s->member_ended ? 0 : fail_set(f, "gzip stream is truncated");
		if (s->member_ended && check_after_member(s, f))
			return -1;
		if (s->in_padding)
			continue;
		int r = inflate(&s->z, Z_NO_FLUSH);
		s->member_ended = r == Z_STREAM_END;
		if (s->member_ended)
			r = inflateReset(&s->z);
		if (r == Z_MEM_ERROR)
			return fail_memory_for(f, "a gzip decoder");
		if (r != Z_OK)
			return fail_set(f, "gzip stream is damaged: %s", s->z.msg ? s->z.msg : zError(r));
	}
	return BLOCK - s->z.avail_out;
}

ptrdiff_t source_read(struct source *s, const void **block, struct fail *f)
{
	*block = s->block;
	if (s->from)
		return read_ranges(s, f);
	if (!s->begun && begin_input(s, f))
		return -1;
	if (s->gzip) {
		*block = s->inflated;
		return inflate_block(s, f);
	}
	ptrdiff_t n = s->z.avail_in ? 1 : read_raw(s, f);
	if (n <= 0)
		return n;
	n = s->z.avail_in;
	s->z.avail_in = 0;
	return n;
}

int source_rewind(struct source *s, struct fail *f)
{
	(void)f;
	s->second_pass = 1;
	s->current = -1;
	atomic_store_explicit(&s->bytes_read, 0, memory_order_relaxed);
	return 0;
}

uint64_t source_bytes(const struct source *s) { return atomic_load_explicit(&s->bytes_read, memory_order_relaxed); }
uint64_t source_total(const struct source *s) { return s->total; }

void source_stop(const struct source *s)
{
	if (s->wake >= 0)
		(void)!write(s->wake, &(uint64_t){1}, sizeof(uint64_t));
}

void source_close(struct source *s)
{
	if (!s)
		return;
	if (s->wake >= 0)
		close(s->wake);
	if (!s->from) {
		if (s->current >= 0 && s->current < s->n)
			close_input(s);
		for (int i = 0; i < s->n; i++)
			if (s->in[i].spool >= 0)
				close(s->in[i].spool);
	}
	inflateEnd(&s->z);
	XXH3_freeState(s->hash);
	free(s->in);
	free(s);
}

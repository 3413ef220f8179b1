/* The reader, under every compression: every proper prefix of a stream is an error. With any byte changed, the reader does not
 * crash, and reports an error if the compression has a checksum. */
#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/atomic.h"
#include "stream/reader.h"
#include "tap.h"
#include "stream/writer.h"

static struct fail f;
static char path[64];
static int fd;
static uint64_t bytes, hash; /* of the last stream read: bytes of input, hash of the members */

static void write_stream(const void *p, size_t n)
{
	struct fail why;
	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) < 0 || write_all(fd, p, n, &why))
		abort();
}

/* Reads the file, once or twice: the number of records, or -1 with the message in f. */
static int count_records(int flags, int twice)
{
	char *paths[] = {path};
	struct record rec = {.fields_member = -1};
	struct reader *r = reader_open(paths, 1, flags, &f);
	int n = 0, got = r ? 0 : -1;
	for (int pass = 0; pass < 1 + twice && r && got >= 0; pass++) {
		if (pass && reader_rewind(r, &f))
			got = -1;
		for (n = 0, hash = 0; got >= 0 && (got = reader_next(r, &rec, &f)) > 0; n += got == READER_RECORD)
			for (size_t i = 0; i < rec.n; i++)
				hash = XXH3_64bits_withSeed(rec.m[i].data.p, rec.m[i].data.len, hash + XXH3_64bits(rec.m[i].name, strlen(rec.m[i].name)));
	}
	record_free(&rec);
	bytes = r ? reader_bytes(r) : 0;
	reader_close(r);
	return got < 0 ? -1 : n;
}

/* A small tar: two records of two members. */
static void make_tar(int level, struct buf *out)
{
	struct record rec = {.fields_member = -1, .file = "made"};
	const char *dir = getenv("TMPDIR");
	char file[300];
	snprintf(file, sizeof file, "%.200s/vae-test-reader-%ld.tar", dir && *dir ? dir : "/tmp", (long)getpid());
	struct writer *w = writer_open(file, level, &f);
	for (int i = 0; w && i < 2; i++) {
		static const char *const names[2][2] = {{"a/0.png", "a/0.cls"}, {"a/1.png", "a/1.cls"}};
		rec.n = 0;
		for (int k = 0; k < 2; k++) {
			struct member *m = record_add_member(&rec, names[i][k], 1000000000, &f);
			if (!m || buf_addf(&m->data, &f, "member %d of record %d", k, i))
				abort();
		}
		if (writer_record(w, &rec, WRITER_ALL, &f))
			abort();
	}
	if (!w || writer_close(w, &f) || buf_read_file(out, file, 1 << 20, &f))
		abort();
	unlink(file);
	record_free(&rec);
}

/* Compresses `in` with a filter of libarchive. */
static int compress(const struct buf *in, const char *filter, struct buf *out)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	size_t cap = in->len + 65536, used = 0;
	char *p = malloc(cap);
	int r = !p || archive_write_add_filter_by_name(a, filter) != ARCHIVE_OK || archive_write_set_format_raw(a) != ARCHIVE_OK ||
	        archive_write_set_bytes_per_block(a, 0) != ARCHIVE_OK || archive_write_open_memory(a, p, cap, &used) != ARCHIVE_OK;
	archive_entry_set_filetype(e, AE_IFREG);
	r = r || archive_write_header(a, e) != ARCHIVE_OK || archive_write_data(a, in->p, in->len) != (la_ssize_t)in->len ||
	    archive_write_close(a) != ARCHIVE_OK || buf_add(out, p, used, &f);
	archive_entry_free(e);
	archive_write_free(a);
	free(p);
	return r;
}

/* How many records the bytes hold, with n bytes of `what` and then `last` behind them. */
static int records_with(const struct buf *b, size_t n, char what, const struct buf *last)
{
	struct buf all = {0};
	f.msg[0] = 0;
	if (buf_add(&all, b->p, b->len, &f) || buf_reserve(&all, n, &f))
		abort();
	memset(all.p + all.len, what, n);
	all.len += n;
	if (last && buf_add(&all, last->p, last->len, &f))
		abort();
	write_stream(all.p, all.len);
	buf_free(&all);
	return count_records(0, 0);
}

/* What follows a compressed stream: zeros of any number are padding, all else is an error. */
static void test_end(const char *name, const struct buf *b)
{
	static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 11, 12, 16, 511, 512, 100000, 300001};
	const struct buf junk = {.p = (char[]){"x"}, .len = 1};
	int accepted = 0, silent = 0, padded = 0, behind = 0, plain = strcmp(name, "plain") == 0, n = sizeof sizes / sizeof *sizes;
	for (int i = 0; i < n; i++) {
		accepted += records_with(b, sizes[i], 'x', NULL) != -1;
		silent += !strstr(f.msg, "bytes after the end");
		padded += records_with(b, sizes[i], 0, NULL) == 2;
		behind += records_with(b, sizes[i], 0, &junk) != -1;
		silent += !strstr(f.msg, "bytes after the end");
	}
	ok(!accepted && !behind && !silent, "%s: bytes after the end, or after zeros behind it, are accepted %d and %d times, %d times with another message; %s", name, accepted, behind, silent, f.msg);
	ok(padded == n, "%s: zeros of %d of %d sizes are padding", name, padded, n);
	for (size_t k = 1; k <= 4 && !plain; k++) { /* another frame that is not complete */
		struct buf begin = {.p = b->p, .len = k};
		accepted += records_with(b, 0, 0, &begin) != -1;
	}
	ok(!accepted, "%s: the begin of another frame is an error: %s", name, f.msg);
}

/* Two compressed streams, one after the other, are one, and truncated anywhere an error. */
static void test_two(const char *filter, const struct buf *tar)
{
	struct buf part[2] = {{0}, {0}}, halves[2] = {{.p = tar->p, .len = tar->len / 2 + 7}, {.p = tar->p + tar->len / 2 + 7, .len = tar->len - tar->len / 2 - 7}};
	if (compress(&halves[0], filter, &part[0]) || compress(&halves[1], filter, &part[1]))
		abort();
	ok(records_with(&part[0], 0, 0, &part[1]) == 4, "%s: two streams, one after the other %s", filter, f.msg);
	int accepted = 0, padded = 0;
	for (size_t n = part[1].len; n-- > 0;) {
		part[1].len = n;
		accepted += records_with(&part[0], 0, 0, &part[1]) >= 0;
	}
	ok(!accepted, "%s: of all that is truncated in the second stream %d are accepted", filter, accepted);
	part[1].len = 0;
	compress(&halves[1], filter, &part[1]);
	for (size_t n = 1; n <= 8; n++)
		padded += records_with(&part[0], n, 0, &part[1]) == 4;
	ok(padded == (strcmp(filter, "xz") == 0 ? 2 : 0), "%s: behind zeros of %d of 8 sizes another stream may follow", filter, padded);
	buf_free(&part[0]);
	buf_free(&part[1]);
}

int main(void)
{
	static const char *const filters[] = {NULL, "zstd", "gzip", "xz", "bzip2", "lz4", "our zstd"};
	struct buf tar = {0}, two = {0};
	setlocale(LC_CTYPE, "C.UTF-8");
	fd = memfd_create("stream", 0);
	if (fd < 0)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	make_tar(WRITER_PLAIN, &tar);
	ok(tar.len == 4 * 1024 + 1024, "a tar of two records: %zu bytes", tar.len);
	buf_add(&two, tar.p, tar.len, &f);
	buf_add(&two, tar.p, tar.len, &f);
	memcpy(two.p + tar.len, "b", 1); /* the second archive has other keys, and so other checksums */
	for (int i = 0; i < 4; i++) {
		char *h = two.p + tar.len + (size_t)i * 1024;
		unsigned sum = 0;
		h[0] = 'b';
		memset(h + 148, ' ', 8);
		for (int k = 0; k < 512; k++)
			sum += (unsigned char)h[k];
		snprintf(h + 148, 8, "%06o", sum);
	}

	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
		struct buf all = {0};
		const char *name = filters[i] ? filters[i] : "plain";
		if (strncmp(name, "our", 3) == 0) {
			make_tar(WRITER_DEFAULT_LEVEL, &all);
		} else if (filters[i] ? compress(&tar, filters[i], &all) : buf_add(&all, tar.p, tar.len, &f)) {
			skip(name, "this libarchive cannot write it");
			continue;
		}
		write_stream(all.p, all.len);
		ok(count_records(0, 0) == 2 && count_records(READER_REWINDABLE, 1) == 2 && bytes == all.len, "%s: complete, in one pass and in two", name);
		uint64_t whole = hash;
		int accepted = 0, silent = 0;
		for (size_t n = all.len; n-- > 0;) {
			if (ftruncate(fd, (off_t)n))
				abort();
			f.msg[0] = 0;
			accepted += count_records(0, 0) >= 0;
			silent += !strstr(f.msg, path);
		}
		ok(!accepted && !silent, "%s: of %zu proper prefixes %d are accepted, and %d errors do not name the file", name, all.len, accepted, silent);
		int too_many = 0, undetected = 0;
		for (size_t n = 0; n < all.len; n++) { /* a sanitizer sees more errors */
			char was = all.p[n];
			all.p[n] = (char)(was ^ (1 << n % 8));
			write_stream(all.p, all.len);
			int got = count_records(0, 0);
			too_many += got > 4;
			undetected += got >= 0 && hash != whole;
			all.p[n] = was;
		}
		ok(!too_many, "%s: any byte changed", name);
		if (i > 1) /* plain tar and libarchive's zstd have no checksum of the data */
			ok(!undetected, "%s: changes that are not detected: %d", name, undetected);
		test_end(name, &all);
		if (filters[i] && strcmp(filters[i], "our zstd") != 0)
			test_two(filters[i], &two);
		buf_free(&all);
	}

	write_stream(two.p, two.len);
	ok(count_records(0, 0) == 4, "two archives, one after the other");
	int accepted = 0, at = 0;
	for (size_t n = 0; n < two.len; n++) {
		write_stream(two.p, n);
		if (count_records(0, 0) >= 0) {
			accepted++;
			at = (int)n;
		}
	}
	ok(accepted == 1 && at == (int)tar.len, "truncated anywhere but between the two (%d accepted, at %d of %zu)", accepted, at, two.len);

	static const char zeros[20480];
	write_stream(tar.p, tar.len);
	if (write_all(fd, zeros, sizeof zeros, &f))
		abort();
	accepted = 0;
	for (size_t n = 0; n < sizeof zeros; n += 512) {
		if (ftruncate(fd, (off_t)(tar.len + n)))
			abort();
		accepted += count_records(0, 0) == 2;
	}
	ok(accepted == 40, "zero blocks after the end are padding");
	int whole[3];
	for (int k = 0; k < 3; k++) {
		static const size_t sizes[] = {0, 512, 1024};
		write_stream(zeros, sizes[k]);
		whole[k] = count_records(0, 0);
	}
	ok(whole[0] == -1 && whole[1] == -1 && whole[2] == 0, "no bytes and 512 zeros are errors, 1024 zeros are an empty stream");

	char *twice[] = {path, path};
	struct record rec = {.fields_member = -1};
	write_stream(tar.p, tar.len);
	struct reader *r = reader_open(twice, 2, 0, &f);
	int n = 0, got;
	while ((got = reader_next(r, &rec, &f)) > 0)
		n++;
	ok(got == -1 && n == 2 && strstr(f.msg, "same key") && strstr(f.msg, "--key-prefix"), "a FILE twice: %s", f.msg);
	reader_close(r);
	r = reader_open(twice, 2, READER_KEYS_PER_FILE, &f);
	for (n = 0; (got = reader_next(r, &rec, &f)) > 0;)
		n++;
	ok(got == 0 && n == 4 && rec.ordinal == 0, "with READER_KEYS_PER_FILE");
	ok(reader_bytes(r) == 2 * tar.len && reader_total(r) == 2 * tar.len, "bytes read, and in total");
	reader_close(r);
	record_free(&rec);
	buf_free(&tar);
	buf_free(&two);
	close(fd);
	return done();
}

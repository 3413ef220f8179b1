/* A zip archive is (APPNOTE.TXT 4.3.6; numbers are little-endian):
 *
 *     files | directory | [zip64 end record | zip64 end locator |] end record with the comment
 *
 * end record (4.3.16)        zip64 end record (4.3.14)      zip64 end locator (4.3.15)
 *  0  4 "PK\5\6"              0  4 "PK\6\6"                  0  4 "PK\6\7"
 *  4  2 this disk             4  8 bytes behind this field   4  4 disk of the zip64 end record
 *  6  2 disk of directory    12  2 version made by           8  8 offset of the zip64 end record
 *  8  2 entries on disk      14  2 version needed           16  4 number of disks
 * 10  2 entries              16  4 this disk
 * 12  4 size of directory    20  4 disk of directory
 * 16  4 its offset           24  8 entries on disk
 * 20  2 bytes of comment     32  8 entries
 * 22    comment              40  8 size of directory
 *                            48  8 its offset
 *                            56    data
 *
 * With zip64, a number that is too large for the end record is there 0xffff or 0xffffffff, and stands in the zip64 end record. */
#include "pack/zip_directory.h"

#include <string.h>

#include "base/atomic.h"
#include "base/buf.h"

enum { END_SIZE = 22, ZIP64_END_SIZE = 56, LOCATOR_SIZE = 20, SEARCHED = 16384 }; /* SEARCHED: bytes in which libarchive looks for the end record */

struct directory {
	uint64_t entries, size, offset;
};

static uint64_t le(const unsigned char *p, int n)
{
	return n ? p[0] | le(p + 1, n - 1) << 8 : 0;
}

static int has_signature(const unsigned char *p, const char *signature) { return memcmp(p, signature, 4) == 0; }

/* Whether an end record stands at p, with n bytes up to the end of the file. at: its offset in the file. */
static int is_end(const unsigned char *p, size_t n, uint64_t at)
{
	if (!has_signature(p, "PK\5\6"))
		return 0;
	int one_disk = le(p + 4, 4) == 0 && le(p + 8, 2) == le(p + 10, 2);
	int comment_is_whole = le(p + 20, 2) <= n - END_SIZE;
	int directory_is_before = le(p + 16, 4) == UINT32_MAX || le(p + 16, 4) + le(p + 12, 4) <= at;
	return one_disk && comment_is_whole && directory_is_before;
}

/* Searches the n bytes at `tail`, the last ones of the file, backwards, as libarchive does. Sets *found to the position of the end record in them. */
static int find_end(const unsigned char *tail, size_t n, uint64_t tail_at, size_t *found)
{
	for (size_t i = n < END_SIZE ? 0 : n - END_SIZE + 1; i-- > 0;)
		if (is_end(tail + i, n - i, tail_at + i)) {
			*found = i;
			return 1;
		}
	return 0;
}

/* Reads the zip64 end record, whose offset is *at. */
static int read_zip64(int fd, const char *path, uint64_t at, struct directory *d, struct fail *f)
{
	unsigned char p[ZIP64_END_SIZE];
	if (at > INT64_MAX || read_at(fd, p, sizeof p, (off_t)at) != (ssize_t)sizeof p || !has_signature(p, "PK\6\6"))
		return fail_set(f, "%s: damaged: the zip64 record is not where its locator says", path);
	*d = (struct directory){.entries = le(p + 32, 8), .size = le(p + 40, 8), .offset = le(p + 48, 8)};
	return 0;
}

static int check(int fd, const char *path, const unsigned char *tail, size_t n, uint64_t tail_at, uint64_t *entries, struct fail *f)
{
	size_t i;
	if (!find_end(tail, n, tail_at, &i))
		return fail_set(f, "%s: truncated: a zip archive without its end, which must be in the last %d bytes; if its comment is longer, remove that: zip -z", path, SEARCHED);
	const unsigned char *end = tail + i, *locator = i >= LOCATOR_SIZE ? end - LOCATOR_SIZE : NULL;
	struct directory d = {.entries = le(end + 10, 2), .size = le(end + 12, 4), .offset = le(end + 16, 4)};
	uint64_t end_of_directory = tail_at + i;
	if (locator && has_signature(locator, "PK\6\7")) {
		end_of_directory = le(locator + 8, 8);
		if (read_zip64(fd, path, end_of_directory, &d, f))
			return -1;
	}
	*entries = d.entries;
	if (d.offset <= end_of_directory && d.size == end_of_directory - d.offset)
		return 0;
	return fail_set(f, "%s: a zip archive whose directory is not directly before its end: truncated, several archives in one file, or an archive in the comment; unpack it, and pack the directory", path);
}

int zip_directory(int fd, const char *path, uint64_t size, uint64_t *entries, struct fail *f)
{
	struct buf tail = {0};
	uint64_t at = size > SEARCHED ? size - SEARCHED : 0;
	if (buf_reserve(&tail, SEARCHED, f))
		return -1;
	ssize_t n = read_at(fd, tail.p, SEARCHED, (off_t)at);
	int r = n < 0 ? fail_errno(f, "%s", path) : check(fd, path, (unsigned char *)tail.p, (size_t)n, at, entries, f);
	buf_free(&tail);
	return r;
}

/* Headers of tar: what is written is read again, and no flipped bit of a header gives other records. */
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "stream/tar.h"
#include "tap.h"

static struct fail f;

/* ---- reading from memory, in pieces of `step` bytes ---- */

struct input {
	const char *p;
	size_t n, at, step;
};

static ptrdiff_t read_input(void *ctx, const void **block, struct fail *why)
{
	(void)why;
	struct input *in = ctx;
	size_t k = in->n - in->at < in->step ? in->n - in->at : in->step;
	*block = in->p + in->at;
	in->at += k;
	return (ptrdiff_t)k;
}

/* Reads an archive: appends a line for each member with its name and data to out. The number of members, or -1. */
static int list(const struct buf *tar, size_t step, struct buf *out)
{
	struct input in = {tar->p, tar->len, 0, step};
	struct tar_reader *t = tar_open(read_input, &in, &f);
	struct tar_header h = {.type = TAR_FILE};
	uint64_t size;
	int n = 0, got = -1;
	f.msg[0] = 0;
	while (t && (got = tar_next(t, &h, &size, &f)) > 0) {
		const void *p;
		ptrdiff_t k;
		uint64_t bytes = 0;
		if (buf_add(out, h.name.p, h.name.len, &f) || buf_add(out, "=", 1, &f))
			abort();
		while ((k = tar_data(t, &p, &f)) > 0) {
			bytes += (uint64_t)k;
			if (bytes > 1 << 20 || buf_add(out, p, (size_t)k, &f))
				break;
		}
		if (k || bytes != size || buf_add(out, "\n", 1, &f)) {
			got = -1;
			break;
		}
		n++;
	}
	tar_header_free(&h);
	tar_close(t);
	return got < 0 ? -1 : n;
}

/* ---- archives of other formats ---- */

static void put_header(struct buf *out, const char *name, char type, size_t size, const char *magic, const char *link)
{
	char b[TAR_BLOCK] = {0};
	unsigned sum = 0;
	snprintf(b, 100, "%s", name);
	snprintf(b + 100, 8, "%07o", 0644u);
	snprintf(b + 108, 8, "%07o", 0u);
	snprintf(b + 116, 8, "%07o", 0u);
	snprintf(b + 124, 12, "%011zo", size);
	snprintf(b + 136, 12, "%011o", 1000000000u);
	memset(b + 148, ' ', 8);
	b[156] = type;
	snprintf(b + 157, 100, "%s", link);
	memcpy(b + 257, magic, 8);
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)b[i];
	snprintf(b + 148, 8, "%06o", sum);
	if (buf_add(out, b, sizeof b, &f))
		abort();
}

static void put_data(struct buf *out, const void *p, size_t n)
{
	static const char zeros[TAR_BLOCK];
	if (buf_add(out, p, n, &f) || buf_add(out, zeros, -n % TAR_BLOCK, &f))
		abort();
}

static void put_end(struct buf *out)
{
	static const char zeros[2 * TAR_BLOCK];
	if (buf_add(out, zeros, sizeof zeros, &f))
		abort();
}

static const char pax_magic[] = "ustar\00000", gnu_magic[] = "ustar  ";

/* A pax header and a member; the values of names, which no checksum protects, are not to be flipped: *from to *to. */
static void put_pax(struct buf *out, const char *name, const char *keyword, const char *more, const void *data, size_t n, size_t *from, size_t *to)
{
	struct buf x = {0};
	if (tar_add_record(&x, "mtime", 5, "1234567890.5", 12, &f) || tar_add_record(&x, keyword, strlen(keyword), name, strlen(name), &f))
		abort();
	size_t at = x.len - 1 - strlen(name);
	if (buf_add(&x, more, strlen(more), &f) || tar_add_record(&x, "SCHILY.xattr.user.k", 19, "v", 1, &f))
		abort();
	put_header(out, "PaxHeaders/x", 'x', x.len, pax_magic, "");
	*from = out->len + at;
	*to = *from + strlen(name);
	put_data(out, x.p, x.len);
	put_header(out, "short", '0', n, pax_magic, "");
	put_data(out, data, n);
	buf_free(&x);
}

/* Flips every bit of the headers, that is of all that is neither data nor in one of the ranges. */
static void flips(const char *what, struct buf *tar, const size_t ranges[][2], int n)
{
	struct buf whole = {0}, got = {0};
	int members = list(tar, 1 << 16, &whole), refused = 0, same = 0, other = 0, example = -1;
	for (size_t at = 0; at < tar->len - 2 * TAR_BLOCK; at++) {
		int protected = 0;
		for (int i = 0; i < n; i++)
			protected |= at >= ranges[i][0] && at < ranges[i][1];
		for (int bit = 0; bit < 8 && !protected; bit++) {
			tar->p[at] = (char)(tar->p[at] ^ 1 << bit);
			got.len = 0;
			int k = list(tar, 1 << 16, &got);
			int equal = k == members && got.len == whole.len && memcmp(got.p, whole.p, got.len) == 0;
			refused += k < 0;
			same += equal;
			if (k >= 0 && !equal) {
				other++;
				example = (int)at;
			}
			tar->p[at] = (char)(tar->p[at] ^ 1 << bit);
		}
	}
	ok(members > 0 && refused > 1000 && other == 0, "%s: of all flipped bits of headers %d are refused, %d change nothing, %d give other records (at %d)", what,
	   refused, same, other, example);
	buf_free(&whole);
	buf_free(&got);
}

static void test_flips(void)
{
	struct buf tar = {0};
	char payload[600], long_name[160];
	size_t r[8][2];
	memset(payload, 'p', sizeof payload);
	memset(long_name, 'n', sizeof long_name);
	strcpy(long_name + 150, ".png");

	put_header(&tar, "a/1.png", '0', sizeof payload, pax_magic, "");
	r[0][0] = tar.len, put_data(&tar, payload, sizeof payload), r[0][1] = tar.len;
	put_header(&tar, "a/1.cls", '0', 1, pax_magic, "");
	r[1][0] = tar.len, put_data(&tar, "7", 1), r[1][1] = tar.len;
	put_header(&tar, "a/", '5', 0, pax_magic, "");
	put_header(&tar, "l", '2', 0, pax_magic, "a/1.png");
	put_end(&tar);
	flips("ustar", &tar, r, 2);

	tar.len = 0;
	put_header(&tar, "././@LongLink", 'L', strlen(long_name) + 1, gnu_magic, "");
	r[0][0] = tar.len, put_data(&tar, long_name, strlen(long_name) + 1), r[0][1] = r[0][0] + strlen(long_name);
	put_header(&tar, "short", '0', sizeof payload, gnu_magic, "");
	r[1][0] = tar.len, put_data(&tar, payload, sizeof payload), r[1][1] = tar.len;
	put_header(&tar, "b.png", '0', 3, gnu_magic, "");
	r[2][0] = tar.len, put_data(&tar, "xyz", 3), r[2][1] = tar.len;
	put_end(&tar);
	/* the padding of a long name must be zeros */
	flips("GNU", &tar, r, 3);

	tar.len = 0;
	put_pax(&tar, long_name, "path", "", payload, sizeof payload, &r[0][0], &r[0][1]);
	r[1][0] = tar.len - 1024, r[1][1] = tar.len;
	put_pax(&tar, "b/2.png", "path", "10 uid=77\n", "x", 1, &r[2][0], &r[2][1]);
	r[3][0] = tar.len - 512, r[3][1] = tar.len;
	put_end(&tar);
	flips("pax", &tar, r, 4);

	tar.len = 0;
	char map[TAR_BLOCK + 6] = "2\n100\n3\n200\n3\n";
	memcpy(map + TAR_BLOCK, "abcdef", 6);
	put_pax(&tar, "s.png", "GNU.sparse.name", "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n27 GNU.sparse.realsize=300\n", map, sizeof map, &r[0][0], &r[0][1]);
	r[1][0] = tar.len - 512, r[1][1] = tar.len;
	r[2][0] = tar.len - 1024, r[2][1] = tar.len - 512; /* the map is data: a flipped digit of an offset is another file */
	r[3][0] = r[0][1] + 68, r[3][1] = r[3][0] + 3;   /* realsize */
	put_end(&tar);
	ok(memcmp(tar.p + r[3][0], "300", 3) == 0, "realsize is where it was expected");
	flips("pax, sparse 1.0", &tar, r, 4);

	tar.len = 0;
	put_pax(&tar, "s.png", "GNU.sparse.name", "23 GNU.sparse.size=300\n26 GNU.sparse.numblocks=2\n30 GNU.sparse.map=100,3,200,3\n", "abcdef", 6, &r[0][0], &r[0][1]);
	r[1][0] = tar.len - 512, r[1][1] = tar.len;
	r[2][0] = r[0][1] + 20, r[2][1] = r[2][0] + 3;   /* size */
	r[3][0] = r[0][1] + 68, r[3][1] = r[3][0] + 11;  /* map */
	put_end(&tar);
	ok(memcmp(tar.p + r[2][0], "300", 3) == 0 && memcmp(tar.p + r[3][0], "100,3,200,3", 11) == 0, "size and map are where they were expected");
	flips("pax, sparse 0.1", &tar, r, 4);
	buf_free(&tar);
}

/* ---- what is written is read again ---- */

static size_t below(size_t n) { return (size_t)(uniform() * (double)n); }
static uint64_t word(void) { return (uint64_t)below(1u << 31) << 33 ^ (uint64_t)below(1u << 31) << 12 ^ below(1 << 12); }

static void fill_name(struct buf *b, size_t max, int any)
{
	b->len = 0;
	for (size_t n = below(max) + 1; n; n--) {
		static const char common[] = "abc/.//";
		char c = any && below(8) == 0 ? (char)(1 + below(255)) : common[below(7)];
		if (buf_add(b, &c, 1, &f))
			abort();
	}
}

static int same_text(const struct buf *a, const struct buf *b) { return a->len == b->len && (a->len == 0 || memcmp(a->p, b->p, a->len) == 0); }
static int same_time(const struct tar_time *a, const struct tar_time *b) { return a->set == b->set && (!a->set || (a->sec == b->sec && a->nsec == b->nsec)); }

static void random_time(struct tar_time *t)
{
	t->set = below(3) > 0;
	t->sec = (int64_t)word() >> below(62);
	if (t->sec < -(INT64_MAX / 2) || t->sec > INT64_MAX / 2)
		t->sec /= 4;
	t->nsec = below(2) ? 0 : (int32_t)below(1000000000);
}

static void test_round_trip(void)
{
	enum { N = 20000 };
	static const char types[] = "0123456";
	struct buf tar = {0}, again = {0};
	struct tar_header h = {.type = TAR_FILE}, back = {.type = TAR_FILE};
	int bad = 0, longer = 0, changes = 0;
	for (int i = 0; i < N; i++) {
		tar_header_clear(&h);
		do
			fill_name(&h.name, below(4) ? 120 : 400, below(2));
		while (h.name.len == 0);
		h.type = (enum tar_type)types[below(7)];
		if (h.type == TAR_SYMLINK || h.type == TAR_LINK)
			fill_name(&h.link, 150, below(2));
		fill_name(&h.uname, 40, below(2));
		fill_name(&h.gname, 40, below(2));
		h.mode = (unsigned)below(010000);
		h.uid = (int64_t)(word() >> 1 >> below(63));
		h.gid = (int64_t)(word() >> 1 >> below(63));
		if (h.type == TAR_CHAR || h.type == TAR_DEVICE) {
			h.devmajor = (int64_t)(word() >> 1 >> below(63));
			h.devminor = (int64_t)(word() >> 1 >> below(63));
		}
		random_time(&h.mtime);
		h.mtime.set = 1;
		random_time(&h.atime);
		random_time(&h.ctime);
		if (below(4) == 0 && (tar_add_record(&h.records, "SCHILY.xattr.a=b", 14, "\0\n\xff", 3, &f) || tar_add_record(&h.records, "comment", 7, "", 0, &f)))
			abort();
		if (below(4) == 0) { /* one that often fits ustar */
			h.mtime = (struct tar_time){(int64_t)below(1u << 30), 0, 1};
			h.atime.set = h.ctime.set = 0;
			h.uid = h.gid = (int64_t)below(1 << 18);
			h.uname.len = h.gname.len = h.records.len = 0;
		}
		tar.len = again.len = 0;
		if (tar_format(&h, 0, &tar, &f))
			abort();
		longer += tar.len > TAR_BLOCK;
		put_end(&tar);
		struct input in = {tar.p, tar.len, 0, 1 + below(2000)};
		struct tar_reader *t = tar_open(read_input, &in, &f);
		uint64_t size = 1;
		if (!t || tar_next(t, &back, &size, &f) != 1 || size != 0 || tar_format(&back, 0, &again, &f)) {
			bad++;
			printf("# %s\n", f.msg);
		} else {
			put_end(&again);
			int records = h.records.len ? back.records.len == h.records.len : back.records.len == 0;
			bad += !same_text(&h.name, &back.name) || !same_text(&h.link, &back.link) || !same_text(&h.uname, &back.uname) || !same_text(&h.gname, &back.gname) ||
			       h.type != back.type || h.mode != back.mode || h.uid != back.uid || h.gid != back.gid || h.devmajor != back.devmajor || h.devminor != back.devminor ||
			       !same_time(&h.mtime, &back.mtime) || !same_time(&h.atime, &back.atime) || !same_time(&h.ctime, &back.ctime) || !records;
			changes += h.records.len == 0 && !same_text(&tar, &again);
		}
		tar_close(t);
	}
	ok(bad == 0 && longer > N / 2 && longer < N, "%d random headers, %d of them with a pax header, are read as they were written (%d are not)", N, longer, bad);
	ok(changes == 0, "and are written again with the same bytes (%d are not)", changes);
	tar_header_free(&h);
	tar_header_free(&back);
	buf_free(&tar);
	buf_free(&again);
}

static void test_pieces(void)
{
	struct buf tar = {0}, whole = {0}, got = {0};
	char payload[3000];
	size_t r[2];
	for (size_t i = 0; i < sizeof payload; i++)
		payload[i] = (char)(i * 7 % 251);
	put_pax(&tar, "a.png", "path", "", payload, sizeof payload, &r[0], &r[1]);
	put_header(&tar, "b.png", '0', 0, gnu_magic, "");
	put_end(&tar);
	int n = list(&tar, 1 << 20, &whole), bad = 0;
	for (size_t step = 1; step < 1100; step += 7) {
		got.len = 0;
		bad += list(&tar, step, &got) != n || !same_text(&got, &whole);
	}
	ok(n == 2 && bad == 0, "input in pieces of any size gives the same members");
	bad = 0;
	for (size_t len = 0; len < tar.len; len++) {
		struct buf part = {tar.p, len, 0};
		got.len = 0;
		bad += list(&part, 1 << 20, &got) >= 0;
	}
	ok(bad == 0, "every prefix is refused");
	buf_free(&tar);
	buf_free(&whole);
	buf_free(&got);
}

/* One pax record before a member: whether it is read, and the message. */
static void test_records(void)
{
	static const struct {
		const char *record;
		int accepted;
	} cases[] = {
		{"10 uid=77\n", 1}, {"11 uid=077\n", 1}, {"9 uid=77\n", 1}, {"8 uid=77\n", 0}, {"11 uid=77\n", 0}, {"010 uid=77\n", 0}, {" 10 uid=77\n", 0}, {"10 uid 77\n", 0}, {"10  id=77\n", 0},
		{"8 uid=\n", 0}, {"10 uid=-1\n", 0}, {"10 gid=-1\n", 0}, {"11 uid=1.5\n", 0}, {"29 uid=99999999999999999999\n", 0}, {"5 =7\n", 0},
		{"12 mtime=-1\n", 1}, {"14 mtime=-1.5\n", 1}, {"13 mtime=1.5\n", 1}, {"12 mtime=1x\n", 0}, {"11 mtime=.\n", 0}, {"9 mtime=\n", 0},
		{"18 comment=anything\n", 0}, {"20 comment=anything\n", 1}, {"18 commend=anything\n", 0}, {"12 puth=a.b\n", 0}, {"12 path=a.b\n", 1}, {"12 path=a$b\n", 0}, {"8 path=\n", 0},
		{"13 VENDOR.x=1\n", 0}, {"14 VENDOR.x=1\n", 1}, {"14 vendor.x=1\n", 0}, {"20 GNU.something=xy\n", 0}, {"21 GNU.something=xyz\n", 0},
		{"21 hdrcharset=BINARY\n", 1}, {"39 hdrcharset=ISO-IR 10646 2000 UTF-8\n", 0}, {"38 hdrcharset=ISO-IR 10646 2000 UTF-8\n", 1}, {"21 hdrcharset=BINORY\n", 0},
		{"22 GNU.sparse.major=1\n", 0}, {"26 SCHILY.realsize=300000\n", 0},
		{"29 LIBARCHIVE.xattr.a=dmFsdQ\n", 1}, {"31 LIBARCHIVE.xattr.a=dmFsdQ==\n", 1}, {"29 LIBARCHIVE.xattr.a=dm*sdQ\n", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf tar = {0}, out = {0};
		const char *c = cases[i].record;
		size_t n = strlen(c);
		char text[100];
		memcpy(text, c, n + 1);
		for (char *nul = text; (nul = strchr(nul, '$'));) /* stands for a NUL */
			*nul = 0;
		put_header(&tar, "x", 'x', n, pax_magic, "");
		put_data(&tar, text, n);
		put_header(&tar, "m.png", '0', 1, pax_magic, "");
		put_data(&tar, "1", 1);
		put_end(&tar);
		int got = list(&tar, 1 << 20, &out);
		ok((got == 1) == cases[i].accepted && (got == 1 || f.msg[0]), "%.*s: %s", (int)strcspn(c, "\n"), c, got == 1 ? "read" : f.msg);
		buf_free(&tar);
		buf_free(&out);
	}
}

int main(void)
{
	test_round_trip();
	test_pieces();
	test_records();
	test_flips();
	return done();
}

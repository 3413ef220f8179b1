/* Reads tar: v7, ustar, GNU and pax.
 *
 * An archive is a sequence of blocks of 512 bytes. A member is a header block and its data, padded to whole blocks. Headers of
 * other types before it say more about it: GNU's L and K hold a long name and a long link target; pax's x holds records
 * `LENGTH KEYWORD=VALUE\n`, and g holds defaults for all members that follow. Two blocks of zeros end an archive. Only zeros
 * or another archive may follow.
 *
 * Headers are read strictly, since a guess loses records: a wrong checksum, a field that is not a number, a pax record of a wrong
 * length, a keyword that is not known, a sparse map that does not match the size are errors. Pax keywords of vendors
 * (`VENDOR.keyword`) that do not describe where data are and that nobody here needs are kept as they are.
 *
 * A sparse file is stored as a map of extents and their data. The map is in the header (GNU's type S), in records (versions
 * 0.0 and 0.1) or in blocks before the data (1.0). tar_data() delivers the whole file. */
#include "stream/tar.h"

#include <stdlib.h>
#include <string.h>

#include "stream/name.h"

enum { MAX_EXTENTS = 1 << 20, HOLE = 1 << 16 };

struct extent {
	uint64_t from, len;
};

struct record { /* a pax record to keep: offsets in `kept` */
	size_t keyword, keyword_len, value, value_len;
	int converted; /* from LIBARCHIVE.xattr. */
};

/* What extended headers say. */
enum {
	HAS_PATH = 1 << 0, HAS_LINK = 1 << 1, HAS_UNAME = 1 << 2, HAS_GNAME = 1 << 3, HAS_UID = 1 << 4, HAS_GID = 1 << 5, HAS_SIZE = 1 << 6,
	HAS_MTIME = 1 << 7, HAS_ATIME = 1 << 8, HAS_CTIME = 1 << 9, HAS_MAJOR = 1 << 10, HAS_MINOR = 1 << 11,
	SPARSE_MAJOR = 1 << 12, SPARSE_MINOR = 1 << 13, SPARSE_NAME = 1 << 14, SPARSE_REALSIZE = 1 << 15,
	SPARSE_SIZE = 1 << 16, SPARSE_COUNT = 1 << 17, SPARSE_MAP = 1 << 18, SPARSE_LIST = 1 << 19,
	SPARSE_10 = SPARSE_MAJOR | SPARSE_MINOR | SPARSE_NAME | SPARSE_REALSIZE,
	SPARSE_01 = SPARSE_SIZE | SPARSE_COUNT | SPARSE_MAP | SPARSE_NAME,
	SPARSE_00 = SPARSE_SIZE | SPARSE_COUNT | SPARSE_LIST,
	SPARSE = SPARSE_10 | SPARSE_01 | SPARSE_00,
	LOCAL_ONLY = SPARSE | HAS_PATH | HAS_LINK | HAS_SIZE | HAS_MAJOR | HAS_MINOR, /* makes no sense for all members */
};

struct said {
	int has;
	struct tar_header h;
	int64_t size, sparse_major, sparse_minor, sparse_size, sparse_count;
	struct buf sparse_name;
};

struct tar_reader {
	tar_read_fn *read;
	void *ctx;
	const char *block;         /* delivered by read(), not yet taken */
	size_t left;
	char held[TAR_BLOCK];      /* a block that was delivered in parts */
	uint64_t bytes;
	int zeros, members;        /* blocks of zeros since the last member */
	struct said all, next;     /* said for all members; for the next one */
	int have_x, have_long;     /* extended headers before the next member */
	struct buf text, kept, records;
	/* the data of the member */
	uint64_t stored, size, at; /* stored bytes not yet delivered; the size of the file; bytes delivered */
	size_t padding, extent, used; /* the current extent, and how much of it was delivered */
	int sparse;
	struct buf extents;
};

struct tar_reader *tar_open(tar_read_fn *read, void *ctx, struct fail *f)
{
	struct tar_reader *t = calloc(1, sizeof *t);
	if (!t) {
		fail_memory(f);
		return NULL;
	}
	t->read = read;
	t->ctx = ctx;
	return t;
}

static void free_said(struct said *s)
{
	tar_header_free(&s->h);
	buf_free(&s->sparse_name);
}

void tar_close(struct tar_reader *t)
{
	if (!t)
		return;
	free_said(&t->all);
	free_said(&t->next);
	buf_free(&t->text);
	buf_free(&t->kept);
	buf_free(&t->records);
	buf_free(&t->extents);
	free(t);
}

uint64_t tar_bytes(const struct tar_reader *t) { return t->bytes; }

static int set_text(struct buf *b, const char *p, size_t n, struct fail *f)
{
	b->len = 0;
	return buf_add(b, p, n, f);
}

/* ---- bytes ---- */

/* Whether there are delivered bytes: 1, 0 at the end, -1. */
static int refill(struct tar_reader *t, struct fail *f)
{
	if (t->left)
		return 1;
	const void *block;
	ptrdiff_t n = t->read(t->ctx, &block, f);
	if (n <= 0)
		return (int)n;
	t->block = block;
	t->left = (size_t)n;
	return 1;
}

static void take(struct tar_reader *t, size_t n)
{
	t->block += n;
	t->left -= n;
	t->bytes += n;
}

/* The next block: the number of its bytes, less than TAR_BLOCK at the end, -1. */
static int read_block(struct tar_reader *t, const char **block, struct fail *f)
{
	if (t->left >= TAR_BLOCK) {
		*block = t->block;
		take(t, TAR_BLOCK);
		return TAR_BLOCK;
	}
	size_t n = 0;
	*block = t->held;
	while (n < TAR_BLOCK) {
		int got = refill(t, f);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		size_t k = t->left < TAR_BLOCK - n ? t->left : TAR_BLOCK - n;
		memcpy(t->held + n, t->block, k);
		take(t, k);
		n += k;
	}
	return (int)n;
}

static int whole_block(struct tar_reader *t, const char **block, struct fail *f)
{
	int n = read_block(t, block, f);
	return n < 0 ? -1 : n < TAR_BLOCK ? fail_set(f, "truncated in its header") : 0;
}

static int all_zeros(const char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

/* ---- numbers ---- */

/* A numeric field, in octal or base 256: 1, 0 when it is blank, -1 when it is no number. */
static int parse_field(const char *p, size_t n, int64_t *v)
{
	*v = 0;
	if (*p & 0x80) {
		int64_t x = *p & 0x40 ? (signed char)*p : *p & 0x3f;
		for (size_t i = 1; i < n; i++) {
			if (x > INT64_MAX >> 8 || x < INT64_MIN >> 8)
				return -1;
			x = x * 256 + (unsigned char)p[i];
		}
		*v = x;
		return 1;
	}
	size_t i = 0, digits = 0;
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++, digits++)
		*v = *v * 8 + (p[i] - '0');
	for (; i < n; i++)
		if (p[i] && p[i] != ' ')
			return -1;
	return digits > 0;
}

static int field(const char *block, size_t at, size_t size, const char *what, int64_t min, int64_t *v, struct fail *f)
{
	return parse_field(block + at, size, v) < 0 || *v < min ? fail_set(f, "its header: '%s' is not a valid number", what) : 0;
}

/* Reads decimal digits at *p, before end: 0, or -1 where there are none or too many. */
static int digits(const char **p, const char *end, int64_t *v)
{
	const char *from = *p;
	for (*v = 0; *p < end && **p >= '0' && **p <= '9'; ++*p) {
		if (*v > (INT64_MAX - 9) / 10)
			return -1;
		*v = *v * 10 + (**p - '0');
	}
	return *p == from ? -1 : 0;
}

static int decimal(const char *p, size_t n, int64_t *v)
{
	const char *end = p + n;
	return digits(&p, end, v) || p != end ? -1 : 0;
}

/* [-]SECONDS[.FRACTION], of which nanoseconds are kept. */
static int time_text(const char *p, size_t n, struct tar_time *t)
{
	const char *end = p + n;
	int minus = n && *p == '-';
	p += minus;
	*t = (struct tar_time){.set = 1};
	if (digits(&p, end, &t->sec))
		return -1;
	if (p < end && *p == '.') {
		int32_t unit = 100000000;
		for (p++; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10)
			t->nsec += unit * (*p - '0');
	}
	if (minus) {
		t->sec = -t->sec - (t->nsec > 0);
		t->nsec = t->nsec ? 1000000000 - t->nsec : 0;
	}
	return p == end ? 0 : -1;
}

/* ---- pax ---- */

static int pax_fail(struct fail *f, const char *keyword, size_t n, const char *why)
{
	char shown[200], name[128];
	n = n < sizeof name - 1 ? n : sizeof name - 1;
	memcpy(name, keyword, n);
	name[n] = 0;
	return fail_set(f, "its pax header: '%s' %s", name_show(shown, sizeof shown, name), why);
}

static int add_extent(struct tar_reader *t, int64_t from, int64_t len, struct fail *f)
{
	struct extent e = {(uint64_t)from, (uint64_t)len};
	if (t->extents.len / sizeof e >= MAX_EXTENTS)
		return fail_set(f, "a sparse file of more than %d parts", MAX_EXTENTS);
	return buf_add(&t->extents, &e, sizeof e, f);
}

/* GNU.sparse.map: OFFSET,LENGTH,... */
static int sparse_map(struct tar_reader *t, const char *p, size_t n, struct fail *f)
{
	const char *end = p + n;
	int64_t from, len;
	while (p < end) {
		if (digits(&p, end, &from) || p == end || *p++ != ',' || digits(&p, end, &len) || (p < end && (*p++ != ',' || p == end)))
			return -1;
		if (add_extent(t, from, len, f))
			return -2;
	}
	return 0;
}

static int is(const char *p, size_t n, const char *word) { return strlen(word) == n && memcmp(p, word, n) == 0; }
static int begins(const char *p, size_t n, const char *word) { return n > strlen(word) && memcmp(p, word, strlen(word)) == 0; }

/* Appends the decoded bytes: 0, 1 when they are not base64, -1 when memory is out. */
static int decode_base64(const char *p, size_t n, struct buf *out, struct fail *f)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	while (n && p[n - 1] == '=')
		n--;
	if (n % 4 == 1)
		return 1;
	if (buf_reserve(out, n, f))
		return -1;
	unsigned bits = 0;
	for (size_t i = 0; i < n; i++) {
		const char *d = p[i] ? strchr(digit, p[i]) : NULL;
		if (!d)
			return 1;
		bits = bits << 6 | (unsigned)(d - digit);
		if (i % 4)
			out->p[out->len++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	out->p[out->len] = 0;
	return 0;
}

static int keep(struct tar_reader *t, const char *keyword, size_t n, const char *value, size_t len, struct fail *f)
{
	static const char xattr[] = "LIBARCHIVE.xattr.";
	struct record r = {t->kept.len, n, t->kept.len + n, len, begins(keyword, n, xattr)};
	if (r.converted) { /* the same attribute under SCHILY.xattr. has its value as it is */
		r.keyword_len -= strlen("LIBARCHIVE") - strlen("SCHILY");
		if (buf_add(&t->kept, "SCHILY", strlen("SCHILY"), f) || buf_add(&t->kept, keyword + strlen("LIBARCHIVE"), n - strlen("LIBARCHIVE"), f))
			return -1;
		r.value = t->kept.len;
		int bad = decode_base64(value, len, &t->kept, f);
		if (bad)
			return bad < 0 ? -1 : pax_fail(f, keyword, n, "has a value that is not base64");
		r.value_len = t->kept.len - r.value;
	} else if (buf_add(&t->kept, keyword, n, f) || buf_add(&t->kept, value, len, f)) {
		return -1;
	}
	return buf_add(&t->records, &r, sizeof r, f);
}

/* A record that tar_writer.c need not know: kept, dropped, or refused because it may say where data are. */
static int other_record(struct tar_reader *t, int global, const char *p, size_t n, const char *value, size_t len, struct fail *f)
{
	static const char *const dropped[] = {"SCHILY.dev", "SCHILY.ino", "SCHILY.nlink"};
	static const char *const refused[] = {"SCHILY.realsize", "SCHILY.offset", "SUN.holesdata"};
	for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
		if (is(p, n, dropped[i]))
			return 0;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (is(p, n, refused[i]))
			return pax_fail(f, p, n, "describes a kind of sparse file that is not supported");
	const char *dot = memchr(p, '.', n);
	int vendor = dot && dot > p && dot + 1 < p + n && *p >= 'A' && *p <= 'Z';
	int posix = is(p, n, "comment") || is(p, n, "charset") || begins(p, n, "realtime.") || begins(p, n, "security.");
	if ((!vendor && !posix) || (begins(p, n, "GNU.") && !(global && is(p, n, "GNU.volume.label"))))
		return pax_fail(f, p, n, "is not a keyword that is known");
	if (global)
		return begins(p, n, "SCHILY.xattr.") || begins(p, n, "LIBARCHIVE.xattr.") ? pax_fail(f, p, n, "is said for all members") : 0;
	return keep(t, p, n, value, len, f);
}

/* A record: 0, or -1. */
static int pax_record(struct tar_reader *t, int global, const char *p, size_t n, const char *value, size_t len, struct fail *f)
{
	struct said *s = global ? &t->all : &t->next;
	const struct {
		const char *keyword;
		int has;
		int64_t *number;
		struct tar_time *time;
		struct buf *text;
	} known[] = {
		{"path", HAS_PATH, .text = &s->h.name},
		{"linkpath", HAS_LINK, .text = &s->h.link},
		{"uname", HAS_UNAME, .text = &s->h.uname},
		{"gname", HAS_GNAME, .text = &s->h.gname},
		{"uid", HAS_UID, .number = &s->h.uid},
		{"gid", HAS_GID, .number = &s->h.gid},
		{"size", HAS_SIZE, .number = &s->size},
		{"mtime", HAS_MTIME, .time = &s->h.mtime},
		{"atime", HAS_ATIME, .time = &s->h.atime},
		{"ctime", HAS_CTIME, .time = &s->h.ctime},
		{"SCHILY.devmajor", HAS_MAJOR, .number = &s->h.devmajor},
		{"SCHILY.devminor", HAS_MINOR, .number = &s->h.devminor},
		{"GNU.sparse.major", SPARSE_MAJOR, .number = &s->sparse_major},
		{"GNU.sparse.minor", SPARSE_MINOR, .number = &s->sparse_minor},
		{"GNU.sparse.name", SPARSE_NAME, .text = &s->sparse_name},
		{"GNU.sparse.realsize", SPARSE_REALSIZE, .number = &s->sparse_size},
		{"GNU.sparse.size", SPARSE_SIZE, .number = &s->sparse_size},
		{"GNU.sparse.numblocks", SPARSE_COUNT, .number = &s->sparse_count},
	};
	int64_t v;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		if (!is(p, n, known[i].keyword))
			continue;
		if (global && (known[i].has & LOCAL_ONLY))
			return pax_fail(f, p, n, "is said for all members");
		s->has |= known[i].has;
		if (known[i].text) {
			int owner = known[i].has & (HAS_UNAME | HAS_GNAME);
			if (memchr(value, 0, len) || (len == 0 && !owner && known[i].has != HAS_LINK))
				return pax_fail(f, p, n, "is not a name");
			return set_text(known[i].text, value, len, f);
		}
		if (known[i].time ? time_text(value, len, known[i].time) : decimal(value, len, known[i].number))
			return pax_fail(f, p, n, "is not a valid number");
		return 0;
	}
	if (is(p, n, "hdrcharset"))
		return is(value, len, "BINARY") || is(value, len, "ISO-IR 10646 2000 UTF-8") ? 0 : pax_fail(f, p, n, "is a character set that is not supported");
	if (!global && is(p, n, "GNU.sparse.map")) {
		s->has |= SPARSE_MAP;
		int r = sparse_map(t, value, len, f);
		return r == -1 ? pax_fail(f, p, n, "is not a map") : r;
	}
	if (!global && (is(p, n, "GNU.sparse.offset") || is(p, n, "GNU.sparse.numbytes"))) {
		int offset = n == strlen("GNU.sparse.offset");
		struct extent *last = s->has & SPARSE_LIST ? (struct extent *)(void *)(t->extents.p + t->extents.len) - 1 : NULL;
		int open = last && last->len == UINT64_MAX; /* an offset without its length */
		s->has |= SPARSE_LIST;
		if (decimal(value, len, &v) || open == offset)
			return pax_fail(f, p, n, "is not a valid number");
		if (offset)
			return add_extent(t, v, -1, f);
		last->len = (uint64_t)v;
		return 0;
	}
	return other_record(t, global, p, n, value, len, f);
}

static int pax_records(struct tar_reader *t, int global, struct fail *f)
{
	const char *p = t->text.p, *end = p + t->text.len;
	while (p < end) {
		const char *q = p;
		int64_t len;
		if (*p == '0' || digits(&q, end, &len) || q == end || *q != ' ' || len > end - p || p[len - 1] != '\n' || p + len - 1 <= q)
			return fail_set(f, "its pax header is damaged: the record at byte %zu has a wrong length", (size_t)(p - t->text.p));
		const char *keyword = q + 1, *value = memchr(keyword, '=', (size_t)(p + len - 1 - keyword));
		if (!value || value == keyword)
			return fail_set(f, "its pax header is damaged: the record at byte %zu has no keyword", (size_t)(p - t->text.p));
		if (pax_record(t, global, keyword, (size_t)(value - keyword), value + 1, (size_t)(p + len - 1 - (value + 1)), f))
			return -1;
		p += len;
	}
	return 0;
}

/* ---- headers ---- */

int tar_is_header(const char *b)
{
	unsigned sum = 0;
	int other = 0; /* some old programs add signed bytes */
	for (int i = 0; i < TAR_BLOCK; i++) {
		sum += (unsigned char)b[i];
		other += (signed char)b[i];
	}
	for (int i = 148; i < 156; i++) {
		sum += ' ' - (unsigned)(unsigned char)b[i];
		other += ' ' - (signed char)b[i];
	}
	int64_t v;
	return parse_field(b + 148, 8, &v) == 1 && (v == (int64_t)sum || v == other);
}

/* Reads the data of an extended header into t->text. */
static int read_text(struct tar_reader *t, int64_t size, struct fail *f)
{
	t->text.len = 0;
	if (size > (int64_t)TAR_EXTENSION_MAX)
		return fail_set(f, "an extended header of %lld bytes is larger than the limit of %u", (long long)size, TAR_EXTENSION_MAX);
	if (buf_reserve(&t->text, (size_t)size, f))
		return -1;
	for (size_t left = (size_t)size; left;) {
		const char *b;
		size_t n = left < TAR_BLOCK ? left : TAR_BLOCK;
		if (whole_block(t, &b, f) || buf_add(&t->text, b, n, f))
			return -1;
		left -= n;
	}
	return 0;
}

static int long_name(struct tar_reader *t, int has, struct buf *to, struct fail *f)
{
	size_t n = strnlen(t->text.p, t->text.len);
	if (t->have_long & has)
		return fail_set(f, "it has two long names");
	if (n == 0 || n == t->text.len || !all_zeros(t->text.p + n, t->text.len - n))
		return fail_set(f, "its long name is damaged");
	t->have_long |= has;
	if (t->next.has & has) /* pax goes first */
		return 0;
	t->next.has |= has;
	return set_text(to, t->text.p, n, f);
}

/* A header that is no member: 1, 0 for other types, -1. */
static int extended_header(struct tar_reader *t, const char *b, struct fail *f)
{
	char type = b[156];
	int64_t size;
	if (!type || !strchr("xXgLKV", type))
		return 0;
	if (field(b, 124, 12, "size", 0, &size, f) || read_text(t, size, f))
		return -1;
	if (type == 'V') /* the label of a tape */
		return 1;
	if (type == 'L' || type == 'K')
		return long_name(t, type == 'L' ? HAS_PATH : HAS_LINK, type == 'L' ? &t->next.h.name : &t->next.h.link, f) ? -1 : 1;
	if (type != 'g' && t->have_x++)
		return fail_set(f, "it has two pax headers");
	return pax_records(t, type == 'g', f) ? -1 : 1;
}

static int add_name(struct buf *to, const char *b, size_t at, size_t size, struct fail *f)
{
	return buf_add(to, b + at, strnlen(b + at, size), f);
}

/* The member's own header. */
static int parse_header(const char *b, struct tar_header *h, int64_t *size, struct fail *f)
{
	int gnu = memcmp(b + 257, "ustar ", 6) == 0, ustar = !gnu && memcmp(b + 257, "ustar", 5) == 0;
	char type = b[156];
	size_t prefix = ustar ? strnlen(b + 345, memcmp(b + 508, "tar", 4) == 0 ? 131 : 155) : 0; /* star has times behind a shorter one */
	int64_t mode;
	if ((prefix && (buf_add(&h->name, b + 345, prefix, f) || buf_add(&h->name, "/", 1, f))) || add_name(&h->name, b, 0, 100, f) ||
	    add_name(&h->link, b, 157, 100, f) || add_name(&h->uname, b, 265, ustar || gnu ? 32 : 0, f) || add_name(&h->gname, b, 297, ustar || gnu ? 32 : 0, f))
		return -1;
	if (field(b, 100, 8, "mode", 0, &mode, f) || field(b, 108, 8, "uid", 0, &h->uid, f) || field(b, 116, 8, "gid", 0, &h->gid, f) ||
	    field(b, 124, 12, "size", 0, size, f) || field(b, 136, 12, "mtime", INT64_MIN, &h->mtime.sec, f))
		return -1;
	h->mtime.set = 1;
	h->mode = (unsigned)mode & 07777;
	if (gnu) { /* times that GNU tar writes in incremental archives */
		h->atime.set = parse_field(b + 345, 12, &h->atime.sec) == 1 && h->atime.sec > 0;
		h->ctime.set = parse_field(b + 357, 12, &h->ctime.sec) == 1 && h->ctime.sec > 0;
	}
	/* before ustar, a directory was a file whose name ends in a slash */
	int slash = h->name.len && h->name.p[h->name.len - 1] == '/';
	if (slash && (type == 0 || (type == '0' && !ustar && !gnu)))
		type = TAR_DIRECTORY;
	if (type == 0 || type == '7' || type == 'S')
		type = TAR_FILE;
	if (type < '0' || type > '6') {
		char c[2] = {type, 0}, shown[16];
		return fail_set(f, "its type '%s' is not supported", name_show(shown, sizeof shown, c));
	}
	h->type = (enum tar_type)type;
	if ((h->type == TAR_CHAR || h->type == TAR_DEVICE) &&
	    (field(b, 329, 8, "devmajor", 0, &h->devmajor, f) || field(b, 337, 8, "devminor", 0, &h->devminor, f)))
		return -1;
	return 0;
}

/* Lets what extended headers said replace what the header says. */
static int apply(const struct said *s, struct tar_header *h, int64_t *size, struct fail *f)
{
	if (((s->has & HAS_PATH) && set_text(&h->name, s->h.name.p, s->h.name.len, f)) || ((s->has & HAS_LINK) && set_text(&h->link, s->h.link.p, s->h.link.len, f)) ||
	    ((s->has & HAS_UNAME) && set_text(&h->uname, s->h.uname.p, s->h.uname.len, f)) ||
	    ((s->has & HAS_GNAME) && set_text(&h->gname, s->h.gname.p, s->h.gname.len, f)) ||
	    ((s->has & SPARSE_NAME) && set_text(&h->name, s->sparse_name.p, s->sparse_name.len, f)))
		return -1;
	if (s->has & HAS_UID)
		h->uid = s->h.uid;
	if (s->has & HAS_GID)
		h->gid = s->h.gid;
	if (s->has & HAS_SIZE)
		*size = s->size;
	if (s->has & HAS_MTIME)
		h->mtime = s->h.mtime;
	if (s->has & HAS_ATIME)
		h->atime = s->h.atime;
	if (s->has & HAS_CTIME)
		h->ctime = s->h.ctime;
	if (s->has & HAS_MAJOR)
		h->devmajor = s->h.devmajor;
	if (s->has & HAS_MINOR)
		h->devminor = s->h.devminor;
	return 0;
}

static int by_keyword(const void *x, const void *y, void *kept)
{
	const struct record *a = x, *b = y;
	const char *text = kept;
	size_t n = a->keyword_len < b->keyword_len ? a->keyword_len : b->keyword_len;
	int d = memcmp(text + a->keyword, text + b->keyword, n);
	if (d == 0 && a->keyword_len != b->keyword_len)
		d = a->keyword_len < b->keyword_len ? -1 : 1;
	if (d == 0 && a->converted != b->converted)
		d = a->converted ? -1 : 1;
	return d ? d : a->keyword < b->keyword ? -1 : 1;
}

/* Of several records of one keyword the last counts. */
static int add_kept(struct tar_reader *t, struct tar_header *h, struct fail *f)
{
	struct record *r = (struct record *)(void *)t->records.p;
	size_t n = t->records.len / sizeof *r;
	if (n > 1)
		qsort_r(r, n, sizeof *r, by_keyword, t->kept.p);
	for (size_t i = 0; i < n; i++) {
		const char *keyword = t->kept.p + r[i].keyword;
		if (i + 1 < n && r[i].keyword_len == r[i + 1].keyword_len && memcmp(keyword, t->kept.p + r[i + 1].keyword, r[i].keyword_len) == 0)
			continue;
		if (tar_add_record(&h->records, keyword, r[i].keyword_len, t->kept.p + r[i].value, r[i].value_len, f))
			return -1;
	}
	return 0;
}

/* ---- sparse files ---- */

/* The map of GNU's type S: 4 extents in the header and 21 in each block that follows it. */
static int old_sparse(struct tar_reader *t, const char *b, int64_t *real, struct fail *f)
{
	size_t at = 386, slots = 4, last = 482; /* `last` says whether a block follows */
	if (field(b, 483, 12, "realsize", 0, real, f))
		return -1;
	for (;;) {
		for (size_t i = 0; i < slots && b[at + 24 * i]; i++) {
			int64_t from, len;
			if (field(b, at + 24 * i, 12, "offset", 0, &from, f) || field(b, at + 24 * i + 12, 12, "numbytes", 0, &len, f) || add_extent(t, from, len, f))
				return -1;
		}
		if (!b[last])
			return 0;
		if (whole_block(t, &b, f))
			return -1;
		at = 0;
		slots = 21;
		last = 504;
	}
}

/* A number and a newline of the map before the data; *at counts its bytes. */
static int map_number(struct tar_reader *t, const char **b, size_t *at, int64_t *v, struct fail *f)
{
	int n = 0;
	for (*v = 0;; n++) {
		if (*at % TAR_BLOCK == 0) {
			if (t->stored < TAR_BLOCK)
				return fail_set(f, "the map of a sparse file is damaged");
			if (whole_block(t, b, f))
				return -1;
			t->stored -= TAR_BLOCK;
		}
		char c = (*b)[(*at)++ % TAR_BLOCK];
		if (c == '\n' && n > 0)
			return 0;
		if (c < '0' || c > '9' || n > 17)
			return fail_set(f, "the map of a sparse file is damaged");
		*v = *v * 10 + (c - '0');
	}
}

static int new_sparse(struct tar_reader *t, struct fail *f)
{
	const char *b = NULL;
	size_t at = 0;
	int64_t n, from, len;
	if (map_number(t, &b, &at, &n, f))
		return -1;
	for (int64_t i = 0; i < n; i++)
		if (map_number(t, &b, &at, &from, f) || map_number(t, &b, &at, &len, f) || add_extent(t, from, len, f))
			return -1;
	return 0;
}

/* Reads the map and checks that it matches the stored bytes. */
static int open_sparse(struct tar_reader *t, const char *b, struct fail *f)
{
	const struct said *s = &t->next;
	int has = s->has & SPARSE, old = b[156] == 'S';
	int64_t real = s->sparse_size;
	if (old && has)
		return fail_set(f, "it has two sparse maps");
	if (has && has != SPARSE_10 && has != SPARSE_01 && has != SPARSE_00)
		return fail_set(f, "a sparse file whose map is not complete");
	if (has == SPARSE_10 && (s->sparse_major != 1 || s->sparse_minor != 0))
		return fail_set(f, "a sparse file of version %lld.%lld, which is not supported", (long long)s->sparse_major, (long long)s->sparse_minor);
	if ((old && old_sparse(t, b, &real, f)) || (has == SPARSE_10 && new_sparse(t, f)))
		return -1;
	const struct extent *e = (const struct extent *)(const void *)t->extents.p;
	size_t n = t->extents.len / sizeof *e;
	uint64_t at = 0, total = 0;
	if ((has & SPARSE_COUNT) && (uint64_t)s->sparse_count != n)
		return fail_set(f, "a sparse file whose map is not complete");
	for (size_t i = 0; i < n; i++) {
		if (e[i].from < at)
			return fail_set(f, "the parts of a sparse file overlap");
		if (e[i].from > (uint64_t)real || e[i].len > (uint64_t)real - e[i].from)
			return fail_set(f, "a part of a sparse file is outside of it");
		at = e[i].from + e[i].len;
		total += e[i].len;
	}
	if (total != t->stored)
		return fail_set(f, "the parts of a sparse file have %llu bytes, and %llu are stored", (unsigned long long)total, (unsigned long long)t->stored);
	t->size = (uint64_t)real;
	t->sparse = 1;
	return 0;
}

/* ---- members ---- */

static int open_member(struct tar_reader *t, const char *header, struct tar_header *h, struct fail *f)
{
	char b[TAR_BLOCK];
	int64_t size = 0;
	memcpy(b, header, TAR_BLOCK); /* further blocks are read while it is in use */
	if (parse_header(b, h, &size, f) || apply(&t->all, h, &size, f) || apply(&t->next, h, &size, f) || add_kept(t, h, f))
		return -1;
	if (h->name.len == 0)
		return fail_set(f, "a member without a name");
	t->sparse = 0;
	t->at = t->extent = t->used = 0;
	t->size = t->stored = h->type == TAR_FILE ? (uint64_t)size : 0;
	t->padding = -t->stored % TAR_BLOCK;
	if (b[156] == 'S' || (t->next.has & SPARSE)) {
		if (h->type != TAR_FILE)
			return fail_set(f, "a sparse map of a member that is no file");
		if (open_sparse(t, b, f))
			return -1;
	}
	return 1;
}

/* Prepares for the headers of the next member. */
static void forget(struct tar_reader *t)
{
	t->next.has = t->have_x = t->have_long = 0;
	t->next.sparse_size = 0;
	t->kept.len = t->records.len = t->extents.len = 0;
}

static int end_of_input(const struct tar_reader *t, const char *b, size_t n, struct fail *f)
{
	if (t->bytes == 0)
		return fail_set(f, "empty input (0 bytes): the program that writes it has failed, or wrote no stream of records");
	if (t->zeros >= 2)
		return all_zeros(b, n) ? 0 : fail_set(f, "bytes after the end-of-archive that are not tar");
	if (n && !all_zeros(b, n))
		return t->bytes < TAR_BLOCK ? fail_set(f, "not a tar stream (plain, zstd, gzip, xz, lz4 or bzip2), or truncated in its first header")
		                            : fail_set(f, "truncated: a header of %zu bytes", n);
	return fail_set(f, "truncated: no end-of-archive (1024 zero bytes); if the archive is complete, append it: "
	                   "{ cat FILE; head -c 1024 /dev/zero; }");
}

int tar_next(struct tar_reader *t, struct tar_header *h, uint64_t *size, struct fail *f)
{
	const void *piece;
	ptrdiff_t skipped;
	while ((skipped = tar_data(t, &piece, f)) != 0)
		if (skipped < 0)
			return -1;
	tar_header_clear(h);
	forget(t);
	for (;;) {
		const char *b;
		int n = read_block(t, &b, f), extended = t->have_x || t->have_long;
		if (n < 0)
			return -1;
		if (extended && (n < TAR_BLOCK || all_zeros(b, TAR_BLOCK)))
			return fail_set(f, "truncated after an extended header");
		if (n < TAR_BLOCK)
			return end_of_input(t, b, (size_t)n, f);
		if (all_zeros(b, TAR_BLOCK)) {
			t->zeros += t->zeros < 2;
			continue;
		}
		if (!tar_is_header(b))
			return t->zeros == 2               ? fail_set(f, "bytes after the end-of-archive that are not tar")
			       : t->bytes == TAR_BLOCK ? fail_set(f, "not a tar stream (plain, zstd, gzip, xz, lz4 or bzip2)")
			                               : fail_set(f, "damaged: no header, or one with a wrong checksum, at byte %llu of the tar", (unsigned long long)t->bytes - TAR_BLOCK);
		if (t->zeros == 1)
			return fail_set(f, "damaged: a member after half an end-of-archive");
		if (t->zeros == 2)
			t->all.has = 0; /* another archive */
		t->zeros = 0;
		int got = extended_header(t, b, f);
		if (got == 0)
			got = open_member(t, b, h, f);
		else if (got > 0)
			continue;
		if (got < 0 && h->name.len == 0 && (t->next.has & HAS_PATH) && t->next.h.name.len)
			(void)!buf_add(&h->name, t->next.h.name.p, t->next.h.name.len, &(struct fail){{0}});
		*size = t->size;
		return got;
	}
}

/* At most `most` of the stored bytes. */
static ptrdiff_t stored_piece(struct tar_reader *t, uint64_t most, const void **piece, struct fail *f)
{
	int got = refill(t, f);
	if (got < 0)
		return -1;
	if (got == 0)
		return fail_set(f, "truncated: %llu bytes of its data are missing", (unsigned long long)t->stored);
	size_t n = t->left < most ? t->left : (size_t)most;
	*piece = t->block;
	take(t, n);
	t->stored -= n;
	t->at += n;
	return (ptrdiff_t)n;
}

static ptrdiff_t sparse_piece(struct tar_reader *t, const void **piece, struct fail *f)
{
	static const char zeros[HOLE];
	const struct extent *e = (const struct extent *)(const void *)t->extents.p;
	size_t n = t->extents.len / sizeof *e;
	while (t->extent < n && t->used == e[t->extent].len) {
		t->extent++;
		t->used = 0;
	}
	uint64_t to = t->extent < n ? e[t->extent].from : t->size;
	if (t->at < to) {
		size_t hole = to - t->at < HOLE ? (size_t)(to - t->at) : HOLE;
		*piece = zeros;
		t->at += hole;
		return (ptrdiff_t)hole;
	}
	ptrdiff_t got = stored_piece(t, e[t->extent].len - t->used, piece, f);
	if (got > 0)
		t->used += (size_t)got;
	return got;
}

ptrdiff_t tar_data(struct tar_reader *t, const void **piece, struct fail *f)
{
	if (t->at < t->size)
		return t->sparse ? sparse_piece(t, piece, f) : stored_piece(t, t->stored, piece, f);
	while (t->padding) {
		int got = refill(t, f);
		if (got <= 0)
			return got < 0 ? -1 : fail_set(f, "truncated in the padding after its data");
		size_t n = t->left < t->padding ? t->left : t->padding;
		take(t, n);
		t->padding -= n;
	}
	return 0;
}

/* The records of a pax header: `LENGTH KEYWORD=VALUE\n`.
 *
 * What the reader needs to know goes to struct extended. Of the other keywords those of vendors and of POSIX are kept, to be written
 * again; those that say where data are, and all others, are errors. */
#include <stdlib.h>
#include <string.h>

#include "stream/name.h"
#include "stream/tar_state.h"

struct kept_record { /* a pax record to keep: offsets in `kept` */
	size_t keyword, keyword_len, value, value_len;
	int converted; /* from LIBARCHIVE.xattr. */
};

int pax_set_text(struct buf *b, const char *p, size_t n, struct fail *f)
{
	b->len = 0;
	return buf_add(b, p, n, f);
}

/* ---- values ---- */

/* Decimal digits at *p, before end: 0, or -1 if there are none or too many. */
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

/* ---- records ---- */

static int pax_fail(struct fail *f, const char *keyword, size_t n, const char *why)
{
	char shown[200], name[128];
	n = n < sizeof name - 1 ? n : sizeof name - 1;
	memcpy(name, keyword, n);
	name[n] = 0;
	return fail_set(f, "its pax header: '%s' %s", name_show(shown, sizeof shown, name), why);
}

/* GNU.sparse.map: OFFSET,LENGTH,... */
static int sparse_map(struct tar_reader *t, const char *p, size_t n, struct fail *f)
{
	const char *end = p + n;
	int64_t from, len;
	while (p < end) {
		if (digits(&p, end, &from) || p == end || *p++ != ',' || digits(&p, end, &len) || (p < end && (*p++ != ',' || p == end)))
			return -1;
		if (sparse_add_extent(t, from, len, f))
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
	struct kept_record r = {t->kept.len, n, t->kept.len + n, len, begins(keyword, n, xattr)};
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

/* A record of a name, a number or a time. *known: 0 if its keyword is another one. */
static int simple_record(struct extended *s, int global, const char *p, size_t n, const char *value, size_t len, int *known, struct fail *f)
{
	const struct {
		const char *keyword;
		int has;
		int64_t *number;
		struct tar_time *time;
		struct buf *text;
	} keywords[] = {
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
	size_t i = 0;
	while (i < sizeof keywords / sizeof *keywords && !is(p, n, keywords[i].keyword))
		i++;
	*known = i < sizeof keywords / sizeof *keywords;
	if (!*known)
		return 0;
	if (global && (keywords[i].has & LOCAL_ONLY))
		return pax_fail(f, p, n, "is said for all members");
	s->has |= keywords[i].has;
	if (keywords[i].text) {
		int owner = keywords[i].has & (HAS_UNAME | HAS_GNAME);
		if (memchr(value, 0, len) || (len == 0 && !owner && keywords[i].has != HAS_LINK))
			return pax_fail(f, p, n, "is not a name");
		return pax_set_text(keywords[i].text, value, len, f);
	}
	if (keywords[i].time ? time_text(value, len, keywords[i].time) : decimal(value, len, keywords[i].number))
		return pax_fail(f, p, n, "is not a valid number");
	return 0;
}

/* GNU.sparse.offset, or the GNU.sparse.numbytes that follows it. */
static int extent_record(struct tar_reader *t, const char *p, size_t n, const char *value, size_t len, struct fail *f)
{
	struct extended *s = &t->next;
	int64_t v;
	int is_offset = is(p, n, "GNU.sparse.offset");
	struct extent *last = s->has & SPARSE_LIST ? (struct extent *)(void *)(t->extents.p + t->extents.len) - 1 : NULL;
	int has_offset = last && last->len == UINT64_MAX; /* an offset without its length */
	s->has |= SPARSE_LIST;
	if (decimal(value, len, &v) || has_offset == is_offset)
		return pax_fail(f, p, n, "is not a valid number");
	if (is_offset)
		return sparse_add_extent(t, v, -1, f);
	last->len = (uint64_t)v;
	return 0;
}

/* A record: 0, or -1. */
static int pax_record(struct tar_reader *t, int global, const char *p, size_t n, const char *value, size_t len, struct fail *f)
{
	int known, r = simple_record(global ? &t->all : &t->next, global, p, n, value, len, &known, f);
	if (known)
		return r;
	if (is(p, n, "hdrcharset"))
		return is(value, len, "BINARY") || is(value, len, "ISO-IR 10646 2000 UTF-8") ? 0 : pax_fail(f, p, n, "is a character set that is not supported");
	if (!global && is(p, n, "GNU.sparse.map")) {
		t->next.has |= SPARSE_MAP;
		r = sparse_map(t, value, len, f);
		return r == -1 ? pax_fail(f, p, n, "is not a map") : r;
	}
	if (!global && (is(p, n, "GNU.sparse.offset") || is(p, n, "GNU.sparse.numbytes")))
		return extent_record(t, p, n, value, len, f);
	return other_record(t, global, p, n, value, len, f);
}

int pax_parse(struct tar_reader *t, int global, struct fail *f)
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

static int by_keyword(const void *x, const void *y, void *kept)
{
	const struct kept_record *a = x, *b = y;
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
int pax_add_kept(struct tar_reader *t, struct tar_header *h, struct fail *f)
{
	struct kept_record *r = (struct kept_record *)(void *)t->records.p;
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

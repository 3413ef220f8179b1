/* Formats the headers of a member.
 *
 * A ustar header holds names of ASCII up to 100 bytes (255 where a slash divides them), owner names up to 31, and numbers up
 * to 18 or 33 bits. Whatever else a member has goes into a pax header before it; the ustar header then has a shortened name,
 * for programs that do not know pax. A pax header says hdrcharset=BINARY where a name is not UTF-8, or
 * where libarchive, as a reader, would normalise it. The choices are those of
 * libarchive's pax writer, so that streams of earlier versions pass with the same bytes; but a name that its reader would
 * change (`a//b` divided between the slashes) goes into a pax record. */
#include "stream/tar.h"

#include <stdio.h>
#include <string.h>

#include "stream/name.h"
#include "stream/tar_state.h"

/* The fields of a ustar header: offset and size. */
enum {
	AT_NAME = 0, NAME = 100,
	AT_MODE = 100, AT_UID = 108, AT_GID = 116, SHORT = 8,
	AT_SIZE = 124, AT_MTIME = 136, LONG = 12,
	AT_SUM = 148,
	AT_TYPE = 156,
	AT_LINK = 157, LINK = 100,
	AT_MAGIC = 257,
	AT_UNAME = 265, AT_GNAME = 297, OWNER = 32,
	AT_MAJOR = 329, AT_MINOR = 337,
	AT_PREFIX = 345, PREFIX = 155,
};

#define SHORT_LIMIT ((int64_t)1 << 18) /* 6 octal digits */
#define SIZE_LIMIT ((uint64_t)1 << 33) /* 11 octal digits */
#define TIME_LIMIT 0x7fffffff

void tar_header_clear(struct tar_header *h)
{
	struct tar_header empty = {.name = h->name, .link = h->link, .uname = h->uname, .gname = h->gname, .records = h->records, .type = TAR_FILE};
	empty.name.len = empty.link.len = empty.uname.len = empty.gname.len = empty.records.len = 0;
	*h = empty;
}

void tar_header_free(struct tar_header *h)
{
	buf_free(&h->name);
	buf_free(&h->link);
	buf_free(&h->uname);
	buf_free(&h->gname);
	buf_free(&h->records);
}

int tar_add_record(struct buf *out, const char *keyword, size_t keyword_len, const char *value, size_t len, struct fail *f)
{
	size_t rest = keyword_len + len + 3, total = rest + 1; /* the length counts its own digits */
	char digits[24];
	for (;;) {
		size_t n = rest + (size_t)sprintf(digits, "%zu", total);
		if (n == total)
			break;
		total = n;
	}
	return buf_add(out, digits, strlen(digits), f) || buf_add(out, " ", 1, f) || buf_add(out, keyword, keyword_len, f) ||
	       buf_add(out, "=", 1, f) || buf_add(out, value, len, f) || buf_add(out, "\n", 1, f) ? -1 : 0;
}

static int add_text(struct buf *out, const char *keyword, const char *value, size_t len, struct fail *f)
{
	return tar_add_record(out, keyword, strlen(keyword), value, len, f);
}

static int add_number(struct buf *out, const char *keyword, int64_t v, struct fail *f)
{
	char text[24];
	return add_text(out, keyword, text, (size_t)sprintf(text, "%lld", (long long)v), f);
}

static int add_time(struct buf *out, const char *keyword, const struct tar_time *t, struct fail *f)
{
	char text[48];
	int64_t sec = t->sec;
	int32_t nsec = t->nsec;
	int minus = sec < 0;
	if (minus && nsec) { /* -1.25 is -2 + .75 */
		sec++;
		nsec = 1000000000 - nsec;
	}
	int n = sprintf(text, "%s%llu", minus ? "-" : "", minus ? -(unsigned long long)sec : (unsigned long long)sec);
	if (nsec) {
		n += sprintf(text + n, ".%09d", nsec);
		while (text[n - 1] == '0')
			n--;
	}
	return add_text(out, keyword, text, (size_t)n, f);
}

static int is_ascii(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if ((unsigned char)b->p[i] >= 0x80)
			return 0;
	return 1;
}

static int keeps_form(const struct buf *b) { return name_keeps_form(b->p, b->len); }

/* The length of the part of a name for the prefix field, where a slash divides it for ustar; else 0. */
static size_t split_at(const char *name, size_t len)
{
	const char *slash = memchr(name + len - NAME - 1, '/', NAME + 1);
	if (slash == name)
		slash = memchr(name + 1, '/', len - 1);
	return slash && slash[1] && slash - name <= PREFIX ? (size_t)(slash - name) : 0;
}

static int fits_ustar(const struct buf *name)
{
	if (!is_ascii(name))
		return 0;
	if (name->len <= NAME)
		return 1;
	size_t prefix = split_at(name->p, name->len);
	return prefix && name->p[prefix - 1] != '/';
}

/* A name for a header whose real name is in a pax record, which fits the fields: as many directories as fit before the last
 * component, `insert` as a further one, and the beginning of the last component. Returns its length. */
static size_t shorten(char out[300], const char *name, size_t len, const char *insert)
{
	size_t space = NAME - 2, end = len, n = 0;
	int slash = 0;
	if (len < NAME && !*insert) {
		memcpy(out, name, len);
		return len;
	}
	for (;;) {
		if (end > 0 && name[end - 1] == '/')
			end--;
		else if (end > 1 && name[end - 1] == '.' && name[end - 2] == '/')
			end -= 2;
		else
			break;
		slash = 1;
	}
	size_t base = end;
	while (base > 0 && name[base - 1] != '/')
		base--;
	space -= (size_t)slash + (*insert ? strlen(insert) + 2 : 0);
	if (end - base > space)
		end = base + space;
	space -= end - base;
	/* directories: up to 155 bytes for the prefix field, then what the name field has left, each part up to a slash */
	size_t from = 0;
	for (int part = 0; part < 2; part++) {
		size_t to = from + (part ? space : PREFIX - 1);
		if (to > base)
			to = base;
		while (to > from && name[to] != '/')
			to--;
		if (to < base && name[to] == '/')
			to++;
		memcpy(out + n, name + from, to - from);
		n += to - from;
		from = to;
	}
	if (*insert)
		n += (size_t)sprintf(out + n, "%s/", insert);
	memcpy(out + n, name + base, end - base);
	n += end - base;
	if (slash)
		out[n++] = '/';
	return n;
}

/* The name of a pax header, of which only programs that do not know pax make a file. */
static size_t extension_name(char out[300], const char *name, size_t len)
{
	while (len > 0 && (name[len - 1] == '/' || (len > 1 && name[len - 1] == '.' && name[len - 2] == '/')))
		len--;
	if (len == 0)
		return (size_t)sprintf(out, "/PaxHeader/rootdir");
	if (len == 1 && *name == '.')
		return (size_t)sprintf(out, "PaxHeader/currentdir");
	return shorten(out, name, len, "PaxHeader");
}

static void put_octal(char *p, size_t digits, uint64_t v)
{
	for (size_t i = digits; i-- > 0; v >>= 3)
		p[i] = (char)('0' + (v & 7));
}

/* A number in octal, with as many digits as it needs from `digits` to `size`; else in base 256. If that does not hold it, the
 * number is in a pax record. */
static void put_number(char *p, size_t digits, size_t size, int64_t v)
{
	if (size == SHORT && v >> 56)
		v = SHORT_LIMIT - 1;
	for (; v >= 0 && digits <= size; digits++)
		if (v >> 3 * digits == 0) {
			put_octal(p, digits, (uint64_t)v);
			return;
		}
	for (size_t i = size; i-- > 0; v >>= 8)
		p[i] = (char)(v & 0xff);
	p[0] = (char)(p[0] | 0x80);
}

static size_t at_most(size_t n, size_t max) { return n < max ? n : max; }

static void put_bytes(char *to, size_t size, const char *p, size_t len)
{
	if (len)
		memcpy(to, p, at_most(len, size));
}

static void put_block(char *b, const struct tar_header *h, char type, const char *name, size_t len, uint64_t size, int64_t mtime)
{
	memset(b, 0, TAR_BLOCK);
	size_t prefix = len > NAME ? split_at(name, len) : 0;
	put_bytes(b + AT_PREFIX, PREFIX, name, prefix);
	put_bytes(b + AT_NAME, NAME, name + prefix + (prefix > 0), len - prefix - (prefix > 0));
	memcpy(b + AT_MODE, "000000 ", 8);
	memcpy(b + AT_UID, "000000 ", 8);
	memcpy(b + AT_GID, "000000 ", 8);
	memcpy(b + AT_SIZE, "00000000000 ", 12);
	memcpy(b + AT_MTIME, "00000000000 ", 12);
	memcpy(b + AT_SUM, "        ", 8);
	memcpy(b + AT_MAGIC, "ustar\00000", 8);
	memcpy(b + AT_MAJOR, "000000 ", 8);
	memcpy(b + AT_MINOR, "000000 ", 8);
	int extension = type == 'x';
	put_octal(b + AT_MODE, 6, extension ? h->mode & 0777 : h->mode & 07777);
	put_number(b + AT_UID, 6, SHORT, extension && h->uid >= SHORT_LIMIT ? SHORT_LIMIT - 1 : h->uid);
	put_number(b + AT_GID, 6, SHORT, extension && h->gid >= SHORT_LIMIT ? SHORT_LIMIT - 1 : h->gid);
	put_number(b + AT_SIZE, 11, LONG, (int64_t)size);
	put_number(b + AT_MTIME, 11, LONG, mtime);
	b[AT_TYPE] = type;
	if (!extension && h->link.len > LINK)
		memcpy(b + AT_LINK, "././@LongSymLink", 16);
	else if (!extension)
		put_bytes(b + AT_LINK, LINK, h->link.p, h->link.len);
	put_bytes(b + AT_UNAME, OWNER, h->uname.p, h->uname.len);
	put_bytes(b + AT_GNAME, OWNER, h->gname.p, h->gname.len);
	if (type == TAR_CHAR || type == TAR_DEVICE) {
		put_number(b + AT_MAJOR, 6, SHORT, h->devmajor);
		put_number(b + AT_MINOR, 6, SHORT, h->devminor);
	}
	unsigned sum = 0;
	for (int i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)b[i];
	put_octal(b + AT_SUM, 6, sum);
	b[AT_SUM + 6] = 0;
}

/* The pax records that the member needs. */
static int add_records(const struct tar_header *h, uint64_t size, struct buf *out, struct fail *f)
{
	int device = h->type == TAR_CHAR || h->type == TAR_DEVICE, bad = 0;
	if (!keeps_form(&h->name) || !keeps_form(&h->link) || !keeps_form(&h->uname) || !keeps_form(&h->gname))
		bad |= add_text(out, "hdrcharset", "BINARY", 6, f);
	if (!bad && !fits_ustar(&h->name))
		bad |= add_text(out, "path", h->name.p, h->name.len, f);
	if (!bad && (h->link.len > LINK || !is_ascii(&h->link)))
		bad |= add_text(out, "linkpath", h->link.p, h->link.len, f);
	if (!bad && size >= SIZE_LIMIT)
		bad |= add_number(out, "size", (int64_t)size, f);
	if (!bad && h->gid >= SHORT_LIMIT)
		bad |= add_number(out, "gid", h->gid, f);
	if (!bad && (h->gname.len >= OWNER || !is_ascii(&h->gname)))
		bad |= add_text(out, "gname", h->gname.p, h->gname.len, f);
	if (!bad && h->uid >= SHORT_LIMIT)
		bad |= add_number(out, "uid", h->uid, f);
	if (!bad && (h->uname.len >= OWNER || !is_ascii(&h->uname)))
		bad |= add_text(out, "uname", h->uname.p, h->uname.len, f);
	if (!bad && device && h->devmajor >= SHORT_LIMIT)
		bad |= add_number(out, "SCHILY.devmajor", h->devmajor, f);
	if (!bad && device && h->devminor >= SHORT_LIMIT)
		bad |= add_number(out, "SCHILY.devminor", h->devminor, f);
	if (!bad && h->ctime.set)
		bad |= add_time(out, "ctime", &h->ctime, f);
	if (!bad && h->atime.set)
		bad |= add_time(out, "atime", &h->atime, f);
	if (!bad && (h->mtime.sec < 0 || h->mtime.sec >= TIME_LIMIT || h->mtime.nsec))
		bad |= add_time(out, "mtime", &h->mtime, f);
	return bad || buf_add(out, h->records.p, h->records.len, f) ? -1 : 0;
}

int tar_format_emptied(struct buf *out, struct fail *f)
{
	static const char name[] = "././@PaxHeader";
	struct tar_header h = {.mode = 0644};
	size_t start = out->len;
	if (buf_reserve(out, 2 * TAR_BLOCK, f))
		return -1;
	out->len += TAR_BLOCK;
	if (add_text(out, "comment", TAR_EMPTIED, sizeof TAR_EMPTIED - 1, f))
		return -1;
	size_t n = out->len - start - TAR_BLOCK;
	put_block(out->p + start, &h, 'g', name, sizeof name - 1, n, 0);
	memset(out->p + out->len, 0, TAR_BLOCK - n + 1);
	out->len = start + 2 * (size_t)TAR_BLOCK;
	return 0;
}

int tar_format(const struct tar_header *h, uint64_t size, struct buf *out, struct fail *f)
{
	char name[300], extension[300];
	size_t len = h->name.len, start = out->len;
	const char *p = h->name.p;
	if (buf_reserve(out, TAR_BLOCK, f))
		return -1;
	out->len += TAR_BLOCK; /* of the pax header, filled in when its size is known */
	if (add_records(h, size, out, f))
		return -1;
	if (!fits_ustar(&h->name)) {
		len = shorten(name, p, len, "");
		p = name;
	}
	size_t records = out->len - start - TAR_BLOCK;
	if (records > TAR_EXTENSION_MAX)
		return fail_set(f, "its names and attributes are larger than the limit of %u bytes", TAR_EXTENSION_MAX);
	if (records) {
		size_t padding = -records % TAR_BLOCK, n = extension_name(extension, p, len);
		int64_t mtime = h->mtime.sec < 0 ? 0 : h->mtime.sec > TIME_LIMIT ? TIME_LIMIT : h->mtime.sec;
		if (buf_reserve(out, padding + TAR_BLOCK, f))
			return -1;
		memset(out->p + out->len, 0, padding);
		out->len += padding;
		put_block(out->p + start, h, 'x', extension, n, records, mtime);
	} else {
		out->len = start;
	}
	put_block(out->p + out->len, h, (char)h->type, p, len, size, h->mtime.sec);
	out->len += TAR_BLOCK;
	out->p[out->len] = 0;
	return 0;
}

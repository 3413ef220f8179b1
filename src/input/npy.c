#include "input/npy.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define MAX_DIMS 8
#define ALIGN 64
#define MAX_HEADER (1 << 20)

static const struct {
	const char *descr;
	size_t size;
} types[] = {
	[NPY_U8] = {"|u1", 1},     [NPY_F4] = {"<f4", 4},    [NPY_F8] = {"<f8", 8},     [NPY_INT8] = {"|i1", 1},   [NPY_INT16] = {"<i2", 2},
	[NPY_INT32] = {"<i4", 4},  [NPY_INT64] = {"<i8", 8}, [NPY_UINT16] = {"<u2", 2}, [NPY_UINT32] = {"<u4", 4}, [NPY_UINT64] = {"<u8", 8},
	[NPY_BOOL] = {"|b1", 1},   [NPY_F2] = {"<f2", 2},
};

size_t npy_size(enum npy_type type) { return types[type].size; }
const char *npy_descr(enum npy_type type) { return types[type].descr; }

/* Where value i of C order stands in the file. */
static size_t position(const struct npy *n, size_t i)
{
	if (!n->fortran)
		return i;
	size_t at = 0, stride = n->count;
	for (int d = n->ndim - 1; d >= 0; d--) {
		stride /= n->shape[d];
		at += i % n->shape[d] * stride;
		i /= n->shape[d];
	}
	return at;
}

void npy_copy(const struct npy *n, size_t first, size_t count, void *out)
{
	size_t size = types[n->type].size;
	char *to = out;
	if (!n->fortran && !n->big_endian) {
		memcpy(to, (const char *)n->values + first * size, count * size);
		return;
	}
	for (size_t i = first; i < first + count; i++) {
		const char *from = (const char *)n->values + size * position(n, i);
		for (size_t k = 0; k < size; k++)
			*to++ = from[n->big_endian ? size - 1 - k : k];
	}
}

int npy_is_picture(const struct npy *n, size_t shape[3], int *interleaved)
{
	if (n->type != NPY_U8 || n->ndim < 2 || n->ndim > 3)
		return 0;
	const size_t *s = n->shape;
	*interleaved = n->ndim == 3 && s[2] == 3 && s[0] != 3 && s[0] != 1;
	shape[0] = n->ndim == 2 ? 1 : *interleaved ? 3 : s[0];
	shape[1] = *interleaved ? s[0] : s[n->ndim - 2];
	shape[2] = *interleaved ? s[1] : s[n->ndim - 1];
	return 1;
}

/* IEEE 754 binary16. */
static double half(uint16_t v)
{
	int exponent = v >> 10 & 31, mantissa = v & 1023;
	double x = exponent == 31 ? (mantissa ? NAN : INFINITY) : exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
	return v >> 15 ? -x : x;
}

double npy_value(const struct npy *n, size_t i)
{
	union {
		uint8_t u1;
		int8_t i1;
		uint16_t u2;
		int16_t i2;
		uint32_t u4;
		int32_t i4;
		uint64_t u8;
		int64_t i8;
		float f4;
		double f8;
	} v = {.u8 = 0};
	npy_copy(n, i, 1, &v);
	switch (n->type) {
	case NPY_U8:
		return v.u1;
	case NPY_INT8:
		return v.i1;
	case NPY_UINT16:
		return v.u2;
	case NPY_INT16:
		return v.i2;
	case NPY_UINT32:
		return v.u4;
	case NPY_INT32:
		return v.i4;
	case NPY_UINT64:
		return (double)v.u8;
	case NPY_INT64:
		return (double)v.i8;
	case NPY_BOOL:
		return v.u1 != 0;
	case NPY_F2:
		return half(v.u2);
	case NPY_F4:
		return (double)v.f4;
	case NPY_F8:
		break;
	}
	return v.f8;
}

/* The header is the text of a Python dict. The parser accepts the forms that numpy writes, and no others. */
struct parser {
	const char *p, *end;
	struct fail *f;
};

static void skip_spaces(struct parser *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n'))
		r->p++;
}

static int accept(struct parser *r, char c)
{
	skip_spaces(r);
	if (r->p == r->end || *r->p != c)
		return 0;
	r->p++;
	return 1;
}

static int expected(struct parser *r, const char *what)
{
	size_t left = (size_t)(r->end - r->p);
	if (!left)
		return fail_set(r->f, "npy header ends, expected %s", what);
	return fail_set(r->f, "npy header has byte 0x%02x, expected %s", (unsigned char)*r->p, what);
}

/* Reads a quoted string without escapes into s, truncated to its size: no known word is that long. */
static int read_string(struct parser *r, const char *what, char *s, size_t size)
{
	char quote = accept(r, '\'') ? '\'' : accept(r, '"') ? '"' : 0;
	if (!quote)
		return expected(r, what);
	size_t n = 0;
	for (; r->p < r->end && *r->p != quote; r->p++)
		if (n + 1 < size)
			s[n++] = *r->p > ' ' && *r->p < 0x7f ? *r->p : '?';
	s[n] = 0;
	if (r->p == r->end)
		return expected(r, "a closing quote");
	r->p++;
	return 0;
}

static int read_descr(struct parser *r, struct npy *out)
{
	char s[16] = "";
	if (read_string(r, "a plain type in quotes", s, sizeof s))
		return -1;
	if (!s[0])
		return fail_set(r->f, "npy without a type");
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (!strcmp(s + 1, types[i].descr + 1) && strchr(types[i].size == 1 ? "|<>=" : "<>", s[0])) {
			out->type = (enum npy_type)i;
			out->big_endian = s[0] == '>' && types[i].size > 1;
			return 0;
		}
	return fail_set(r->f, "npy of type '%s', expected a bool, an integer, float16, float32 or float64, such as '<f4'", s);
}

static int read_bool(struct parser *r, int *out)
{
	skip_spaces(r);
	size_t left = (size_t)(r->end - r->p);
	*out = left >= 4 && memcmp(r->p, "True", 4) == 0;
	if (!*out && (left < 5 || memcmp(r->p, "False", 5) != 0))
		return expected(r, "True or False");
	r->p += *out ? 4 : 5;
	return 0;
}

static int read_dim(struct parser *r, size_t *out)
{
	const char *start = r->p;
	for (*out = 0; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
		size_t digit = (size_t)(*r->p - '0');
		if (*out > (SIZE_MAX - digit) / 10)
			return fail_set(r->f, "npy header has a dimension larger than %zu", SIZE_MAX);
		*out = *out * 10 + digit;
	}
	return r->p > start ? 0 : expected(r, "a dimension");
}

static int read_shape(struct parser *r, struct npy *out)
{
	int comma = 1;
	if (!accept(r, '('))
		return expected(r, "a shape in parentheses");
	while (!accept(r, ')')) {
		if (!comma)
			return expected(r, "a comma or ')'");
		if (out->ndim == MAX_DIMS)
			return fail_set(r->f, "npy of more than the limit of %d dimensions", MAX_DIMS);
		if (read_dim(r, &out->shape[out->ndim++]))
			return -1;
		comma = accept(r, ',');
	}
	if (out->ndim == 1 && !comma)
		return fail_set(r->f, "npy header has a number in parentheses, expected a shape such as (%zu,)",
		                out->shape[0]);
	return 0;
}

/* A comment of Python, as npy_header_noted() writes it: to the end of the line. */
static void read_note(struct parser *r, struct npy *out)
{
	size_t n = 0;
	for (r->p++; r->p < r->end && *r->p != '\n'; r->p++)
		if (n + 1 < sizeof out->note && (n || *r->p != ' '))
			out->note[n++] = *r->p > ' ' && *r->p < 0x7f ? *r->p : ' ';
	while (n && out->note[n - 1] == ' ')
		n--;
	out->note[n] = 0;
	skip_spaces(r);
}

static int read_dict(struct parser *r, struct npy *out, int *fortran)
{
	static const char *const keys[] = {"descr", "fortran_order", "shape"};
	unsigned seen = 0;
	int comma = 1;
	if (!accept(r, '{'))
		return expected(r, "'{'");
	while (!accept(r, '}')) {
		char key[24];
		unsigned k = 0;
		if (!comma)
			return expected(r, "a comma or '}'");
		if (read_string(r, "a key in quotes", key, sizeof key))
			return -1;
		while (k < 3 && strcmp(key, keys[k]) != 0)
			k++;
		if (k == 3 || seen & 1u << k)
			return fail_set(r->f, "npy header has the key '%s' %s", key, k == 3 ? "that is not known" : "twice");
		seen |= 1u << k;
		if (!accept(r, ':'))
			return expected(r, "':'");
		if (k == 0 ? read_descr(r, out) : k == 1 ? read_bool(r, fortran) : read_shape(r, out))
			return -1;
		comma = accept(r, ',');
	}
	for (unsigned k = 0; k < 3; k++)
		if (!(seen & 1u << k))
			return fail_set(r->f, "npy header lacks the key '%s'", keys[k]);
	skip_spaces(r);
	if (r->p < r->end && *r->p == '#')
		read_note(r, out);
	return r->p == r->end ? 0 : expected(r, "its end");
}

/* Finds where the header's text begins, and its length: 0, or 1 when that takes more bytes than len. */
static int find_header(const uint8_t *p, size_t len, size_t *start, size_t *size, struct fail *f)
{
	if (len >= 4 && memcmp(p, "PK\3\4", 4) == 0)
		return fail_set(f, "a zip archive such as numpy's .npz, not an npy file: unpack it (unzip FILE.npz gives one .npy for each array)");
	if (len && memcmp(p, "\x93NUMPY", len < 6 ? len : 6) != 0)
		return fail_set(f, "not an npy file: it does not start with \\x93NUMPY and a header");
	*start = 12;
	*size = 0;
	if (len < 12)
		return 1;
	if (p[6] < 1 || p[6] > 3 || p[7])
		return fail_set(f, "npy of version %d.%d, expected 1.0, 2.0 or 3.0", p[6], p[7]);
	*start = p[6] == 1 ? 10 : 12;
	*size = (size_t)p[8] | (size_t)p[9] << 8;
	if (p[6] > 1)
		*size |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
	return *size > MAX_HEADER ? fail_set(f, "npy header of %zu bytes, larger than the limit of %d", *size, MAX_HEADER) : 0;
}

int npy_parse_header(const void *data, size_t len, struct npy *out, size_t *header, struct fail *f)
{
	size_t start = 0, size = 0;
	*out = (struct npy){0};
	int incomplete = find_header(data, len, &start, &size, f);
	*header = start + size;
	if (incomplete || len < *header)
		return incomplete < 0 ? -1 : 1;
	struct parser r = {(const char *)data + start, (const char *)data + *header, f};
	int fortran = 0;
	if (read_dict(&r, out, &fortran))
		return -1;
	out->fortran = fortran && out->ndim > 1;
	size_t one = types[out->type].size;
	int empty = 0;
	out->count = 1;
	for (int i = 0; i < out->ndim; i++) {
		if (!out->shape[i])
			empty = 1;
		else if (out->count > SIZE_MAX / one / out->shape[i])
			return fail_set(f, "npy of more than %zu bytes", SIZE_MAX);
		else
			out->count *= out->shape[i];
	}
	if (empty)
		out->count = 0;
	return 0;
}

int npy_parse(const void *data, size_t len, struct npy *out, struct fail *f)
{
	size_t header;
	int incomplete = npy_parse_header(data, len, out, &header, f);
	if (incomplete)
		return incomplete < 0 ? -1 : fail_set(f, len ? "npy file is truncated: %zu bytes, expected a header of %zu" : "not an npy file: it is empty", len, header);
	size_t size = types[out->type].size;
	if (len - header != out->count * size)
		return fail_set(f, "npy has %zu bytes of values, expected %zu by its shape", len - header, out->count * size);
	out->values = (const char *)data + header;
	return 0;
}

int npy_header(struct buf *out, enum npy_type type, int ndim, const size_t *shape, struct fail *f)
{
	return npy_header_noted(out, type, ndim, shape, "", f);
}

int npy_header_noted(struct buf *out, enum npy_type type, int ndim, const size_t *shape, const char *note, struct fail *f)
{
	size_t before = out->len;
	if (ndim < 0 || ndim > MAX_DIMS)
		return fail_set(f, "npy of %d dimensions, expected 0 to %d", ndim, MAX_DIMS);
	if (buf_add(out, "\x93NUMPY\1\0\0", 10, f) ||
	    buf_addf(out, f, "{'descr': '%s', 'fortran_order': False, 'shape': (", types[type].descr))
		goto undo;
	for (int i = 0; i < ndim; i++)
		if (buf_addf(out, f, "%s%zu", i ? ", " : "", shape[i]))
			goto undo;
	if (buf_addf(out, f, ndim == 1 ? ",), }%s%s" : "), }%s%s", *note ? " # " : "", note))
		goto undo;
	/* numpy reserves 21 digits for the first dimension. Without that, too, the header of any array that fits into memory
	 * has 128 bytes. */
	size_t len = out->len - before, pad = ALIGN - 1 - len % ALIGN;
	if (buf_addf(out, f, "%*s\n", (int)pad, ""))
		goto undo;
	len += pad + 1 - 10;
	out->p[before + 8] = (char)(len & 0xff);
	out->p[before + 9] = (char)(len >> 8);
	return 0;
undo:
	if (out->p)
		out->p[out->len = before] = 0;
	return -1;
}

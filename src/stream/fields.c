/* Keeps a JSON object as its text and a table of fields: for each, where name and value stand in the text.
 *
 * fields_parse() copies the text and fills the table. It accepts exactly RFC 8259, but only a flat object without repeated
 * names. Values are converted when a tool asks for them (fields_number, fields_string), and fields_write() copies the text of each
 * name and value. So numbers keep their digits. A name with escapes is decoded behind the text: names that mean the same are equal.
 *
 * Setting a value appends its text to the buffer and points the field at it; the old text stays, unused, until the next
 * fields_clear(). A space follows each value, so that strtod() ends where a number ends. An object has some dozens of fields:
 * a linear search finds a name. */
#include "stream/fields.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "stream/name.h"

void fields_clear(struct fields *s)
{
	s->text.len = 0;
	s->n = 0;
}

void fields_free(struct fields *s)
{
	buf_free(&s->text);
	free(s->v);
	*s = (struct fields){0};
}

static struct field *append_field(struct fields *s, struct fail *f)
{
	if (s->n == FIELDS_MAX) {
		fail_set(f, "more than %d fields", FIELDS_MAX);
		return NULL;
	}
	if (grow(&s->v, &s->cap, s->n + 1, "fields", f))
		return NULL;
	return &s->v[s->n++];
}

/* --- parsing --- */

struct cursor {
	const char *p;
	size_t i, n;
};

static void skip_space(struct cursor *c)
{
	while (c->i < c->n && (c->p[c->i] == ' ' || c->p[c->i] == '\t' || c->p[c->i] == '\n' || c->p[c->i] == '\r'))
		c->i++;
}

/* Reads a string, quotes included; its contents are [*from, *from + *len). */
static int scan_string(struct cursor *c, uint32_t *from, uint32_t *len)
{
	if (c->i >= c->n || c->p[c->i] != '"')
		return -1;
	size_t i = c->i + 1;
	*from = (uint32_t)i;
	while (i < c->n && c->p[i] != '"') {
		if ((unsigned char)c->p[i] < 0x20)
			return -1;
		if (c->p[i] != '\\') {
			int k = utf8_length(c->p + i, c->n - i);
			if (k == 0)
				return -1;
			i += (size_t)k;
		} else if (i + 1 < c->n && c->p[i + 1] == 'u') {
			if (json_hex4(c->p + i + 2, c->n - i - 2) < 0)
				return -1;
			i += 6;
		} else if (i + 1 < c->n && c->p[i + 1] && strchr("\"\\/bfnrt", c->p[i + 1])) {
			i += 2;
		} else {
			return -1;
		}
	}
	if (i >= c->n)
		return -1;
	*len = (uint32_t)(i - *from);
	c->i = i + 1;
	return 0;
}

static size_t count_digits(const struct cursor *c, size_t i)
{
	size_t k = i;
	while (k < c->n && c->p[k] >= '0' && c->p[k] <= '9')
		k++;
	return k - i;
}

static int scan_number(struct cursor *c)
{
	size_t i = c->i, k;
	if (i < c->n && c->p[i] == '-')
		i++;
	k = count_digits(c, i);
	if (k == 0 || (k > 1 && c->p[i] == '0'))
		return -1;
	i += k;
	if (i < c->n && c->p[i] == '.') {
		k = count_digits(c, i + 1);
		if (k == 0)
			return -1;
		i += 1 + k;
	}
	if (i < c->n && (c->p[i] == 'e' || c->p[i] == 'E')) {
		i++;
		if (i < c->n && (c->p[i] == '+' || c->p[i] == '-'))
			i++;
		k = count_digits(c, i);
		if (k == 0)
			return -1;
		i += k;
	}
	c->i = i;
	return 0;
}

static int scan_value(struct cursor *c, struct field *v)
{
	static const struct { const char *word; char type; } words[] = {{"true", 't'}, {"false", 'f'}, {"null", '0'}};
	if (c->i < c->n && c->p[c->i] == '"') {
		v->type = 's';
		return scan_string(c, &v->value, &v->value_len);
	}
	v->value = (uint32_t)c->i;
	v->type = 'n';
	size_t w = 0;
	for (; w < 3; w++) {
		size_t k = strlen(words[w].word);
		if (c->n - c->i >= k && memcmp(c->p + c->i, words[w].word, k) == 0) {
			v->type = words[w].type;
			c->i += k;
			break;
		}
	}
	if (w == 3 && scan_number(c))
		return -1;
	v->value_len = (uint32_t)(c->i - v->value);
	return 0;
}

static int same_name(const struct fields *s, const struct field *a, const char *name, size_t len)
{
	return a->name_len == len && memcmp(s->text.p + a->name, name, len) == 0;
}

/* Decodes the name where it has escapes. */
static int decode_name(struct fields *s, struct cursor *c, struct field *v, struct fail *f)
{
	v->name = v->written;
	v->name_len = v->written_len;
	if (!memchr(c->p + v->written, '\\', v->written_len))
		return 0;
	if (buf_reserve(&s->text, v->written_len, f)) /* decoded text is never longer */
		return -1;
	c->p = s->text.p;
	v->name = (uint32_t)s->text.len;
	if (json_unquote(&s->text, c->p + v->written, v->written_len, f))
		return -1;
	v->name_len = (uint32_t)(s->text.len - v->name);
	return 0;
}

static int parse_members(struct fields *s, struct cursor *c, struct fail *f)
{
	skip_space(c);
	if (c->i >= c->n || c->p[c->i++] != '{')
		return fail_set(f, "not a JSON object");
	skip_space(c);
	if (c->i < c->n && c->p[c->i] == '}') {
		c->i++;
	} else {
		for (;;) {
			struct field v;
			skip_space(c);
			if (scan_string(c, &v.written, &v.written_len))
				return fail_set(f, "not JSON at byte %zu: expected a name in quotes", c->i);
			skip_space(c);
			if (c->i >= c->n || c->p[c->i++] != ':')
				return fail_set(f, "not JSON at byte %zu: expected a colon", c->i);
			skip_space(c);
			if (scan_value(c, &v))
				return fail_set(f, "not flat JSON at byte %zu: expected a number, a string, true, false or null", c->i);
			if (decode_name(s, c, &v, f))
				return -1;
			for (size_t i = 0; i < s->n; i++)
				if (same_name(s, &s->v[i], s->text.p + v.name, v.name_len))
					return fail_set(f, "field \"%.*s\" occurs twice", (int)v.written_len, s->text.p + v.written);
			struct field *to = append_field(s, f);
			if (!to)
				return -1;
			*to = v;
			skip_space(c);
			char sep = c->i < c->n ? c->p[c->i++] : 0;
			if (sep == '}')
				break;
			if (sep != ',')
				return fail_set(f, "not JSON at byte %zu: expected a comma or the end of the object", c->i);
		}
	}
	skip_space(c);
	if (c->i != c->n)
		return fail_set(f, "bytes after the JSON object");
	return 0;
}

int fields_parse(struct fields *s, const char *text, size_t len, struct fail *f)
{
	fields_clear(s);
	if (len > FIELDS_MAX_BYTES)
		return fail_set(f, "%zu bytes, larger than the limit of %u", len, FIELDS_MAX_BYTES);
	if (buf_add(&s->text, text, len, f))
		return -1;
	struct cursor c = {s->text.p, 0, len};
	if (parse_members(s, &c, f)) {
		fields_clear(s);
		return -1;
	}
	return 0;
}

/* --- values --- */

const struct field *fields_find(const struct fields *s, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < s->n; i++)
		if (same_name(s, &s->v[i], name, len))
			return &s->v[i];
	return NULL;
}

int fields_number(const struct fields *s, const char *name, double *value)
{
	const struct field *v = fields_find(s, name);
	if (!v || v->type != 'n')
		return 0;
	double number = strtod(s->text.p + v->value, NULL);
	if (!isfinite(number)) /* such as 1e999 */
		return 0;
	*value = number;
	return 1;
}

int fields_string(const struct fields *s, const char *name, struct buf *out, struct fail *f)
{
	const struct field *v = fields_find(s, name);
	if (!v)
		return 0;
	const char *p = s->text.p + v->value, *end = p + v->value_len;
	if (v->type != 's')
		return buf_add(out, p, v->value_len, f) ? -1 : 1;
	return json_unquote(out, p, (size_t)(end - p), f) ? -1 : 1;
}

/* --- changing and writing --- */

/* Sets the value to this JSON text (of a string, without its quotes). */
static int set_text(struct fields *s, const char *name, const char *value, size_t len, char type, struct fail *f)
{
	struct field *v = (struct field *)fields_find(s, name);
	if (!v) {
		size_t k = strlen(name), at = s->text.len;
		v = append_field(s, f);
		if (!v)
			return -1;
		*v = (struct field){.name = (uint32_t)at, .name_len = (uint32_t)k, .written = (uint32_t)at, .written_len = (uint32_t)k};
		if (buf_add(&s->text, name, k, f)) {
			s->n--;
			return -1;
		}
	}
	v->value = (uint32_t)s->text.len;
	v->value_len = (uint32_t)len;
	v->type = type;
	return buf_add(&s->text, value, len, f) || buf_add(&s->text, " ", 1, f) ? -1 : 0;
}

/* strfromd() is faster than printf(), which is slow once libquadmath, linked with OpenBLAS, has registered its own
 * conversions; a record has a dozen reals. */
static int print_real(char *t, size_t size, double value)
{
#if defined(__GLIBC__)
	return strfromd(t, size, "%.9g", value);
#else
	return snprintf(t, size, "%.9g", value);
#endif
}

int fields_set_real(struct fields *s, const char *name, double value, struct fail *f)
{
	char t[40];
	if (!isfinite(value))
		return fail_set(f, "%s is not finite", name);
	int n = print_real(t, sizeof t, value);
	return set_text(s, name, t, (size_t)n, 'n', f);
}

int fields_set_int(struct fields *s, const char *name, int64_t value, struct fail *f)
{
	char t[40];
	int n = snprintf(t, sizeof t, "%lld", (long long)value);
	return set_text(s, name, t, (size_t)n, 'n', f);
}

int fields_set_string(struct fields *s, const char *name, const char *value, struct fail *f)
{
	struct buf b = {0};
	int r = json_quote(&b, value, strlen(value), f);
	if (!r)
		r = set_text(s, name, b.p + 1, b.len - 2, 's', f);
	buf_free(&b);
	return r;
}

void fields_remove(struct fields *s, const char *name)
{
	struct field *v = (struct field *)fields_find(s, name);
	if (!v)
		return;
	size_t i = (size_t)(v - s->v);
	memmove(v, v + 1, (s->n - i - 1) * sizeof *v);
	s->n--;
}

int fields_keep(struct fields *s, const char *name)
{
	const struct field *v = fields_find(s, name);
	if (v)
		s->v[0] = *v;
	s->n = v != NULL;
	return v != NULL;
}

void fields_remove_prefix(struct fields *s, const char *prefix)
{
	size_t len = strlen(prefix), n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].name_len < len || memcmp(s->text.p + s->v[i].name, prefix, len) != 0)
			s->v[n++] = s->v[i];
	s->n = n;
}

void fields_remove_numbered(struct fields *s, const char *prefix)
{
	size_t len = strlen(prefix), n = 0;
	for (size_t i = 0; i < s->n; i++) {
		const char *name = s->text.p + s->v[i].name;
		size_t k = len;
		if (s->v[i].name_len > len && memcmp(name, prefix, len) == 0)
			while (k < s->v[i].name_len && name[k] >= '0' && name[k] <= '9')
				k++;
		if (k == len || k < s->v[i].name_len)
			s->v[n++] = s->v[i];
	}
	s->n = n;
}

int fields_write(const struct fields *s, struct buf *out, struct fail *f)
{
	size_t from = out->len;
	if (buf_add(out, "{", 1, f))
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		const struct field *v = &s->v[i];
		const char *q = v->type == 's' ? "\"" : "";
		if (buf_add(out, i ? ",\"" : "\"", i ? 2 : 1, f) || buf_add(out, s->text.p + v->written, v->written_len, f) ||
		    buf_add(out, "\":", 2, f) || buf_add(out, q, v->type == 's', f) ||
		    buf_add(out, s->text.p + v->value, v->value_len, f) || buf_add(out, q, v->type == 's', f))
			return -1;
	}
	if (buf_add(out, "}\n", 2, f))
		return -1;
	size_t len = out->len - from;
	return len > FIELDS_MAX_BYTES ? fail_set(f, "%zu bytes of fields, more than the limit of %u", len, FIELDS_MAX_BYTES) : 0;
}

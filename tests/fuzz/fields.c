#include "stream/fields.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "stream/name.h"

static int same(const struct fields *a, const struct fields *b)
{
	if (a->n != b->n)
		return 0;
	for (size_t i = 0; i < a->n; i++) {
		const struct field *x = &a->v[i], *y = &b->v[i];
		if (x->type != y->type || x->name_len != y->name_len || x->value_len != y->value_len ||
		    memcmp(a->text.p + x->name, b->text.p + y->name, x->name_len) != 0 ||
		    memcmp(a->text.p + x->value, b->text.p + y->value, x->value_len) != 0)
			return 0;
	}
	return 1;
}

/* Sets a field to an arbitrary string, writes, parses, and gets the string back. */
static void edit(struct fields *s, const char *value, size_t size)
{
	struct fields again = {0};
	struct buf out = {0}, got = {0};
	struct fail f;
	if (s->n >= FIELDS_MAX || fields_find(s, "vae"))
		return;
	CHECK(fields_set_string(s, "vae", value, &f) == 0);
	CHECK(fields_write(s, &out, &f) == 0);
	if (out.len > FIELDS_MAX_BYTES) {
		buf_free(&out);
		return;
	}
	CHECK(fields_parse(&again, out.p, out.len, &f) == 0 && same(s, &again));
	CHECK(fields_string(&again, "vae", &got, &f) == 1);
	int plain = 1;
	for (size_t i = 0; i < size && plain;) {
		int k = utf8_length(value + i, size - i);
		plain = k > 0;
		i += (size_t)k;
	}
	CHECK(!plain || (got.len == size && (size == 0 || memcmp(got.p, value, size) == 0)));
	fields_remove(&again, "vae");
	CHECK(!fields_find(&again, "vae") && again.n + 1 == s->n);
	buf_free(&out);
	buf_free(&got);
	fields_free(&again);
}

int fuzz_fields(const uint8_t *data, size_t size)
{
	struct fields s = {0}, again = {0};
	struct buf one = {0}, two = {0};
	struct fail f;
	char *text = fuzz_text(data, size);
	if (fields_parse(&s, (const char *)data, size, &f) == 0) {
		CHECK(fields_write(&s, &one, &f) == 0);
		CHECK(fields_parse(&again, one.p, one.len, &f) == 0);
		CHECK(same(&s, &again));
		CHECK(fields_write(&again, &two, &f) == 0 && one.len == two.len && memcmp(one.p, two.p, one.len) == 0);
		for (size_t i = 0; i < s.n; i++) {
			char name[64];
			double v;
			struct buf value = {0};
			if (s.v[i].name_len >= sizeof name)
				continue;
			memcpy(name, s.text.p + s.v[i].name, s.v[i].name_len);
			name[s.v[i].name_len] = 0;
			if (strlen(name) < s.v[i].name_len) /* a name with a NUL cannot be asked for */
				continue;
			CHECK(fields_find(&s, name) == &s.v[i]);
			CHECK(fields_string(&s, name, &value, &f) == 1);
			CHECK(!fields_number(&s, name, &v) || s.v[i].type == 'n');
			buf_free(&value);
		}
	} else {
		CHECK(f.msg[0] && s.n == 0);
	}
	edit(&s, text, strlen(text));
	free(text);
	fields_free(&s);
	fields_free(&again);
	buf_free(&one);
	buf_free(&two);
	return 0;
}

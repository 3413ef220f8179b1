#include "stream/metadata.h"
#include "stream/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static struct member *add(struct record *r, const char *name, const void *p, size_t n)
{
	struct fail f;
	struct member *m = record_add_member(r, name, 0, &f);
	CHECK(m && buf_add(&m->data, p, n, &f) == 0);
	return m;
}

/* A name, a NUL, and a member KEY.json: any value has one text, as JSON the same one, and nothing is read twice differently. */
int fuzz_metadata(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	size_t len = strlen(text), skip = len < size ? len + 1 : size;
	struct buf name = {0}, a = {0}, b = {0}, json = {0};
	struct fail f = {{0}};
	struct record r = {.fields_member = -1, .file = "fuzz"};
	CHECK(buf_addf(&name, &f, "json.%.200s", text) == 0);
	add(&r, "a/1.json", text + skip, size - skip);
	double v = NAN;
	int got = metadata_text(&r.metadata, &record_member(&r, "json")->data, name.p, &a, &f), bad = metadata_is_bad(&r.metadata);
	CHECK(got == 0 || (got == 1 && !bad));
	CHECK(record_value(&r, name.p, &b, &f) == got && a.len == b.len && (!a.len || memcmp(a.p, b.p, a.len) == 0));
	CHECK(metadata_json(&r.metadata, &record_member(&r, "json")->data, name.p, &json, &f) == got && (json.len > 0) == got);
	int number = metadata_number(&r.metadata, &record_member(&r, "json")->data, name.p, &v, &f);
	CHECK(number == 0 || (number == 1 && isfinite(v) && got == 1 && strtod(a.p, NULL) == v && strcmp(a.p, json.p) == 0));
	if (got) { /* the JSON text, as the only value of an object, is the same value */
		struct record again = {.fields_member = -1, .file = "fuzz"};
		struct member *m = add(&again, "a/1.json", "{\"v\":", 5);
		b.len = 0;
		CHECK(buf_add(&m->data, json.p, json.len, &f) == 0 && buf_add(&m->data, "}", 1, &f) == 0);
		CHECK(metadata_text(&again.metadata, &record_member(&again, "json")->data, "json.v", &b, &f) == 1 && a.len == b.len && (!a.len || memcmp(a.p, b.p, a.len) == 0));
		record_free(&again);
	}
	metadata_clear(&r.metadata);
	CHECK(!metadata_is_bad(&r.metadata) && metadata_text(&r.metadata, &record_member(&r, "json")->data, name.p, &b, &f) == got && metadata_is_bad(&r.metadata) == bad);
	buf_free(&name);
	buf_free(&a);
	buf_free(&b);
	buf_free(&json);
	record_free(&r);
	free(text);
	return 0;
}

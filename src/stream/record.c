#include "stream/record.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "stream/name.h"

/* A larger buffer is freed, not reused: every slot of a pipeline has its record, and a few large records would leave a large
 * buffer in each. */
#define RECORD_KEPT_BYTES ((size_t)4 << 20)

#define KEY_PREFIX "key_prefix"

void member_free(struct member *m)
{
	tar_header_free(&m->header);
	buf_free(&m->data);
	buf_free(&m->ext);
}

void record_free(struct record *r)
{
	for (size_t i = 0; i < r->cap; i++)
		member_free(&r->m[i]);
	free(r->m);
	buf_free(&r->key);
	fields_free(&r->fields);
	metadata_clear(&r->metadata);
	*r = (struct record){.fields_member = -1};
}

size_t record_capacity(const struct record *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->cap; i++)
		n += r->m[i].data.cap;
	return n;
}

void record_trim(struct record *r, size_t keep)
{
	if (record_capacity(r) <= keep)
		return;
	for (size_t i = 0; i < r->cap; i++)
		buf_free(&r->m[i].data);
	r->n = 0;
}

struct member *record_push(struct record *r, struct fail *f)
{
	size_t had = r->cap;
	if (grow(&r->m, &r->cap, r->n + 1, "members of a record", f))
		return NULL;
	if (r->cap > had)
		memset(r->m + had, 0, (r->cap - had) * sizeof *r->m);
	struct member *m = &r->m[r->n];
	if (m->data.cap > RECORD_KEPT_BYTES)
		buf_free(&m->data);
	m->data.len = m->ext.len = 0;
	m->loose = 0;
	m->name = "";
	r->n++;
	return m;
}

struct member *record_add_member(struct record *rec, const char *name, int64_t mtime, struct fail *f)
{
	struct member *m = record_push(rec, f);
	if (!m)
		return NULL;
	tar_header_clear(&m->header);
	m->header.mode = 0644;
	m->header.mtime = (struct tar_time){.sec = mtime, .set = 1};
	if (buf_add(&m->header.name, name, strlen(name), f))
		return NULL;
	m->name = m->header.name.p;
	const char *ext = "";
	if (name_split(m->name, &ext) == 0) {
		fail_set(f, "'%s' cannot be the name of a member", name);
		return NULL;
	}
	return buf_add(&m->ext, ext, strlen(ext), f) ? NULL : m;
}

static int has_ext(const struct member *m, const char *ext, size_t len)
{
	return !m->loose && m->ext.len == len && memcmp(m->ext.p, ext, len) == 0;
}

const struct member *record_member(const struct record *r, const char *ext)
{
	for (size_t i = 0; i < r->n; i++)
		if (has_ext(&r->m[i], ext, strlen(ext)))
			return &r->m[i];
	return NULL;
}

const struct member *record_payload(const struct record *r, const char *extensions, struct fail *f)
{
	for (size_t i = 0; i < r->n; i++)
		for (const char *e = extensions; *e;) {
			size_t len = strcspn(e, ",");
			if (has_ext(&r->m[i], e, len))
				return &r->m[i];
			e += len + (e[len] == ',');
		}
	char list[200];
	size_t len = 0;
	for (size_t i = 0; i < r->n && len < sizeof list - 1; i++)
		if (!r->m[i].loose && (int)i != r->fields_member) {
			char shown[80];
			name_show(shown, sizeof shown, r->m[i].ext.p);
			len += (size_t)snprintf(list + len, sizeof list - len, "%s%s", len ? ", " : "", shown);
		}
	fail_set(f, "no payload: none of its extensions (%s) is one of %s", len ? list : "none", extensions);
	return NULL;
}

int record_fields(struct record *r, struct fail *f)
{
	if (r->fields_read)
		return 0;
	fields_clear(&r->fields);
	if (r->fields_member >= 0) {
		const struct member *m = &r->m[r->fields_member];
		if (fields_parse(&r->fields, m->data.p, m->data.len, f)) {
			fail_add(f, "member %s", FIELDS_EXT);
			return record_fail(r, f);
		}
	}
	r->fields_read = 1;
	return 0;
}

/* What the member KEY.json holds, or NULL. */
static const struct buf *json_member(const struct record *r)
{
	const struct member *m = record_member(r, "json");
	return m ? &m->data : NULL;
}

int record_json(struct record *r, const char *name, struct buf *out, struct fail *f)
{
	return metadata_json(&r->metadata, json_member(r), name, out, f);
}

int record_value(struct record *r, const char *name, struct buf *out, struct fail *f)
{
	if (record_fields(r, f))
		return -1;
	int got = fields_string(&r->fields, name, out, f);
	if (got)
		return got;
	if (strcmp(name, "key") == 0)
		return name_escape(out, r->key.p, r->key.len, f) ? -1 : 1;
	if (metadata_is_name(name))
		return metadata_text(&r->metadata, json_member(r), name, out, f);
	const struct member *m = strcmp(name, "cls") == 0 ? record_member(r, "cls") : NULL;
	if (!m)
		return 0;
	size_t from = 0, to = m->data.len;
	while (from < to && isspace((unsigned char)m->data.p[from]))
		from++;
	while (to > from && isspace((unsigned char)m->data.p[to - 1]))
		to--;
	return name_escape(out, m->data.p + from, to - from, f) ? -1 : 1;
}

int record_number(struct record *r, const char *name, double *value, struct fail *f)
{
	if (record_fields(r, f))
		return -1;
	return fields_number(&r->fields, name, value) ? 1 : fields_find(&r->fields, name) ? 0 : metadata_number(&r->metadata, json_member(r), name, value, f);
}

int record_text(struct record *r, const char *name, struct buf *scratch, struct buf *out, struct fail *f)
{
	scratch->len = 0;
	int got = record_value(r, name, scratch, f);
	if (got <= 0)
		return got;
	/* Keys, classes and names in fields are escaped already: escape only text that holds a control character. */
	int control = name_has_control(scratch->p, scratch->len);
	int bad = control ? name_escape(out, scratch->p, scratch->len, f) : buf_add(out, scratch->p, scratch->len, f);
	return bad ? -1 : 1;
}

/* Replaces the first `old` bytes of the key, and of the names of all members with that key, by the prefix. */
static int replace_prefix(struct record *r, size_t old, const char *prefix, size_t len, struct fail *f)
{
	for (size_t i = 0; i <= r->n; i++) {
		struct buf *b = i < r->n ? &r->m[i].header.name : &r->key;
		if (i < r->n && r->m[i].loose)
			continue;
		if (buf_reserve(b, len, f))
			return -1;
		memmove(b->p + len, b->p + old, b->len - old + 1);
		memcpy(b->p, prefix, len);
		b->len += len - old;
		if (i < r->n)
			r->m[i].name = b->p;
	}
	return 0;
}

int record_prefix_key(struct record *r, const char *prefix, size_t len, struct fail *f)
{
	struct buf b = {0};
	if (record_fields(r, f))
		return -1;
	int bad = name_escape(&b, prefix, len, f) || fields_string(&r->fields, KEY_PREFIX, &b, f) < 0 ||
	          (b.len && fields_set_string(&r->fields, KEY_PREFIX, b.p, f)) || replace_prefix(r, 0, prefix, len, f);
	r->fields_changed = 1;
	buf_free(&b);
	return bad ? record_fail(r, f) : 0;
}

/* The length of the key's prefix that the field key_prefix says, which is escaped; 0 if the key does not begin with it. */
static int find_prefix(const struct record *r, size_t *len, struct fail *f)
{
	struct buf said = {0}, b = {0};
	int got = fields_string(&r->fields, KEY_PREFIX, &said, f);
	*len = 0;
	for (size_t i = 1; i < r->key.len && got > 0 && !*len; i++) {
		b.len = 0;
		if (name_escape(&b, r->key.p, i, f))
			got = -1;
		else if (b.len == said.len && memcmp(b.p, said.p, b.len) == 0)
			*len = i;
	}
	buf_free(&said);
	buf_free(&b);
	return got < 0 ? -1 : 0;
}

int record_remove_fields(struct record *r, struct fail *f)
{
	size_t prefix;
	if (record_fields(r, f) || find_prefix(r, &prefix, f) || (prefix && replace_prefix(r, prefix, "", 0, f)))
		return -1;
	size_t had = r->fields.n;
	if (fields_keep(&r->fields, "source")) {
		r->fields_changed |= r->fields.n < had;
		return 0;
	}
	if (r->fields_member >= 0) {
		struct member removed = r->m[r->fields_member]; /* goes past the end, where the next record reuses its memory */
		memmove(r->m + r->fields_member, r->m + r->fields_member + 1, (r->n - (size_t)r->fields_member - 1) * sizeof *r->m);
		r->m[--r->n] = removed;
		r->fields_member = -1;
	}
	r->fields_changed = 0;
	return 0;
}

int record_fail(const struct record *r, struct fail *f)
{
	char shown[256];
	if (r->ordinal == 0)
		return fail_add(f, "%s: member '%s'", r->file, name_show(shown, sizeof shown, r->n ? r->m[0].name : ""));
	return fail_add(f, "%s: record %llu '%s'", r->file, (unsigned long long)r->ordinal,
	                name_show(shown, sizeof shown, r->key.p));
}

#include "eval/classes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "stream/name.h"

int class_of_key(const char *key, size_t len, struct buf *out, struct fail *f)
{
	while (len && key[len - 1] != '/')
		len--;
	if (!len)
		return 0;
	return buf_add(out, key, len - 1, f) ? -1 : 1;
}

int class_of(struct record *r, const char *name, struct buf *out, struct fail *f)
{
	if (!name || strcmp(name, CLASS_OF_KEY) != 0)
		return record_value(r, name ? name : "cls", out, f);
	struct buf key = {0};
	int got = name_escape(&key, r->key.p, r->key.len, f) ? -1 : class_of_key(key.p, key.len, out, f);
	buf_free(&key);
	return got;
}

/* Appends the names that class_of() knows for a record: cls, key/, fields, and json.NAME as such. */
static int add_names(struct record *r, struct buf *out, struct fail *f)
{
	const int has_directory = r->key.len && memchr(r->key.p, '/', r->key.len) != NULL;
	if (record_fields(r, f) || (record_member(r, "cls") && buf_addf(out, f, ", cls")) || (has_directory && buf_addf(out, f, ", " CLASS_OF_KEY)) ||
	    (record_member(r, "json") && buf_addf(out, f, ", json.NAME")))
		return -1;
	for (size_t i = 0; i < r->fields.n; i++)
		if (buf_addf(out, f, ", ") || buf_add(out, r->fields.text.p + r->fields.v[i].name, r->fields.v[i].name_len, f))
			return -1;
	return 0;
}

int class_check_record(struct class_check *c, struct record *r, struct fail *f)
{
	struct buf cls = {0};
	if (!c->name || c->found)
		return 0;
	if (c->records++ == 0 && add_names(r, &c->names, f))
		return -1;
	int has = class_of(r, c->name, &cls, f);
	buf_free(&cls);
	c->found = has > 0;
	return has < 0 ? -1 : 0;
}

int class_check_end(const struct class_check *c, struct fail *f)
{
	char name[100], names[400];
	if (!c->name || c->found || !c->records)
		return 0;
	return fail_set(f, "--class: none of %llu records has '%s'; the first one has %s", (unsigned long long)c->records, name_show(name, sizeof name, c->name),
	                c->names.len ? name_show(names, sizeof names, c->names.p + 2) : "no name for a class");
}

void class_check_free(struct class_check *c) { buf_free(&c->names); }

int class_list_add(struct class_list *l, const char *name, size_t len, struct fail *f)
{
	for (size_t i = 0; i < l->n; i++)
		if (strlen(l->name[i]) == len && memcmp(l->name[i], name, len) == 0)
			return (int)i;
	if (l->n == INT16_MAX)
		return fail_set(f, "more than %d classes", INT16_MAX);
	if (grow(&l->name, &l->cap, l->n + 1, "classes", f))
		return -1;
	l->name[l->n] = strndup(name, len);
	return l->name[l->n] ? (int)l->n++ : fail_memory(f);
}

void class_list_free(struct class_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
	*l = (struct class_list){.n = 0};
}

int class_map_add(struct class_map *m, struct record *r, const char *name, struct fail *f)
{
	if (grow(&m->v, &m->cap, m->n + 1, "records", f))
		return -1;
	struct buf key = {0}, cls = {0};
	int has = name_escape(&key, r->key.p, r->key.len, f) ? -1 : class_of(r, name, &cls, f);
	if (has >= 0) {
		struct class_entry *e = &m->v[m->n++];
		*e = (struct class_entry){strdup(key.p ? key.p : ""), has ? strndup(cls.p ? cls.p : "", cls.len) : NULL};
		has = !e->key || (has && !e->cls) ? fail_memory(f) : 0;
	}
	buf_free(&key);
	buf_free(&cls);
	return has < 0 ? -1 : 0;
}

static int by_key(const void *a, const void *b) { return strcmp(((const struct class_entry *)a)->key, ((const struct class_entry *)b)->key); }

void class_map_sort(struct class_map *m)
{
	if (m->n)
		qsort(m->v, m->n, sizeof *m->v, by_key);
}

const char *class_map_find(const struct class_map *m, const char *key)
{
	const struct class_entry sought = {(char *)key, NULL}, *found = m->n ? bsearch(&sought, m->v, m->n, sizeof *m->v, by_key) : NULL;
	return found ? found->cls : NULL;
}

void class_map_free(struct class_map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].key);
		free(m->v[i].cls);
	}
	free(m->v);
	*m = (struct class_map){.n = 0};
}

#include "pack/files.h"

#include <string.h>

#include "stream/name.h"

/* Adds the directory directly below the root as .cls, unless the record has a file .cls. */
static int add_class(struct files *s, struct fail *f)
{
	struct member *m = s->class.len && !record_member(&s->r, "cls") ? pack_add(&s->r, "cls", s->r.n ? s->r.m[0].header.mtime.sec : 0, f) : NULL;
	if (m)
		return buf_add(&m->data, s->class.p, s->class.len, f);
	return s->class.len && !record_member(&s->r, "cls") ? -1 : 0;
}

/* Writes the record. Returns 1, 0 if the limit is reached, or -1. */
static int end_record(struct files *s, struct fail *f)
{
	if (!s->open)
		return 1;
	s->open = 0;
	s->r.fields_changed = 1;
	return s->pack->classes && add_class(s, f) ? -1 : pack_emit(s->pack, &s->r, 0, f);
}

static int begin_record(struct files *s, const char *path, const char *below, size_t key, struct fail *f)
{
	struct buf source = {0};
	const char *slash = strchr(below, '/');
	s->class.len = s->file.len = 0;
	int bad = buf_add(&s->file, path, strlen(path), f) || pack_begin(s->pack, &s->r, s->ordinal++, s->file.p, f) ? -1 : 0;
	if (!bad && key) {
		s->r.key.len = 0;
		bad = buf_addf(&s->r.key, f, "%s%.*s", s->pack->prefix, (int)key, below);
	}
	bad = bad || name_escape(&source, below, strlen(below), f) || fields_set_string(&s->r.fields, "source", source.p, f) ||
	      (slash && buf_add(&s->class, below, (size_t)(slash - below), f));
	buf_free(&source);
	s->open = !bad;
	return bad ? -1 : 0;
}

/* Adds the file to the record. The fields of KEY.vae.json, except source, become fields of the record. */
static int add_file(struct files *s, const char *path, const char *ext, int64_t mtime, int (*read)(void *ctx, struct buf *data, struct fail *f), void *ctx, struct fail *f)
{
	struct record *r = &s->r;
	char lower[256];
	size_t n = strlen(ext);
	for (size_t i = 0; i <= n && i < sizeof lower; i++)
		lower[i] = (char)(ext[i] >= 'A' && ext[i] <= 'Z' ? ext[i] - 'A' + 'a' : ext[i]);
	if (n < sizeof lower && r->n && record_member(r, lower))
		return fail_set(f, "%s: the record '%s' has the extension .%s twice: rename one of the files", path, r->key.p, lower);
	struct member *m = pack_add(r, ext, mtime, f);
	if (!m || read(ctx, &m->data, f))
		return -1;
	if (n < sizeof lower)
		memcpy(m->ext.p, lower, n);
	if (!s->pack->together || strcmp(m->ext.p, FIELDS_EXT) != 0)
		return 0;
	struct buf source = {0};
	int bad = fields_string(&r->fields, "source", &source, f) < 0 || fields_parse(&r->fields, m->data.p, m->data.len, f) ? fail_add(f, "%s", path) : 0;
	bad = bad || fields_set_string(&r->fields, "source", source.p, f);
	buf_free(&source);
	r->fields_member = (int)r->n - 1;
	return bad ? -1 : 0;
}

int files_takes(const char *name)
{
	const char *dot = strrchr(name, '.');
	return *name != '.' && dot && dot[1];
}

int files_add(struct files *s, const char *path, const char *below, int64_t mtime, int (*read)(void *ctx, struct buf *data, struct fail *f), void *ctx, struct fail *f)
{
	const char *slash = strrchr(below, '/'), *ext = strrchr(slash ? slash : below, '.') + 1;
	size_t key = s->pack->together ? name_split(below, &ext) : 0, prefix = strlen(s->pack->prefix);
	if (s->pack->together && !key) {
		s->pack->skipped++;
		return 1;
	}
	int same = key && s->open && s->r.key.len == prefix + key && memcmp(s->r.key.p + prefix, below, key) == 0;
	int go = same ? 1 : end_record(s, f);
	if (go <= 0)
		return go;
	if ((!same && begin_record(s, path, below, key, f)) || add_file(s, path, ext, mtime, read, ctx, f))
		return -1;
	return key ? 1 : end_record(s, f);
}

int files_end(struct files *s, int failed, struct fail *f)
{
	if (!failed && end_record(s, f) < 0)
		failed = -1;
	record_free(&s->r);
	buf_free(&s->class);
	buf_free(&s->file);
	return failed;
}

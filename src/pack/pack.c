#include "pack/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "input/idx.h"
#include "input/picture.h"
#include "input/png.h"
#include "stream/name.h"
#include "pack/pack_record.h"
#include "pack/walk.h"

int pack_begin(struct pack *p, struct record *r, uint64_t ordinal, const char *file, struct fail *f)
{
	r->n = r->key.len = 0;
	r->fields_member = -1;
	r->fields_read = 1;
	r->fields_changed = 0;
	r->file = file;
	r->ordinal = ordinal + 1;
	fields_clear(&r->fields);
	metadata_clear(&r->metadata);
	return buf_addf(&r->key, f, "%s%08" PRIu64, p->prefix, ordinal);
}

struct member *pack_add(struct record *r, const char *ext, int64_t mtime, struct fail *f)
{
	struct buf name = {0};
	struct member *m = NULL;
	if (!buf_addf(&name, f, "%s.%s", r->key.p, ext))
		m = record_add_member(r, name.p, mtime, f);
	buf_free(&name);
	return m;
}

int pack_emit(struct pack *p, struct record *r, double total, struct fail *f)
{
	int missing = 0, matches = p->only ? expr_match(p->only, r, &missing, f) : 1;
	p->seen++;
	p->missing += (uint64_t)(missing && !matches);
	if (p->progress && p->seen % 256 == 0)
		p->progress(p->ctx, p, total);
	if (matches <= 0)
		return matches < 0 ? -1 : 1;
	if (writer_record(p->out, r, WRITER_ALL, f))
		return -1;
	p->packed++;
	return !p->limit || p->packed < p->limit;
}

/* Reads a picture and its label. At the end of the pictures also checks that the labels end. */
static int next_item(struct idx *images, struct idx *labels, uint8_t *pixels, uint8_t *label, struct fail *f)
{
	int go = idx_next(images, pixels, f);
	return go >= 0 && labels && idx_next(labels, label, f) < 0 ? -1 : go;
}

static int pack_items(struct pack *p, struct idx *images, struct idx *labels, const char *path, struct fail *f)
{
	struct record r = {.fields_member = -1};
	int height = (int)idx_dim(images, 1), width = (int)idx_dim(images, 2), channels = idx_ndim(images) == 4 ? 3 : 1, go = 1;
	uint8_t *pixels = malloc((size_t)height * (size_t)width * (size_t)channels), label = 0;
	if (!pixels)
		go = fail_memory(f);
	for (uint64_t i = 0; go > 0 && (go = next_item(images, labels, pixels, &label, f)) > 0; i++) {
		struct member *m = pack_begin(p, &r, i, path, f) ? NULL : pack_add(&r, "png", 0, f);
		if (!m || (m->data.len = 0, png_encode(pixels, width, height, channels, &m->data, f)))
			go = -1;
		if (go > 0 && labels) {
			m = pack_add(&r, "cls", 0, f);
			go = m && !buf_addf(&m->data, f, "%d", label) ? go : -1;
		}
		if (go > 0)
			go = pack_emit(p, &r, (double)idx_dim(images, 0), f);
	}
	record_free(&r);
	free(pixels);
	return go < 0 ? -1 : 0;
}

int pack_idx(struct pack *p, const char *images, const char *labels, struct fail *f)
{
	struct idx *x = idx_open(images, f), *y = x && labels ? idx_open(labels, f) : NULL;
	int r = !x || (labels && !y) ? -1 : 0;
	if (!r && idx_ndim(x) != 3 && !(idx_ndim(x) == 4 && idx_dim(x, 3) == 3))
		r = fail_set(f, "%s: not pictures: %d dimensions, expected [n, height, width] or [n, height, width, 3]", images, idx_ndim(x));
	if (!r && idx_dim(x, 1) && idx_dim(x, 2) > PICTURE_MAX_PIXELS / idx_dim(x, 1))
		r = fail_set(f, "%s: pictures of %zu x %zu are larger than the limit of %u pixels", images, idx_dim(x, 2), idx_dim(x, 1), PICTURE_MAX_PIXELS);
	if (!r && y && (idx_ndim(y) != 1 || idx_dim(y, 0) != idx_dim(x, 0)))
		r = fail_set(f, "%s: %zu labels for %zu pictures in %s", labels, idx_dim(y, 0), idx_dim(x, 0), images);
	if (!r)
		r = pack_items(p, x, y, images, f);
	idx_close(x);
	idx_close(y);
	return r;
}

struct directory {
	struct pack *pack;
	struct record r;  /* with p->together, until a file of another name comes */
	uint64_t ordinal; /* of the next record */
	uint64_t links;   /* that were not followed, or point nowhere */
	struct buf file;  /* the path of the first file of r, which messages name after the walk too */
	struct buf class;
	int open;         /* r is a record that is not written yet */
};

/* The directory directly below the root, as .cls, unless a file gives one. */
static int add_class(struct directory *d, struct fail *f)
{
	struct member *m = d->class.len && !record_member(&d->r, "cls") ? pack_add(&d->r, "cls", d->r.n ? d->r.m[0].header.mtime.sec : 0, f) : NULL;
	if (m)
		return buf_add(&m->data, d->class.p, d->class.len, f);
	return d->class.len && !record_member(&d->r, "cls") ? -1 : 0;
}

/* Writes the record: 1, 0 when the limit is reached, -1. */
static int end_record(struct directory *d, struct fail *f)
{
	if (!d->open)
		return 1;
	d->open = 0;
	d->r.fields_changed = 1;
	return d->pack->classes && add_class(d, f) ? -1 : pack_emit(d->pack, &d->r, 0, f);
}

static int begin_record(struct directory *d, const char *path, const char *below, size_t key, struct fail *f)
{
	struct buf source = {0};
	const char *slash = strchr(below, '/');
	d->class.len = d->file.len = 0;
	int bad = buf_add(&d->file, path, strlen(path), f) || pack_begin(d->pack, &d->r, d->ordinal++, d->file.p, f) ? -1 : 0;
	if (!bad && key) {
		d->r.key.len = 0;
		bad = buf_addf(&d->r.key, f, "%s%.*s", d->pack->prefix, (int)key, below);
	}
	bad = bad || name_escape(&source, below, strlen(below), f) || fields_set_string(&d->r.fields, "source", source.p, f) ||
	      (slash && buf_add(&d->class, below, (size_t)(slash - below), f));
	buf_free(&source);
	d->open = !bad;
	return bad ? -1 : 0;
}

/* Adds the file to the record. The fields of KEY.vae.json become those of the record, except source. */
static int add_file(struct directory *d, const char *path, const char *ext, int64_t mtime, struct fail *f)
{
	struct record *r = &d->r;
	char lower[256];
	size_t n = strlen(ext);
	for (size_t i = 0; i <= n && i < sizeof lower; i++)
		lower[i] = (char)(ext[i] >= 'A' && ext[i] <= 'Z' ? ext[i] - 'A' + 'a' : ext[i]);
	if (n < sizeof lower && r->n && record_member(r, lower))
		return fail_set(f, "%s: the record '%s' has the extension .%s twice", path, r->key.p, lower);
	struct member *m = pack_add(r, ext, mtime, f);
	if (!m || buf_read_file(&m->data, path, RECORD_MAX_BYTES, f))
		return -1;
	if (n < sizeof lower)
		memcpy(m->ext.p, lower, n);
	if (!d->pack->together || strcmp(m->ext.p, FIELDS_EXT) != 0)
		return 0;
	struct buf source = {0};
	int bad = fields_string(&r->fields, "source", &source, f) < 0 || fields_parse(&r->fields, m->data.p, m->data.len, f) ? fail_add(f, "%s", path) : 0;
	bad = bad || fields_set_string(&r->fields, "source", source.p, f);
	buf_free(&source);
	r->fields_member = (int)r->n - 1;
	return bad ? -1 : 0;
}

static int pack_file(struct directory *d, const char *path, const char *below, const struct stat *st, struct fail *f)
{
	const char *slash = strrchr(below, '/'), *ext = strrchr(slash ? slash : below, '.') + 1;
	size_t key = d->pack->together ? name_split(below, &ext) : 0, prefix = strlen(d->pack->prefix);
	if (d->pack->together && !key) {
		d->pack->skipped++;
		return 1;
	}
	int same = key && d->open && d->r.key.len == prefix + key && memcmp(d->r.key.p + prefix, below, key) == 0;
	int go = same ? 1 : end_record(d, f);
	if (go <= 0)
		return go;
	if ((!same && begin_record(d, path, below, key, f)) || add_file(d, path, ext, st->st_mtime, f))
		return -1;
	return key ? 1 : end_record(d, f);
}

static int on_entry(void *ctx, const char *path, const char *below, const struct stat *st, struct fail *f)
{
	struct directory *d = ctx;
	const char *slash = strrchr(below, '/'), *name = slash ? slash + 1 : below, *dot = strrchr(name, '.');
	int dir = S_ISDIR(st->st_mode);
	if (dir && *name != '.')
		return 1;
	if (S_ISREG(st->st_mode) && writer_writes_to(d->pack->out, st)) {
		name_show(d->pack->own_output, sizeof d->pack->own_output, path);
		return 0;
	}
	if (dir || !S_ISREG(st->st_mode) || *name == '.' || !dot || !dot[1]) {
		d->pack->skipped++;
		d->links += S_ISLNK(st->st_mode);
		return 0;
	}
	int go = pack_file(d, path, below, st, f);
	return go ? go : WALK_STOP;
}

int pack_directory(struct pack *p, const char *dir, struct fail *f)
{
	struct directory d = {.pack = p, .r = {.fields_member = -1}};
	int r = walk(dir, (p->follow ? WALK_FOLLOW : 0) | (p->together ? WALK_FILES_FIRST : 0), on_entry, &d, f);
	if (!r && end_record(&d, f) < 0)
		r = -1;
	if (!r && !p->seen)
		r = p->skipped ? fail_set(f, "%s has no records, but %llu links%s and %llu special or dot files or names without an extension", dir,
		                          (unsigned long long)d.links, p->follow ? " that point nowhere" : " (see --follow)", (unsigned long long)(p->skipped - d.links))
		               : fail_set(f, "%s has no records: there are no files in it%s", dir, *p->own_output ? " but the output" : "");
	record_free(&d.r);
	buf_free(&d.class);
	buf_free(&d.file);
	return r;
}

#include "pack.h"

#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "input.h"
#include "name.h"
#include "pack_record.h"

int pack_begin(struct pack *p, struct record *r, uint64_t ordinal, const char *file, struct fail *f)
{
	r->n = r->key.len = 0;
	r->scores = -1;
	r->fields_read = 1; /* nothing to read them from */
	r->fields_changed = 0;
	r->file = file;
	r->ordinal = ordinal + 1;
	fields_clear(&r->fields);
	return buf_addf(&r->key, f, "%s%08" PRIu64, p->prefix, ordinal);
}

struct member *pack_add(struct record *r, const char *ext, int64_t mtime, struct fail *f)
{
	struct buf name = {0};
	struct member *m = NULL;
	if (!buf_addf(&name, f, "%s.%s", r->key.p, ext))
		m = record_add(r, name.p, mtime, f);
	buf_free(&name);
	return m;
}

int pack_emit(struct pack *p, struct record *r, double total, struct fail *f)
{
	int missing = 0, wanted = p->only ? expr_match(p->only, r, &missing, f) : 1;
	p->seen++;
	p->missing += (uint64_t)(missing && !wanted);
	if (p->tick && p->seen % 256 == 0)
		p->tick(p->ctx, p, total);
	if (wanted <= 0)
		return wanted < 0 ? -1 : 1;
	if (writer_record(p->out, r, WRITER_ALL, f))
		return -1;
	p->packed++;
	return !p->limit || p->packed < p->limit;
}

static int pack_items(struct pack *p, struct idx *images, struct idx *labels, const char *path, struct fail *f)
{
	struct record r = {.scores = -1};
	int height = (int)idx_dim(images, 1), width = (int)idx_dim(images, 2), channels = idx_ndim(images) == 4 ? 3 : 1, go = 1;
	uint8_t *pixels = malloc((size_t)height * (size_t)width * (size_t)channels), label = 0;
	if (!pixels)
		go = fail_set(f, "out of memory");
	for (uint64_t i = 0; go > 0 && (go = idx_next(images, pixels, f)) > 0; i++) {
		struct member *m = pack_begin(p, &r, i, path, f) ? NULL : pack_add(&r, "png", 0, f);
		if (!m || (m->data.len = 0, png_encode(pixels, width, height, channels, &m->data, f)))
			go = -1;
		if (go > 0 && labels) {
			go = idx_next(labels, &label, f);
			m = go > 0 ? pack_add(&r, "cls", 0, f) : NULL;
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
		r = fail_set(f, "%s: holds no pictures: %d dimensions, where [n, height, width] or [n, height, width, 3] is wanted", images, idx_ndim(x));
	if (!r && (idx_dim(x, 1) > INPUT_MAX_SIDE || idx_dim(x, 2) > INPUT_MAX_SIDE))
		r = fail_set(f, "%s: pictures of %zu x %zu are larger than %d a side", images, idx_dim(x, 2), idx_dim(x, 1), INPUT_MAX_SIDE);
	if (!r && y && (idx_ndim(y) != 1 || idx_dim(y, 0) != idx_dim(x, 0)))
		r = fail_set(f, "%s: %zu labels for %zu pictures in %s", labels, idx_dim(y, 0), idx_dim(x, 0), images);
	if (!r)
		r = pack_items(p, x, y, images, f);
	idx_close(x);
	idx_close(y);
	return r;
}

static int by_bytes(const FTSENT **a, const FTSENT **b) { return strcmp((*a)->fts_name, (*b)->fts_name); }

static int pack_file(struct pack *p, struct record *r, const FTSENT *e, const char *below, uint64_t ordinal, struct fail *f)
{
	const char *dot = strrchr(e->fts_name, '.');
	struct buf source = {0};
	int go = -1;
	struct member *m = pack_begin(p, r, ordinal, e->fts_path, f) ? NULL : pack_add(r, dot + 1, e->fts_statp->st_mtime, f);
	if (m && !buf_read_file(&m->data, e->fts_accpath, RECORD_MAX_BYTES, f) && !name_escape(&source, below, strlen(below), f) &&
	    !fields_set_string(&r->fields, "source", source.p, f)) {
		r->fields_changed = 1;
		go = pack_emit(p, r, 0, f);
	}
	buf_free(&source);
	return go;
}

int pack_directory(struct pack *p, const char *dir, struct fail *f)
{
	char *const roots[] = {(char *)dir, NULL};
	FTS *t = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_bytes);
	struct record r = {.scores = -1};
	FTSENT *e;
	uint64_t ordinal = 0;
	int go = t ? 1 : fail_errno(f, "%s", dir);
	while (go > 0 && (e = fts_read(t))) {
		char shown[300];
		const char *dot = strrchr(e->fts_name, '.'), *below = e->fts_path + strlen(dir);
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS) {
			go = fail_set(f, "%s: %s", name_show(shown, sizeof shown, e->fts_path), strerror(e->fts_errno));
			break;
		}
		if (e->fts_info == FTS_D && e->fts_level > 0 && e->fts_name[0] == '.') {
			fts_set(t, e, FTS_SKIP);
			p->skipped++;
		}
		if (e->fts_info == FTS_D || e->fts_info == FTS_DP || e->fts_info == FTS_DOT)
			continue;
		if (e->fts_info != FTS_F || e->fts_name[0] == '.' || !dot || !dot[1]) {
			p->skipped++;
			continue;
		}
		while (*below == '/')
			below++;
		go = pack_file(p, &r, e, below, ordinal++, f);
	}
	if (t)
		fts_close(t);
	record_free(&r);
	return go < 0 ? -1 : 0;
}

#include "pack/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/idx.h"
#include "input/picture.h"
#include "input/png.h"
#include "pack/pack_record.h"

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

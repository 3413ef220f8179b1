#include "report/thumbnail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/npy.h"
#include "input/resize.h"
#include "stream/name.h"

enum { KEEP_BYTES = 64 << 10 }; /* a larger payload is drawn when it comes */

/* --- drawing --- */

/* An .npy of samples becomes a picture: of 3 channels in colour, else the first one. */
static int picture_of_samples(struct thumbnail *s, const int shape[3], struct fail *why)
{
	size_t n = (size_t)shape[1] * (size_t)shape[2];
	int channels = shape[0] == 3 ? 3 : 1;
	uint8_t *planar = malloc(n * (size_t)shape[0]);
	struct picture full = {shape[2], shape[1], channels, malloc(n * (size_t)channels)};
	int r = planar && full.pixels ? 0 : fail_memory(why);
	if (!r)
		r = input_decode(INPUT_NPY, s->payload.p, s->payload.len, shape[0], shape[1], shape[2], planar, why);
	for (size_t i = 0; i < n * (size_t)channels && !r; i++)
		full.pixels[i] = planar[i % (size_t)channels * n + i / (size_t)channels];
	free(planar);
	int side = shape[1] > shape[2] ? shape[1] : shape[2];
	if (!r && side > THUMBNAIL_SIDE) {
		int w = shape[2] * THUMBNAIL_SIDE / side, h = shape[1] * THUMBNAIL_SIDE / side;
		r = picture_resize(&full, w ? w : 1, h ? h : 1, &s->picture, why);
	} else if (!r) {
		s->picture = full;
		full.pixels = NULL;
	}
	picture_free(&full);
	return r;
}

static int draw_picture(struct thumbnail *s, struct fail *why)
{
	int shape[3], vector = 0;
	if (input_shape(s->decoder, s->payload.p, s->payload.len, shape, &vector, why))
		return -1;
	if (s->decoder == INPUT_NPY)
		return picture_of_samples(s, shape, why);
	int side = shape[1] > shape[2] ? shape[1] : shape[2], h = shape[1], w = shape[2], c = shape[0];
	if (side > THUMBNAIL_SIDE) {
		h = h * THUMBNAIL_SIDE / side;
		w = w * THUMBNAIL_SIDE / side;
		h = h ? h : 1;
		w = w ? w : 1;
	}
	size_t n = (size_t)h * (size_t)w;
	uint8_t *planar = malloc(n * (size_t)c);
	s->picture = (struct picture){w, h, c, malloc(n * (size_t)c)};
	int r = planar && s->picture.pixels ? 0 : fail_memory(why);
	if (!r)
		r = input_decode(s->decoder, s->payload.p, s->payload.len, c, h, w, planar, why);
	for (size_t i = 0; i < n * (size_t)c && !r; i++)
		s->picture.pixels[i] = planar[i % (size_t)c * n + i / (size_t)c];
	free(planar);
	return r;
}

static int draw_vector(struct thumbnail *s, const struct npy *a, struct fail *why)
{
	size_t n = a->count < THUMBNAIL_POINTS ? a->count : THUMBNAIL_POINTS;
	if (!n)
		return fail_set(why, "a vector without values");
	s->low = calloc(n, sizeof *s->low);
	s->high = calloc(n, sizeof *s->high);
	if (!s->low || !s->high)
		return fail_memory(why);
	for (size_t k = 0; k < n; k++) {
		double low = INFINITY, high = -INFINITY;
		for (size_t i = k * a->count / n; i < (k + 1) * a->count / n; i++) {
			double v = npy_value(a, i);
			if (!isfinite(v) || fabs(v) > 1e30)
				return fail_set(why, "value %zu is not finite", i);
			low = fmin(low, v);
			high = fmax(high, v);
		}
		s->low[k] = (float)low;
		s->high[k] = (float)high;
	}
	s->points = (int)n;
	s->values = a->count;
	return 0;
}

int thumbnail_render(struct thumbnail *s, struct fail *f)
{
	struct npy a;
	struct fail why = {{0}};
	if (s->kind != THUMBNAIL_NONE || !s->decoder)
		return 0;
	int npy = s->decoder == INPUT_NPY && npy_parse(s->payload.p, s->payload.len, &a, &why) == 0;
	int vector = npy && (a.type != NPY_U8 || a.ndim < 2), r = vector ? draw_vector(s, &a, &why) : draw_picture(s, &why);
	if (r && why.memory) {
		*f = why;
		return -1;
	}
	if (r) {
		picture_free(&s->picture);
		free(s->low);
		free(s->high);
		s->low = s->high = NULL;
		snprintf(s->why, sizeof s->why, "%.150s", why.msg);
	} else {
		s->kind = vector ? THUMBNAIL_VECTOR : THUMBNAIL_PICTURE;
	}
	s->decoder = INPUT_NONE;
	buf_free(&s->payload);
	return 0;
}

/* --- keeping --- */

void thumbnail_free(struct thumbnail *s)
{
	free(s->key);
	free(s->label);
	free(s->low);
	free(s->high);
	picture_free(&s->picture);
	buf_free(&s->payload);
	*s = (struct thumbnail){.kind = THUMBNAIL_NONE};
}

int thumbnail_take(struct thumbnail *s, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f)
{
	struct buf text = {0};
	struct fail why = {{0}};
	thumbnail_free(s);
	s->score = score;
	s->position = position;
	s->positive = positive;
	int bad = name_escape(&text, r->key.p, r->key.len, f);
	if (!bad)
		s->key = strndup(text.p ? text.p : "", text.len);
	text.len = 0;
	int has = bad ? -1 : record_value(r, "cls", &text, f);
	if (has > 0)
		s->label = strndup(text.p ? text.p : "", text.len > 200 ? 200 : text.len);
	buf_free(&text);
	if (has < 0)
		return -1;
	if (!s->key || (has && !s->label))
		return fail_memory(f);
	const struct member *m = record_payload(r, extensions, &why);
	if (!m && why.memory) {
		*f = why;
		return -1;
	}
	if (!m) {
		snprintf(s->why, sizeof s->why, "%.150s", why.msg);
		return 0;
	}
	s->decoder = input_format_of(m->ext.p);
	if (buf_add(&s->payload, m->data.p ? m->data.p : "", m->data.len, f))
		return -1;
	return m->data.len > KEEP_BYTES ? thumbnail_render(s, f) : 0;
}

/* --- the ends --- */

int extremes_open(struct extremes *e, size_t room, int sign, int nan, struct fail *f)
{
	*e = (struct extremes){.room = room, .sign = sign, .nan = nan, .v = calloc(room + 1, sizeof *e->v)};
	return e->v ? 0 : fail_memory(f);
}

static int before(const struct extremes *e, double score, uint64_t position, const struct thumbnail *b)
{
	int na = isnan(score), nb = isnan(b->score);
	if (na != nb)
		return nb;
	if (!na && score != b->score)
		return e->sign > 0 ? score > b->score : score < b->score;
	return position < b->position;
}

int extremes_add(struct extremes *e, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f)
{
	if (!e->room || (isnan(score) && !e->nan))
		return 0;
	if (e->n == e->room && !before(e, score, position, &e->v[e->n - 1]))
		return 0;
	size_t at = e->n == e->room ? --e->n : e->n;
	struct thumbnail fresh = e->v[at]; /* the one that leaves, or an empty one: its place is used again */
	if (thumbnail_take(&fresh, r, extensions, score, position, positive, f)) {
		e->v[at] = fresh;
		e->n++;
		return -1;
	}
	while (at && before(e, score, position, &e->v[at - 1])) {
		e->v[at] = e->v[at - 1];
		at--;
	}
	e->v[at] = fresh;
	e->n++;
	return 0;
}

int extremes_finish(struct extremes *e, struct fail *f)
{
	for (size_t i = 0; i < e->n; i++)
		if (thumbnail_render(&e->v[i], f))
			return -1;
	return 0;
}

void extremes_free(struct extremes *e)
{
	for (size_t i = 0; i < e->n; i++)
		thumbnail_free(&e->v[i]);
	free(e->v);
	*e = (struct extremes){.n = 0};
}

/* --- by key --- */

int thumbnail_index_add(struct thumbnail_index *w, const char *key, struct fail *f)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 64;
		struct thumbnail **v = realloc(w->v, cap * sizeof(struct thumbnail *));
		if (!v)
			return fail_memory(f);
		w->v = v;
		w->cap = cap;
	}
	struct thumbnail *s = calloc(1, sizeof *s);
	if (s)
		s->key = strdup(key);
	if (!s || !s->key) {
		free(s);
		return fail_memory(f);
	}
	s->score = NAN;
	snprintf(s->why, sizeof s->why, "not in the stream");
	w->v[w->n++] = s;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(struct thumbnail *const *)a)->key, (*(struct thumbnail *const *)b)->key);
}

int thumbnail_index_sort(struct thumbnail_index *w, struct fail *f)
{
	size_t n = 0;
	if (w->n)
		qsort(w->v, w->n, sizeof(struct thumbnail *), by_key);
	for (size_t i = 0; i < w->n; i++)
		if (n && strcmp(w->v[n - 1]->key, w->v[i]->key) == 0) {
			thumbnail_free(w->v[i]);
			free(w->v[i]);
		} else {
			w->v[n++] = w->v[i];
		}
	w->n = n;
	return 0;
}

const struct thumbnail *thumbnail_index_find(const struct thumbnail_index *w, const char *key)
{
	struct thumbnail probe = {.key = (char *)key};
	const struct thumbnail *p = &probe;
	struct thumbnail **at = w->n ? bsearch(&p, w->v, w->n, sizeof(struct thumbnail *), by_key) : NULL;
	return at ? *at : NULL;
}

int thumbnail_index_fill(struct thumbnail_index *w, struct record *r, const char *key, const char *extensions, double score, uint64_t position, struct fail *f)
{
	struct thumbnail *s = (struct thumbnail *)thumbnail_index_find(w, key);
	if (!s)
		return 0;
	return thumbnail_take(s, r, extensions, score, position, 0, f) || thumbnail_render(s, f) ? -1 : 0;
}

void thumbnail_index_free(struct thumbnail_index *w)
{
	for (size_t i = 0; i < w->n; i++) {
		thumbnail_free(w->v[i]);
		free(w->v[i]);
	}
	free(w->v);
	*w = (struct thumbnail_index){.n = 0};
}

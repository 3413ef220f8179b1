#include "report/thumbnail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "base/rng.h"
#include "eval/classes.h"
#include "input/npy.h"
#include "input/resize.h"
#include "stream/name.h"

enum { MAX_KEPT = 64 << 10 }; /* bytes: a larger payload is rendered at once */

/* --- rendering --- */

void thumbnail_fit(int *width, int *height, int max)
{
	int side = *width > *height ? *width : *height;
	if (side <= max)
		return;
	*width = *width * max / side;
	*height = *height * max / side;
	*width = *width ? *width : 1;
	*height = *height ? *height : 1;
}

/* A picture is decoded at its final size. An .npy of samples is decoded as it is and resized then: in colour with 3
 * channels, otherwise only the first channel. */
static int render_picture(struct thumbnail *t, struct fail *why)
{
	int shape[3], vector = 0;
	if (input_shape(t->payload.p, t->payload.len, shape, &vector, why))
		return -1;
	int c = shape[0], h = shape[1], w = shape[2], channels = c == 3 ? 3 : 1;
	if (t->format != INPUT_NPY)
		thumbnail_fit(&w, &h, THUMBNAIL_SIDE);
	size_t n = (size_t)h * (size_t)w;
	struct picture p;
	if (picture_alloc(&p, (size_t)w, (size_t)h, channels, why))
		return -1;
	uint8_t *planar = malloc(n * (size_t)c);
	int r = planar ? 0 : fail_memory(why);
	if (!r)
		r = input_decode(t->payload.p, t->payload.len, &(struct input_form){c, h, w, 0}, planar, NULL, why);
	for (size_t i = 0; i < n * (size_t)channels && !r; i++)
		p.pixels[i] = planar[i % (size_t)channels * n + i / (size_t)channels];
	free(planar);
	thumbnail_fit(&w, &h, THUMBNAIL_SIDE);
	if (!r && w == p.width && h == p.height) {
		t->picture = p;
		return 0;
	}
	if (!r)
		r = picture_resize(&p, w, h, &t->picture, why);
	picture_free(&p);
	return r;
}

static int render_vector(struct thumbnail *t, const struct npy *a, struct fail *why)
{
	size_t n = a->count < THUMBNAIL_POINTS ? a->count : THUMBNAIL_POINTS;
	if (!n)
		return fail_set(why, "a vector without values");
	t->low = calloc(n, sizeof *t->low);
	t->high = calloc(n, sizeof *t->high);
	if (!t->low || !t->high)
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
		t->low[k] = (float)low;
		t->high[k] = (float)high;
	}
	t->points = (int)n;
	t->values = a->count;
	return 0;
}

int thumbnail_render(struct thumbnail *t, struct fail *f)
{
	struct npy a;
	struct fail why = {{0}};
	if (t->kind != THUMBNAIL_NONE || !t->kept)
		return 0;
	int npy = t->format == INPUT_NPY && npy_parse(t->payload.p, t->payload.len, &a, &why) == 0;
	size_t shape[3];
	int interleaved, vector = npy && !npy_is_picture(&a, shape, &interleaved), r = vector ? render_vector(t, &a, &why) : render_picture(t, &why);
	if (r && why.memory) {
		*f = why;
		return -1;
	}
	if (r) {
		picture_free(&t->picture);
		free(t->low);
		free(t->high);
		t->low = t->high = NULL;
		snprintf(t->why, sizeof t->why, "%.150s", why.msg);
	} else {
		t->kind = vector ? THUMBNAIL_VECTOR : THUMBNAIL_PICTURE;
	}
	t->kept = 0;
	buf_free(&t->payload);
	return 0;
}

void thumbnail_free(struct thumbnail *t)
{
	free(t->key);
	free(t->label);
	free(t->source);
	free(t->low);
	free(t->high);
	picture_free(&t->picture);
	buf_free(&t->payload);
	*t = (struct thumbnail){.kind = THUMBNAIL_NONE};
}

int thumbnail_take(struct thumbnail *t, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f)
{
	struct buf text = {0};
	struct fail why = {{0}};
	thumbnail_free(t);
	t->score = score;
	t->position = position;
	t->positive = positive;
	int bad = name_escape(&text, r->key.p, r->key.len, f);
	if (!bad)
		t->key = strndup(text.p ? text.p : "", text.len);
	text.len = 0;
	int has = bad ? -1 : record_value(r, "cls", &text, f);
	if (has > 0)
		t->label = strndup(text.p ? text.p : "", text.len > 200 ? 200 : text.len);
	text.len = 0;
	int packed = has < 0 ? -1 : record_value(r, "source", &text, f);
	if (packed > 0)
		t->source = strndup(text.p ? text.p : "", text.len);
	buf_free(&text);
	if (has < 0 || packed < 0)
		return -1;
	if (!t->key || (has && !t->label) || (packed && !t->source))
		return fail_memory(f);
	const struct member *m = record_payload(r, extensions, &why);
	if (!m && why.memory) {
		*f = why;
		return -1;
	}
	if (!m) {
		snprintf(t->why, sizeof t->why, "%.150s", why.msg);
		return 0;
	}
	if (buf_add(&t->payload, m->data.p ? m->data.p : "", m->data.len, f))
		return -1;
	t->kept = 1;
	t->format = input_format_of(t->payload.p, t->payload.len);
	return m->data.len > MAX_KEPT ? thumbnail_render(t, f) : 0;
}

/* Replaces the label by the class that e->label names. */
static int relabel(struct thumbnail *t, struct record *r, const char *name, struct fail *f)
{
	struct buf text = {0};
	int has = class_of(r, name, &text, f);
	free(t->label);
	t->label = has > 0 ? strndup(text.p ? text.p : "", text.len > 200 ? 200 : text.len) : NULL;
	buf_free(&text);
	return has < 0 ? -1 : has && !t->label ? fail_memory(f) : 0;
}

/* --- extreme scores --- */

int extremes_open(struct extremes *e, size_t capacity, int sign, int unscored, struct fail *f)
{
	*e = (struct extremes){.capacity = capacity, .sign = sign, .unscored = unscored, .v = calloc(capacity + 1, sizeof *e->v)};
	return e->v ? 0 : fail_memory(f);
}

static int precedes(const struct extremes *e, double score, uint64_t position, const struct thumbnail *b)
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
	if (!e->capacity || (isnan(score) && !e->unscored))
		return 0;
	if (e->n == e->capacity && !precedes(e, score, position, &e->v[e->n - 1]))
		return 0;
	size_t at = e->n == e->capacity ? --e->n : e->n;
	struct thumbnail fresh = e->v[at]; /* the one that is replaced, or an empty one */
	if (thumbnail_take(&fresh, r, extensions, score, position, positive, f) || (e->label && relabel(&fresh, r, e->label, f))) {
		e->v[at] = fresh;
		e->n++;
		return -1;
	}
	while (at && precedes(e, score, position, &e->v[at - 1])) {
		e->v[at] = e->v[at - 1];
		at--;
	}
	e->v[at] = fresh;
	e->n++;
	return 0;
}

int extremes_sample(struct extremes *e, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f)
{
	uint32_t word[2];
	if (isnan(score))
		return 0;
	rng_words(word, 2, 0, ROLE_SHUFFLE, 0, position, 0);
	const double number = (double)word[0] + (double)word[1] / 4294967296.0;
	/* ordered by the random number; the score waits beside it */
	if (extremes_add(e, r, extensions, number, position, positive, f))
		return -1;
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].position == position)
			e->v[i].sampled = score;
	return 0;
}

static int by_sampled(const void *a, const void *b)
{
	const struct thumbnail *p = a, *q = b;
	return p->sampled != q->sampled ? (p->sampled > q->sampled) - (p->sampled < q->sampled) : (p->position > q->position) - (p->position < q->position);
}

void extremes_nearest(struct extremes *e, double value, size_t keep)
{
	for (size_t i = 0; i < e->n; i++) {
		struct thumbnail *t = &e->v[i];
		t->score = t->sampled;
		t->sampled = fabs(t->score - value);
	}
	if (e->n)
		qsort(e->v, e->n, sizeof *e->v, by_sampled);
	for (; e->n > keep; e->n--)
		thumbnail_free(&e->v[e->n - 1]);
	for (size_t i = 0; i < e->n; i++)
		e->v[i].sampled = -e->v[i].score;
	if (e->n)
		qsort(e->v, e->n, sizeof *e->v, by_sampled);
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

int thumbnail_index_add(struct thumbnail_index *x, const char *key, struct fail *f)
{
	if (grow(&x->v, &x->cap, x->n + 1, "thumbnails", f)) /* NOLINT(bugprone-sizeof-expression) its elements are pointers */
		return -1;
	struct thumbnail *t = calloc(1, sizeof *t);
	if (t)
		t->key = strdup(key);
	if (!t || !t->key) {
		free(t);
		return fail_memory(f);
	}
	t->score = NAN;
	snprintf(t->why, sizeof t->why, "not in the stream");
	x->v[x->n++] = t;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	return strcmp((*(struct thumbnail *const *)a)->key, (*(struct thumbnail *const *)b)->key);
}

void thumbnail_index_sort(struct thumbnail_index *x)
{
	size_t n = 0;
	if (x->n)
		qsort(x->v, x->n, sizeof(struct thumbnail *), by_key);
	for (size_t i = 0; i < x->n; i++)
		if (n && strcmp(x->v[n - 1]->key, x->v[i]->key) == 0) {
			thumbnail_free(x->v[i]);
			free(x->v[i]);
		} else {
			x->v[n++] = x->v[i];
		}
	x->n = n;
}

const struct thumbnail *thumbnail_index_find(const struct thumbnail_index *x, const char *key)
{
	struct thumbnail probe = {.key = (char *)key};
	const struct thumbnail *p = &probe;
	struct thumbnail **at = x->n ? bsearch(&p, x->v, x->n, sizeof(struct thumbnail *), by_key) : NULL;
	return at ? *at : NULL;
}

int thumbnail_index_fill(struct thumbnail_index *x, struct record *r, const char *extensions, double score, uint64_t position, struct fail *f)
{
	struct buf key = {0};
	if (!x->n)
		return 0;
	int bad = name_escape(&key, r->key.p, r->key.len, f);
	struct thumbnail *t = bad ? NULL : (struct thumbnail *)thumbnail_index_find(x, key.p);
	buf_free(&key);
	if (t)
		bad = thumbnail_take(t, r, extensions, score, position, 0, f) || (x->label && relabel(t, r, x->label, f)) || thumbnail_render(t, f);
	return bad ? -1 : 0;
}

void thumbnail_index_free(struct thumbnail_index *x)
{
	for (size_t i = 0; i < x->n; i++) {
		thumbnail_free(x->v[i]);
		free(x->v[i]);
	}
	free(x->v);
	*x = (struct thumbnail_index){.n = 0};
}

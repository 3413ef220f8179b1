#include "density/collect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "model/batch.h"
#include "gemm/mat.h"
#include "stream/name.h"
#include "base/pipeline.h"

/* Rows a batch: fixed, since the products of an encoder round by a row's position. */
enum { ROWS = 64, MAX_GROUPS = 65536, MAX_SIZE = 1 << 22 };

struct slot {
	struct batch batch;
	float *v; /* [ROWS][d]: vectors or means */
};

struct worker {
	struct tape tape;
	float *x, *pixels, *scratch; /* pixels: x as a convolution reads it */
	int ready;
};

struct run {
	struct collect *c;
	struct reader *in;
	struct worker *worker;
	float *packed; /* the encoder's parameters as its layers read them */
};

/* --- names and groups --- */

static int names_add(struct names *s, const char *text, size_t len, struct fail *f)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 256;
		size_t *at = realloc(s->at, cap * sizeof *at);
		if (!at)
			return fail_memory_for(f, "%zu names", cap);
		s->at = at;
		s->cap = cap;
	}
	s->at[s->n] = s->text.len;
	if ((len && buf_add(&s->text, text, len, f)) || buf_add(&s->text, "", 1, f))
		return -1;
	s->n++;
	return 0;
}

const char *names_get(const struct names *s, size_t i) { return s->text.p + s->at[i]; }

static int add_key(struct names *s, const struct record *r, struct fail *f)
{
	struct buf shown = {0};
	int bad = name_escape(&shown, r->key.p, r->key.len, f) || names_add(s, shown.p, shown.len, f);
	buf_free(&shown);
	return bad ? -1 : 0;
}

static void names_free(struct names *s)
{
	buf_free(&s->text);
	free(s->at);
	*s = (struct names){.n = 0};
}

struct group_index { /* sorted by hash: there are few groups */
	uint64_t hash;
	uint32_t group;
};

static int find_group(struct collect *c, const char *text, uint32_t *group, struct fail *f)
{
	uint64_t hash = XXH3_64bits(text, strlen(text));
	size_t low = 0, high = c->groups.n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (c->index[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < c->groups.n && c->index[low].hash == hash) {
		*group = c->index[low].group;
		return 0;
	}
	if (c->groups.n == MAX_GROUPS)
		return fail_set(f, "the field '%s' has more than %d different values", c->group, MAX_GROUPS);
	struct group_index *more = realloc(c->index, (c->groups.n + 1) * sizeof *more);
	if (!more)
		return fail_memory_for(f, "%zu groups", c->groups.n);
	c->index = more;
	memmove(more + low + 1, more + low, (c->groups.n - low) * sizeof *more);
	*group = (uint32_t)c->groups.n;
	more[low] = (struct group_index){hash, *group};
	return names_add(&c->groups, text, strlen(text), f);
}

/* --- points --- */

static int grow(struct collect *c, struct fail *f)
{
	size_t cap = c->cap ? c->cap + c->cap / 2 : 256, d = (size_t)c->d;
	int floats = c->cfg.input_kind == VECTOR_INPUT || c->model;
	void *p = realloc(floats ? (void *)c->f4 : (void *)c->u8, cap * d * (floats ? sizeof *c->f4 : 1));
	if (p && floats)
		c->f4 = p;
	else if (p)
		c->u8 = p;
	uint32_t *of = p ? realloc(c->group_of, cap * sizeof *of) : NULL;
	if (!of)
		return fail_memory_for(f, "%zu records of %zu dimensions", cap, d);
	c->group_of = of;
	c->cap = cap;
	return 0;
}

static int add_point(struct collect *c, const struct slot *s, int row, uint32_t group, struct fail *f)
{
	size_t d = (size_t)c->d;
	if (c->n == UINT32_MAX)
		return fail_set(f, "more than %u records", UINT32_MAX);
	if (c->n == c->cap && grow(c, f))
		return -1;
	if (s->v)
		memcpy(c->f4 + c->n * d, s->v + (size_t)row * d, d * sizeof *c->f4);
	else if (s->batch.numbers)
		for (size_t k = 0; k < d; k++)
			c->f4[c->n * d + k] = (float)s->batch.numbers[(size_t)row * d + k];
	else
		memcpy(c->u8 + c->n * d, s->batch.pixels + (size_t)row * d, d);
	c->group_of[c->n++] = group;
	c->hash += s->batch.id[row];
	return 0;
}

static int add_bad(struct collect *c, struct record *r, const struct fail *why, struct fail *f)
{
	if (c->strict) {
		*f = *why;
		return record_fail(r, f);
	}
	uint64_t *bad = realloc(c->bad, (c->why.n + 1) * sizeof *bad);
	if (!bad)
		return fail_memory(f);
	c->bad = bad;
	bad[c->why.n] = c->records - 1;
	if (c->keys && add_key(&c->bad_key, r, f))
		return -1;
	return names_add(&c->why, why->msg, strlen(why->msg), f);
}

static int read_group(struct collect *c, struct record *r, uint32_t *group, struct fail *why, struct fail *f)
{
	struct buf text = {0};
	int got = record_value(r, c->group, &text, f);
	if (got == 0)
		fail_set(why, "neither a field nor a member '%.100s' names its cluster", c->group);
	else if (got > 0)
		got = find_group(c, text.p ? text.p : "", group, f);
	buf_free(&text);
	return got < 0 ? -1 : 0;
}

/* --- the pipeline --- */

static int on_fill(void *ctx, void *slot, struct fail *f) { return batch_fill(&((struct slot *)slot)->batch, ((struct run *)ctx)->in, f); }
static void on_stop(void *ctx) { reader_stop(((struct run *)ctx)->in); }

/* One such point would take all sums over the others with it. */
static void refuse_infinite(struct slot *s, size_t d)
{
	for (size_t r = 0; r < (size_t)s->batch.nrows; r++)
		for (size_t k = 0; k < d && !s->batch.why[r].msg[0]; k++)
			if (!isfinite(s->v[r * d + k]))
				fail_set(&s->batch.why[r], "the encoder's mean is not finite");
}

static int on_work(void *ctx, int worker, void *slot, struct fail *f)
{
	struct run *run = ctx;
	const struct collect *c = run->c;
	struct slot *s = slot;
	struct worker *w = &run->worker[worker];
	if (batch_decode(&s->batch, &c->cfg, f))
		return -1;
	if (!c->model)
		return 0;
	if (!w->ready++)
		mat_thread_init();
	batch_floats(&s->batch, &c->model->standard, w->x);
	const struct network *enc = &c->model->enc;
	if (enc->reads_channels_last)
		to_channels_last(w->pixels, w->x, ROWS, enc->channels, enc->area);
	network_forward(enc, run->packed, enc->reads_channels_last ? w->pixels : w->x, &w->tape, w->scratch);
	for (int r = 0; r < ROWS; r++)
		memcpy(s->v + (size_t)r * (size_t)c->d, w->tape.v[enc->last] + (size_t)r * (size_t)enc->out, (size_t)c->d * sizeof *s->v);
	refuse_infinite(s, (size_t)c->d);
	return 0;
}

static int on_consume(void *ctx, void *slot, struct fail *f)
{
	struct run *run = ctx;
	struct collect *c = run->c;
	struct slot *s = slot;
	struct batch *b = &s->batch;
	for (int i = 0; i < b->nitems; i++) {
		int row = b->row[i];
		uint32_t group = 0;
		if (row < 0)
			continue;
		c->records++;
		struct fail *why = &b->why[row];
		if (c->check && c->check(c->ctx, &b->item[i], f))
			return -1;
		if (!why->msg[0] && c->group && read_group(c, &b->item[i], &group, why, f))
			return -1;
		if (why->msg[0] ? add_bad(c, &b->item[i], why, f) : add_point(c, s, row, group, f))
			return -1;
		if (!why->msg[0] && c->keys && add_key(&c->key, &b->item[i], f))
			return -1;
	}
	if (c->tick)
		c->tick(c->ctx, run->in, c->records);
	return 0;
}

/* --- setting up --- */

/* Room for what the records are, as far as that is known. */
static int slot_room(struct slot *s, const struct collect *c, struct fail *f)
{
	if (batch_alloc_rows(&s->batch, &c->cfg, f))
		return -1;
	s->v = c->shaped && c->model ? calloc((size_t)ROWS * (size_t)c->d, sizeof *s->v) : NULL;
	return c->shaped && c->model && !s->v ? fail_memory_for(f, "a batch of %d vectors", ROWS) : 0;
}

static int slot_open(struct slot *s, const struct collect *c, struct fail *f)
{
	*s = (struct slot){.v = NULL};
	return batch_open(&s->batch, ROWS, &c->cfg, f) || slot_room(s, c, f) ? -1 : 0;
}

static void slot_close(struct slot *s)
{
	batch_free(&s->batch);
	free(s->v);
}

static int on_open(void *ctx, void *slot, struct fail *f) { return slot_open(slot, ((struct run *)ctx)->c, f); }
static void on_close(void *slot) { slot_close(slot); }

static int fit_shape(struct collect *c, struct fail *f)
{
	if (config_input_size(&c->cfg) > MAX_SIZE)
		return fail_set(f, "records of %d numbers, more than %d: --set input.shape=[c,h,w] makes pictures smaller",
		                config_input_size(&c->cfg), MAX_SIZE);
	c->d = c->model ? c->model->cfg.latent : config_input_size(&c->cfg);
	return 0;
}

/* The first batches, until one says what the shape is; that one becomes points. 1 to go on, 0 at the end, -1. */
static int find_shape(struct run *run, struct fail *f)
{
	struct collect *c = run->c;
	struct slot s;
	int got = slot_open(&s, c, f) ? -1 : 1;
	while (got > 0 && !c->shaped) {
		got = batch_fill(&s.batch, run->in, f);
		int shape = got > 0 ? batch_infer_shape(&s.batch, &c->cfg, f) : 0;
		c->shaped = shape > 0;
		if (shape < 0 || (got > 0 && !c->shaped && on_consume(run, &s, f)))
			got = -1;
	}
	if (got > 0 && (fit_shape(c, f) || slot_room(&s, c, f) || on_work(run, 0, &s, f) || on_consume(run, &s, f)))
		got = -1;
	slot_close(&s);
	return got;
}

static int worker_open(struct worker *w, const struct network *enc, struct fail *f)
{
	size_t size = (size_t)ROWS * (size_t)enc->in;
	w->x = mat_floats(size);
	w->pixels = mat_floats(size);
	w->scratch = mat_floats(network_scratch(enc));
	if (!w->x || !w->pixels || !w->scratch)
		return fail_memory(f);
	return tape_open(&w->tape, enc, ROWS, f);
}

int collect_run(struct collect *c, struct reader *in, int workers, struct fail *f)
{
	struct run run = {.c = c, .in = in, .worker = calloc((size_t)workers, sizeof *run.worker)};
	int r = run.worker ? 1 : fail_memory(f);
	for (int i = 0; i < workers && r > 0 && c->model; i++)
		r = worker_open(&run.worker[i], &c->model->enc, f) ? -1 : 1;
	if (r > 0 && c->model) {
		run.packed = mat_floats(c->model->nparams);
		if (run.packed)
			network_reorder(&c->model->enc, c->model->params, run.packed);
		else
			r = fail_memory(f);
	}
	if (r > 0)
		r = c->shaped ? (fit_shape(c, f) ? -1 : 1) : find_shape(&run, f);
	const struct pipeline p = {&run, workers, sizeof(struct slot), on_open, on_close, on_fill, on_work, on_consume, on_stop};
	if (r > 0)
		r = pipeline_run(&p, f);
	for (int i = 0; run.worker && i < workers; i++) {
		free(run.worker[i].x);
		free(run.worker[i].pixels);
		free(run.worker[i].scratch);
		free(run.worker[i].tape.all);
	}
	free(run.worker);
	free(run.packed);
	return r;
}

struct points collect_points(const struct collect *c)
{
	return (struct points){c->u8, c->f4, c->n, c->d, c->f4 ? 1 : 1 / 255.0};
}

void collect_free(struct collect *c)
{
	free(c->u8);
	free(c->f4);
	free(c->group_of);
	free(c->bad);
	free(c->index);
	names_free(&c->groups);
	names_free(&c->key);
	names_free(&c->why);
	names_free(&c->bad_key);
}

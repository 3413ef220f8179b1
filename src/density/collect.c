#include "density/collect.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/grow.h"
#include "density/encoders.h"
#include "model/batch_stream.h"
#include "stream/name.h"

enum { ROWS = ENCODER_ROWS, MAX_GROUPS = 65536, MAX_DIMENSIONS = 1 << 22 };
/* Pictures that are reduced are decoded at this side at most. */
enum { DECODED_SIDE = 64 };

struct run {
	struct collect *c;
	struct reader *in;
	struct encoders *encoders;
};

/* --- strings and groups --- */

static int string_list_add(struct string_list *s, const char *text, size_t len, struct fail *f)
{
	if (grow(&s->at, &s->cap, s->n + 1, "names", f))
		return -1;
	s->at[s->n] = s->text.len;
	if ((len && buf_add(&s->text, text, len, f)) || buf_add(&s->text, "", 1, f))
		return -1;
	s->n++;
	return 0;
}

const char *string_list_get(const struct string_list *s, size_t i) { return s->text.p + s->at[i]; }

static int add_key(struct string_list *s, const struct record *r, struct fail *f)
{
	struct buf shown = {0};
	int bad = name_escape(&shown, r->key.p, r->key.len, f) || string_list_add(s, shown.p, shown.len, f);
	buf_free(&shown);
	return bad ? -1 : 0;
}

static void string_list_free(struct string_list *s)
{
	buf_free(&s->text);
	free(s->at);
	*s = (struct string_list){.n = 0};
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
		return fail_set(f, "the field '%s' has more than %d different values", c->group_field, MAX_GROUPS);
	if (grow(&c->index, &c->index_cap, c->groups.n + 1, "groups", f))
		return -1;
	memmove(c->index + low + 1, c->index + low, (c->groups.n - low) * sizeof *c->index);
	*group = (uint32_t)c->groups.n;
	c->index[low] = (struct group_index){hash, *group};
	return string_list_add(&c->groups, text, strlen(text), f);
}

static int read_group(struct collect *c, struct record *r, uint32_t *group, struct fail *why, struct fail *f)
{
	struct buf text = {0};
	int got = record_value(r, c->group_field, &text, f);
	if (got == 0)
		fail_unscored(why, "neither a field nor a member '%.100s' names its cluster", c->group_field);
	else if (got > 0)
		got = find_group(c, text.p ? text.p : "", group, f);
	buf_free(&text);
	return got < 0 ? -1 : 0;
}

/* --- points --- */

static int reserve_point(struct collect *c, struct fail *f)
{
	size_t n = c->n + 1, values = n * (size_t)c->d, ids = c->cap;
	int floats = c->cfg.input_kind == VECTOR_INPUT || c->model;
	if (floats ? grow(&c->f4, &c->value_cap, values, "values of points", f) : grow(&c->u8, &c->value_cap, values, "values of points", f))
		return -1;
	if (c->keep_ids && grow(&c->id, &ids, n, "records", f))
		return -1;
	return grow(&c->group_of, &c->cap, n, "records", f);
}

static int add_point(struct collect *c, const struct batch *b, const void *result, int row, uint32_t group, struct fail *f)
{
	size_t d = (size_t)c->d, at = (size_t)row * d;
	if (c->n == UINT32_MAX)
		return fail_set(f, "more than %u records", UINT32_MAX);
	if (reserve_point(c, f))
		return -1;
	if (c->model)
		memcpy(c->f4 + c->n * d, (const float *)result + at, d * sizeof *c->f4);
	else if (c->reduced[0])
		memcpy(c->u8 + c->n * d, (const uint8_t *)result + at, d);
	else if (b->numbers)
		for (size_t k = 0; k < d; k++) {
			float v = c->f4[c->n * d + k] = (float)b->numbers[at + k];
			c->underflows += v == 0 && b->numbers[at + k] != 0;
		}
	else
		memcpy(c->u8 + c->n * d, b->pixels + at, d);
	if (c->keep_ids)
		c->id[c->n] = b->id[row];
	c->group_of[c->n++] = group;
	c->hash += b->id[row];
	return 0;
}

static int add_unreadable(struct collect *c, struct record *r, const struct fail *why, struct fail *f)
{
	size_t n = c->unreadable.why.n, positions = c->unreadable.cap;
	if (c->fail_on_error) {
		*f = *why;
		return record_fail(r, f);
	}
	if (grow(&c->unreadable.position, &positions, n + 1, "unreadable records", f) ||
	    grow(&c->unreadable.unscored, &c->unreadable.cap, n + 1, "unreadable records", f))
		return -1;
	c->unreadable.position[n] = c->records - 1;
	c->unreadable.unscored[n] = (unsigned char)why->unscored;
	if (c->keep_keys && add_key(&c->unreadable.key, r, f))
		return -1;
	return string_list_add(&c->unreadable.why, why->msg, strlen(why->msg), f);
}

/* --- the stream --- */

static int encode(void *ctx, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	(void)f;
	encoders_run(((const struct run *)ctx)->encoders, worker, b, x, result);
	return 0;
}

/* The reduced pictures [ROWS][d] of a batch: sample i of a side of n comes from the samples [i m / n, (i + 1) m / n) of m. */
static int reduce(void *ctx, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	const struct collect *c = ((const struct run *)ctx)->c;
	const size_t height = (size_t)c->cfg.input_shape[1], width = (size_t)c->cfg.input_shape[2], d = (size_t)c->d;
	const size_t channels = (size_t)c->reduced[0], rows = (size_t)c->reduced[1], columns = (size_t)c->reduced[2];
	uint8_t *to = result;
	(void)worker, (void)x, (void)f;
	for (size_t i = 0; c->reduced[0] && i < (size_t)b->nrows * d; i++) {
		size_t at = i % d, k = at / (rows * columns), row = at / columns % rows, column = at % columns, n = 0, sum = 0;
		const uint8_t *from = b->pixels + i / d * b->size + (k < channels ? k : 0) * height * width;
		for (size_t y = row * height / rows; y < (row + 1) * height / rows; y++)
			for (size_t z = column * width / columns; z < (column + 1) * width / columns; z++, n++)
				sum += from[y * width + z];
		to[i] = (uint8_t)((sum + n / 2) / (n ? n : 1));
	}
	return 0;
}

static int collect_record(struct collect *c, struct batch *b, const void *means, int item, struct fail *f)
{
	struct record *r = &b->item[item];
	int row = b->row[item];
	struct fail *why = &b->why[row];
	uint32_t group = 0;
	c->records++;
	if ((c->check && c->check(c->ctx, r, f)) || (!why->msg[0] && c->group_field && read_group(c, r, &group, why, f)))
		return -1;
	if (why->msg[0])
		return add_unreadable(c, r, why, f);
	return add_point(c, b, means, row, group, f) || (c->keep_keys && add_key(&c->key, r, f)) ? -1 : 0;
}

static int consume(void *ctx, struct batch *b, void *result, struct fail *f)
{
	struct run *run = ctx;
	struct collect *c = run->c;
	for (int i = 0; i < b->nitems; i++)
		if (b->row[i] >= 0 && collect_record(c, b, result, i, f))
			return -1;
	if (c->progress)
		c->progress(c->ctx, run->in, c->records);
	return 0;
}

static int set_dimensions(struct run *run, struct fail *f)
{
	struct collect *c = run->c;
	int size = config_input_size(&c->cfg);
	if (size > MAX_DIMENSIONS)
		return fail_set(f, "records of %d numbers, more than %d: --set input.shape=[c,h,w] makes pictures smaller", size, MAX_DIMENSIONS);
	c->d = c->model ? encoders_width(run->encoders) : size;
	if (c->d > MAX_DIMENSIONS)
		return fail_set(f, "points of %d numbers, more than %d: a smaller layer is required", c->d, MAX_DIMENSIONS);
	if (c->max_side && !c->model && c->cfg.input_kind != VECTOR_INPUT) {
		const int most[3] = {3, c->max_side, c->max_side};
		for (int i = 0; i < 3; i++)
			c->reduced[i] = c->cfg.input_shape[i] < most[i] ? c->cfg.input_shape[i] : most[i];
		c->d = c->reduced[0] * c->reduced[1] * c->reduced[2];
	}
	return 0;
}

static int shape_known(void *ctx, struct fail *f)
{
	struct collect *c = ((struct run *)ctx)->c;
	c->shape_known = 1;
	for (int i = 1; i < 3 && c->max_side && c->cfg.input_kind != VECTOR_INPUT; i++)
		if (c->cfg.input_shape[i] > DECODED_SIDE)
			c->cfg.input_shape[i] = DECODED_SIDE;
	return set_dimensions(ctx, f);
}

int collect_run(struct collect *c, struct reader *in, int workers, struct fail *f)
{
	struct run run = {.c = c, .in = in};
	int r = c->model && !(run.encoders = encoders_open(c->model, c->layer, workers, f)) ? -1 : 0;
	if (!r && c->shape_known)
		r = set_dimensions(&run, f);
	if (!r) {
		const struct batch_stream s = {
			.in = in, .cfg = &c->cfg, .rows = ROWS, .workers = workers, .ctx = &run, .notes = &c->notes,
			.shape_known = c->shape_known ? NULL : shape_known,
			.standard = c->model ? &c->model->standard : NULL,
			.result_size = c->model ? ROWS * (size_t)c->d * sizeof(float) : ROWS * 3 * (size_t)c->max_side * (size_t)c->max_side,
			.work = c->model ? encode : c->max_side ? reduce : NULL, .consume = consume,
		};
		r = batch_stream_run(&s, f);
	}
	encoders_free(run.encoders);
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
	free(c->id);
	free(c->unreadable.position);
	free(c->unreadable.unscored);
	free(c->index);
	string_list_free(&c->groups);
	string_list_free(&c->key);
	string_list_free(&c->unreadable.why);
	string_list_free(&c->unreadable.key);
}

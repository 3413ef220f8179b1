#include "model/batch.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/rng.h"

/* More loose members, or more bytes, end a batch early: a batch of large records must not fill the memory. */
enum { LOOSE_PER_ROW = 4 };
#define MAX_BYTES ((size_t)64 << 20)

static size_t record_bytes(const struct record *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++)
		n += r->m[i].data.len;
	return n;
}

int batch_open(struct batch *b, int rows, const struct config *cfg, struct fail *f)
{
	*b = (struct batch){.rows = rows, .max_items = (1 + LOOSE_PER_ROW) * rows};
	b->item = calloc((size_t)b->max_items, sizeof *b->item);
	b->row = calloc((size_t)b->max_items, sizeof *b->row);
	b->id = calloc((size_t)rows, sizeof *b->id);
	b->notes = calloc((size_t)rows, sizeof *b->notes);
	b->why = calloc((size_t)rows, sizeof *b->why);
	if (b->item && b->row && b->id && b->notes && b->why && !batch_alloc_rows(b, cfg, f))
		return 0;
	batch_free(b);
	return fail_memory_for(f, "a batch of %d records", rows);
}

int batch_reserve_items(struct batch *b, int items, struct fail *f)
{
	struct record *item = realloc(b->item, (size_t)items * sizeof *item);
	if (item)
		b->item = item;
	int *row = item ? realloc(b->row, (size_t)items * sizeof *row) : NULL;
	if (!row)
		return fail_memory_for(f, "a batch of %d records", items);
	b->row = row;
	memset(item + b->max_items, 0, (size_t)(items - b->max_items) * sizeof *item);
	b->max_items = items;
	return 0;
}

int batch_alloc_rows(struct batch *b, const struct config *cfg, struct fail *f)
{
	free(b->pixels);
	free(b->numbers);
	b->pixels = NULL;
	b->numbers = NULL;
	b->size = (size_t)config_input_size(cfg);
	if (b->size && cfg->input_kind == VECTOR_INPUT)
		b->numbers = calloc((size_t)b->rows * b->size, sizeof *b->numbers);
	else if (b->size)
		b->pixels = calloc((size_t)b->rows, b->size);
	return b->size && !b->pixels && !b->numbers ? fail_memory_for(f, "a batch of %d records", b->rows) : 0;
}

int batch_fill(struct batch *b, struct reader *in, struct fail *f)
{
	size_t bytes = 0;
	b->nitems = b->nrows = 0;
	while (b->nrows < b->rows && b->nitems < b->max_items && bytes < MAX_BYTES) {
		struct record *r = &b->item[b->nitems];
		int got = reader_next(in, r, f);
		if (got < 0)
			return -1;
		if (got == READER_END)
			break;
		int has_row = got == READER_RECORD && !(b->skip && b->skip(b->ctx, r->ordinal - 1));
		if (has_row && b->nrows == 0)
			b->first = r->ordinal - 1;
		b->row[b->nitems++] = has_row ? b->nrows++ : -1;
		bytes += record_bytes(r);
	}
	return b->nitems > 0;
}

/* Adds to the message what the record's only member is, such as GIF. */
static void add_found(const struct record *r, struct fail *why)
{
	const struct member *only = NULL;
	for (size_t i = 0; i < r->n; i++) {
		if (r->m[i].loose || (int)i == r->fields_member)
			continue;
		if (only)
			return;
		only = &r->m[i];
	}
	struct fail found = {{0}}, whole = *why;
	if (!only || input_format_of(only->data.p, only->data.len) != INPUT_NONE)
		return;
	input_unknown(only->data.p, only->data.len, &found);
	fail_set(why, "%.700s; %.200s", whole.msg, found.msg);
}

/* The payload of an item that has a row; sets its hash in id. NULL with the reason in why. */
static const struct member *find_payload(struct batch *b, int item, const struct config *cfg)
{
	int row = b->row[item];
	struct fail *why = &b->why[row];
	why->msg[0] = 0;
	const struct member *m = record_payload(&b->item[item], cfg->input_field, why);
	if (m)
		b->id[row] = XXH3_64bits(m->data.p, m->data.len);
	else
		add_found(&b->item[item], why);
	return m;
}

/* Only its bytes make a record bad: a lack of memory fails the whole batch. */
static int check_memory(const struct batch *b, struct fail *f)
{
	for (int row = 0; row < b->nrows; row++)
		if (b->why[row].msg[0] && b->why[row].memory) {
			*f = b->why[row];
			return -1;
		}
	return 0;
}

int batch_infer_shape(struct batch *b, struct config *cfg, struct fail *f)
{
	for (int i = 0; i < b->nitems; i++) {
		int vector = cfg->input_kind == VECTOR_INPUT;
		const struct member *m = b->row[i] < 0 ? NULL : find_payload(b, i, cfg);
		if (m && input_shape(m->data.p, m->data.len, cfg->input_shape, &vector, &b->why[b->row[i]]) == 0) {
			cfg->input_kind = vector ? VECTOR_INPUT : PICTURE_INPUT;
			return 1;
		}
	}
	return check_memory(b, f);
}

/* Makes samples 0 or 255: by halves, or 255 with probability sample / 255, drawn from the hash of the payload: a record always has the
 * same bits. */
static void binarize(uint8_t *x, size_t n, int how, uint64_t id)
{
	enum { WORDS = 256 };
	uint32_t w[WORDS];
	for (size_t i = 0; i < n; i++) {
		if (how == BINARIZE_STOCHASTIC && i % WORDS == 0)
			rng_words(w, WORDS, 0, ROLE_BINARIZE, 0, id, (uint32_t)(i / WORDS));
		int on = how == BINARIZE_STOCHASTIC ? (double)w[i % WORDS] * 0x1p-32 * 255 < x[i] : x[i] >= 128;
		x[i] = on ? 255 : 0;
	}
}

static void decode_row(struct batch *b, int row, const struct config *cfg, const struct member *m)
{
	size_t at = (size_t)row * b->size;
	const int *s = cfg->input_shape;
	const struct input_form form = {s[0], s[1], s[2], cfg->jpeg == JPEG_REDUCED};
	if (b->numbers && input_vector(m->data.p, m->data.len, (int)b->size, b->numbers + at, &b->why[row]))
		memset(b->numbers + at, 0, b->size * sizeof *b->numbers);
	if (b->pixels && input_decode(m->data.p, m->data.len, &form, b->pixels + at, &b->notes[row], &b->why[row]))
		memset(b->pixels + at, 0, b->size);
	else if (b->pixels && cfg->binarize)
		binarize(b->pixels + at, b->size, cfg->binarize, b->id[row]);
}

int batch_decode(struct batch *b, const struct config *cfg, struct fail *f)
{
	if (b->pixels)
		memset(b->pixels, 0, (size_t)b->rows * b->size);
	if (b->numbers)
		memset(b->numbers, 0, (size_t)b->rows * b->size * sizeof *b->numbers);
	memset(b->id, 0, (size_t)b->rows * sizeof *b->id);
	memset(b->notes, 0, (size_t)b->rows * sizeof *b->notes);
	for (int i = 0; i < b->nitems; i++) {
		const struct member *m = b->row[i] < 0 ? NULL : find_payload(b, i, cfg);
		if (m)
			decode_row(b, b->row[i], cfg, m);
	}
	return check_memory(b, f);
}

void batch_floats(const struct batch *b, const struct standardisation *s, float *x)
{
	for (size_t i = 0; b->pixels && i < (size_t)b->rows * b->size; i++)
		x[i] = (float)b->pixels[i] / 255.0f;
	for (size_t r = 0; b->numbers && r < (size_t)b->rows; r++)
		input_standardise(s, b->numbers + r * b->size, b->size, x + r * b->size);
}

size_t batch_bytes(const struct batch *b)
{
	size_t n = 0;
	for (int i = 0; i < b->max_items; i++)
		n += record_capacity(&b->item[i]);
	return n;
}

void batch_trim(struct batch *b, size_t keep)
{
	if (batch_bytes(b) <= keep)
		return;
	for (int i = 0; i < b->max_items; i++)
		record_trim(&b->item[i], 0);
	b->nitems = b->nrows = 0;
}

void batch_free(struct batch *b)
{
	for (int i = 0; b->item && i < b->max_items; i++)
		record_free(&b->item[i]);
	free(b->item);
	free(b->row);
	free(b->pixels);
	free(b->numbers);
	free(b->id);
	free(b->notes);
	free(b->why);
	*b = (struct batch){.item = NULL};
}

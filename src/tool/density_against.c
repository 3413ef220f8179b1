/* vae-density --against: scores the records of a stream, read once, by estimators that are fitted to a reference. */
#include <stdlib.h>
#include <string.h>

#include "tool/density_scorer.h"

struct searched { /* of a batch */
	size_t rows;
	double nll[]; /* [nscales][density_columns()][rows] */
};

struct points density_batch_points(const struct density_scorer *d, int worker, struct batch *b, const float *x)
{
	size_t size = (size_t)d->records.d;
	float *own = d->points + (size_t)worker * ENCODER_ROWS * size;
	struct points z = {.n = (size_t)b->nrows, .d = d->records.d, .step = 1};
	if (d->encoders) {
		encoders_run(d->encoders, worker, b, x, own);
	} else if (b->numbers) {
		for (size_t i = 0; i < z.n * size; i++)
			own[i] = (float)b->numbers[i];
	} else {
		z.u8 = b->pixels;
		z.step = 1 / 255.0;
		return z;
	}
	/* a record without a point would spoil the products of its batch */
	for (size_t r = 0; r < z.n; r++)
		if (b->why[r].msg[0])
			memset(own + r * size, 0, size * sizeof *own);
	z.f4 = own;
	return z;
}

static int search_batch(void *tool, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	const struct density_scorer *d = tool;
	struct searched *to = result;
	struct points z = density_batch_points(d, worker, b, x);
	to->rows = z.n;
	for (int i = 0; i < d->nscales; i++)
		if (density_search(d->search[i], &z, to->nll + (size_t)i * (size_t)density_columns(&d->scores[0]) * z.n, f))
			return -1;
	return 0;
}

static int set_searched(const struct density_scorer *d, struct record *r, const struct searched *from, size_t row, struct fail *f)
{
	struct fail limit = {{0}};
	char name[256];
	const double *nll = from->nll + row;
	for (int scale = 0; scale < d->nscales; scale++)
		for (int m = 0; m < DENSITY_METHODS; m++)
			for (int q = 0; d->scores[0].use[m] && q < density_variants(&d->scores[0], (enum density_method)m); q++, nll += from->rows) {
				struct fail own = {{0}};
				double v = density_search_limit(&d->scores[scale], (enum density_method)m, q, *nll, &own);
				if (!limit.msg[0])
					limit = own;
				if (density_set_real(d, r, scale, m, q, "nll", v, f))
					return -1;
			}
	if (limit.msg[0] && fields_set_string(&r->fields, cli_field(d->frame.flow.cli, name, "limit"), limit.msg, f))
		return -1;
	return scoring_set_origin(&d->frame, r, f);
}

static int searched_fields(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	return !why->msg[0] && set_searched(tool, r, result, (size_t)row, f) ? record_fail(r, f) : 0;
}

int density_open_search(struct density_scorer *d, struct fail *f)
{
	struct scoring *w = &d->frame;
	size_t columns = (size_t)d->nscales * (size_t)density_columns(&d->scores[0]);
	w->rows = ENCODER_ROWS;
	w->cfg = d->model ? NULL : &d->records.cfg;
	w->result_size = sizeof(struct searched) + columns * ENCODER_ROWS * sizeof(double);
	w->score = search_batch;
	w->fields = searched_fields;
	d->points = malloc((size_t)w->workers * ENCODER_ROWS * (size_t)d->records.d * sizeof *d->points);
	if (!d->points)
		return fail_memory(f);
	if (d->model)
		d->encoders = encoders_open(d->records.model, d->layer, w->workers, f);
	return d->model && !d->encoders ? -1 : 0;
}

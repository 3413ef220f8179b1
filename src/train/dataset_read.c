#include "train/dataset_read.h"

#include "model/batch_stream.h"

enum { ROWS = 64 };

static int shape_known(void *ctx, struct fail *f)
{
	struct dataset_read *d = ctx;
	d->data->size = (size_t)config_input_size(d->cfg);
	return config_check(d->cfg, f);
}

static int add_batch(void *ctx, struct batch *b, void *result, struct fail *f)
{
	struct dataset_read *d = ctx;
	(void)result;
	for (int i = 0; i < b->nitems; i++) {
		if (b->row[i] < 0)
			continue;
		size_t row = (size_t)b->row[i];
		const char *why = b->why[row].msg;
		const void *x = b->numbers ? (const void *)(b->numbers + row * b->size) : b->pixels + row * b->size;
		d->records++;
		if (why[0] ? d->unreadable(d->ctx, &b->item[i], b->first + row, why, f)
		           : dataset_add(d->data, x, b->id[row], f) || (d->added && d->added(d->ctx, &b->item[i], f)))
			return -1;
	}
	d->progress(d->ctx, d->records);
	return 0;
}

int dataset_read(struct dataset_read *d, struct reader *in, struct fail *f)
{
	const struct batch_stream s = {
		.in = in, .cfg = d->cfg, .rows = ROWS, .workers = d->workers, .ctx = d, .notes = &d->notes,
		.shape_known = config_infers_shape(d->cfg) ? shape_known : NULL, .consume = add_batch,
	};
	d->data->vector = d->cfg->input_kind == VECTOR_INPUT;
	d->data->size = (size_t)config_input_size(d->cfg);
	return batch_stream_run(&s, f);
}

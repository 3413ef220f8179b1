#include "model/batch_stream.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/pipeline.h"
#include "gemm/mat.h"
#include "input/picture.h"

struct slot {
	struct batch batch;
	max_align_t result[]; /* result_size bytes */
};

struct worker {
	float *x; /* [rows][input] */
	int ready;
};

struct run {
	const struct batch_stream *s;
	struct worker *worker; /* [workers] */
	size_t budget, keep;   /* bytes of records in flight; of a slot, after its records */
};

static int on_open(void *ctx, void *slot, struct fail *f)
{
	const struct batch_stream *s = ((struct run *)ctx)->s;
	struct batch *b = &((struct slot *)slot)->batch;
	if (batch_open(b, s->rows, s->cfg, f) || (s->items_per_row && batch_reserve_items(b, s->items_per_row * s->rows, f)))
		return -1;
	b->skip = s->skip;
	b->ctx = s->ctx;
	return 0;
}

static void on_close(void *slot) { batch_free(&((struct slot *)slot)->batch); }

static int on_fill(void *ctx, void *slot, struct fail *f) { return batch_fill(&((struct slot *)slot)->batch, ((struct run *)ctx)->s->in, f); }

static void on_stop(void *ctx) { reader_stop(((struct run *)ctx)->s->in); }

static size_t on_bytes(const void *slot) { return batch_bytes(&((const struct slot *)slot)->batch); }

static int on_work(void *ctx, int worker, void *slot, struct fail *f)
{
	const struct run *run = ctx;
	const struct batch_stream *s = run->s;
	struct slot *p = slot;
	struct worker *w = &run->worker[worker];
	if (!p->batch.nrows)
		return 0;
	if (batch_decode(&p->batch, s->cfg, f))
		return -1;
	if (s->standard) {
		if (!w->ready++)
			mat_thread_init();
		batch_floats(&p->batch, s->standard, w->x);
	}
	return s->work ? s->work(s->ctx, worker, &p->batch, w->x, p->result, f) : 0;
}

static int on_consume(void *ctx, void *slot, struct fail *f)
{
	const struct run *run = ctx;
	const struct batch_stream *s = run->s;
	struct slot *p = slot;
	for (int row = 0; s->notes && row < p->batch.nrows; row++) {
		s->notes->flawed += (p->batch.notes[row] & PICTURE_FLAWED) != 0;
		s->notes->low_bits += (p->batch.notes[row] & PICTURE_LOW_BITS) != 0;
	}
	int r = s->consume(s->ctx, &p->batch, p->result, f);
	batch_trim(&p->batch, run->keep);
	return r;
}

/* Reads batches until a record of one has a shape, and consumes that one too. 1, 0 at the end of the stream, -1. */
static int find_shape(struct run *run, struct slot *p, struct fail *f)
{
	const struct batch_stream *s = run->s;
	int got = on_open(run, p, f) ? -1 : 1, found = 0;
	while (got > 0 && !found) {
		got = on_fill(run, p, f);
		found = got > 0 ? batch_infer_shape(&p->batch, s->cfg, f) : 0;
		if (found < 0 || (got > 0 && !found && on_consume(run, p, f)))
			got = -1;
	}
	if (got > 0 && (s->shape_known(s->ctx, f) || batch_alloc_rows(&p->batch, s->cfg, f) || on_work(run, 0, p, f) || on_consume(run, p, f)))
		got = -1;
	return got;
}

static int first_batches(struct run *run, size_t slot_size, struct fail *f)
{
	struct slot *p = calloc(1, slot_size);
	int got = p ? find_shape(run, p, f) : fail_memory(f);
	if (p)
		on_close(p);
	free(p);
	return got;
}

static int open_workers(struct run *run, struct fail *f)
{
	const struct batch_stream *s = run->s;
	run->worker = calloc((size_t)s->workers, sizeof *run->worker);
	int bad = !run->worker;
	for (int i = 0; i < s->workers && s->standard && !bad; i++) {
		run->worker[i].x = mat_floats((size_t)s->rows * (size_t)config_input_size(s->cfg));
		bad = !run->worker[i].x;
	}
	return bad ? fail_memory_for(f, "batches of %d records", s->rows) : 0;
}

static void close_workers(struct run *run)
{
	for (int i = 0; run->worker && i < run->s->workers; i++)
		free(run->worker[i].x);
	free(run->worker);
}

int batch_stream_run(const struct batch_stream *s, struct fail *f)
{
	struct run run = {.s = s, .budget = reader_get_limits(s->in).in_flight};
	run.keep = run.budget / (size_t)(2 * PIPELINE_SLOTS(s->workers));
	size_t size = sizeof(struct slot) + (s->result_size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
	const struct pipeline p = {.ctx = &run, .workers = s->workers, .slot_size = size, .open = on_open, .close = on_close, .fill = on_fill,
	                           .work = on_work, .consume = on_consume, .bytes = on_bytes, .budget = run.budget, .stop = on_stop};
	int r = open_workers(&run, f) ? -1 : 1;
	if (r > 0 && s->shape_known)
		r = first_batches(&run, size, f);
	if (r > 0)
		r = pipeline_run(&p, f);
	close_workers(&run);
	return r;
}

#include "tool/curvature_stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "gemm/mat.h"
#include "model/batch_stream.h"

/* The results of a batch: the records that could be decoded. Behind it x [rows][input]. */
struct decoded {
	int n;
	uint64_t id[]; /* [rows] */
};

static struct model *last_model(const struct curvature_stream *s) { return &s->models[s->nmodels - 1]; }

static float *inputs_of(const struct decoded *d, int rows) { return (float *)(void *)(d->id + rows); }

static int skip(void *ctx, uint64_t position)
{
	const struct curvature_stream *s = ctx;
	return s->limit && position >= (uint64_t)s->limit;
}

static int work(void *ctx, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	struct decoded *d = result;
	float *to = inputs_of(d, b->rows);
	d->n = 0;
	for (int r = 0; r < b->nrows; r++) {
		if (b->why[r].msg[0])
			continue;
		d->id[d->n] = b->id[r];
		memcpy(to + (size_t)d->n++ * b->size, x + (size_t)r * b->size, b->size * sizeof *to);
	}
	return 0;
}

static int consume(void *ctx, struct batch *b, void *result, struct fail *f)
{
	struct curvature_stream *s = ctx;
	const struct decoded *d = result;
	for (int i = 0; i < b->nitems; i++) {
		struct record *r = &b->item[i];
		int row = b->row[i];
		s->flow.records += r->ordinal > 0;
		if (row >= 0 && b->why[row].msg[0] && flow_unscored(&s->flow, r, b->why[row].msg, f))
			return -1;
	}
	if (!b->nrows || !d->n)
		return 0;
	s->used += (uint64_t)d->n;
	for (int c = 0; c < s->nmodels; c++)
		estimate_add(s->estimate[c], d->n, inputs_of(d, b->rows), d->id, NULL);
	flow_show_progress(&s->flow, NULL);
	return 0;
}

static int open_estimates(struct curvature_stream *s, struct cli *c, struct fail *f)
{
	int workers = cli_workers(c, f);
	s->pool = workers < 0 ? NULL : pool_open(workers, f);
	s->estimate = calloc((size_t)s->nmodels, sizeof *s->estimate);
	if (!s->pool || !s->estimate)
		return s->pool ? fail_memory(f) : -1;
	for (int i = 0; i < s->nmodels; i++)
		if (!(s->estimate[i] = estimate_open(&s->models[i], (enum targets)s->targets, s->pool, f)))
			return -1;
	return 0;
}

static int read_records(struct curvature_stream *s, struct fail *f)
{
	struct model *m = last_model(s);
	int rows = estimate_batch(m);
	const struct batch_stream b = {
		.in = s->flow.in, .cfg = &m->cfg, .rows = rows, .workers = 1, .ctx = s, .skip = skip, .standard = &m->standard,
		.result_size = sizeof(struct decoded) + (size_t)rows * (sizeof(uint64_t) + (size_t)m->enc.in * sizeof(float)),
		.work = work, .consume = consume,
	};
	if (batch_stream_run(&b, f))
		return -1;
	return s->used ? 0 : fail_set(f, s->flow.records ? "none of %llu records could be decoded; the first: %s" : "no records to estimate the curvature from",
	                              (unsigned long long)s->flow.records, s->flow.first_failure);
}

static int write_file(const struct curvature_stream *s, int checkpoint, struct fail *f)
{
	char path[600];
	struct curvature c;
	struct fail warning;
	const struct model *m = &s->models[checkpoint];
	if (estimate_finish(s->estimate[checkpoint], &c, &warning, f))
		return fail_add(f, "%s", m->path);
	if (warning.msg[0] && checkpoint == 0)
		cli_note(s->flow.cli, "%s", warning.msg);
	curvature_beside(path, sizeof path, m);
	int r = curvature_write(&c, m, path, f);
	curvature_free(&c);
	return r;
}

int curvature_stream_run(struct curvature_stream *s, struct cli *c, struct fail *f)
{
	s->flow.cli = c;
	mat_flush_denormals();
	if (models_open(&s->models, &s->nmodels, s->model, s->checkpoints, &c->set, f) || flow_open(&s->flow, c, FLOW_SINK, f) || open_estimates(s, c, f) ||
	    read_records(s, f))
		return -1;
	progress_end(&s->flow.progress);
	for (int i = 0; i < s->nmodels; i++)
		if (write_file(s, i, f))
			return -1;
	return fields_set_int(&c->counts, "used", (int64_t)s->used, f) || fields_set_int(&c->counts, "checkpoints", s->nmodels, f) ||
	       fields_set_int(&c->counts, "draws", last_model(s)->cfg.score.draws, f) ? -1 : 0;
}

void curvature_stream_close(struct curvature_stream *s)
{
	for (int i = 0; s->estimate && i < s->nmodels; i++)
		estimate_close(s->estimate[i]);
	free(s->estimate);
	pool_close(s->pool);
	if (s->models)
		models_free(s->models, s->nmodels);
}

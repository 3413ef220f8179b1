#include "tool/train_stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gemm/mat.h"
#include "tool/curvature_stream.h"
#include "train/dataset_read.h"
#include "train/fit.h"

/* --- reading --- */

static void show_reading(void *ctx, uint64_t records)
{
	struct train_stream *t = ctx;
	t->flow.records = records;
	flow_show_progress(&t->flow, "reading");
}

static int on_unreadable(void *ctx, struct record *r, uint64_t position, const char *why, struct fail *f)
{
	struct train_stream *t = ctx;
	struct writer *out = t->flow.out;
	uint64_t *more = realloc(t->unreadable, (t->nunreadable + 1) * sizeof *more);
	if (!more)
		return fail_memory(f);
	t->unreadable = more;
	t->unreadable[t->nunreadable++] = position;
	t->flow.out = NULL; /* the stream is written after the training */
	struct fail unread = {{0}};
	fail_set(&unread, "%s", why);
	int failed = flow_unscored(&t->flow, r, &unread, f);
	t->flow.out = out;
	return failed;
}

static int read_records(struct train_stream *t, const struct cli *c, struct fail *f)
{
	struct dataset_read d = {.data = &t->data, .cfg = &t->cfg, .workers = (int)c->jobs, .unreadable = on_unreadable, .progress = show_reading, .ctx = t};
	int r = dataset_read(&d, t->flow.in, f);
	t->flow.notes = d.notes;
	progress_end(&t->flow.progress);
	if (!r && !t->data.n)
		return fail_set(f, t->flow.records ? "none of %llu records could be decoded; the first: %s" : "no records to train on",
		                (unsigned long long)t->flow.records, t->flow.first_failure);
	return r;
}

/* --- training --- */

static void show_training(void *ctx, int64_t step, double loss, double holdout)
{
	struct train_stream *t = ctx;
	char note[80];
	snprintf(note, sizeof note, isfinite(holdout) ? "loss %.5g, held out %.5g" : "loss %.5g", loss, holdout);
	progress_show(&t->progress, (double)step, t->cfg.train.steps, (double)step, note);
}

static int watch_step(void *ctx, int after, int64_t step, const uint32_t *row, const float *eps, struct fail *f)
{
	struct train_stream *t = ctx;
	return train_trace_step(&t->trace, after, step, row, eps, f);
}

static int count(const struct train_stream *t, const struct fit *fit, struct fields *to, struct fail *f)
{
	const struct model *m = fit->m;
	return fields_set_int(to, "steps", t->cfg.train.steps, f) || fields_set_int(to, "trained_on", (int64_t)t->data.ntrain, f) ||
	       fields_set_int(to, "held_out", (int64_t)t->data.nheld_out, f) || fields_set_real(to, "loss", m->loss, f) ||
	       (isfinite(m->holdout_loss) && fields_set_real(to, "holdout_loss", m->holdout_loss, f)) ||
	       fields_set_string(to, "model", fit->dir->path, f) || (fit->resumed_from && fields_set_int(to, "resumed_from", fit->resumed_from, f)) ? -1 : 0;
}

/* Of the last checkpoint, which is read again: its id is a hash of what was written. */
static int add_curvature(const struct train_stream *t, const struct cli *c, const struct fit *fit, struct fail *f)
{
	struct model m;
	char path[600];
	checkpoint_path(path, sizeof path, fit->dir->work, t->cfg.train.steps);
	if (model_read(&m, path, NULL, f))
		return -1;
	estimate_pack_weights(&m, 1);
	int r = curvature_of_dataset(&m, &t->data, fit->pool, c, f);
	model_free(&m);
	return r ? fail_add(f, "--curvature") : 0;
}

static int train(struct train_stream *t, struct cli *c, struct model_dir *dir, struct fail *f)
{
	struct model m;
	struct fail warning = {{0}};
	if (dataset_split(&t->data, t->cfg.train.holdout, (uint64_t)t->cfg.train.seed, f) || fit_model(&m, &t->cfg, &t->data, f))
		return -1;
	mat_flush_denormals();
	struct fit fit = {.m = &m, .data = &t->data, .pool = pool_open(t->workers, f), .dir = dir, .save_every = t->save_every,
	                  .progress = show_training, .ctx = t};
	progress_begin(&t->progress, c, "steps");
	fit.watch = t->trace.output ? watch_step : NULL;
	int r = !fit.pool || train_trace_open(&t->trace, &m, &t->data, fit.pool, c, f) || fit_run(&fit, f) ? -1 : 0;
	progress_end(&t->progress);
	r = r || (t->curvature && add_curvature(t, c, &fit, f)) ? -1 : 0;
	pool_close(fit.pool);
	r = r || train_trace_commit(&t->trace, c, f) ? -1 : 0;
	r = r || model_dir_finish(dir, &t->cfg, &warning, f) || count(t, &fit, &c->counts, f) ? -1 : 0;
	if (warning.msg[0])
		cli_note(c, "%s", warning.msg);
	if (!r && fit.resumed_from == t->cfg.train.steps && dir->resumed)
		cli_note(c, "%s: the training of %d steps is finished already", dir->path, t->cfg.train.steps);
	else if (!r && c->verbose)
		cli_note(c, "%d steps over %zu records, %zu held out: loss %.6g, held out %.6g", t->cfg.train.steps, t->data.ntrain, t->data.nheld_out, m.loss, m.holdout_loss);
	model_free(&m);
	return r;
}

/* --- passing on --- */

struct pass {
	struct train_stream *t;
	size_t next; /* of unreadable */
};

static int pass_record(void *ctx, struct record *r, struct fail *f)
{
	struct pass *p = ctx;
	struct train_stream *t = p->t;
	int unreadable = p->next < t->nunreadable && t->unreadable[p->next] == t->flow.records - 1;
	p->next += (size_t)unreadable;
	if (unreadable && t->flow.cli->on_error == ON_ERROR_REJECT)
		return writer_record(t->flow.out, r, WRITER_LOOSE, f);
	return flow_pass(&t->flow, r, f);
}

static int pass_records(struct train_stream *t, struct fail *f)
{
	struct pass p = {t, 0};
	t->flow.records = 0;
	return reader_rewind(t->flow.in, f) || flow_each(&t->flow, pass_record, &p, f) ? -1 : 0;
}

/* --- the whole --- */

int train_stream_run(struct train_stream *t, struct cli *c, struct fail *f)
{
	struct model_dir dir = {.work = ""};
	t->flow.cli = c;
	t->trace.output = c->trace;
	config_defaults(&t->cfg);
	if (config_load(&t->cfg, t->config, f) || config_assign(&t->cfg, &c->set, f))
		return -1;
	if (config_check_early(&t->cfg, f))
		return fail_add(f, "%s", t->config);
	if (train_trace_check(&t->trace, &t->cfg, f))
		return -1;
	t->workers = cli_workers(c, f);
	if (t->workers < 0)
		return -1;
	int r = model_dir_begin(&dir, t->output, t->resume ? MODEL_DIR_RESUME : c->replace ? MODEL_DIR_REPLACE : MODEL_DIR_NEW, f) ||
	        flow_open(&t->flow, c, t->pass ? FLOW_TWICE : FLOW_SINK, f) || read_records(t, c, f) || train(t, c, &dir, f) ||
	        (t->pass && pass_records(t, f)) ? -1 : 0;
	if (r)
		model_dir_abort(&dir);
	return r;
}

void train_stream_free(struct train_stream *t)
{
	train_trace_close(&t->trace);
	dataset_free(&t->data);
	free(t->unreadable);
}

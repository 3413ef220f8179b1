#include "tool/train_stream.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "gemm/mat.h"
#include "tool/curvature_stream.h"
#include "train/dataset_read.h"
#include "train/fit.h"

/* --- reading --- */

/* Sends input.shape from rank 0 to the waiting ranks, after rank 0 has read the first record; 0 if it has failed. */
static void send_shape(struct train_stream *t)
{
	if (t->shape_sent++)
		return;
	team_share(&t->team, t->cfg.input_shape, sizeof t->cfg.input_shape);
}

static void show_reading(void *ctx, uint64_t records)
{
	struct train_stream *t = ctx;
	t->flow.records = records;
	if (config_input_size(&t->cfg) > 0)
		send_shape(t);
	flow_show_progress(&t->flow, "reading");
}

static int on_unreadable(void *ctx, struct record *r, uint64_t position, const char *why, struct fail *f)
{
	struct train_stream *t = ctx;
	struct writer *out = t->flow.out;
	if (grow(&t->unreadable, &t->unreadable_cap, t->nunreadable + 1, "unreadable records", f))
		return -1;
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
	size_t had = t->data.n;
	struct dataset_read d = {.data = &t->data, .cfg = &t->cfg, .workers = (int)c->jobs, .unreadable = on_unreadable, .progress = show_reading, .ctx = t};
	int r = dataset_read(&d, t->flow.in, f);
	t->flow.notes = d.notes;
	progress_end(&t->flow.progress);
	if (!r && t->data.n == had)
		return fail_set(f, t->flow.records ? "none of %llu records could be decoded; the first: %s" : "no records to train on",
		                (unsigned long long)t->flow.records, t->flow.first_failure);
	return r;
}

/* --- the files of virtual workers --- */

struct tally { /* of one worker */
	uint64_t records, failed, bad_metadata;
	struct input_notes notes;
	char first_failure[sizeof ((struct flow *)NULL)->first_failure];
};

/* Reads the files of a worker as one stream, within which keys are unique. */
static int read_worker(struct train_stream *t, struct cli *c, int worker, struct tally *tally, struct fail *f)
{
	struct cli own = *c;
	int stride = t->team.workers;
	own.files = calloc((size_t)c->nfiles, sizeof *own.files);
	if (!own.files)
		return fail_memory(f);
	own.nfiles = 0;
	for (int i = worker; i < c->nfiles; i += stride)
		own.files[own.nfiles++] = c->files[i];
	int r = flow_open(&t->flow, &own, FLOW_SINK, f) || read_records(t, c, f) || dataset_end_part(&t->data, f) ? -1 : 0;
	if (!r)
		*tally = (struct tally){.records = t->flow.records, .failed = t->flow.failed, .bad_metadata = t->flow.bad_metadata, .notes = t->flow.notes};
	memcpy(tally->first_failure, t->flow.first_failure, sizeof tally->first_failure);
	if (r && !strstr(f->msg, own.files[0]))
		fail_add(f, "%s", own.files[0]);
	reader_close(t->flow.in);
	t->flow.in = NULL;
	t->flow.cli = c;
	free(own.files);
	return r ? fail_add(f, "virtual worker %d of %d", worker + 1, stride) : 0;
}

/* Counts of all workers, for the messages of rank 0. */
static void add_tallies(struct train_stream *t, struct tally *all)
{
	team_gather(&t->team, all, sizeof *all);
	t->flow.records = t->flow.failed = t->flow.bad_metadata = 0;
	t->flow.notes = (struct input_notes){0};
	t->flow.first_failure[0] = 0;
	for (int w = 0; w < t->team.workers; w++) {
		t->flow.records += all[w].records;
		t->flow.failed += all[w].failed;
		t->flow.bad_metadata += all[w].bad_metadata;
		t->flow.notes.flawed += all[w].notes.flawed;
		t->flow.notes.low_bits += all[w].notes.low_bits;
		if (!t->flow.first_failure[0])
			memcpy(t->flow.first_failure, all[w].first_failure, sizeof all[w].first_failure);
	}
}

static int read_workers(struct train_stream *t, struct cli *c, struct fail *f)
{
	struct team *team = &t->team;
	struct tally *all = calloc((size_t)team->workers, sizeof *all);
	int infers = config_infers_shape(&t->cfg) && team->ranks > 1, bad = all ? 0 : fail_memory(f);
	t->shape_sent = !infers;
	if (infers && team->rank > 0) {
		send_shape(t);
		bad = bad || !config_input_size(&t->cfg) || config_check(&t->cfg, f) ? -1 : 0;
	}
	for (int w = team->first; w < team->end && !bad; w++)
		bad = read_worker(t, c, w, &all[w], f);
	if (team->rank == 0)
		send_shape(t);
	bad = team_agree(team, bad, f);
	if (!bad && all)
		add_tallies(t, all);
	free(all);
	return bad;
}

static int read_all(struct train_stream *t, struct cli *c, struct fail *f)
{
	if (t->team.workers > 1)
		return read_workers(t, c, f);
	t->shape_sent = 1;
	return flow_open(&t->flow, c, t->pass ? FLOW_TWICE : FLOW_SINK, f) || read_records(t, c, f) ? -1 : 0;
}

/* Refuses options that require a single worker, for any number of processes. */
static int check_workers(const struct train_stream *t, const struct cli *c, struct fail *f)
{
	int n = t->cfg.train.shards;
	if (n == 1)
		return 0;
	if (c->nfiles < n || cli_reads_stdin(c))
		return fail_set(f, "train.shards is %d: it requires as many FILEs or more, because every virtual worker reads its own, and there are %d", n, c->nfiles);
	if (t->pass || c->rejects || t->curvature || c->trace)
		return fail_set(f, "train.shards above 1 excludes -p, -r, --trace and --curvature: use vae-ckpt curvature afterwards");
	return 0;
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
	return fields_set_int(to, "steps", t->cfg.train.steps, f) || fields_set_int(to, "trained_on", (int64_t)fit->shares->all.ntrain, f) ||
	       fields_set_int(to, "held_out", (int64_t)fit->shares->all.nheld_out, f) || fields_set_real(to, "loss", m->loss, f) ||
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

/* After the training, on rank 0. */
static int finish(struct train_stream *t, struct cli *c, const struct fit *fit, struct fail *f)
{
	struct model_dir *dir = fit->dir;
	const struct model *m = fit->m;
	struct fail warning = {{0}};
	if ((t->curvature && add_curvature(t, c, fit, f)) || train_trace_commit(&t->trace, c, f) || model_dir_finish(dir, &t->cfg, &warning, f) || count(t, fit, &c->counts, f))
		return -1;
	if (warning.msg[0])
		cli_note(c, "%s", warning.msg);
	if (fit->resumed_from == t->cfg.train.steps && dir->resumed)
		cli_note(c, "%s: the training of %d steps is finished already", dir->path, t->cfg.train.steps);
	else if (c->verbose)
		cli_note(c, "%d steps over %llu records, %llu held out: loss %.6g, held out %.6g", t->cfg.train.steps, (unsigned long long)fit->shares->all.ntrain,
		         (unsigned long long)fit->shares->all.nheld_out, m->loss, m->holdout_loss);
	return 0;
}

static int train(struct train_stream *t, struct cli *c, struct model_dir *dir, struct fail *f)
{
	struct model m;
	struct shares shares = {.team = NULL};
	if (team_agree(&t->team, dataset_split(&t->data, t->cfg.train.holdout, (uint64_t)t->cfg.train.seed, f), f) ||
	    shares_open(&shares, &t->team, &t->data, f) || fit_model(&m, &t->cfg, &shares, f)) {
		shares_close(&shares);
		return -1;
	}
	mat_flush_denormals();
	struct fit fit = {.m = &m, .shares = &shares, .pool = pool_open(t->workers, f), .dir = dir, .save_every = t->save_every,
	                  .progress = show_training, .ctx = t};
	progress_begin(&t->progress, c, "steps");
	fit.watch = t->trace.output ? watch_step : NULL;
	int bad = !fit.pool || train_trace_open(&t->trace, &m, &t->data, fit.pool, c, f);
	int r = team_agree(&t->team, bad, f) || fit_run(&fit, f) ? -1 : 0;
	progress_end(&t->progress);
	r = team_agree(&t->team, r || (t->team.rank == 0 && finish(t, c, &fit, f)), f);
	pool_close(fit.pool);
	model_free(&m);
	shares_close(&shares);
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

static int prepare(struct train_stream *t, struct cli *c, struct fail *f)
{
	t->trace.output = c->trace;
	config_defaults(&t->cfg);
	if (config_load(&t->cfg, t->config, f) || config_assign(&t->cfg, &c->set, f))
		return -1;
	if (config_check_early(&t->cfg, f))
		return fail_add(f, "%s", t->config);
	if (train_trace_check(&t->trace, &t->cfg, f))
		return -1;
	t->workers = cli_workers(c, f);
	return t->workers < 0 || check_workers(t, c, f) || team_divide(&t->team, t->cfg.train.shards, f) ? -1 : 0;
}

int train_stream_run(struct train_stream *t, struct cli *c, struct fail *f)
{
	struct model_dir dir = {.work = ""};
	t->flow.cli = c;
	enum model_dir_mode mode = t->resume ? MODEL_DIR_RESUME : c->replace ? MODEL_DIR_REPLACE : MODEL_DIR_NEW;
	if (team_agree(&t->team, prepare(t, c, f), f))
		return -1;
	int begun = t->team.rank == 0;
	int r = team_follow(&t->team, begun && model_dir_begin(&dir, t->output, mode, f), f) || read_all(t, c, f) || train(t, c, &dir, f) ||
	        (t->pass && pass_records(t, f)) ? -1 : 0;
	if (r && begun)
		model_dir_abort(&dir);
	return r;
}

void train_stream_free(struct train_stream *t)
{
	train_trace_close(&t->trace);
	dataset_free(&t->data);
	free(t->unreadable);
}

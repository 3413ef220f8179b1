/* vae-train: trains a beta-VAE on a stream of records. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pipeline.h"
#include "model/batch.h"
#include "train/fit.h"
#include "tool/flow.h"
#include "gemm/mat.h"

enum { ROWS = 64 };

struct train {
	struct flow flow;
	struct config cfg;
	struct dataset data;
	struct progress progress;
	uint64_t *bad; /* positions of records that could not be decoded: -p does not pass rejected ones */
	size_t nbad;
	int pass, resume;
	double save_every;
};

/* --- reading: reader thread -> decoders -> the data set --- */

static int on_open(void *ctx, void *slot, struct fail *f) { return batch_open(slot, ROWS, &((struct train *)ctx)->cfg, f); }
static void on_close(void *slot) { batch_free(slot); }

static int on_fill(void *ctx, void *slot, struct fail *f) { return batch_fill(slot, ((struct train *)ctx)->flow.in, f); }
static void on_stop(void *ctx) { reader_stop(((struct train *)ctx)->flow.in); }

static int on_work(void *ctx, int worker, void *slot, struct fail *f)
{
	return batch_decode(slot, &((struct train *)ctx)->cfg, f);
}

static int undecoded(struct train *t, struct record *r, const char *why, uint64_t position, struct fail *f)
{
	struct writer *out = t->flow.out;
	uint64_t *bad = realloc(t->bad, (t->nbad + 1) * sizeof *bad);
	if (!bad)
		return fail_memory(f);
	t->bad = bad;
	t->bad[t->nbad++] = position;
	t->flow.out = NULL; /* the stream goes out after the training, not now */
	int failed = flow_unscored(&t->flow, r, why, f);
	t->flow.out = out;
	return failed;
}

static int on_consume(void *ctx, void *slot, struct fail *f)
{
	struct train *t = ctx;
	struct batch *b = slot;
	for (int i = 0; i < b->nitems; i++) {
		int row = b->row[i];
		if (row < 0)
			continue;
		t->flow.records++;
		if (b->why[row].msg[0] ? undecoded(t, &b->item[i], b->why[row].msg, b->first + (uint64_t)row, f)
		                       : dataset_add(&t->data, b->numbers ? (void *)(b->numbers + (size_t)row * b->size) : b->pixels + (size_t)row * b->size, b->id[row], f))
			return -1;
	}
	progress_show(&t->flow.progress, (double)reader_bytes(t->flow.in), (double)reader_total(t->flow.in), (double)t->flow.records, "reading");
	return 0;
}

/* The first record that has a shape gives it to the network: 1 to go on, 0 at the end of the stream, -1. */
static int first_shape(struct train *t, struct fail *f)
{
	struct batch b;
	int found = 0, got = batch_open(&b, ROWS, &t->cfg, f) ? -1 : 1;
	while (got > 0 && !found) {
		got = batch_fill(&b, t->flow.in, f);
		found = got > 0 ? batch_infer_shape(&b, &t->cfg, f) : 0;
		if (found < 0)
			got = -1;
		if (got > 0 && !found && on_consume(t, &b, f))
			got = -1;
	}
	t->data.size = (size_t)config_input_size(&t->cfg);
	if (got > 0 && (config_check(&t->cfg, f) || batch_alloc_rows(&b, &t->cfg, f) || on_work(t, 0, &b, f) || on_consume(t, &b, f)))
		got = -1;
	batch_free(&b);
	return got;
}

static int read_records(struct train *t, int workers, struct fail *f)
{
	int got = 1;
	const struct pipeline p = {t, workers, sizeof(struct batch), on_open, on_close, on_fill, on_work, on_consume, on_stop};
	t->data.vector = t->cfg.input_kind == VECTOR_INPUT;
	t->data.size = (size_t)config_input_size(&t->cfg);
	if (config_infers_shape(&t->cfg))
		got = first_shape(t, f);
	int r = got > 0 ? pipeline_run(&p, f) : got;
	progress_end(&t->flow.progress);
	return r;
}

/* --- training --- */

static void on_tick(void *ctx, int64_t step, double loss, double holdout)
{
	struct train *t = ctx;
	char note[80];
	snprintf(note, sizeof note, isfinite(holdout) ? "loss %.5g, held out %.5g" : "loss %.5g", loss, holdout);
	progress_show(&t->progress, (double)step, t->cfg.train.steps, (double)step, note);
}

static int learn(struct train *t, struct cli *c, struct model_dir *dir, struct fail *f)
{
	struct model m;
	if (t->data.n == 0)
		return fail_set(f, t->flow.records ? "none of %llu records could be decoded; the first: %s" : "no records to train on",
		                (unsigned long long)t->flow.records, t->flow.first_failure);
	if (dataset_split(&t->data, t->cfg.train.holdout, (uint64_t)t->cfg.train.seed, f) || model_build(&m, &t->cfg, f))
		return -1;
	model_init(&m, (uint64_t)t->cfg.train.seed);
	if (t->data.vector && (model_alloc_standard(&m, f) || dataset_statistics(&t->data, m.standard.mean, m.standard.deviation, f))) {
		model_free(&m);
		return -1;
	}
	mat_flush_denormals();
	long threads = mat_thread_init() > 1 ? c->jobs : 1;
	struct fit fit = {.m = &m, .data = &t->data, .pool = pool_open((int)threads, f), .dir = dir, .save_every = t->save_every, .tick = on_tick, .ctx = t};
	progress_begin(&t->progress, c, "steps");
	int r = fit.pool ? fit_run(&fit, f) : -1;
	progress_end(&t->progress);
	pool_close(fit.pool);
	struct fail warning = {{0}};
	if (!r)
		r = model_dir_finish(dir, &t->cfg, &warning, f);
	if (warning.msg[0])
		cli_note(c, "%s", warning.msg);
	if (!r && fit.from == t->cfg.train.steps && dir->resumed)
		cli_note(c, "%s has taken its %d steps: nothing was to do", dir->path, t->cfg.train.steps);
	else if (!r && c->verbose)
		cli_note(c, "%d steps over %zu records, %zu held out: loss %.6g, held out %.6g", t->cfg.train.steps, t->data.ntrain, t->data.nheld, m.loss, m.holdout_loss);
	if (!r)
		r = fields_set_int(&c->counts, "steps", t->cfg.train.steps, f) || fields_set_int(&c->counts, "trained_on", (int64_t)t->data.ntrain, f) ||
		    fields_set_int(&c->counts, "held_out", (int64_t)t->data.nheld, f) || fields_set_real(&c->counts, "loss", m.loss, f) ||
		    (isfinite(m.holdout_loss) && fields_set_real(&c->counts, "holdout_loss", m.holdout_loss, f)) ||
		    fields_set_string(&c->counts, "model", dir->path, f) || (fit.from && fields_set_int(&c->counts, "resumed_from", fit.from, f));
	model_free(&m);
	return r;
}

static int pass_on(struct train *t, struct cli *c, struct fail *f)
{
	struct record r = {.fields_member = -1};
	size_t next = 0;
	uint64_t at = 0;
	int got = reader_rewind(t->flow.in, f);
	t->flow.records = 0;
	while (!got && (got = flow_next(&t->flow, &r, f)) > 0) {
		int bad = next < t->nbad && t->bad[next] == at++;
		next += (size_t)bad;
		got = bad && c->on_error == ON_ERROR_REJECT ? writer_record(t->flow.out, &r, WRITER_LOOSE, f) : flow_pass(&t->flow, &r, f);
	}
	record_free(&r);
	return got;
}

/* As far as it can be checked before the records are seen. */
static int check_config(struct config *cfg, struct fail *f)
{
	struct config any = *cfg;
	if (!config_infers_shape(cfg))
		return config_check(cfg, f);
	any.input_shape[0] = any.input_shape[1] = any.input_shape[2] = 1;
	return config_check(&any, f);
}

static bool check_options(struct cli *c, const struct train *t, const char *config, const char *output)
{
	if (!config || !output)
		return cli_usage(c, "-c NAME and -o NAME.vae are required");
	if (strcmp(output, "-") == 0)
		return cli_usage(c, "-o names the directory to make, and '-' is standard output, which -p writes to");
	if (!cli_check_overwrite(c, "-o", output))
		return false;
	if (t->pass && c->keys_per_file)
		return cli_usage(c, "-p writes one stream, in which a key may not come again: it excludes --keys-per-file");
	if (!t->pass && c->level != WRITER_BY_NAME)
		return cli_usage(c, "-z compresses what -p writes, and requires -p");
	if (t->resume && c->replace)
		return cli_usage(c, "--resume continues the training in NAME.vae, and --replace starts a new one: they exclude each other");
	return t->save_every >= 0 || cli_usage(c, "--save-every takes seconds, 0 or more");
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct train *t = calloc(1, sizeof *t);
	const char *config = NULL, *output = NULL;
	if (!t) {
		fputs("vae-train: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	t->save_every = 60;
	t->data.limit = (size_t)sysconf(_SC_PHYS_PAGES) / 2 * (size_t)sysconf(_SC_PAGESIZE);
	const struct cli_opt opts[] = {
		{'c', "config", "NAME", CLI_TEXT, &config, "a preset (mnist-mlp, beta-vae-h, ...) or a YAML file: network and training"},
		{'o', "output", "NAME.vae", CLI_TEXT, &output, "the directory to make: checkpoints, log, configuration"},
		{0, "replace", NULL, CLI_FLAG, &c.replace, "replace NAME.vae, when the new model is finished"},
		{0, "resume", NULL, CLI_FLAG, &t->resume, "go on with the training in NAME.vae, if there is one, to the same bits"},
		{0, "save-every", "SECONDS", CLI_REAL, &t->save_every, "how often to save what --resume goes on from (default 60; 0: at checkpoints)"},
		{0, "mem", "SIZE", CLI_SIZE, &t->data.limit, "decoded records kept in memory; more go to a file in $TMPDIR (default: half of the memory)"},
		{0, "seed", "N", CLI_KEY, NULL, "start, order, noise and held-out share (--set train.seed=N)", .key = "train.seed"},
		CLI_SET(&c),
		{'p', "pass", NULL, CLI_FLAG, &t->pass, "pass the records on to standard output when the training is done"},
		{'z', NULL, "LEVEL", CLI_LEVEL, &c.level, "compress what -p passes on with zstd (default level 3)"},
		CLI_ON_ERROR(&c),
		CLI_JOBS(&c),
		CLI_INPUT(&c),
		CLI_BASE(&c),
	};
	struct fail f = {{0}};
	if (!cli_begin(&c, "vae-train", "[FILE ...]", "Trains a beta-VAE on records and leaves its checkpoints in NAME.vae.", opts, argc, argv) ||
	    !check_options(&c, t, config, output)) {
		free(t);
		return c.status;
	}
	struct model_dir dir = {.work = ""};
	config_defaults(&t->cfg);
	int r = config_load(&t->cfg, config, &f);
	for (int i = 0; i < c.set.n && !r; i++)
		r = config_set(&t->cfg, c.set.v[i], &f);
	if (!r && check_config(&t->cfg, &f))
		r = fail_add(&f, "%s", config);
	if (!r)
		r = model_dir_begin(&dir, output, t->resume ? MODEL_DIR_RESUME : c.replace ? MODEL_DIR_REPLACE : MODEL_DIR_NEW, &f);
	if (!r)
		r = flow_open(&t->flow, &c, t->pass ? FLOW_TWICE : FLOW_SINK, &f);
	if (!r)
		r = read_records(t, (int)c.jobs, &f);
	if (!r)
		r = learn(t, &c, &dir, &f);
	if (!r && t->pass)
		r = pass_on(t, &c, &f);
	if (r)
		model_dir_abort(&dir);
	if (!t->flow.cli)
		t->flow.cli = &c;
	int status = flow_finish(&t->flow, r, &f);
	dataset_free(&t->data);
	free(t->bad);
	free(t);
	return status;
}

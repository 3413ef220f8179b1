/* vae-train: trains a beta-VAE on a stream of records. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "fit.h"
#include "flow.h"
#include "mat.h"

enum { ROWS = 64 };

struct train {
	struct flow flow;
	struct config cfg;
	struct dataset data;
	struct progress progress;
	uint64_t *bad; /* positions of records that could not be decoded: -p does not pass rejected ones */
	size_t nbad;
	int pass;
};

/* --- reading: reader thread -> decoders -> the data set --- */

static int on_open(void *ctx, void *slot, struct fail *f) { return batch_open(slot, ROWS, &((struct train *)ctx)->cfg, f); }
static void on_close(void *slot) { batch_free(slot); }

static int on_fill(void *ctx, void *slot, struct fail *f) { return batch_fill(slot, ((struct train *)ctx)->flow.in, f); }

static int on_work(void *ctx, int worker, void *slot, struct fail *f)
{
	return batch_decode(slot, &((struct train *)ctx)->cfg, f);
}

static int undecoded(struct train *t, struct record *r, const char *why, uint64_t position, struct fail *f)
{
	struct writer *out = t->flow.out;
	uint64_t *bad = realloc(t->bad, (t->nbad + 1) * sizeof *bad);
	if (!bad)
		return fail_set(f, "out of memory");
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
		                       : dataset_add(&t->data, b->pixels + (size_t)row * b->size, b->id[row], f))
			return -1;
	}
	progress_show(&t->flow.progress, (double)reader_bytes(t->flow.in), (double)reader_total(t->flow.in), (double)t->flow.records, "reading");
	return 0;
}

static int read_records(struct train *t, int workers, struct fail *f)
{
	const struct pipeline p = {t, workers, sizeof(struct batch), on_open, on_close, on_fill, on_work, on_consume};
	t->data.size = (size_t)config_input_size(&t->cfg);
	int r = pipeline_run(&p, f);
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
	long threads = mat_begin() > 1 ? c->jobs : 1;
	struct fit fit = {.m = &m, .data = &t->data, .pool = pool_open((int)threads, f), .dir = dir, .tick = on_tick, .ctx = t};
	progress_begin(&t->progress, c, "steps");
	int r = fit.pool ? fit_run(&fit, f) : -1;
	progress_end(&t->progress);
	pool_close(fit.pool);
	if (!r)
		r = model_dir_finish(dir, &t->cfg, f);
	if (!r && c->verbose)
		cli_note(c, "%d steps over %zu records, %zu held out: loss %.6g, held out %.6g", t->cfg.train.steps, t->data.ntrain, t->data.nheld, m.loss, m.holdout_loss);
	if (!r)
		r = fields_set_int(&c->counts, "steps", t->cfg.train.steps, f) || fields_set_int(&c->counts, "trained_on", (int64_t)t->data.ntrain, f) ||
		    fields_set_int(&c->counts, "held_out", (int64_t)t->data.nheld, f) || fields_set_real(&c->counts, "loss", m.loss, f) ||
		    (isfinite(m.holdout_loss) && fields_set_real(&c->counts, "holdout_loss", m.holdout_loss, f)) ||
		    fields_set_string(&c->counts, "model", dir->path, f);
	model_free(&m);
	return r;
}

static int pass_on(struct train *t, struct cli *c, struct fail *f)
{
	struct record r = {.scores = -1};
	size_t next = 0;
	uint64_t at = 0;
	int got = reader_rewind(t->flow.in, f);
	t->flow.records = 0;
	while (!got && (got = flow_next(&t->flow, &r, f)) > 0) {
		int bad = next < t->nbad && t->bad[next] == at++;
		next += (size_t)bad;
		got = bad && strcmp(c->on_error, "reject") == 0 ? writer_record(t->flow.out, &r, WRITER_LOOSE, f) : flow_pass(&t->flow, &r, f);
	}
	record_free(&r);
	return got;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct train *t = calloc(1, sizeof *t);
	const char *config = NULL, *output = NULL;
	char seed_set[100];
	const char *seed = NULL;
	if (!t) {
		fputs("vae-train: out of memory\n", stderr);
		return EXIT_FAILED;
	}
	const struct cli_opt opts[] = {
		{'c', "config", "NAME", CLI_TEXT, &config, "a preset (mnist-mlp, beta-vae-h, ...) or a YAML file: network and training"},
		{'o', "output", "NAME.vae", CLI_TEXT, &output, "the directory to make: checkpoints, log, configuration"},
		{0, "replace", NULL, CLI_FLAG, &c.replace, "replace NAME.vae, when the new model is finished"},
		{0, "seed", "N", CLI_TEXT, &seed, "start, order, noise and held-out share (--set train.seed=N)"},
		CLI_SET(&c),
		{'p', "pass", NULL, CLI_FLAG, &t->pass, "pass the records on to standard output when the training is done"},
		{'z', NULL, "LEVEL", CLI_LEVEL, &c.level, "compress what -p passes on with zstd (default level 3)"},
		CLI_ON_ERROR(&c),
		CLI_JOBS(&c),
		CLI_INPUT(&c),
		CLI_BASE(&c),
	};
	int status = cli_begin(&c, "vae-train", "[FILE ...]", "Trains a beta-VAE on records and leaves its checkpoints in NAME.vae.", opts, argc, argv);
	struct fail f = {{0}};
	if (status < 0 && (!config || !output))
		status = cli_usage(&c, "-c NAME and -o NAME.vae are wanted");
	if (status < 0 && t->pass && c.keys_per_file)
		status = cli_usage(&c, "-p writes one stream, in which keys must not come back: it does not go with --keys-per-file");
	if (status < 0 && seed) {
		snprintf(seed_set, sizeof seed_set, "train.seed=%.80s", seed);
		cli_add_set(&c, seed_set);
	}
	if (status < 0 && config_try(&c.set, &f))
		status = cli_refused(&c, &f);
	if (status >= 0) {
		free(t);
		return status;
	}
	struct model_dir dir = {.work = ""};
	config_defaults(&t->cfg);
	int r = config_load(&t->cfg, config, &f);
	for (int i = 0; i < c.set.n && !r; i++)
		r = config_set(&t->cfg, c.set.v[i], &f);
	if (!r && config_check(&t->cfg, &f))
		r = fail_add(&f, "%s", config);
	if (!r)
		r = model_dir_begin(&dir, output, c.replace, &f);
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
	status = flow_finish(&t->flow, r, &f);
	dataset_free(&t->data);
	free(t->bad);
	free(t);
	return status;
}

/* vae-testinf: VAE-TracIn of every record over given test records. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "influence/pairwise.h"
#include "tool/flow.h"
#include "gemm/mat.h"
#include "input/npy_writer.h"
#include "stream/name.h"
#include "base/pipeline.h"
#include "influence/scorer.h"
#include "influence/testinf.h"

enum { ITEMS = 32 }; /* a row, where most records get none */

struct slot {
	struct batch batch;
	uint64_t *position; /* of each row's record in the stream */
	struct score *score;
	float *mu;
	double *influence, *distance;
};

struct tool {
	struct flow flow;
	struct model *models;
	int nmodels, rows, searching; /* searching: the pass that finds candidates */
	struct noise noise, test_noise;
	struct test_set tests;
	struct testinf result;
	struct candidates nearest;
	struct scorer *scorer;
	struct npy_writer matrix;
	struct atomic_file table;
	float *line; /* of the matrix */
	const char *test_file;
	int by; /* enum normalize */
	long sanity, candidates, top;
	size_t memory;
	char id[17], options[17];
};

static const char *const claims[] = {"testinf_max", "testinf_max_key", "testinf_min", "testinf_min_key", "testinf_mean",
                                     "testinf_n", "model", "options", "error", NULL};

static const char *const normalize_words[] = {"none", "train", "both", NULL}; /* as enum normalize */

static const struct model *last(const struct tool *s) { return &s->models[s->nmodels - 1]; }

/* --- the pipeline: one batch --- */

static int on_skip(void *ctx, uint64_t position) { return candidates_skip(&((struct tool *)ctx)->nearest, position); }

static int on_open(void *ctx, void *slot, struct fail *f)
{
	struct tool *s = ctx;
	struct slot *p = slot;
	size_t rows = (size_t)s->rows;
	if (batch_open(&p->batch, s->rows, &last(s)->cfg, f))
		return -1;
	if (s->candidates && !s->searching) {
		if (batch_reserve_items(&p->batch, ITEMS * s->rows, f))
			return -1;
		p->batch.skip = on_skip;
		p->batch.ctx = s;
	}
	p->position = calloc(rows, sizeof *p->position);
	p->score = calloc(rows, sizeof *p->score);
	p->mu = calloc(rows * (size_t)last(s)->cfg.latent, sizeof *p->mu);
	p->influence = calloc(rows * s->tests.n, sizeof *p->influence);
	p->distance = calloc(rows * s->tests.n, sizeof *p->distance);
	return p->position && p->score && p->mu && p->influence && p->distance ? 0 : fail_memory_for(f, "%d records and %zu test records", s->rows, s->tests.n);
}

static void on_close(void *slot)
{
	struct slot *p = slot;
	batch_free(&p->batch);
	free(p->position);
	free(p->score);
	free(p->mu);
	free(p->influence);
	free(p->distance);
}

static int on_fill(void *ctx, void *slot, struct fail *f)
{
	return batch_fill(&((struct slot *)slot)->batch, ((struct tool *)ctx)->flow.in, f);
}

static void on_stop(void *ctx) { reader_stop(((struct tool *)ctx)->flow.in); }

static struct pairwise_batch rows_of(const struct slot *p)
{
	return (struct pairwise_batch){p->batch.nrows, p->batch.id, p->position, p->batch.why, p->score, p->mu, p->influence, p->distance};
}

static int on_work(void *ctx, int worker, void *slot, struct fail *f)
{
	struct tool *s = ctx;
	struct slot *p = slot;
	struct scorer *w = &s->scorer[worker];
	struct batch *b = &p->batch;
	const struct pairwise a = {&s->tests, s->candidates ? &s->nearest : NULL, (enum normalize)s->by};
	if (!b->nrows)
		return 0; /* nothing but records that are skipped */
	if (scorer_read(w, b, last(s), &s->noise, f))
		return -1;
	for (int i = 0; i < b->nitems; i++)
		if (b->row[i] >= 0)
			p->position[b->row[i]] = b->item[i].ordinal - 1;
	const struct pairwise_batch r = rows_of(p);
	if (s->searching) {
		pairwise_distances(&a, w->influence, w->x, &r);
		return 0;
	}
	return pairwise_score(&a, w->influence, w->x, w->eps, &r, f);
}

/* --- the pipeline: one record --- */

static int set_fields(struct tool *s, struct record *r, const struct influence_summary *v, struct fail *f)
{
	const struct cli *c = s->flow.cli;
	const struct test_record *t = s->tests.record;
	struct fields *to = &r->fields;
	char n[256];
	if (v->n && (fields_set_real(to, cli_field(c, n, "testinf_max"), v->max, f) ||
	             fields_set_string(to, cli_field(c, n, "testinf_max_key"), t[v->max_at].key, f) ||
	             fields_set_real(to, cli_field(c, n, "testinf_min"), v->min, f) ||
	             fields_set_string(to, cli_field(c, n, "testinf_min_key"), t[v->min_at].key, f) ||
	             fields_set_real(to, cli_field(c, n, "testinf_mean"), v->mean, f)))
		return -1;
	if (s->candidates && fields_set_int(to, cli_field(c, n, "testinf_n"), (int64_t)v->n, f))
		return -1;
	return fields_set_string(to, cli_field(c, n, "model"), s->id, f) || fields_set_string(to, cli_field(c, n, "options"), s->options, f) ? -1 : 0;
}

/* What the record is to its test records; row -1: no candidate of any. */
static int add(struct tool *s, struct record *r, const struct slot *p, int row, struct influence_summary *out, struct fail *f)
{
	struct buf key = {0}, cls = {0};
	*out = (struct influence_summary){.n = 0};
	if (row < 0)
		return 0;
	int has = name_escape(&key, r->key.p, r->key.len, f) ? -1 : record_value(r, "cls", &cls, f);
	struct train_record one = {key.p, has > 0 ? cls.p ? cls.p : "" : NULL, r->ordinal - 1, p->score[row].mu_norm};
	size_t at = (size_t)row * s->tests.n;
	int bad = has < 0 || testinf_add(&s->result, &one, p->influence + at, p->distance + at, out, f);
	buf_free(&key);
	buf_free(&cls);
	return bad ? -1 : 0;
}

static int add_line(struct tool *s, const struct slot *p, int row, int scored, struct fail *f)
{
	if (!s->line)
		return 0;
	for (size_t q = 0; q < s->tests.n; q++)
		s->line[q] = scored && row >= 0 ? (float)p->influence[(size_t)row * s->tests.n + q] : NAN;
	return npy_writer_add(&s->matrix, s->line, f) ? fail_add(f, "--matrix") : 0;
}

static int record(struct tool *s, struct slot *p, struct record *r, int row, struct fail *f)
{
	struct fail *why = row < 0 ? NULL : &p->batch.why[row];
	struct influence_summary v;
	s->flow.records++;
	if (s->searching) {
		int unread = !why || why->msg[0] || !isfinite(p->mu[(size_t)row * (size_t)last(s)->cfg.latent]);
		if (unread)
			return candidates_add_unreadable(&s->nearest, r->ordinal - 1, f);
		candidates_add(&s->nearest, r->ordinal - 1, p->distance + (size_t)row * s->tests.n);
		return 0;
	}
	if (!s->sanity && flow_claim(&s->flow, r, claims, f))
		return -1;
	if (!s->sanity)
		flow_clear(&s->flow, r, claims);
	r->fields_changed = !s->sanity;
	int scored = !why || !why->msg[0];
	if (add_line(s, p, row, scored, f) || (scored && add(s, r, p, row, &v, f)))
		return -1;
	if (!scored)
		return flow_unscored(&s->flow, r, why->msg, f);
	if (!s->sanity && set_fields(s, r, &v, f))
		return record_fail(r, f);
	return flow_pass(&s->flow, r, f);
}

static int on_consume(void *ctx, void *slot, struct fail *f)
{
	struct tool *s = ctx;
	struct slot *p = slot;
	struct flow *w = &s->flow;
	for (int i = 0; i < p->batch.nitems; i++) {
		struct record *r = &p->batch.item[i];
		if (r->ordinal ? record(s, p, r, p->batch.row[i], f) : !s->searching && w->out && writer_record(w->out, r, WRITER_ALL, f))
			return -1;
	}
	progress_show(&w->progress, (double)reader_bytes(w->in), (double)reader_total(w->in), (double)w->records, s->searching ? "nearest" : NULL);
	return 0;
}

/* --- passes over the stream --- */

static int run(struct tool *s, int workers, struct fail *f)
{
	const struct pipeline p = {s, workers, sizeof(struct slot), on_open, on_close, on_fill, on_work, on_consume, on_stop};
	return pipeline_run(&p, f);
}

static int again(struct tool *s, struct fail *f)
{
	progress_end(&s->flow.progress);
	s->flow.records = 0;
	return reader_rewind(s->flow.in, f);
}

/* The pass that finds out who is near. */
static int search(struct tool *s, int workers, struct fail *f)
{
	s->searching = 1;
	int r = candidates_open(&s->nearest, (size_t)s->candidates, s->tests.n, f) || run(s, workers, f) || candidates_sort(&s->nearest, f) || again(s, f);
	s->searching = 0;
	return r ? -1 : 0;
}

/* The first records of the stream are the tests; the rest is counted, for the share that is to be listed. */
static int read_first(struct tool *s, struct fail *f)
{
	struct record r = {.fields_member = -1};
	int got = test_set_read(&s->tests, s->flow.in, f) ? -1 : 1;
	uint64_t n = s->tests.records_read;
	while (got > 0) {
		got = reader_next(s->flow.in, &r, f);
		n += got == READER_RECORD;
	}
	record_free(&r);
	if (s->top < 0)
		s->top = n < 1000 ? 1 : (long)(n / 1000);
	return got ? -1 : again(s, f);
}

static int read_tests(struct tool *s, struct fail *f)
{
	char *path = (char *)s->test_file;
	struct test_set *t = &s->tests;
	const char *name = s->sanity ? "the stream" : path;
	*t = (struct test_set){.models = s->models, .nmodels = s->nmodels, .noise = &s->test_noise, .budget = s->memory,
	                    .max_records = s->sanity ? (uint64_t)s->sanity : UINT64_MAX, .need_direction = s->by == NORMALIZE_BOTH};
	struct reader *in = s->sanity ? NULL : reader_open(&path, 1, 0, f);
	int r = s->sanity ? read_first(s, f) : in ? test_set_read(t, in, f) : -1;
	reader_close(in);
	size_t i = 0;
	while (!r && i < t->n && !t->record[i].why)
		i++;
	if (!r && !t->n)
		return fail_set(f, "%s: no test records", name);
	if (!r && t->unreadable == t->n)
		return fail_set(f, "%s: none of %zu test records could be read; the first: '%s': %s", name, t->n, t->record[i].key, t->record[i].why);
	if (!r && t->unreadable)
		cli_note(s->flow.cli, "%zu of %zu test records could not be read; the first: '%s': %s", t->unreadable, t->n, t->record[i].key, t->record[i].why);
	return r;
}

/* --- setting up --- */

static int hash_options(struct tool *s, struct fail *f)
{
	struct buf b = {0};
	const struct buf *eps[] = {&s->noise.file, &s->test_noise.file};
	int r = buf_addf(&b, f, "%s %ld %zu %" PRIu64 " ", normalize_words[s->by], s->candidates, s->tests.n, s->tests.hash);
	for (int i = 0; i < 2 && !r; i++)
		r = buf_addf(&b, f, "%zu ", eps[i]->len) || (eps[i]->len && buf_add(&b, eps[i]->p, eps[i]->len, f));
	r = r || models_options(s->models, s->nmodels, &b, s->options, f);
	buf_free(&b);
	return r ? -1 : 0;
}

static int open_models(struct tool *s, const struct cli *c, const char *model, const char *which, struct fail *f)
{
	if (models_open(&s->models, &s->nmodels, model, which, &c->set, f))
		return -1;
	for (int i = 0; i < s->nmodels; i++) /* two records have two noises: their product needs no halves */
		s->models[i].cfg.score.estimator = PLUGIN;
	const struct config *cfg = &last(s)->cfg;
	if (cfg->score.weights == WEIGHTS_LR && cfg->train.optimizer != SGD)
		cli_note(c, "--weights lr is TracIn's weight for plain sgd; this model was trained with adam");
	models_id(s->models, s->nmodels, s->id);
	return noise_read(&s->noise, cfg->score.draws, cfg->latent, f) || noise_read(&s->test_noise, cfg->score.draws, cfg->latent, f) ? -1 : 0;
}

static int open_workers(struct tool *s, int workers, struct fail *f)
{
	s->rows = influence_batch_size(last(s), INFLUENCE_GRADIENTS);
	s->scorer = scorers_open(s->models, s->nmodels, workers, INFLUENCE_GRADIENTS, &s->noise, f);
	return s->scorer ? 0 : -1;
}

/* Told before the work, where a path cannot be written. */
static int open_outputs(struct tool *s, struct fail *f)
{
	const struct cli *c = s->flow.cli;
	if (c->influence && atomic_open(&s->table, c->influence, f))
		return fail_add(f, "--influence");
	if (!c->matrix)
		return 0;
	s->line = malloc(s->tests.n * sizeof *s->line);
	if (!s->line)
		return fail_memory(f);
	return npy_writer_open(&s->matrix, c->matrix, s->tests.n, f) ? fail_add(f, "--matrix") : 0;
}

static int score(struct tool *s, int workers, struct fail *f)
{
	if (read_tests(s, f) || hash_options(s, f) || open_workers(s, workers, f) ||
	    testinf_open(&s->result, &s->tests, s->top < 0 ? 10 : (size_t)s->top, f) || open_outputs(s, f) ||
	    (s->candidates && search(s, workers, f)) || run(s, workers, f))
		return -1;
	testinf_end(&s->result);
	return 0;
}

/* What is written when all records have been scored. */
static int finish(struct tool *s, struct cli *c, struct fail *f)
{
	if (c->influence && testinf_write(&s->result, s->table.fd, f))
		return fail_add(f, "--influence");
	if (c->influence && atomic_commit(&s->table, f))
		return fail_add(f, "--influence");
	if (c->matrix && npy_writer_commit(&s->matrix, f))
		return fail_add(f, "--matrix");
	if (s->sanity)
		testinf_print(&s->result);
	return fields_set_string(&c->counts, "model", s->id, f) || fields_set_string(&c->counts, "options", s->options, f) ||
	       fields_set_int(&c->counts, "checkpoints", s->nmodels, f) || fields_set_int(&c->counts, "tests", (int64_t)s->tests.n, f) ||
	       fields_set_int(&c->counts, "tests_unread", (int64_t)s->tests.unreadable, f) ||
	       fields_set_int(&c->counts, "top", (int64_t)s->result.top, f) || testinf_summarise(&s->result, s->sanity != 0, &c->counts, f) ? -1 : 0;
}

static void tear_down(struct tool *s, int workers)
{
	scorers_close(s->scorer, workers);
	free(s->line);
	atomic_abort(&s->table);
	npy_writer_abort(&s->matrix);
	testinf_free(&s->result);
	candidates_free(&s->nearest);
	test_set_free(&s->tests);
	noise_free(&s->noise);
	noise_free(&s->test_noise);
	if (s->models)
		models_free(s->models, s->nmodels);
}

/* --- the command line --- */

static bool check_options(struct tool *s, struct cli *c, const char *model)
{
	if (!model)
		return cli_usage(c, "-m NAME.vae is required");
	if (!s->test_file == !s->sanity)
		return cli_usage(c, "one of -t TESTS and --sanity N is required");
	if (s->test_file && strcmp(s->test_file, "-") == 0)
		return cli_usage(c, "-t takes a file, not standard input");
	if (s->top > 1000000 || s->candidates > 1000000000 || s->sanity > 1000000000)
		return cli_usage(c, "--top takes at most 1000000, --candidates and --sanity 1000000000");
	if (s->sanity && (c->output || c->rejects || s->candidates || s->test_noise.path))
		return cli_usage(c, "--sanity writes no records, and its test records are those of the stream: not with -o, -r, --candidates or --eps-tests");
	if (s->candidates && s->noise.path)
		return cli_usage(c, "--eps gives noise by a record's position, and --candidates leaves records out: they exclude each other");
	return cli_check_model(c, model) && cli_check_overwrite(c, "-t", s->test_file) && cli_check_overwrite(c, "--eps", s->noise.path) &&
	       cli_check_overwrite(c, "--eps-tests", s->test_noise.path);
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct tool s = {.top = -1, .memory = (size_t)2 << 30, .table.fd = -1, .matrix.to.fd = -1};
	const char *model = NULL, *which = "last";
	const struct cli_opt opts[] = {
		{'m', "model", "NAME.vae", CLI_TEXT, &model, "the model: a directory of vae-train, or one checkpoint of it"},
		{'t', "tests", "TESTS", CLI_TEXT, &s.test_file, "test records: the influence over them is appended"},
		{0, "sanity", "N", CLI_INT, &s.sanity, "the first N records as tests; no records out, but a table"},
		{0, "checkpoints", "WHICH", CLI_TEXT, &which, "last (default), all, or steps such as 5000,10000: summed over"},
		{'d', "draws", "M", CLI_KEY, NULL, "noise draws a record (default: the model's, mostly 16)", .key = "score.draws"},
		{0, "gradient", "WHICH", CLI_KEY, NULL, "pathwise (default) or score (score function)", .key = "score.gradient"},
		{0, "layers", "LIST", CLI_KEY, NULL, "all, encoder, decoder, or layers such as decoder.4,decoder.6", .key = "score.layers"},
		{0, "weights", "WHICH", CLI_KEY, NULL, "of checkpoints: one, or lr (learning rate x steps / records)", .key = "score.weights"},
		{0, "normalize", "WHICH", CLI_CHOICE, &s.by, "none (default); by the gradient's length: train; both (cosine)", normalize_words},
		{0, "candidates", "K", CLI_INT, &s.candidates, "only of the K nearest of each test in latent space"},
		{0, "influence", "FILE", CLI_TEXT, &c.influence, "write proponents and opponents of each test record to FILE"},
		{0, "top", "N", CLI_INT, &s.top, "how many of each (default 10; with --sanity 0.1 %)"},
		{0, "matrix", "FILE.npy", CLI_TEXT, &c.matrix, "write all influences to FILE.npy: float32 [record, test]"},
		{0, "mem", "SIZE", CLI_SIZE, &s.memory, "of the tests' gradients in memory; the rest goes to $TMPDIR (2G)"},
		{0, "seed", "N", CLI_KEY, NULL, "of the noise (--set score.seed=N)", .key = "score.seed"},
		{0, "eps", "FILE.npy", CLI_TEXT, &s.noise.path, "take the noise from FILE: float32 [record, draw, latent]"},
		{0, "eps-tests", "FILE.npy", CLI_TEXT, &s.test_noise.path, "the same, of the test records"},
		CLI_SET(&c),
		CLI_ON_ERROR(&c),
		CLI_NAMES(&c),
		CLI_JOBS(&c),
		CLI_OUTPUT(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-testinf", "[FILE ...]", "Appends the VAE-TracIn influence of every record over test records.", opts, argc, argv) ||
	    !check_options(&s, &c, model))
		return c.status;
	struct fail f = {{0}};
	cli_wait_input(&c);
	s.flow.cli = &c;
	mat_flush_denormals();
	int workers = mat_thread_init() > 1 ? (int)c.jobs : 1;
	int flags = (s.sanity ? FLOW_SINK : 0) | (s.sanity || s.candidates ? FLOW_TWICE : 0);
	int r = open_models(&s, &c, model, which, &f) || flow_open(&s.flow, &c, flags, &f) || score(&s, workers, &f) || finish(&s, &c, &f);
	int status = flow_finish(&s.flow, r, &f);
	tear_down(&s, workers);
	return status;
}

#include "tool/test_scorer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "gemm/mat.h"
#include "influence/merge_lists.h"
#include "influence/sparse_decoder.h"

/* With --candidates: draws of the first pass; in the second, items of a batch, where most records get no row */
enum { CANDIDATE_DRAWS = 3, ITEMS_PER_ROW = 32 };

static const char *const names[] = {"testinf_max", "testinf_max_key", "testinf_min", "testinf_min_key", "testinf_mean",
                                    "testinf_n", "model", "options", "error", NULL};
const char *const normalize_words[] = {"none", "train", "both", NULL};

/* --- records --- */

static int skip(void *tool, uint64_t position) { return candidates_skip(&((struct test_scorer *)tool)->candidates, position); }

static int score(void *tool, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	struct test_scorer *t = tool;
	return pairwise_score(&t->pairwise, &t->scorer[worker], b, x, result, f);
}

static int set_fields(const struct test_scorer *t, struct record *r, const struct influence_summary *v, struct fail *f)
{
	const struct cli *c = t->frame.flow.cli;
	const struct test_record *tests = t->tests.record;
	struct fields *to = &r->fields;
	char n[256];
	if (v->n && (fields_set_real(to, cli_field(c, n, "testinf_max"), v->max, f) ||
	             fields_set_string(to, cli_field(c, n, "testinf_max_key"), tests[v->max_at].key, f) ||
	             fields_set_real(to, cli_field(c, n, "testinf_min"), v->min, f) ||
	             fields_set_string(to, cli_field(c, n, "testinf_min_key"), tests[v->min_at].key, f) ||
	             fields_set_real(to, cli_field(c, n, "testinf_mean"), v->mean, f)))
		return -1;
	if (t->k && fields_set_int(to, cli_field(c, n, "testinf_n"), (int64_t)v->n, f))
		return -1;
	return scoring_set_origin(&t->frame, r, f);
}

static int fields(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	struct test_scorer *t = tool;
	struct influence_summary v = {.n = 0};
	int scored = !why->msg[0], has_row = scored && row >= 0;
	struct pairwise_row p = {.score = NULL};
	if (has_row)
		p = pairwise_row(&t->pairwise, t->frame.rows, result, row);
	if (has_row)
		t->hash = XXH3_64bits_withSeed(&p.id, sizeof p.id, t->hash);
	if (t->matrix.row && npy_writer_add(&t->matrix, p.influence, f))
		return fail_add(f, "--matrix");
	if (has_row && testinf_add_record(&t->result, r, &p, &v, f))
		return -1;
	return scored && !t->sanity && set_fields(t, r, &v, f) ? record_fail(r, f) : 0;
}

/* --- lists of shards --- */

int test_scorer_merge(const struct test_scorer *t, const struct cli *c, struct fail *f)
{
	struct atomic_file out;
	if (atomic_open(&out, c->influence, f))
		return fail_add(f, "--influence");
	if (influence_merge(c->files, c->nfiles, t->top, out.fd, f)) {
		atomic_abort(&out);
		return -1;
	}
	return atomic_commit(&out, f) ? fail_add(f, "--influence") : 0;
}

/* --- open, run, close --- */

static int open_model(struct test_scorer *t, struct fail *f)
{
	struct scoring *w = &t->frame;
	if (scoring_open(w, t->model, t->checkpoints, f) || sparse_decoders_choose(w->models, w->nmodels, f))
		return -1;
	for (int i = 0; i < w->nmodels; i++) /* two records have independent noise: their product needs no halves */
		w->models[i].cfg.score.estimator = PLUGIN;
	scoring_warn_weights(w);
	const struct config *cfg = &scoring_model(w)->cfg;
	if (curvature_options_open(&t->curvature, w->flow.cli, w->models, w->nmodels, &t->whitening, &t->curvature_text, f))
		return -1;
	return noise_read(&t->noise, cfg->score.draws, cfg->latent, f) || noise_read(&t->test_noise, cfg->score.draws, cfg->latent, f) ? -1 : 0;
}

static int rewind_flow(struct flow *w, struct fail *f)
{
	progress_end(&w->progress);
	w->records = 0;
	return reader_rewind(w->in, f);
}

static struct test_set no_tests(const struct test_scorer *t)
{
	return (struct test_set){.models = t->frame.models, .nmodels = t->frame.nmodels, .whitening = t->whitening, .noise = &t->test_noise, .budget = t->budget,
	                         .max_records = t->sanity ? (uint64_t)t->sanity : UINT64_MAX, .need_direction = t->normalize == NORMALIZE_BOTH, .fd = -1};
}

/* Copies the models, and gives the copies few draws. Both share all memory except packed weights, so that none may be packed yet. */
static int open_few_models(struct test_scorer *t, struct fail *f)
{
	const struct scoring *w = &t->frame;
	size_t n = (size_t)w->nmodels;
	t->few_models = malloc(n * sizeof *t->few_models);
	if (!t->few_models)
		return fail_memory(f);
	memcpy(t->few_models, w->models, n * sizeof *t->few_models);
	for (size_t i = 0; i < n; i++)
		if (t->few_models[i].cfg.score.draws > CANDIDATE_DRAWS)
			t->few_models[i].cfg.score.draws = CANDIDATE_DRAWS;
	return sparse_decoders_choose(t->few_models, w->nmodels, f);
}

static void free_few(struct test_scorer *t)
{
	for (int i = 0; t->few_models && i < t->frame.nmodels; i++) {
		network_free_packed(&t->few_models[i].enc);
		network_free_packed(&t->few_models[i].dec);
	}
	test_set_free_blocks(&t->few_tests);
	free(t->few_models);
	t->few_models = NULL;
}

/* The test records: a file, or the first records of the stream. */
static int read_tests(struct test_scorer *t, struct fail *f)
{
	struct scoring *w = &t->frame;
	char *path = (char *)t->test_file;
	struct fail warning;
	uint64_t records = 0;
	t->tests = no_tests(t);
	struct reader *in = t->sanity ? NULL : reader_open(&path, 1, 0, f);
	if (in)
		reader_limit(in, &w->flow.cli->limits);
	int r = t->sanity ? test_set_read_first(&t->tests, w->flow.in, &records, f) : in ? test_set_read(&t->tests, in, f) : -1;
	reader_close(in);
	if (!r && t->sanity)
		r = rewind_flow(&w->flow, f);
	if (r || test_set_check(&t->tests, t->sanity ? "the stream" : path, &warning, f))
		return -1;
	if (warning.msg[0])
		cli_note(w->flow.cli, "%s", warning.msg);
	if (t->top < 0)
		t->top = !t->sanity ? 10 : records < 1000 ? 1 : (long)(records / 1000);
	return 0;
}

static int hash_options(struct test_scorer *t, struct fail *f)
{
	struct scoring *w = &t->frame;
	struct buf b = {0};
	const struct buf *eps[] = {&t->noise.file, &t->test_noise.file};
	int r = buf_addf(&b, f, "%s %ld %zu %" PRIu64 " ", normalize_words[t->normalize], t->k, t->tests.n, t->tests.hash);
	for (int i = 0; i < 2 && !r; i++)
		r = buf_addf(&b, f, "%zu ", eps[i]->len) || (eps[i]->len && buf_add(&b, eps[i]->p, eps[i]->len, f));
	r = r || (t->curvature_text.len && buf_add(&b, t->curvature_text.p, t->curvature_text.len, f)) || models_options_hash(w->models, w->nmodels, &b, w->options, f);
	buf_free(&b);
	return r ? -1 : 0;
}

/* Before the work, so that a path that cannot be written fails at once. */
static int open_outputs(struct test_scorer *t, struct fail *f)
{
	const struct cli *c = t->frame.flow.cli;
	if (c->influence && atomic_open(&t->table, c->influence, f))
		return fail_add(f, "--influence");
	return c->matrix && npy_writer_open(&t->matrix, c->matrix, t->tests.n, f) ? fail_add(f, "--matrix") : 0;
}

/* For all workers. forms: of the gradients of the test records; NULL: all dense */
static struct scorer *open_workers(const struct test_scorer *t, struct model *models, const struct noise *noise, struct gradient_forms *forms, struct fail *f)
{
	const struct scoring *w = &t->frame;
	struct scorer *s = scorers_open(models, w->nmodels, w->workers, INFLUENCE_GRADIENTS, noise, t->whitening, f);
	for (int i = 0; s && forms && i < w->workers; i++)
		if (influence_use_forms(s[i].influence, forms, f)) {
			scorers_close(s, w->workers);
			return NULL;
		}
	return s;
}

static int open_scorers(struct test_scorer *t, struct fail *f)
{
	struct scoring *w = &t->frame;
	t->pairwise = (struct pairwise){&t->tests, NULL, (enum normalize)t->normalize};
	w->rows = influence_batch_size(scoring_model(w), INFLUENCE_GRADIENTS);
	w->result_size = pairwise_result_size(&t->pairwise, w->rows);
	t->scorer = open_workers(t, w->models, &t->noise, t->tests.forms, f);
	return t->scorer ? 0 : -1;
}

static void show_search(void *ctx, uint64_t records)
{
	struct flow *w = ctx;
	w->records = records;
	flow_show_progress(w, "finding candidates");
}

/* The first pass with --candidates. */
static int find_candidates(struct test_scorer *t, struct fail *f)
{
	static const struct noise drawn; /* without a file */
	struct scoring *w = &t->frame;
	const struct pairwise estimate = {&t->few_tests, NULL, t->pairwise.normalize};
	struct scorer *s = open_workers(t, t->few_models, &drawn, NULL, f);
	int r = !s || test_set_low_rank(&t->few_tests, &t->tests, t->few_models, t->scorer[0].influence, s[0].influence, f) ||
	        pairwise_find_candidates(&estimate, (size_t)t->k, &t->candidates, s, w->workers, w->flow.in, show_search, &w->flow, f);
	scorers_close(s, w->workers);
	free_few(t);
	if (r)
		return -1;
	t->pairwise.candidates = &t->candidates;
	w->skip = skip;
	w->items_per_row = ITEMS_PER_ROW;
	return rewind_flow(&w->flow, f);
}

static int close_outputs(struct test_scorer *t, struct cli *c, struct fail *f)
{
	const struct influence_origin origin = {t->frame.id, t->frame.options, t->k};
	testinf_end(&t->result);
	if (c->influence && (testinf_write(&t->result, &origin, t->table.fd, f) || atomic_commit(&t->table, f)))
		return fail_add(f, "--influence");
	char note[64];
	snprintf(note, sizeof note, MATRIX_NOTE, t->hash, t->tests.hash);
	if (c->matrix && npy_writer_commit(&t->matrix, note, f))
		return fail_add(f, "--matrix");
	if (t->sanity)
		testinf_print(&t->result);
	return scoring_count(&t->frame, f) || fields_set_int(&c->counts, "tests", (int64_t)t->tests.n, f) ||
	       fields_set_int(&c->counts, "tests_unread", (int64_t)t->tests.unreadable, f) || fields_set_int(&c->counts, "top", (int64_t)t->result.top, f) ||
	       testinf_summarise(&t->result, t->sanity != 0, &c->counts, f) ? -1 : 0;
}

int test_scorer_run(struct test_scorer *t, struct cli *c, struct fail *f)
{
	struct flow *w = &t->frame.flow;
	int flags = (t->sanity ? FLOW_SINK : 0) | (t->sanity || t->k ? FLOW_TWICE : 0);
	t->frame = (struct scoring){.flow.cli = c, .tool = t, .claims = t->sanity ? NULL : names, .clears = names, .score = score, .fields = fields};
	mat_flush_denormals();
	t->frame.workers = cli_workers(c, f);
	return t->frame.workers < 0 || open_model(t, f) || flow_open(w, c, flags, f) || read_tests(t, f) || hash_options(t, f) ||
	       (t->k && open_few_models(t, f)) || open_scorers(t, f) || testinf_open(&t->result, &t->tests, (size_t)t->top, f) || open_outputs(t, f) ||
	       (t->k && find_candidates(t, f)) || scoring_run(&t->frame, f) || close_outputs(t, c, f) ? -1 : 0;
}

void test_scorer_close(struct test_scorer *t)
{
	scorers_close(t->scorer, t->frame.workers);
	free_few(t);
	whitenings_close(t->whitening, t->frame.nmodels);
	buf_free(&t->curvature_text);
	atomic_abort(&t->table);
	npy_writer_abort(&t->matrix);
	testinf_free(&t->result);
	candidates_free(&t->candidates);
	test_set_free(&t->tests);
	noise_free(&t->noise);
	noise_free(&t->test_noise);
	scoring_close(&t->frame);
}

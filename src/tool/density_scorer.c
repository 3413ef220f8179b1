#include "tool/density_scorer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/atomic.h"

/* All that any method appends. A run clears all of it, since `options` is then of that run. */
static const char *const names[] = {
	"knn_nll", "knn_selfinf", "knn_testinf_max", "knn_testinf_min", "knn_testinf_mean",
	"kde_nll", "kde_selfinf", "kde_testinf_max", "kde_testinf_min", "kde_testinf_mean",
	"gmm_nll", "gmm_selfinf", "gmm_cluster", "gmm_testinf_max", "gmm_testinf_min", "gmm_testinf_mean",
	"limit", "model", "options", "error", NULL,
};

static int is_claimed(const struct density_scorer *d, const char *name)
{
	for (int m = 0; m < DENSITY_METHODS; m++)
		if (strncmp(name, density_names[m], strlen(density_names[m])) == 0)
			return d->scores.use[m] && (d->test_file || !strstr(name, "_testinf_"));
	return d->model || strcmp(name, "model") != 0;
}

static void list_claims(struct density_scorer *d)
{
	size_t n = 0;
	for (size_t i = 0; names[i]; i++)
		if (is_claimed(d, names[i]))
			d->claims[n++] = names[i];
}

/* --- the first pass --- */

static void show_reading(void *ctx, const struct reader *in, uint64_t records)
{
	struct density_scorer *d = ctx;
	(void)in;
	d->frame.flow.records = records;
	flow_show_progress(&d->frame.flow, "reading");
}

static int check_record(void *ctx, struct record *r, struct fail *f)
{
	struct density_scorer *d = ctx;
	return flow_claim(&d->frame.flow, r, d->claims, f);
}

static int open_records(struct density_scorer *d, const struct cli *c, struct fail *f)
{
	struct collect *r = &d->records;
	if (d->model) {
		if (scoring_open(&d->frame, d->model, "last", f))
			return -1;
		r->model = scoring_model(&d->frame);
		r->cfg = r->model->cfg;
	} else {
		config_defaults(&r->cfg);
		if (config_assign(&r->cfg, &c->set, f))
			return -1;
	}
	r->shape_known = config_input_size(&r->cfg) > 0;
	r->group_field = d->group_field;
	r->keep_keys = d->test_file != NULL;
	r->fail_on_error = c->on_error == ON_ERROR_FAIL;
	r->check = check_record;
	r->progress = show_reading;
	r->ctx = d;
	return 0;
}

/* A --cluster-field that no record has is a wrong name, not a fault of the records. */
static int check_groups(const struct density_scorer *d, struct fail *f)
{
	const struct collect *c = &d->records;
	if (!d->group_field || !c->records || c->groups.n)
		return 0;
	return fail_set(f, "none of %" PRIu64 " records is in a cluster; the first: %s", c->records, string_list_get(&c->unreadable.why, 0));
}

static int read_records(struct density_scorer *d, struct fail *f)
{
	int r = collect_run(&d->records, d->frame.flow.in, d->frame.workers, f);
	d->frame.flow.notes = d->records.notes;
	progress_end(&d->frame.flow.progress);
	return r ? -1 : check_groups(d, f);
}

/* Test records are read in the shape of the others. */
static int read_tests(struct density_scorer *d, struct fail *f)
{
	char *path = (char *)d->test_file;
	struct collect *t = &d->tests;
	*t = (struct collect){.cfg = d->records.cfg, .shape_known = d->records.shape_known, .model = d->records.model,
	                      .keep_keys = 1, .fail_on_error = d->records.fail_on_error};
	struct reader *in = reader_open(&path, 1, 0, f);
	if (in)
		reader_limit(in, &d->frame.flow.cli->limits);
	int r = in ? collect_run(t, in, d->frame.workers, f) : -1;
	reader_close(in);
	if (!r && t->unreadable.why.n)
		cli_note(d->frame.flow.cli, "%zu of %" PRIu64 " test records could not be read; the first: '%s': %s", t->unreadable.why.n, t->records,
		         string_list_get(&t->unreadable.key, 0), string_list_get(&t->unreadable.why, 0));
	if (!r && t->records && !t->n)
		return fail_set(f, "%s: none of %" PRIu64 " test records could be read; the first: %s", path, t->records, string_list_get(&t->unreadable.why, 0));
	return r;
}

/* --- the estimators --- */

static void show_fitting(void *ctx, const char *what, double done, double total)
{
	progress_show(&((struct density_scorer *)ctx)->progress, done, total, done, what);
}

static int score_tests(struct density_scorer *d, const struct exec *exec, struct fail *f)
{
	const struct cli *c = d->frame.flow.cli;
	struct atomic_file to = {.fd = -1};
	if (c->influence && atomic_open(&to, c->influence, f))
		return fail_add(f, "--influence");
	int r = density_test(&d->scores, &d->tests, exec, to.fd, f);
	if (c->influence && r)
		atomic_abort(&to);
	if (!r && d->scores.without_influence)
		cli_note(c, "%" PRIu64 " of %zu test records have no influence; the first: %s", d->scores.without_influence, d->tests.n,
		         d->scores.first_without_influence.msg);
	return r ? -1 : c->influence && atomic_commit(&to, f) ? fail_add(f, "--influence") : 0;
}

/* A hash of what shapes a score beside the model: options and records. */
static int hash_options(struct density_scorer *d, struct fail *f)
{
	struct buf t = {0};
	const struct collect *c = &d->records;
	const struct density_scores *s = &d->scores;
	int r = buf_addf(&t, f, "%s %s %d %s %s %s %d %d %" PRIu64 " %d %d ", d->methods, scale_names[s->scale], s->count_copies, d->sigma, d->group_field ? d->group_field : "", d->space, s->k,
	                 s->clusters, s->seed, s->form == GMM_FIRST_ORDER, s->form == GMM_AS_PRINTED) ||
	        buf_addf(&t, f, "%s %d %d %d %zu %" PRIu64 " %zu %" PRIu64, c->cfg.input_field, c->cfg.input_shape[0], c->cfg.input_shape[1],
	                 c->cfg.input_shape[2], c->n, c->hash, d->tests.n, d->tests.hash);
	if (!r)
		snprintf(d->frame.options, sizeof d->frame.options, "%012" PRIx64, (uint64_t)XXH3_64bits(t.p, t.len) >> 16);
	buf_free(&t);
	return r ? -1 : 0;
}

static int fit(struct density_scorer *d, struct fail *f)
{
	struct exec exec = {pool_open(d->frame.workers, f), d->frame.workers, show_fitting, d};
	if (!exec.pool)
		return -1;
	progress_begin(&d->progress, d->frame.flow.cli, "steps");
	int r = density_fit(&d->scores, &d->records, &exec, f);
	if (!r && d->test_file)
		r = score_tests(d, &exec, f);
	progress_end(&d->progress);
	pool_close(exec.pool);
	int uses_k = d->scores.use[DENSITY_KNN] || (d->scores.use[DENSITY_KDE] && strcmp(d->sigma, "auto") == 0);
	if (!r && uses_k && d->scores.k_reason.msg[0])
		cli_note(d->frame.flow.cli, "%d neighbours: %s", d->scores.k, d->scores.k_reason.msg);
	return r ? -1 : hash_options(d, f);
}

/* --- the second pass --- */

/* Sets a field of a method, where the value exists. */
static int set_real(const struct density_scorer *d, struct record *r, int m, const char *what, double v, struct fail *f)
{
	char name[256], base[64];
	snprintf(base, sizeof base, "%s_%s", density_names[m], what);
	return isfinite(v) ? fields_set_real(&r->fields, cli_field(d->frame.flow.cli, name, base), v, f) : 0;
}

static int set_cluster(const struct density_scorer *d, struct record *r, size_t i, struct fail *f)
{
	char name[256];
	uint32_t cluster = d->scores.gmm.cluster[i];
	const char *text = density_cluster_name(&d->scores, cluster);
	cli_field(d->frame.flow.cli, name, "gmm_cluster");
	return text ? fields_set_string(&r->fields, name, text, f) : fields_set_int(&r->fields, name, cluster, f);
}

static int set_scores(const struct density_scorer *d, struct record *r, size_t i, struct fail *f)
{
	struct fail limit = {{0}}; /* of the first method that has one */
	char name[256];
	for (int m = 0; m < DENSITY_METHODS; m++) {
		double nll, self;
		struct fail own = {{0}};
		if (!d->scores.use[m])
			continue;
		density_score(&d->scores, (enum density_method)m, i, &nll, &self, &own);
		if (!limit.msg[0])
			limit = own;
		if (set_real(d, r, m, "nll", nll, f) || set_real(d, r, m, "selfinf", self, f) || (m == DENSITY_GMM && set_cluster(d, r, i, f)))
			return -1;
		const struct test_range *t = d->scores.range[m] ? &d->scores.range[m][i] : NULL;
		if (t && t->n && (set_real(d, r, m, "testinf_max", t->max, f) || set_real(d, r, m, "testinf_min", t->min, f) ||
		                  set_real(d, r, m, "testinf_mean", t->sum / (double)t->n, f)))
			return -1;
	}
	if (limit.msg[0] && fields_set_string(&r->fields, cli_field(d->frame.flow.cli, name, "limit"), limit.msg, f))
		return -1;
	return scoring_set_origin(&d->frame, r, f);
}

static int fields(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	struct density_scorer *d = tool;
	(void)result;
	return !why->msg[0] && set_scores(d, r, (size_t)row, f) ? record_fail(r, f) : 0;
}

static int score_record(void *ctx, struct record *r, struct fail *f)
{
	struct density_scorer *d = ctx;
	const struct collect *c = &d->records;
	struct fail why = {{0}};
	int unreadable = d->unreadable < c->unreadable.why.n && c->unreadable.position[d->unreadable] == d->frame.flow.records - 1;
	if (unreadable)
		fail_set(&why, "%s", string_list_get(&c->unreadable.why, d->unreadable++));
	else if (d->point == c->n)
		return fail_set(f, "%s: changed between two passes", r->file);
	return scoring_record(&d->frame, r, unreadable ? -1 : (int64_t)d->point++, NULL, &why, f);
}

static int count(const struct density_scorer *d, struct cli *c, struct fail *f)
{
	const struct density_scores *s = &d->scores;
	struct fields *to = &c->counts;
	return fields_set_string(to, "method", d->methods, f) || fields_set_string(to, "options", d->frame.options, f) ||
	       fields_set_int(to, "points", (int64_t)d->records.n, f) || fields_set_int(to, "dimensions", d->records.d, f) ||
	       (d->model && fields_set_string(to, "model", d->frame.id, f)) ||
	       (d->records.n && fields_set_int(to, "neighbors", s->k, f)) ||
	       (d->records.n && fields_set_int(to, "rows", (int64_t)s->rows.x.n, f)) ||
	       (s->use[DENSITY_KDE] && s->sigma > 0 && fields_set_real(to, "sigma", s->sigma, f)) ||
	       (s->use[DENSITY_GMM] && fields_set_int(to, "clusters", s->gmm.k, f)) ||
	       (d->test_file && (fields_set_int(to, "tests", (int64_t)d->tests.n, f) ||
	                         fields_set_int(to, "tests_unread", (int64_t)d->tests.unreadable.why.n, f))) ? -1 : 0;
}

int density_scorer_run(struct density_scorer *d, struct cli *c, struct fail *f)
{
	struct flow *w = &d->frame.flow;
	list_claims(d);
	d->frame = (struct scoring){.flow.cli = c, .tool = d, .claims = d->claims, .clears = names, .fields = fields, .workers = cli_workers(c, f)};
	if (d->frame.workers < 0 || open_records(d, c, f) || flow_open(w, c, FLOW_TWICE, f) || read_records(d, f) || (d->test_file && read_tests(d, f)) || fit(d, f))
		return -1;
	w->records = 0;
	return reader_rewind(w->in, f) || flow_each(w, score_record, d, f) || count(d, c, f) ? -1 : 0;
}

void density_scorer_close(struct density_scorer *d)
{
	density_free(&d->scores);
	collect_free(&d->records);
	collect_free(&d->tests);
	scoring_close(&d->frame);
}

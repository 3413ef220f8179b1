#include "tool/density_scorer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/atomic.h"

/* All that any method appends. A run clears all of it, since `options` is then of that run. */
static const char *const clears[] = {
	"knn_nll*", "knn_selfinf*", "knn_testinf_*", "kde_nll*", "kde_selfinf*", "kde_testinf_*",
	"gmm_nll*", "gmm_selfinf*", "gmm_cluster*", "gmm_testinf_*", "dup_group", "dup_of", "dup_distance", "dup_kind", "limit", "model", "options", "error", NULL,
};

/* The name of a field: what a method appends, then the scaling and the number of neighbours where there are several. */
static const char *field_name(const struct density_scorer *d, char *name, size_t size, int scale, int m, int q, const char *what)
{
	int several_k = m == DENSITY_KNN && d->scores[0].nk > 1;
	snprintf(name, size, "%s_%s%s%s%s%s", density_names[m], what, d->nscales > 1 ? "_" : "", d->nscales > 1 ? scale_names[d->scale[scale]] : "",
	         several_k ? "_" : "", several_k ? d->k_name[q] : "");
	return name;
}

static size_t list_method(struct density_scorer *d, int scale, int m, size_t n)
{
	static const char *const test_fields[] = {"testinf_max", "testinf_min", "testinf_mean"};
	size_t size = sizeof d->claim_text[0];
	for (int q = 0; q < density_variants(&d->scores[0], (enum density_method)m); q++) {
		field_name(d, d->claim_text[n++], size, scale, m, q, "nll");
		if (!d->against && !d->merge)
			field_name(d, d->claim_text[n++], size, scale, m, q, "selfinf");
	}
	if (m == DENSITY_GMM)
		field_name(d, d->claim_text[n++], size, scale, m, 0, "cluster");
	for (int i = 0; d->test_file && i < 3; i++)
		field_name(d, d->claim_text[n++], size, scale, m, 0, test_fields[i]);
	return n;
}

static void list_claims(struct density_scorer *d)
{
	static const char *const always[] = {"limit", "options", "error", "model"}, *const duplicates[] = {"dup_group", "dup_of", "dup_distance", "dup_kind"};
	size_t n = 0;
	for (int scale = 0; scale < d->nscales; scale++)
		for (int m = 0; m < DENSITY_METHODS; m++)
			if (d->scores[0].use[m])
				n = list_method(d, scale, m, n);
	for (int i = 0; i < (d->model ? 4 : 3); i++)
		snprintf(d->claim_text[n++], sizeof d->claim_text[0], "%s", always[i]);
	for (int i = 0; d->duplicates && i < 4; i++)
		snprintf(d->claim_text[n++], sizeof d->claim_text[0], "%s", duplicates[i]);
	for (size_t i = 0; i < n; i++)
		d->claims[i] = d->claim_text[i];
	d->claims[n] = NULL;
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
		r->layer = d->layer;
		r->cfg = r->model->cfg;
	} else {
		config_defaults(&r->cfg);
		if (config_assign(&r->cfg, &c->set, f))
			return -1;
	}
	r->shape_known = config_input_size(&r->cfg) > 0;
	r->group_field = d->group_field;
	r->keep_keys = d->test_file || d->duplicates;
	r->keep_ids = d->duplicates != NULL;
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

/* Reads all records of a file. what: for messages. */
static int read_file(struct density_scorer *d, struct collect *t, const char *file, const char *what, struct fail *f)
{
	char *path = (char *)file;
	struct reader *in = reader_open(&path, 1, 0, f);
	if (in)
		reader_limit(in, &d->frame.flow.cli->limits);
	int r = in ? collect_run(t, in, d->frame.workers, f) : -1;
	reader_close(in);
	if (!r && t->unreadable.why.n)
		cli_note(d->frame.flow.cli, "%zu of %" PRIu64 " %s records could not be read; the first: '%s': %s", t->unreadable.why.n, t->records, what,
		         string_list_get(&t->unreadable.key, 0), string_list_get(&t->unreadable.why, 0));
	if (!r && t->records && !t->n)
		return fail_set(f, "%s: none of %" PRIu64 " %s records could be read; the first: %s", path, t->records, what, string_list_get(&t->unreadable.why, 0));
	return r;
}

/* Test records are read in the shape of the others. */
static int read_tests(struct density_scorer *d, struct fail *f)
{
	d->tests = (struct collect){.cfg = d->records.cfg, .shape_known = d->records.shape_known, .model = d->records.model, .layer = d->layer,
	                            .keep_keys = 1, .fail_on_error = d->records.fail_on_error};
	return read_file(d, &d->tests, d->test_file, "test", f);
}

static int read_reference(struct density_scorer *d, struct fail *f)
{
	d->records.keep_keys = 1;
	d->records.check = NULL;
	d->records.progress = NULL;
	if (read_file(d, &d->records, d->against, "reference", f))
		return -1;
	return d->records.n ? 0 : fail_set(f, "%s: no records: --against requires some", d->against);
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
	int r = density_test(&d->scores[0], &d->tests, exec, to.fd, f);
	if (c->influence && r)
		atomic_abort(&to);
	if (!r && d->scores[0].without_influence)
		cli_note(c, "%" PRIu64 " of %zu test records have no influence; the first: %s", d->scores[0].without_influence, d->tests.n,
		         d->scores[0].first_without_influence.msg);
	return r ? -1 : c->influence && atomic_commit(&to, f) ? fail_add(f, "--influence") : 0;
}

/* The scalings, or the numbers of neighbours, separated by commas. */
static int list_scales(const struct density_scorer *d, struct buf *t, struct fail *f)
{
	int r = 0;
	for (int i = 0; i < d->nscales && !r; i++)
		r = buf_addf(t, f, "%s%s", i ? "," : "", scale_names[d->scale[i]]);
	return r;
}

static int list_neighbors(const struct density_scores *s, struct buf *t, struct fail *f)
{
	int r = 0;
	for (int q = 0; q < s->nk && !r; q++)
		r = buf_addf(t, f, "%s%d", q ? "," : "", s->k[q]);
	return r;
}

/* A hash of what shapes a score beside the model: options and records. */
int density_hash_options(struct density_scorer *d, struct fail *f)
{
	struct buf t = {0};
	const struct collect *c = &d->records;
	const struct density_scores *s = &d->scores[0];
	int r = buf_addf(&t, f, "%s ", d->methods) || list_scales(d, &t, f) ||
	        buf_addf(&t, f, " %d %s %s %s ", s->count_copies, d->sigma, d->group_field ? d->group_field : "", d->space) || list_neighbors(s, &t, f) ||
	        buf_addf(&t, f, " %d %" PRIu64 " %d %d ", s->clusters, s->seed, s->form == GMM_FIRST_ORDER, s->form == GMM_AS_PRINTED) ||
	        buf_addf(&t, f, "%s %d %d %d %zu %" PRIu64 " %zu %" PRIu64, c->cfg.input_field, c->cfg.input_shape[0], c->cfg.input_shape[1],
	                 c->cfg.input_shape[2], c->n, c->hash, d->tests.n, d->tests.hash);
	if (!r && d->duplicates)
		r = buf_addf(&t, f, " %s", d->duplicates);
	if (!r)
		snprintf(d->frame.options, sizeof d->frame.options, "%012" PRIx64, (uint64_t)XXH3_64bits(t.p, t.len) >> 16);
	buf_free(&t);
	return r ? -1 : 0;
}

static void note_fit(const struct density_scorer *d)
{
	cli_note_count(d->frame.flow.cli, d->records.underflows, "number is not 0, but too small for 32 bits, and counts as 0: multiply its column",
	               "numbers are not 0, but too small for 32 bits, and count as 0: multiply their columns");
	const struct density_scores *s = &d->scores[0];
	int uses_k = s->use[DENSITY_KNN] || (s->use[DENSITY_KDE] && strcmp(d->sigma, "auto") == 0);
	if (uses_k && s->k_reason.msg[0])
		cli_note(d->frame.flow.cli, "%d neighbours: %s", s->k_changed, s->k_reason.msg);
}

/* Each scaling is fitted alone, so that the scaled coordinates of one are in memory at a time. */
static int fit(struct density_scorer *d, struct fail *f)
{
	struct exec exec = {pool_open(d->frame.workers, f), d->frame.workers, show_fitting, d};
	int r = 0;
	if (!exec.pool)
		return -1;
	progress_begin(&d->progress, d->frame.flow.cli, "steps");
	const struct density_scores given = d->scores[0];
	for (int i = 0; i < d->nscales && !r; i++) {
		d->scores[i] = given;
		d->scores[i].scale = d->scale[i];
		d->scores[i].find_duplicates = d->duplicates && i == 0;
		d->scores[i].others = d->against != NULL;
		r = density_fit(&d->scores[i], &d->records, &exec, f);
		if (!r && d->test_file)
			r = score_tests(d, &exec, f);
		if (!r && d->against)
			r = (d->search[i] = density_search_open(&d->scores[i], f)) ? 0 : -1;
		if (!d->against)
			density_release(&d->scores[i]);
	}
	progress_end(&d->progress);
	pool_close(exec.pool);
	if (!r)
		note_fit(d);
	if (!r && d->duplicates && d->records.n && !(d->scores[0].dup.ratio > 0))
		cli_note(d->frame.flow.cli, "too few different records for --duplicates auto: only equal records are duplicates");
	return r ? -1 : density_hash_options(d, f);
}

/* --- the second pass --- */

/* Sets a field of a method, where the value exists. */
int density_set_real(const struct density_scorer *d, struct record *r, int scale, int m, int q, const char *what, double v, struct fail *f)
{
	char name[256], base[64];
	field_name(d, base, sizeof base, scale, m, q, what);
	return isfinite(v) ? fields_set_real(&r->fields, cli_field(d->frame.flow.cli, name, base), v, f) : 0;
}

static int set_cluster(const struct density_scorer *d, struct record *r, int scale, size_t i, struct fail *f)
{
	char name[256], base[64];
	const struct density_scores *s = &d->scores[scale];
	uint32_t cluster = s->gmm.cluster[i];
	const char *text = density_cluster_name(s, cluster);
	cli_field(d->frame.flow.cli, name, field_name(d, base, sizeof base, scale, DENSITY_GMM, 0, "cluster"));
	return text ? fields_set_string(&r->fields, name, text, f) : fields_set_int(&r->fields, name, cluster, f);
}

/* limit: of the first score that has one */
static int set_method(const struct density_scorer *d, struct record *r, int scale, int m, size_t i, struct fail *limit, struct fail *f)
{
	const struct density_scores *s = &d->scores[scale];
	for (int q = 0; q < density_variants(s, (enum density_method)m); q++) {
		double nll, self;
		struct fail own = {{0}};
		density_score(s, (enum density_method)m, q, i, &nll, &self, &own);
		if (!limit->msg[0])
			*limit = own;
		if (density_set_real(d, r, scale, m, q, "nll", nll, f) || density_set_real(d, r, scale, m, q, "selfinf", self, f))
			return -1;
	}
	if (m == DENSITY_GMM && set_cluster(d, r, scale, i, f))
		return -1;
	const struct test_range *t = s->range[m] ? &s->range[m][i] : NULL;
	return t && t->n && (density_set_real(d, r, scale, m, 0, "testinf_max", t->max, f) || density_set_real(d, r, scale, m, 0, "testinf_min", t->min, f) ||
	                     density_set_real(d, r, scale, m, 0, "testinf_mean", t->sum / (double)t->n, f)) ? -1 : 0;
}

/* A group is named by a hash of this run and its first record, so that groups of several runs can be told apart in one stream. */
static int set_duplicates(const struct density_scorer *d, struct record *r, size_t i, struct fail *f)
{
	const struct duplicates *u = &d->scores[0].dup;
	const struct cli *c = d->frame.flow.cli;
	uint32_t first = u->first[i];
	char name[256], group[300];
	if (!u->grouped[i])
		return 0;
	const char *key = string_list_get(&d->records.key, first);
	XXH64_hash_t hash = XXH3_64bits_withSeed(key, strlen(key), XXH3_64bits(d->frame.options, strlen(d->frame.options)));
	snprintf(group, sizeof group, "%012" PRIx64, (uint64_t)hash >> 16);
	if (fields_set_string(&r->fields, cli_field(c, name, "dup_group"), group, f))
		return -1;
	if (first == i)
		return 0;
	const char *kind = d->records.id[first] == d->records.id[i] ? "bytes" : u->distance[i] > 0 ? "near" : "equal";
	return fields_set_string(&r->fields, cli_field(c, name, "dup_of"), key, f) ||
	       fields_set_real(&r->fields, cli_field(c, name, "dup_distance"), u->distance[i], f) ||
	       fields_set_string(&r->fields, cli_field(c, name, "dup_kind"), kind, f) ? -1 : 0;
}

static int set_scores(const struct density_scorer *d, struct record *r, size_t i, struct fail *f)
{
	struct fail limit = {{0}};
	char name[256];
	for (int m = 0; m < DENSITY_METHODS; m++)
		for (int scale = 0; d->scores[0].use[m] && scale < d->nscales; scale++)
			if (set_method(d, r, scale, m, i, &limit, f))
				return -1;
	if (d->duplicates && set_duplicates(d, r, i, f))
		return -1;
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
	if (unreadable) {
		fail_set(&why, "%s", string_list_get(&c->unreadable.why, d->unreadable));
		why.unscored = c->unreadable.unscored[d->unreadable++];
	} else if (d->point == c->n)
		return fail_set(f, "%s: changed between two passes: run the tool again", r->file);
	return scoring_record(&d->frame, r, unreadable ? -1 : (int64_t)d->point++, NULL, &why, f);
}

/* --- the whole --- */

static int count_neighbors(const struct density_scores *s, struct fields *to, struct fail *f)
{
	struct buf t = {0};
	int r = s->nk == 1 ? fields_set_int(to, "neighbors", s->k[0], f) : list_neighbors(s, &t, f) || fields_set_string(to, "neighbors", t.p, f);
	buf_free(&t);
	return r;
}

static int count_duplicates(const struct duplicates *u, struct fields *to, struct fail *f)
{
	return fields_set_int(to, "duplicates", (int64_t)u->later, f) || fields_set_int(to, "duplicate_groups", (int64_t)u->groups, f) ||
	       fields_set_real(to, "duplicate_ratio", u->ratio, f) ||
	       (isfinite(u->dimension) && u->ratio > 0 && fields_set_real(to, "intrinsic_dimension", u->dimension, f)) ? -1 : 0;
}

/* Rows, sigma and clusters are those of the first scaling. */
static int count(const struct density_scorer *d, struct cli *c, struct fail *f)
{
	const struct density_scores *s = &d->scores[0];
	struct fields *to = &c->counts;
	return fields_set_string(to, "method", d->methods, f) || fields_set_string(to, "options", d->frame.options, f) ||
	       fields_set_int(to, "points", (int64_t)d->records.n, f) || fields_set_int(to, "dimensions", d->records.d, f) ||
	       (d->model && fields_set_string(to, "model", d->frame.id, f)) ||
	       (d->records.n && count_neighbors(s, to, f)) ||
	       (d->records.n && !d->merge && fields_set_int(to, "rows", (int64_t)s->rows.x.n, f)) ||
	       (d->duplicates && d->records.n && count_duplicates(&s->dup, to, f)) ||
	       (s->use[DENSITY_KDE] && s->sigma > 0 && fields_set_real(to, "sigma", s->sigma, f)) ||
	       (s->use[DENSITY_GMM] && fields_set_int(to, "clusters", s->gmm.k, f)) ||
	       (d->test_file && (fields_set_int(to, "tests", (int64_t)d->tests.n, f) ||
	                         fields_set_int(to, "tests_unread", (int64_t)d->tests.unreadable.why.n, f))) ? -1 : 0;
}

int density_scorer_run(struct density_scorer *d, struct cli *c, struct fail *f)
{
	struct flow *w = &d->frame.flow;
	list_claims(d);
	d->frame = (struct scoring){.flow.cli = c, .tool = d, .claims = d->claims, .clears = clears, .fields = fields, .workers = cli_workers(c, f)};
	if (d->frame.workers < 0 || open_records(d, c, f))
		return -1;
	if (d->merge)
		return density_merge_parts(d, f) || count(d, c, f) ? -1 : 0;
	if (c->part)
		return read_reference(d, f) || density_write_part(d, f) || count(d, c, f) ? -1 : 0;
	if (d->against)
		return read_reference(d, f) || fit(d, f) || density_open_search(d, f) || flow_open(w, c, 0, f) || scoring_run(&d->frame, f) || count(d, c, f) ? -1 : 0;
	if (flow_open(w, c, FLOW_TWICE, f) || read_records(d, f) || (d->test_file && read_tests(d, f)) || fit(d, f))
		return -1;
	w->records = 0;
	return reader_rewind(w->in, f) || flow_each(w, score_record, d, f) || count(d, c, f) ? -1 : 0;
}

void density_scorer_close(struct density_scorer *d)
{
	for (int i = 0; i < d->nscales; i++) {
		density_search_free(d->search[i]);
		density_free(&d->scores[i]);
	}
	density_free_parts(d);
	encoders_free(d->encoders);
	free(d->points);
	collect_free(&d->records);
	collect_free(&d->tests);
	scoring_close(&d->frame);
}

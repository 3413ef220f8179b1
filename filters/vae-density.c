/* vae-density: influence functions of k-NN, KDE and Gaussian mixtures; two passes over the stream. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/atomic.h"
#include "density/scores.h"
#include "tool/flow.h"
#include "gemm/mat.h"

enum space { PIXEL, LATENT };
static const char *const space_words[] = {"pixel", "latent", NULL};

struct density {
	struct flow flow;
	struct density_scores s;
	struct collect records, tests;
	struct model *models;
	int nmodels;
	struct progress progress;
	const char *method, *sigma, *group, *model, *test_file;
	int space; /* enum space */
	long neighbors, clusters, top, seed;
	int first_order, as_printed;
	char options[17];
	const char *claims[24], *known[24]; /* the names of the fields it writes; those that it could have written */
	char names[48][24];
};

/* --- the command line --- */

static bool parse_methods(struct density *d, struct cli *c)
{
	for (const char *p = d->method; *p || p == d->method;) {
		size_t len = strcspn(p, ",");
		int m = 0;
		while (m < DENSITY_METHODS && (strlen(density_names[m]) != len || memcmp(p, density_names[m], len) != 0))
			m++;
		if (m == DENSITY_METHODS || (p[len] && !p[len + 1]))
			return cli_usage(c, "--method is knn, kde, gmm, or several of them with commas between, not '%s'", d->method);
		d->s.use[m] = 1;
		p += len + (p[len] == ',');
	}
	return true;
}

static bool parse_sigma(struct density *d, struct cli *c)
{
	char *end;
	if (strcmp(d->sigma, "auto") == 0)
		return true;
	d->s.sigma = strtod(d->sigma, &end);
	if (end == d->sigma || *end || !isfinite(d->s.sigma) || d->s.sigma <= 0)
		return cli_usage(c, "--sigma takes a positive number, or auto, not '%s'", d->sigma);
	return true;
}

static bool check_files(const struct density *d, struct cli *c)
{
	if (c->influence && !d->test_file)
		return cli_usage(c, "--influence requires -t TESTS");
	return cli_check_overwrite(c, "-t", d->test_file) && cli_check_model(c, d->model);
}

static bool check_options(struct density *d, struct cli *c)
{
	int gmm = d->s.use[DENSITY_GMM], latent = d->space == LATENT;
	if (latent != (d->model != NULL))
		return cli_usage(c, latent ? "--space latent requires -m NAME.vae" : "-m requires --space latent");
	if (gmm && !d->group == !d->clusters)
		return cli_usage(c, "--method gmm requires one of --clusters K and --cluster-field FIELD");
	if (!gmm && (d->group || d->clusters || d->first_order || d->as_printed))
		return cli_usage(c, "--clusters, --cluster-field, --first-order and --as-printed require --method gmm");
	if (d->first_order && d->as_printed)
		return cli_usage(c, "--first-order and --as-printed exclude each other");
	if (d->neighbors < 1 || d->neighbors > 100000)
		return cli_usage(c, "--neighbors takes 1 to 100000");
	if (d->s.use[DENSITY_KNN] && d->neighbors == 1)
		return cli_usage(c, "--neighbors takes 2 or more for knn: every record is the first neighbour of itself");
	if (d->clusters > 65536)
		return cli_usage(c, "--clusters takes 1 to 65536");
	if (d->top > 1000000)
		return cli_usage(c, "--top takes 0 to 1000000");
	if (d->test_file && strcmp(d->test_file, "-") == 0)
		return cli_usage(c, "-t takes a file, not standard input");
	for (int i = 0; i < c->set.n && !latent; i++)
		if (strncmp(c->set.v[i], "input.", 6) != 0)
			return cli_usage(c, "without a model only keys of input can be set, not '%s'", c->set.v[i]);
	return true;
}

/* Of the methods in use, or of all. */
static void list_names(struct density *d, const char **list, char (*text)[24], int all)
{
	static const char *const of_method[] = {"nll", "selfinf", "cluster", "testinf_max", "testinf_min", "testinf_mean"};
	for (int m = 0; m < DENSITY_METHODS; m++)
		for (int i = 0; i < 6; i++) {
			if ((i == 2 && m != DENSITY_GMM) || (!all && (!d->s.use[m] || (i > 2 && !d->test_file))))
				continue;
			snprintf(*text, sizeof *text, "%s_%s", density_names[m], of_method[i]);
			*list++ = *text++;
		}
	if (all || d->model)
		*list++ = "model";
	*list++ = "options";
	*list = "error";
}

/* --- the first pass --- */

static void on_read(void *ctx, const struct reader *in, uint64_t records)
{
	struct density *d = ctx;
	progress_show(&d->flow.progress, (double)reader_bytes(in), (double)reader_total(in), (double)records, "reading");
}

static void on_tick(void *ctx, const char *what, double done, double total)
{
	progress_show(&((struct density *)ctx)->progress, done, total, done, what);
}

static int on_record(void *ctx, struct record *r, struct fail *f)
{
	struct density *d = ctx;
	return flow_claim(&d->flow, r, d->claims, f);
}

static int configure(struct density *d, const struct cli *c, struct fail *f)
{
	struct collect *r = &d->records;
	if (d->model) {
		if (models_open(&d->models, &d->nmodels, d->model, "last", &c->set, f))
			return -1;
		r->model = &d->models[0];
		r->cfg = r->model->cfg;
	} else {
		config_defaults(&r->cfg);
		for (int i = 0; i < c->set.n; i++)
			if (config_set(&r->cfg, c->set.v[i], f))
				return -1;
	}
	r->shape_known = config_input_size(&r->cfg) > 0;
	r->group_field = d->group;
	r->keep_keys = d->test_file != NULL;
	r->fail_on_error = c->on_error == ON_ERROR_FAIL;
	r->check = on_record;
	r->progress = on_read;
	r->ctx = d;
	return 0;
}

/* The test records, as the shape of the others has them. */
static int read_tests(struct density *d, int workers, struct fail *f)
{
	char *path = (char *)d->test_file;
	struct collect *t = &d->tests;
	*t = (struct collect){.cfg = d->records.cfg, .shape_known = d->records.shape_known, .model = d->records.model,
	                      .keep_keys = 1, .fail_on_error = d->records.fail_on_error};
	struct reader *in = reader_open(&path, 1, 0, f);
	int r = in ? collect_run(t, in, workers, f) : -1;
	reader_close(in);
	if (!r && t->unreadable.why.n)
		cli_note(d->flow.cli, "%zu of %" PRIu64 " test records could not be read; the first: '%s': %s", t->unreadable.why.n, t->records,
		         string_list_get(&t->unreadable.key, 0), string_list_get(&t->unreadable.why, 0));
	if (!r && t->records && !t->n)
		return fail_set(f, "%s: none of %" PRIu64 " test records could be read; the first: %s", path, t->records, string_list_get(&t->unreadable.why, 0));
	return r;
}

static int test(struct density *d, const struct exec *exec, struct fail *f)
{
	struct atomic_file to = {.fd = -1};
	const char *path = d->flow.cli->influence;
	if (path && atomic_open(&to, path, f))
		return fail_add(f, "--influence");
	int r = density_test(&d->s, &d->tests, exec, to.fd, f);
	if (path && r)
		atomic_abort(&to);
	if (!r && d->s.without_influence)
		cli_note(d->flow.cli, "%" PRIu64 " of %zu test records are without an influence; the first: %s", d->s.without_influence, d->tests.n,
		         d->s.first_without_influence.msg);
	return r ? -1 : path && atomic_commit(&to, f) ? fail_add(f, "--influence") : 0;
}

/* A hash of what shapes a score beside the model; the records themselves are a part of it. */
static int hash_options(struct density *d, struct fail *f)
{
	struct buf t = {0};
	const struct collect *c = &d->records;
	int r = buf_addf(&t, f, "%s %s %s %s %ld %ld %ld %d %d ", d->method, d->sigma, d->group ? d->group : "", space_words[d->space], d->neighbors,
	                 d->clusters, d->seed, d->first_order, d->as_printed) ||
	        buf_addf(&t, f, "%s %d %d %d %zu %" PRIu64 " %zu %" PRIu64, c->cfg.input_field, c->cfg.input_shape[0], c->cfg.input_shape[1],
	                 c->cfg.input_shape[2], c->n, c->hash, d->tests.n, d->tests.hash);
	if (!r)
		snprintf(d->options, sizeof d->options, "%012" PRIx64, (uint64_t)XXH3_64bits(t.p, t.len) >> 16);
	buf_free(&t);
	return r ? -1 : 0;
}

/* A --cluster-field that no record has: a wrong name, not records that are. */
static int check_groups(const struct density *d, struct fail *f)
{
	const struct collect *c = &d->records;
	if (!d->group || !c->records || c->groups.n)
		return 0;
	return fail_set(f, "none of %" PRIu64 " records is in a cluster; the first: %s", c->records, string_list_get(&c->unreadable.why, 0));
}

static int compute(struct density *d, const struct cli *c, int workers, struct fail *f)
{
	struct exec exec = {pool_open(workers, f), workers, on_tick, d};
	if (!exec.pool)
		return -1;
	progress_begin(&d->progress, c, "steps");
	int r = density_fit(&d->s, &d->records, &exec, f);
	if (!r && d->test_file)
		r = test(d, &exec, f);
	progress_end(&d->progress);
	pool_close(exec.pool);
	return r ? -1 : hash_options(d, f);
}

/* --- the second pass --- */

static int set_real(const struct density *d, struct record *r, int m, const char *base, double v, struct fail *f)
{
	char name[256], with[64];
	snprintf(with, sizeof with, "%s_%s", density_names[m], base);
	return isfinite(v) ? fields_set_real(&r->fields, cli_field(d->flow.cli, name, with), v, f) : 0;
}

static int set_cluster(const struct density *d, struct record *r, size_t i, struct fail *f)
{
	char name[256];
	uint32_t c = d->s.gmm.cluster[i];
	const char *text = density_cluster_name(&d->s, c);
	cli_field(d->flow.cli, name, "gmm_cluster");
	return text ? fields_set_string(&r->fields, name, text, f) : fields_set_int(&r->fields, name, c, f);
}

/* The scores that point i has; why says which it has not. */
static int set_fields(const struct density *d, struct record *r, size_t i, struct fail *why, struct fail *f)
{
	const struct cli *c = d->flow.cli;
	char name[256];
	for (int m = 0; m < DENSITY_METHODS; m++) {
		double nll, self;
		struct fail none = {{0}};
		if (!d->s.use[m])
			continue;
		if (density_score(&d->s, (enum density_method)m, i, &nll, &self, &none) && !why->msg[0])
			*why = none;
		if (set_real(d, r, m, "nll", nll, f) || set_real(d, r, m, "selfinf", self, f) || (m == DENSITY_GMM && set_cluster(d, r, i, f)))
			return -1;
		const struct test_range *t = d->s.range[m] ? &d->s.range[m][i] : NULL;
		if (t && t->n && (set_real(d, r, m, "testinf_max", t->max, f) || set_real(d, r, m, "testinf_min", t->min, f) ||
		                  set_real(d, r, m, "testinf_mean", t->sum / (double)t->n, f)))
			return -1;
	}
	if (d->model && fields_set_string(&r->fields, cli_field(c, name, "model"), d->models[0].id, f))
		return -1;
	return fields_set_string(&r->fields, cli_field(c, name, "options"), d->options, f);
}

static int annotate(struct density *d, struct record *r, size_t i, const char *bad, struct fail *f)
{
	struct fail why = {{0}};
	if (flow_claim(&d->flow, r, d->claims, f))
		return -1;
	flow_clear(&d->flow, r, d->known); /* by whatever method: options is of this one */
	r->fields_changed = 1;
	if (bad)
		fail_set(&why, "%s", bad);
	else if (set_fields(d, r, i, &why, f))
		return record_fail(r, f);
	return why.msg[0] ? flow_unscored(&d->flow, r, why.msg, f) : flow_pass(&d->flow, r, f);
}

static int second_pass(struct density *d, struct fail *f)
{
	const struct collect *c = &d->records;
	struct record r = {.fields_member = -1};
	size_t i = 0, nbad = 0;
	int got = reader_rewind(d->flow.in, f);
	d->flow.records = 0;
	while (!got && (got = flow_next(&d->flow, &r, f)) > 0) {
		int bad = nbad < c->unreadable.why.n && c->unreadable.position[nbad] == d->flow.records - 1;
		if (!bad && i == c->n)
			got = fail_set(f, "%s: changed between two passes", r.file);
		else
			got = annotate(d, &r, i, bad ? string_list_get(&c->unreadable.why, nbad) : NULL, f);
		i += (size_t)!bad;
		nbad += (size_t)bad;
	}
	record_free(&r);
	return got;
}

static int summarise(const struct density *d, struct cli *c, struct fail *f)
{
	if (fields_set_string(&c->counts, "method", d->method, f) || fields_set_string(&c->counts, "options", d->options, f) ||
	    fields_set_int(&c->counts, "points", (int64_t)d->records.n, f) || fields_set_int(&c->counts, "dimensions", d->records.d, f) ||
	    (d->model && fields_set_string(&c->counts, "model", d->models[0].id, f)) ||
	    (d->s.use[DENSITY_KDE] && d->s.sigma > 0 && fields_set_real(&c->counts, "sigma", d->s.sigma, f)) ||
	    (d->s.use[DENSITY_GMM] && fields_set_int(&c->counts, "clusters", d->s.gmm.k, f)) ||
	    (d->test_file && (fields_set_int(&c->counts, "tests", (int64_t)d->tests.n, f) ||
	                      fields_set_int(&c->counts, "tests_unread", (int64_t)d->tests.unreadable.why.n, f))))
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct density d = {.method = "knn", .sigma = "auto", .neighbors = 10, .top = 10};
	const struct cli_opt opts[] = {
		{0, "method", "LIST", CLI_TEXT, &d.method, "knn (default), kde, gmm, or several, as in knn,kde"},
		{0, "neighbors", "K", CLI_INT, &d.neighbors, "of k-NN, and of --sigma auto (default 10)"},
		{0, "sigma", "S", CLI_TEXT, &d.sigma, "of KDE; auto (default): the median distance to the K-th neighbour"},
		{0, "clusters", "K", CLI_INT, &d.clusters, "of gmm: found by k-means"},
		{0, "cluster-field", "FIELD", CLI_TEXT, &d.group, "of gmm: given by a field, or by cls"},
		{0, "first-order", NULL, CLI_FLAG, &d.first_order, "of gmm: expanded to first order in 1/N"},
		{0, "as-printed", NULL, CLI_FLAG, &d.as_printed, "of gmm: by equations 4 and 5 as the paper prints them"},
		{0, "space", "WHICH", CLI_CHOICE, &d.space, "pixel (default): the samples; latent: the means of an encoder", space_words},
		{'m', "model", "NAME.vae", CLI_TEXT, &d.model, "the model, for --space latent"},
		{'t', "tests", "TESTS", CLI_TEXT, &d.test_file, "test records: append the influence over them"},
		{0, "influence", "FILE", CLI_TEXT, &c.influence, "write proponents and opponents of each test record to FILE"},
		{0, "top", "N", CLI_INT, &d.top, "how many of each (default 10)"},
		{0, "seed", "N", CLI_INT, &d.seed, "of k-means (default 0)"},
		CLI_SET(&c),
		CLI_ON_ERROR(&c),
		CLI_NAMES(&c),
		CLI_JOBS(&c),
		CLI_OUTPUT(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-density", "[FILE ...]", "Appends influence functions of k-NN, KDE and Gaussian mixtures.", opts, argc, argv) ||
	    !parse_methods(&d, &c) || !parse_sigma(&d, &c) || !check_options(&d, &c) || !check_files(&d, &c))
		return c.status;
	struct fail f = {{0}};
	d.s.k = (int)d.neighbors;
	d.s.clusters = (int)d.clusters;
	d.s.form = d.first_order ? GMM_FIRST_ORDER : d.as_printed ? GMM_AS_PRINTED : GMM_EXACT;
	d.s.seed = (uint64_t)d.seed;
	d.s.top = (size_t)d.top;
	d.flow.cli = &c;
	list_names(&d, d.claims, d.names, 0);
	list_names(&d, d.known, d.names + 24, 1);
	if (d.model)
		cli_wait_input(&c);
	int workers = mat_thread_init() > 1 ? (int)c.jobs : 1;
	int r = configure(&d, &c, &f);
	if (!r)
		r = flow_open(&d.flow, &c, FLOW_TWICE, &f);
	if (!r)
		r = collect_run(&d.records, d.flow.in, workers, &f);
	progress_end(&d.flow.progress);
	if (!r)
		r = check_groups(&d, &f);
	if (!r && d.test_file)
		r = read_tests(&d, workers, &f);
	if (!r)
		r = compute(&d, &c, workers, &f);
	if (!r)
		r = second_pass(&d, &f);
	if (!r)
		r = summarise(&d, &c, &f);
	int status = flow_finish(&d.flow, r, &f);
	density_free(&d.s);
	collect_free(&d.records);
	collect_free(&d.tests);
	if (d.models)
		models_free(d.models, d.nmodels);
	return status;
}

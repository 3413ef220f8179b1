/* The modes of vae-eval that compare runs or models, and functions that they share with vae-eval.c. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/atomic.h"
#include "eval/lds.h"
#include "eval/means.h"
#include "eval.h"
#include "model/checkpoints.h"
#include "report/runs_chart.h"

int eval_read_model(const struct cli *c, const char *path, struct eval *e, struct fail *f)
{
	static const struct assignments none;
	struct model *m;
	int n;
	cli_wait_input(c);
	if (models_open(&m, &n, path, "last", &none, f))
		return fail_add(f, "-m");
	strcpy(e->extensions, m->cfg.input_field);
	models_free(m, n);
	return 0;
}

int eval_read_tests(const struct cli *c, const char *path, int (*each)(void *ctx, struct record *r, struct fail *f), void *ctx, struct fail *f)
{
	char *paths[] = {(char *)path};
	struct record rec = {.fields_member = -1};
	struct reader *in = reader_open(paths, 1, c->keys_per_file ? READER_KEYS_PER_FILE : 0, f);
	int got = in ? 1 : -1;
	if (in)
		reader_limit(in, &c->limits);
	while (got > 0 && (got = reader_next(in, &rec, f)) > 0)
		if (got == READER_RECORD && each(ctx, &rec, f))
			got = -1;
	record_free(&rec);
	reader_close(in);
	return got ? fail_add(f, "-t") : 0;
}

int eval_make_directory(const char *dir, struct fail *f) { return mkdir(dir, 0777) && errno != EEXIST ? fail_errno(f, "--svg: %s", dir) : 0; }

int eval_write_chart(const char *dir, const char *name, const struct buf *svg, struct fail *f)
{
	struct buf path = {0};
	int bad = buf_addf(&path, f, "%s/%s.svg", dir, name) || atomic_write(path.p, svg->p, svg->len, f);
	buf_free(&path);
	return bad ? fail_add(f, "--svg") : 0;
}

void eval_warn_missing(const struct cli *c, uint64_t n)
{
	cli_note_count(c, n, "record lacks a name in the expression of --positive and counts as negative",
	               "records lack a name in the expression of --positive and count as negative");
}

static int write_runs_charts(const struct runs *r, const char *dir, struct fail *f)
{
	struct buf svg = {0};
	int bad = eval_make_directory(dir, f);
	for (int i = 0; i < RUNS_CURVES && !bad; i++) {
		svg.len = 0;
		bad = runs_chart(r, i, &svg, f) || eval_write_chart(dir, runs_chart_name(i), &svg, f);
	}
	buf_free(&svg);
	return bad ? -1 : 0;
}

static int add_run_record(void *ctx, struct record *r, struct fail *f) { return runs_record(ctx, r, f); }

/* Every file is a run. e: opened with the options, for the extensions of the payload. */
int run_runs(struct flow *w, const struct eval_options *o, struct eval *e, struct fail *f)
{
	struct buf out = {0};
	struct runs r = {.fields = o->fields ? o->fields : "selfinf", .positive = o->positive, .files = w->cli->files, .nfiles = w->cli->nfiles};
	int bad = o->model && eval_read_model(w->cli, o->model, e, f);
	memcpy(r.extensions, e->extensions, sizeof r.extensions);
	bad = bad || runs_open(&r, f) || flow_open(w, w->cli, FLOW_SINK, f) || flow_each(w, add_run_record, &r, f) || runs_finish(&r, f);
	if (!bad) {
		eval_warn_missing(w->cli, r.missing);
		bad = (o->svg && write_runs_charts(&r, o->svg, f)) || (o->json ? runs_json(&r, &out, f) : runs_table(&r, &out, f)) || flow_write_text(w, &out, f);
	}
	runs_free(&r);
	buf_free(&out);
	return bad ? -1 : 0;
}

/* The linear datamodeling score: no stream is read. */
int run_lds(struct flow *w, const struct eval_options *o, struct fail *f)
{
	struct buf out = {0};
	struct lds l;
	if (lds_of(o->lds, o->halves, &l, f))
		return -1;
	int r = o->json ? buf_addf(&out, f, "{\"lds\":%.9g,\"lds_se\":%.9g,\"tests\":%zu,\"halves\":%d}\n", l.score, l.se, l.tests, l.halves)
	                : buf_addf(&out, f, "lds\tse\ttests\thalves\n%.4f\t%.4f\t%zu\t%d\n", l.score, l.se, l.tests, l.halves);
	r = r || fields_set_real(&w->cli->counts, "lds", l.score, f) || flow_write_text(w, &out, f) ? -1 : 0;
	buf_free(&out);
	return r;
}

static int add_mean(const struct mean *m, int json, int first, struct buf *out, struct fail *f)
{
	double error = mean_error(m);
	if (!json)
		return buf_addf(out, f, "%s\t%zu\t%.9g\t", m->name, m->n, m->mean) || (m->n > 1 && buf_addf(out, f, "%.9g", error)) || buf_add(out, "\n", 1, f);
	return buf_addf(out, f, first ? "{" : ",") || json_quote(out, m->name, strlen(m->name), f) || buf_addf(out, f, ":{\"n\":%zu,\"mean\":%.9g", m->n, m->mean) ||
	       (m->n > 1 && buf_addf(out, f, ",\"se\":%.9g", error)) || buf_addf(out, f, "}");
}

/* The numbers of several runs: no stream is read. */
int run_mean(struct flow *w, const struct eval_options *o, struct fail *f)
{
	const struct cli *c = w->cli;
	struct buf out = {0};
	struct means m = {.n = 0};
	int r = o->fields && means_only(&m, o->fields, f) ? -1 : 0;
	for (int i = 0; i < c->nfiles && !r; i++)
		r = means_add_file(&m, c->files[i], f);
	r = r || means_check(&m, f) || (!o->json && buf_addf(&out, f, "name\tn\tmean\tse\n")) ? -1 : 0;
	for (size_t i = 0; i < m.n && !r; i++)
		r = add_mean(&m.v[i], o->json, !i, &out, f);
	r = r || (o->json && buf_addf(&out, f, "}\n")) || flow_write_text(w, &out, f) ? -1 : 0;
	means_free(&m);
	buf_free(&out);
	return r;
}


/* vae-eval: how well fields find known outliers, and how fields are distributed, correlated, and go over training. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/atomic.h"
#include "eval/lds.h"
#include "eval/means.h"
#include "model/checkpoints.h"
#include "report/charts.h"
#include "tool/flow.h"

struct options {
	const char *fields, *positive, *against, *cutoffs, *svg, *model, *lds, *halves;
	int json, mean;
};

static bool check_options(struct cli *c, const struct options *o, struct eval *e)
{
	struct fail f = {{0}};
	if (o->lds || o->halves) {
		if (!o->lds || !o->halves)
			return cli_usage(c, "--lds MATRIX.npy and --halves NAME.memo belong together");
		if (o->positive || o->against || o->cutoffs || o->svg || o->model || c->nfiles)
			return cli_usage(c, "--lds takes no records, and no other option but --json, -o and --summary");
		return cli_check_overwrite(c, "--lds", o->lds);
	}
	if (o->mean) {
		if (o->positive || o->against || o->cutoffs || o->svg || o->model)
			return cli_usage(c, "--mean takes files of --summary, and no other option but -k, --json, -o and --summary");
		return c->nfiles || cli_usage(c, "--mean requires the files of --summary of several runs");
	}
	if (o->cutoffs && !o->positive)
		return cli_usage(c, "--cut requires --positive EXPR: which records are known outliers");
	if (!cli_check_model(c, o->model))
		return false;
	return !(eval_open(e, o->fields ? o->fields : "selfinf", o->cutoffs, o->positive, &f) || (o->against && eval_set_axis(e, o->against, &f))) || cli_invalid(c, &f);
}

/* Takes the extensions of the payload from the model. */
static int read_model(const struct cli *c, const char *path, struct eval *e, struct fail *f)
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

static int add_record(void *ctx, struct record *r, struct fail *f) { return eval_add(ctx, r, f) < 0; }

/* Writes the charts that can be drawn, each as DIR/NAME.svg. */
static int write_charts(const struct eval *e, const char *dir, struct fail *f)
{
	struct buf svg = {0}, path = {0};
	int r = mkdir(dir, 0777) && errno != EEXIST ? fail_errno(f, "--svg: %s", dir) : 0;
	for (int i = 0; i < CHARTS && !r; i++) {
		svg.len = path.len = 0;
		int drawn = chart_draw(e, (enum chart)i, NULL, &svg, f);
		if (drawn > 0 && (buf_addf(&path, f, "%s/%s.svg", dir, chart_name((enum chart)i)) || atomic_write(path.p, svg.p, svg.len, f)))
			drawn = fail_add(f, "--svg");
		r = drawn < 0 ? -1 : 0;
	}
	buf_free(&svg);
	buf_free(&path);
	return r;
}

/* The linear datamodeling score: no stream is read. */
static int run_lds(struct flow *w, const struct options *o, struct fail *f)
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
static int run_mean(struct flow *w, const struct options *o, struct fail *f)
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

static int run(struct flow *w, const struct options *o, struct eval *e, struct fail *f)
{
	struct buf out = {0};
	if ((o->model && read_model(w->cli, o->model, e, f)) || flow_open(w, w->cli, FLOW_SINK, f) || flow_each(w, add_record, e, f) || eval_check_labels(e, o->positive, f) || eval_finish(e, f))
		return -1;
	if (e->missing)
		cli_note(w->cli, "%llu records lack a name in the expression of --positive and count as negative", (unsigned long long)e->missing);
	if (o->svg && write_charts(e, o->svg, f))
		return -1;
	int r = (o->json ? eval_json(e, &out, f) : eval_table(e, &out, f)) || flow_write_text(w, &out, f);
	buf_free(&out);
	return r ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.separate_output = 1};
	struct options o = {.json = 0};
	struct eval e = {.nfields = 0};
	const struct cli_opt opts[] = {
		{'k', "key", "FIELD,...", CLI_TEXT, &o.fields, "the fields to evaluate; high values are suspected (default selfinf)"},
		{0, "against", "FIELD", CLI_TEXT, &o.against, "the field of the x axis and of the correlations, as in logp_out or -nll (default -loss; of memo logp_in)"},
		{0, "positive", "EXPR", CLI_TEXT, &o.positive, "which records are known outliers, as in 'cls > 100': measures detection"},
		{0, "cut", "CUT,...", CLI_TEXT, &o.cutoffs, "how many records are checked: numbers and percentages, as in 1%,5%,100"},
		{'m', "model", "NAME.vae", CLI_TEXT, &o.model, "the model of the scores: its input.field names the payload"},
		{0, "json", NULL, CLI_FLAG, &o.json, "write JSON instead of tables"},
		{'o', "output", "FILE", CLI_TEXT, &c.output, "write to FILE, whole or not at all"},
		{0, "svg", "DIR", CLI_TEXT, &o.svg, "draw charts as files in DIR, which is created if needed"},
		{0, "lds", "MATRIX.npy", CLI_TEXT, &o.lds, "instead: the linear datamodeling score of influences (vae-testinf --matrix)"},
		{0, "halves", "NAME.memo", CLI_TEXT, &o.halves, "the models of halves that --lds compares with (vae-memo --halves)"},
		{0, "mean", NULL, CLI_FLAG, &o.mean, "instead: means and standard errors of the numbers of FILEs that --summary wrote"},
		CLI_INPUT(&c),
		CLI_RECORDS(&c),
		CLI_BASE(&c),
	};
	struct flow w = {.cli = &c};
	struct fail f = {{0}};
	if (!cli_begin(&c, "vae-eval", "[FILE ...]", "Measures how well fields find known outliers, and how they are distributed and correlated.", opts, argc, argv))
		return c.status;
	if (!check_options(&c, &o, &e)) {
		eval_free(&e);
		return c.status;
	}
	int r = o.lds ? run_lds(&w, &o, &f) : o.mean ? run_mean(&w, &o, &f) : run(&w, &o, &e, &f);
	eval_free(&e);
	return flow_finish(&w, r, &f);
}

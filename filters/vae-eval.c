/* vae-eval: measures how well fields find known outliers, and shows how fields are distributed, correlated, and change during training. */
#include <stdlib.h>
#include <string.h>

#include "eval.h"
#include "eval/plane.h"
#include "report/charts.h"
#include "report/plane_charts.h"
#include "report/training.h"

/* A run that counts twice makes the standard error too small. */
static bool check_different(struct cli *c, const char *option)
{
	for (int i = 0; i < c->nfiles; i++)
		for (int j = 0; j < i; j++)
			if (strcmp(c->files[i], c->files[j]) == 0)
				return cli_usage(c, "%s takes every FILE as a run, and '%s' is named twice", option, c->files[i]);
	return true;
}

static bool check_options(struct cli *c, const struct eval_options *o, struct eval *e)
{
	struct fail f = {{0}};
	struct eval_cutoff cutoff[EVAL_MAX_CUTOFFS];
	if (o->cutoffs && eval_parse_cutoffs(cutoff, o->cutoffs, &f) < 0) {
		fail_add(&f, "--cut");
		return cli_invalid(c, &f);
	}
	if (o->influence)
		return check_influence(c, o);
	if (!o->plane && (o->class_name || o->tests))
		return cli_usage(c, "--class and -t require --influence or --plane");
	if (o->plane && (!o->svg || o->runs || o->mean || o->lds))
		return cli_usage(c, "--plane requires --svg DIR, and cannot be combined with --runs, --mean and --lds");
	if (o->lds || o->halves) {
		if (!o->lds || !o->halves)
			return cli_usage(c, "--lds MATRIX.npy and --halves NAME.memo belong together");
		if (o->positive || o->against || o->cutoffs || o->svg || o->model || o->runs || o->mean || c->nfiles)
			return cli_usage(c, "--lds takes no records, and no other option but --json, -o and --summary");
		return cli_check_overwrite(c, "--lds", o->lds) && cli_check_overwrite(c, "--halves", o->halves);
	}
	if (o->mean) {
		if (o->positive || o->against || o->cutoffs || o->svg || o->model || o->runs)
			return cli_usage(c, "--mean takes files of --summary, and no other option but -k, --json, -o and --summary");
		return c->nfiles ? check_different(c, "--mean") : cli_usage(c, "--mean requires the files of --summary of several runs");
	}
	if (o->runs && (!o->positive || !c->nfiles || cli_reads_stdin(c)))
		return cli_usage(c, "--runs requires --positive EXPR and a FILE for every run");
	if (o->runs && (o->against || o->cutoffs))
		return cli_usage(c, "--runs cannot be combined with %s", o->against ? "--against" : "--cut");
	if (o->runs && !check_different(c, "--runs"))
		return false;
	c->keys_per_file |= o->runs;
	if (o->cutoffs && !o->positive)
		return cli_usage(c, "--cut requires --positive EXPR: which records are known outliers");
	if (!cli_check_model(c, o->model) || !cli_check_stdin(c, "-t", o->tests) || !cli_check_overwrite(c, "-t", o->tests))
		return false;
	return !(eval_open(e, o->fields ? o->fields : "selfinf", o->cutoffs, o->positive, &f) || (o->against && eval_set_axis(e, o->against, &f))) || cli_invalid(c, &f);
}

/* What is read from the stream. */
struct read {
	struct eval *e;
	struct plane *plane; /* NULL without --plane */
};

static int add_record(void *ctx, struct record *r, struct fail *f)
{
	const struct read *to = ctx;
	return eval_add(to->e, r, f) < 0 || (to->plane && plane_add(to->plane, r, to->e->extensions, f)) ? -1 : 0;
}

static int add_test(void *ctx, struct record *r, struct fail *f)
{
	const struct read *to = ctx;
	return plane_add_test(to->plane, r, to->e->extensions, f);
}

/* Writes the charts that can be drawn, each as DIR/NAME.svg. */
static int write_charts(const struct eval *e, const char *dir, struct fail *f)
{
	struct buf svg = {0};
	int r = eval_make_directory(dir, f);
	for (int i = 0; i < CHARTS && !r; i++) {
		svg.len = 0;
		int drawn = chart_draw(e, (enum chart)i, NULL, &svg, f);
		r = drawn < 0 || (drawn && eval_write_chart(dir, chart_name((enum chart)i), &svg, f)) ? -1 : 0;
	}
	buf_free(&svg);
	return r;
}

/* plane.svg of the first field, and plane-classes.svg. */
static int write_plane(const struct eval *e, const struct plane *p, const char *dir, struct fail *f)
{
	struct buf svg = {0};
	double *v = eval_values(e, &e->field[0], f);
	int drawn = v ? plane_chart(p, v, e->field[0].name, &svg, f) : -1;
	int bad = drawn < 0 || (drawn && eval_write_chart(dir, "plane", &svg, f));
	svg.len = 0;
	drawn = bad ? 0 : plane_chart_classes(p, &svg, f);
	bad = bad || drawn < 0 || (drawn && eval_write_chart(dir, "plane-classes", &svg, f));
	free(v);
	buf_free(&svg);
	return bad ? -1 : 0;
}

/* training.svg of the model. */
static int write_training(const char *model, const char *dir, struct fail *f)
{
	struct buf svg = {0};
	struct training t = {.n = 0};
	int drawn = training_read(&t, model, f) ? fail_add(f, "-m") : training_chart(&t, NULL, &svg, f);
	int bad = drawn < 0 || (drawn && eval_write_chart(dir, "training", &svg, f));
	training_free(&t);
	buf_free(&svg);
	return bad ? -1 : 0;
}

static int read_all(struct flow *w, const struct eval_options *o, struct read *to, struct fail *f)
{
	if (flow_open(w, w->cli, FLOW_SINK, f) || flow_each(w, add_record, to, f) || eval_check_labels(to->e, o->positive, f))
		return -1;
	return to->plane && (plane_check(to->plane, f) || (o->tests && eval_read_tests(w->cli, o->tests, add_test, to, f))) ? -1 : 0;
}

static int run(struct flow *w, const struct eval_options *o, struct eval *e, struct fail *f)
{
	struct buf out = {0};
	struct plane plane = {.of_class = {.name = o->class_name}};
	struct read to = {e, o->plane ? &plane : NULL};
	int bad = (o->model && eval_read_model(w->cli, o->model, e, f)) || read_all(w, o, &to, f) || eval_finish(e, f);
	if (!bad) {
		eval_warn_missing(w->cli, e->missing);
		if (plane.without)
			cli_note(w->cli, "--plane leaves out %zu of %zu records, which have no .npy of two numbers", plane.without, plane.n);
		bad = (o->svg && write_charts(e, o->svg, f)) || (o->svg && o->model && write_training(o->model, o->svg, f)) || (o->plane && write_plane(e, &plane, o->svg, f)) || (o->json ? eval_json(e, &out, f) : eval_table(e, &out, f)) ||
		      flow_write_text(w, &out, f);
	}
	plane_free(&plane);
	buf_free(&out);
	return bad ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.separate_output = 1};
	struct eval_options o = {.json = 0};
	struct eval e = {.nfields = 0};
	const struct cli_opt opts[] = {
		{'k', "key", "FIELD,...", CLI_TEXT, &o.fields, "the fields to evaluate; high values are suspected (default selfinf)"},
		{0, "against", "FIELD", CLI_TEXT, &o.against, "the field of the x axis and of the correlations, as in logp_out or -nll (default: -loss; for memo: logp_in)"},
		{0, "positive", "EXPR", CLI_TEXT, &o.positive, "which records are known outliers, as in 'cls > 100': measures detection"},
		{0, "cut", "CUT,...", CLI_TEXT, &o.cutoffs, "how many records are checked: numbers and percentages, as in 1%,5%,100"},
		{'m', "model", "NAME.vae", CLI_TEXT, &o.model, "the model of the scores: its input.field names the payload"},
		{0, "json", NULL, CLI_FLAG, &o.json, "write JSON instead of tables"},
		{'o', "output", "FILE", CLI_TEXT, &c.output, "write to FILE, whole or not at all"},
		{0, "svg", "DIR", CLI_TEXT, &o.svg, "draw charts as files in DIR, which is created if needed"},
		{0, "plane", NULL, CLI_FLAG, &o.plane, "with --svg: draw the records as points in the plane; their payloads are .npy of two numbers"},
		{0, "lds", "MATRIX.npy", CLI_TEXT, &o.lds, "instead: the linear datamodeling score of influences (vae-testinf --matrix)"},
		{0, "halves", "NAME.memo", CLI_TEXT, &o.halves, "the models of halves that --lds compares with (vae-memo --halves)"},
		{0, "influence", "FILE", CLI_TEXT, &o.influence, "print statistics of the influences in FILE, which --influence of another tool wrote"},
		{0, "class", "NAME", CLI_TEXT, &o.class_name, "the class for --influence (default: cls in FILE) and --plane: a field or json.NAME of the records, or key/ for the directory of the key"},
		{'t', "tests", "TESTS", CLI_TEXT, &o.tests, "the test records: their classes for --influence; crosses of --plane"},
		{0, "runs", NULL, CLI_FLAG, &o.runs, "take every FILE as a run and every directory as a set: print means and standard errors over runs"},
		{0, "mean", NULL, CLI_FLAG, &o.mean, "print means and standard errors of the numbers in FILEs that --summary wrote"},
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
	int r = o.lds ? run_lds(&w, &o, &f) : o.mean ? run_mean(&w, &o, &f) : o.influence ? run_influences(&w, &o, &f) : o.runs ? run_runs(&w, &o, &e, &f) : run(&w, &o, &e, &f);
	eval_free(&e);
	return flow_finish(&w, r, &f);
}

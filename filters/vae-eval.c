/* vae-eval: how well fields find records that are known to be strangers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/atomic.h"
#include "report/charts.h"
#include "tool/flow.h"
#include "eval/eval.h"

static int read_all(struct flow *w, struct eval *e, struct fail *f)
{
	struct record r = {.scores = -1};
	int got = 1;
	while (got > 0 && (got = flow_next(w, &r, f)) > 0)
		if (eval_add(e, &r, f) < 0)
			got = -1;
	record_free(&r);
	return got;
}

/* The pictures there are, each as DIR/NAME.svg. */
static int write_curves(const struct eval *e, const char *dir, struct fail *f)
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

static int print(const struct eval *e, int json, const char *path, struct fail *f)
{
	struct buf out = {0};
	int r = json ? eval_json(e, &out, f) : eval_table(e, &out, f);
	if (!r && path)
		r = atomic_write(path, out.p, out.len, f);
	else if (!r)
		fwrite(out.p, 1, out.len, stdout); /* cli_end() looks at what became of it */
	buf_free(&out);
	return r;
}

static bool open_eval(struct cli *c, struct eval *e, const char *fields, const char *cuts, const char *positive)
{
	struct fail f = {{0}};
	if (!positive)
		return cli_usage(c, "--positive EXPR is required: which records should be found");
	if (eval_open(e, fields, cuts, positive, &f)) {
		eval_free(e);
		return cli_invalid(c, &f);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct cli c = {.separate_output = 1};
	const char *fields = "selfinf", *positive = NULL, *cuts = NULL, *svg = NULL;
	int json = 0;
	const struct cli_opt opts[] = {
		{'k', "key", "FIELD,...", CLI_TEXT, &fields, "the fields to judge, high values suspected (default selfinf)"},
		{0, "positive", "EXPR", CLI_TEXT, &positive, "which records should be found, as in 'cls > 100'"},
		{0, "cut", "CUT,...", CLI_TEXT, &cuts, "how many records are checked: shares and numbers, as in 1%,5%,100"},
		{0, "json", NULL, CLI_FLAG, &json, "JSON instead of a table"},
		{'o', "output", "FILE", CLI_TEXT, &c.output, "write to FILE, whole or not at all"},
		{0, "svg", "DIR", CLI_TEXT, &svg, "draw the curves into DIR, which is made if it is not there"},
		CLI_INPUT(&c),
		CLI_BASE(&c),
	};
	struct eval e;
	if (!cli_begin(&c, "vae-eval", "[FILE ...]", "Says how well fields find records that are known.", opts, argc, argv) ||
	    !open_eval(&c, &e, fields, cuts, positive))
		return c.status;
	struct flow w = {.cli = &c};
	struct fail f = {{0}};
	int r = flow_open(&w, &c, FLOW_SINK, &f);
	if (!r)
		r = read_all(&w, &e, &f) || eval_check_labels(&e, positive, &f) || eval_finish(&e, &f) ? -1 : 0;
	if (!r && e.missing)
		cli_note(&c, "%llu records lack a name of --positive and count as negative", (unsigned long long)e.missing);
	if (!r && svg)
		r = write_curves(&e, svg, &f);
	if (!r)
		r = print(&e, json, c.output, &f);
	eval_free(&e);
	return flow_finish(&w, r, &f);
}

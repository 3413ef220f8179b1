/* vae-report: one page that shows what a scored stream is like. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/atomic.h"
#include "stream/name.h"
#include "report/page.h"
#include "tool/flow.h"

static int read_all(struct flow *w, struct report *r, struct fail *f)
{
	struct record rec = {.scores = -1};
	int got = 1;
	while (got > 0 && (got = flow_next(w, &rec, f)) > 0)
		if (report_record(r, &rec, f))
			got = -1;
	record_free(&rec);
	return got;
}

/* A field that -k names and no record has: the one that ranks is an error. */
static int check_fields(const struct cli *c, const struct report *r, struct fail *f)
{
	char shown[100];
	unsigned long long n = r->eval.records;
	for (int i = 0; r->fields && n && i < r->eval.nrequested; i++) {
		if (r->eval.field[i].detection.rank.scored)
			continue;
		name_show(shown, sizeof shown, r->eval.field[i].name);
		if (i == 0)
			return fail_set(f, "none of %llu records has a number in the field '%s'", n, shown);
		cli_note(c, "none of %llu records has a number in the field '%s'", n, shown);
	}
	return 0;
}

static int write_page(struct cli *c, const struct report *r, size_t max, struct fail *f)
{
	struct buf page = {0};
	int bad = page_write(r, max, &page, f);
	if (!bad && c->output)
		bad = atomic_write(c->output, page.p, page.len, f);
	else if (!bad)
		fwrite(page.p, 1, page.len, stdout); /* cli_end() looks at what became of it */
	if (!bad)
		bad = fields_set_int(&c->counts, "bytes", (int64_t)page.len, f);
	buf_free(&page);
	return bad;
}

static bool check_options(struct cli *c, struct report *r, long top, long rows, double size)
{
	struct fail f = {{0}};
	if (top > 1000 || rows > 1000)
		return cli_usage(c, "--top and --rows take at most 1000");
	if (!(size > 0 && size <= 1000))
		return cli_usage(c, "--max-size takes 0 to 1000 MB");
	if (r->tests_path && !r->influence_path)
		return cli_usage(c, "-t requires --influence");
	if (!cli_check_model(c, r->model_path) || !cli_check_overwrite(c, "--influence", r->influence_path) ||
	    !cli_check_overwrite(c, "-t", r->tests_path) || !cli_check_overwrite(c, "--quarantine", r->quarantine_path))
		return false;
	if (eval_open(&r->eval, r->fields ? r->fields : "selfinf", NULL, r->positive, &f)) {
		eval_free(&r->eval);
		return cli_invalid(c, &f);
	}
	r->top = (int)top;
	r->max_tests = (int)rows;
	r->keys_per_file = c->keys_per_file;
	return true;
}

int main(int argc, char **argv)
{
	struct cli c = {.separate_output = 1};
	struct report r = {.title = "Scored records"};
	long top = 40, rows = 8;
	double size = 5;
	const struct cli_opt opts[] = {
		{'k', "key", "FIELD,...", CLI_TEXT, &r.fields, "the scores to show; the first one ranks (default: those there are)"},
		{0, "positive", "EXPR", CLI_TEXT, &r.positive, "records known as strangers, as in 'cls > 100': draws the detection curve"},
		{'m', "model", "NAME.vae", CLI_TEXT, &r.model_path, "the model: says what it is, and draws its training curve"},
		{0, "influence", "FILE", CLI_TEXT, &r.influence_path, "proponents and opponents, as --influence of other tools wrote them"},
		{'t', "tests", "TESTS", CLI_TEXT, &r.tests_path, "the test records of --influence, for their pictures"},
		{0, "quarantine", "FILE", CLI_TEXT, &r.quarantine_path, "records that were put aside (-r of vae-drop)"},
		{0, "title", "TEXT", CLI_TEXT, &r.title, "the page's title"},
		{0, "top", "N", CLI_INT, &top, "records shown of either end, and of the quarantine (default 40)"},
		{0, "rows", "N", CLI_INT, &rows, "test records shown (default 8)"},
		{0, "max-size", "MB", CLI_REAL, &size, "the page's size in millions of bytes: pictures give way (default 5)"},
		{'o', "output", "FILE", CLI_TEXT, &c.output, "write to FILE, whole or not at all"},
		CLI_INPUT(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-report", "[FILE ...]", "Writes one HTML page about a scored stream.", opts, argc, argv) ||
	    !check_options(&c, &r, top, rows, size))
		return c.status;
	struct flow w = {.cli = &c};
	struct fail f = {{0}};
	int bad = !c.output && isatty(1) ? fail_set(&f, "standard output is a terminal: name a file with -o") : report_open(&r, &f);
	if (!bad)
		bad = flow_open(&w, &c, FLOW_SINK, &f);
	if (!bad)
		bad = read_all(&w, &r, &f) || check_fields(&c, &r, &f) || report_finish(&r, &f) || write_page(&c, &r, (size_t)(size * 1e6), &f) ? -1 : 0;
	if (!bad && r.positive && r.eval.records && (r.eval.positives == 0 || r.eval.positives == r.eval.records))
		cli_note(&c, "--positive '%s' matches %s of %llu records: there is no detection curve", r.positive, r.eval.positives ? "all" : "none",
		         (unsigned long long)r.eval.records);
	report_free(&r);
	return flow_finish(&w, bad, &f);
}

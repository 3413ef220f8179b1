/* vae-report: one HTML page about a scored stream. */
#include <unistd.h>

#include "report/page.h"
#include "stream/name.h"
#include "tool/flow.h"

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
	r->top = (int)top;
	r->max_tests = (int)rows;
	r->keys_per_file = c->keys_per_file;
	r->limits = c->limits;
	return !eval_open(&r->eval, r->fields ? r->fields : "selfinf", NULL, r->positive, &f) || cli_invalid(c, &f);
}

static int add_record(void *ctx, struct record *r, struct fail *f) { return report_record(ctx, r, f); }

/* No record has a field that -k names: an error for the first one, which ranks, and a warning for the others. */
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

static int run(struct flow *w, struct report *r, size_t max, struct fail *f)
{
	struct cli *c = w->cli;
	struct buf page = {0};
	if (!c->output && isatty(1))
		return fail_set(f, "standard output is a terminal: name a file with -o");
	if (report_open(r, f) || flow_open(w, c, FLOW_SINK, f) || flow_each(w, add_record, r, f) || check_fields(c, r, f) || report_finish(r, f))
		return -1;
	int bad = page_write(r, max, &page, f) || flow_write_text(w, &page, f) || fields_set_int(&c->counts, "bytes", (int64_t)page.len, f);
	buf_free(&page);
	if (!bad && r->positive && r->eval.records && (r->eval.positives == 0 || r->eval.positives == r->eval.records))
		cli_note(c, "--positive '%s' matches %s of %llu records: there is no detection curve", r->positive, r->eval.positives ? "all" : "none",
		         (unsigned long long)r->eval.records);
	return bad ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.separate_output = 1};
	struct report r = {.title = "Scored records"};
	long top = 40, rows = 8;
	double size = 5;
	const struct cli_opt opts[] = {
		{'k', "key", "FIELD,...", CLI_TEXT, &r.fields, "the scores to show; the first one ranks (default: those of the first record)"},
		{0, "positive", "EXPR", CLI_TEXT, &r.positive, "which records are known outliers, as in 'cls > 100': draws the detection curve"},
		{'m', "model", "NAME.vae", CLI_TEXT, &r.model_path, "the model of the scores: shows its configuration and training curve"},
		{0, "influence", "FILE", CLI_TEXT, &r.influence_path, "proponents and opponents, from --influence of other tools"},
		{'t', "tests", "TESTS", CLI_TEXT, &r.tests_path, "the test records of --influence, for their pictures"},
		{0, "quarantine", "FILE", CLI_TEXT, &r.quarantine_path, "the records that were put aside (-r of vae-drop)"},
		{0, "title", "TEXT", CLI_TEXT, &r.title, "the title of the page (default: Scored records)"},
		{0, "top", "N", CLI_INT, &top, "records shown at each end of the scores, and of the quarantine (default 40)"},
		{0, "rows", "N", CLI_INT, &rows, "test records shown (default 8)"},
		{0, "max-size", "MB", CLI_REAL, &size, "largest page in millions of bytes; pictures are shrunk or left out (default 5)"},
		{'o', "output", "FILE", CLI_TEXT, &c.output, "write to FILE, whole or not at all"},
		CLI_INPUT(&c),
		CLI_RECORDS(&c),
		CLI_BASE(&c),
	};
	struct flow w = {.cli = &c};
	struct fail f = {{0}};
	if (!cli_begin(&c, "vae-report", "[FILE ...]", "Writes one HTML page about a scored stream.", opts, argc, argv))
		return c.status;
	if (!check_options(&c, &r, top, rows, size)) {
		report_free(&r);
		return c.status;
	}
	int bad = run(&w, &r, (size_t)(size * 1e6), &f);
	report_free(&r);
	return flow_finish(&w, bad, &f);
}

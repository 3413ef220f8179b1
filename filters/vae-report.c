/* vae-report: one HTML page about a scored stream. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "rank/rule.h"
#include "report/page.h"
#include "stream/name.h"
#include "tool/reviewer.h"

/* The options as given; NULL or -1: not given. */
struct options {
	struct report report;
	int review;
	const char *top, *only, *decisions, *columns;
	long rows, nearest, middle;
	double size;
};

static bool check_review(struct cli *c, const struct options *o, struct review *v)
{
	const struct report *r = &o->report;
	const char *other = r->quarantine_path ? "--quarantine" : r->tests_path ? "-t" : o->rows >= 0 ? "--rows" : o->middle >= 0 ? "--middle" : r->against ? "--against" : r->of_class.name ? "--class" : NULL;
	if (other)
		return cli_usage(c, "--review cannot be combined with %s%s", other, r->quarantine_path ? ": name the quarantine as FILE" : "");
	if (!cli_check_stdin(c, "--decisions", o->decisions))
		return false;
	if (o->nearest > REVIEW_MAX_NEAREST)
		return cli_usage(c, "--nearest takes at most %d", REVIEW_MAX_NEAREST);
	struct quota q;
	if (quota_parse(&q, o->top ? o->top : "200") || q.count > REVIEW_MAX)
		return cli_usage(c, "--top takes a number of records up to %d or a percentage, as in 200 or 1%%, not '%s'", REVIEW_MAX, o->top);
	*v = (struct review){.top = isnan(q.count) ? REVIEW_MAX : (size_t)q.count, .percent = q.percent, .max_nearest = o->nearest < 0 ? 4 : (int)o->nearest,
	                     .influence_path = r->influence_path, .decisions_path = o->decisions, .columns = o->columns};
	struct fail f = {{0}};
	if (o->only && !(v->only = expr_parse(o->only, &f))) {
		fail_add(&f, "--only");
		return cli_invalid(c, &f);
	}
	c->keys_by_file = c->keys_per_file; /* the keys of decisions must differ */
	c->keys_per_file = 0;
	return cli_check_keys(c) && cli_check_overwrite(c, "--decisions", o->decisions);
}

static bool check_page(struct cli *c, const struct options *o, struct report *r)
{
	struct quota q;
	const char *of_review = o->decisions ? "--decisions" : o->only ? "--only" : o->columns ? "--columns" : o->nearest >= 0 ? "--nearest" : NULL;
	if (of_review)
		return cli_usage(c, "%s requires --review", of_review);
	if (quota_parse(&q, o->top ? o->top : "40") || isnan(q.count))
		return cli_usage(c, "--top takes a number of records, not '%s'", o->top);
	if (q.count > 1000 || o->rows > 1000 || o->middle > 1000)
		return cli_usage(c, "--top, --middle and --rows take at most 1000");
	if (r->tests_path && !r->influence_path)
		return cli_usage(c, "-t requires --influence");
	if (!cli_check_stdin(c, "-t", r->tests_path) || !cli_check_stdin(c, "--quarantine", r->quarantine_path))
		return false;
	r->top = (int)q.count;
	r->middle = (int)o->middle;
	r->max_tests = o->rows < 0 ? 8 : (int)o->rows;
	return true;
}

static bool check_options(struct cli *c, struct options *o, struct review *v)
{
	struct fail f = {{0}};
	struct report *r = &o->report;
	if (isnan(o->size))
		o->size = o->review ? 20 : 5;
	if (!(o->size > 0 && o->size <= 1000))
		return cli_usage(c, "--max-size takes 0 to 1000 MB");
	if (!(o->review ? check_review(c, o, v) : check_page(c, o, r)) || !cli_check_model(c, r->model_path) ||
	    !cli_check_overwrite(c, "--influence", r->influence_path) || !cli_check_overwrite(c, "-t", r->tests_path) ||
	    !cli_check_overwrite(c, "--quarantine", r->quarantine_path))
		return false;
	if (!r->title)
		r->title = o->review ? "Suspects to decide on" : "Scored records";
	r->keys_per_file = c->keys_per_file;
	r->limits = c->limits;
	if (o->review)
		r->influence_path = NULL; /* of the review */
	return !(eval_open(&r->eval, r->fields ? r->fields : "selfinf", NULL, r->positive, &f) || (r->against && eval_set_axis(&r->eval, r->against, &f))) || cli_invalid(c, &f);
}

static int add_record(void *ctx, struct record *r, struct fail *f) { return report_record(ctx, r, f) < 0 ? -1 : 0; }

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

static int write_report(struct flow *w, struct report *r, size_t max, struct buf *page, struct fail *f)
{
	struct cli *c = w->cli;
	if (report_open(r, f) || flow_open(w, c, FLOW_SINK, f) || flow_each(w, add_record, r, f) || check_fields(c, r, f) || report_finish(r, f) ||
	    page_write(r, max, page, f))
		return -1;
	if (r->positive && r->eval.records && (r->eval.positives == 0 || r->eval.positives == r->eval.records))
		cli_note(c, "--positive '%s' matches %s of %llu records: there is no detection curve", r->positive, r->eval.positives ? "all" : "none",
		         (unsigned long long)r->eval.records);
	return 0;
}

static int write_review(struct flow *w, struct reviewer *r, size_t max, struct buf *page, struct fail *f)
{
	r->flow = w;
	r->check = check_fields;
	return reviewer_run(r, max, page, f) || fields_set_int(&w->cli->counts, "suspects", (int64_t)r->review.n, f) ? -1 : 0;
}

static int run(struct flow *w, struct options *o, struct reviewer *r, struct fail *f)
{
	struct cli *c = w->cli;
	struct buf page = {0};
	size_t max = (size_t)(o->size * 1e6);
	if (!c->output && isatty(1))
		return fail_set(f, "standard output is a terminal: name a file with -o");
	int bad = o->review ? write_review(w, r, max, &page, f) : write_report(w, &o->report, max, &page, f);
	bad = bad || flow_write_text(w, &page, f) || fields_set_int(&c->counts, "bytes", (int64_t)page.len, f);
	buf_free(&page);
	return bad ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.separate_output = 1};
	static struct options o = {.rows = -1, .nearest = -1, .middle = -1, .size = NAN};
	struct report *p = &o.report;
	const struct cli_opt opts[] = {
		{0, "review", NULL, CLI_FLAG, &o.review, "write a page on which a person decides which suspects to drop"},
		{0, "only", "EXPR", CLI_TEXT, &o.only, "suspects of --review match EXPR, as in 'reason ~ \"*\" || rank < 100'"},
		{0, "decisions", "FILE", CLI_TEXT, &o.decisions, "begin the review with the decisions in FILE, as its page exports them"},
		{'k', "key", "FIELD,...", CLI_TEXT, &p->fields, "the scores to show; the first one ranks (default: those of the first record)"},
		{0, "positive", "EXPR", CLI_TEXT, &p->positive, "which records are known outliers, as in 'cls > 100': draws the detection curve"},
		{0, "against", "FIELD", CLI_TEXT, &p->against, "the field of the x axis and of the correlations, as in logp_out or -nll (default: -loss; for memo: logp_in)"},
		{'m', "model", "NAME.vae", CLI_TEXT, &p->model_path, "the model of the scores: shows its configuration and training curve"},
		{0, "influence", "FILE", CLI_TEXT, &p->influence_path, "proponents and opponents, from --influence of other tools"},
		{0, "class", "NAME", CLI_TEXT, &p->of_class.name, "the label: a field, json.NAME, or key/ for the directory of the key (default cls)"},
		{'t', "tests", "TESTS", CLI_TEXT, &p->tests_path, "the test records of --influence, for their pictures"},
		{0, "quarantine", "FILE", CLI_TEXT, &p->quarantine_path, "the records that were put aside (-r of vae-drop)"},
		{0, "title", "TEXT", CLI_TEXT, &p->title, "the title of the page (default: Scored records)"},
		{0, "top", "N|P%", CLI_TEXT, &o.top, "records shown at each end of the scores, and of the quarantine (default 40); suspects of --review (default 200)"},
		{0, "middle", "N", CLI_INT, &o.middle, "how many records near the median to show (default: 0; 20 if ranked by memo)"},
		{0, "rows", "N", CLI_INT, &o.rows, "test records shown (default 8)"},
		{0, "nearest", "N", CLI_INT, &o.nearest, "nearest records shown beside a suspect of --review (default 4)"},
		{0, "columns", "NAME,...", CLI_TEXT, &o.columns, "names of the columns of numeric records, for --review"},
		{0, "max-size", "MB", CLI_REAL, &o.size, "largest page in millions of bytes; pictures are shrunk or left out (default 5; with --review 20)"},
		{'o', "output", "FILE", CLI_TEXT, &c.output, "write to FILE, whole or not at all"},
		CLI_JOBS(&c),
		CLI_INPUT(&c),
		CLI_RECORDS(&c),
		CLI_BASE(&c),
	};
	struct flow w = {.cli = &c};
	struct fail f = {{0}};
	static struct reviewer r;
	if (!cli_begin(&c, "vae-report", "[FILE ...]", "Writes one HTML page about a scored stream.", opts, argc, argv))
		return c.status;
	bool valid = check_options(&c, &o, &r.review);
	r.review.report = p;
	int bad = valid ? run(&w, &o, &r, &f) : 0;
	review_free(&r.review);
	report_free(p);
	return valid ? flow_finish(&w, bad, &f) : c.status;
}

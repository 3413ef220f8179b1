/* vae-eval --influence: statistics and charts of influences over test records. */
#include <stdio.h>
#include <string.h>

#include "eval.h"
#include "eval/influences.h"
#include "report/influence_charts.h"

enum { MAX_CLASS_CHARTS = 50 };

/* Whether records must be read for their classes. */
static int needs_records(const char *name) { return name && strcmp(name, CLASS_OF_KEY) != 0; }

bool check_influence(struct cli *c, const struct eval_options *o)
{
	if (o->positive || o->against || o->model || o->runs || o->plane || o->mean || o->lds || o->halves || o->fields)
		return cli_usage(c, "--influence takes no other option but --class, -t, --cut, --svg, --json, -o and --summary");
	if (c->nfiles && !needs_records(o->class_name))
		return cli_usage(c, "--influence reads records only for the classes that --class NAME says they have");
	if (o->tests && !needs_records(o->class_name))
		return cli_usage(c, "-t requires --class NAME, which the records say");
	return cli_check_stdin(c, "-t", o->tests) && cli_check_overwrite(c, "--influence", o->influence) && cli_check_overwrite(c, "-t", o->tests);
}

static int add_class(void *ctx, struct record *r, struct fail *f)
{
	struct influences *s = ctx;
	return class_check_record(&s->of_class, r, f) || class_map_add(&s->records, r, s->of_class.name, f) ? record_fail(r, f) : 0;
}

static int add_test_class(void *ctx, struct record *r, struct fail *f)
{
	struct influences *s = ctx;
	return class_check_record(&s->of_class, r, f) || class_map_add(&s->tests, r, s->of_class.name, f) ? record_fail(r, f) : 0;
}

static int read_classes(struct influences *s, struct flow *w, const struct eval_options *o, struct fail *f)
{
	if (flow_open(w, w->cli, FLOW_SINK, f) || flow_each(w, add_class, s, f))
		return -1;
	if (o->tests && eval_read_tests(w->cli, o->tests, add_test_class, s, f))
		return -1;
	class_map_sort(&s->records);
	class_map_sort(&s->tests);
	return class_check_end(&s->of_class, f);
}

/* --- charts --- */

/* Whether a name may be part of a file name. */
static int is_name(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	return *s && strlen(s) <= 32 && strspn(s, allowed) == strlen(s);
}

/* Writes the prefix of the names of a method's charts to out. */
static void prefix_of(const struct influences *s, const struct influence_method *m, char *out, size_t size)
{
	if (!m->name[0])
		*out = 0;
	else if (is_name(m->name))
		snprintf(out, size, "%s-", m->name);
	else
		snprintf(out, size, "method.%zu-", (size_t)(m - s->method) + 1);
}

/* Writes the name of the chart of a class to out; cls -1: all classes. */
static void class_name(const struct influences *s, const char *prefix, int cls, char *out, size_t size)
{
	if (cls < 0)
		snprintf(out, size, "%sclasses", prefix);
	else if (is_name(s->classes.name[cls]))
		snprintf(out, size, "%sclass-%.32s", prefix, s->classes.name[cls]);
	else
		snprintf(out, size, "%sclass.%d", prefix, cls + 1);
}

static int write_method(const struct influences *s, const struct influence_method *m, const char *dir, struct fail *f)
{
	struct buf svg = {0};
	char prefix[48], name[120];
	int bad = 0;
	prefix_of(s, m, prefix, sizeof prefix);
	for (int k = INFLUENCE_DISTANCE; k < INFLUENCE_MEASURES && !bad; k++) {
		svg.len = 0;
		int drawn = influence_chart_against(m, (enum influence_measure)k, &svg, f);
		snprintf(name, sizeof name, "%s%s", prefix, k == INFLUENCE_DISTANCE ? "distance" : "norm");
		bad = drawn < 0 || (drawn && eval_write_chart(dir, name, &svg, f));
	}
	for (int cls = -1; cls < (int)s->classes.n && cls < MAX_CLASS_CHARTS && !bad; cls++) {
		svg.len = 0;
		int drawn = influence_chart_classes(s, m, cls, &svg, f);
		class_name(s, prefix, cls, name, sizeof name);
		bad = drawn < 0 || (drawn && eval_write_chart(dir, name, &svg, f));
	}
	buf_free(&svg);
	return bad ? -1 : 0;
}

static int write_charts(const struct influences *s, const struct cli *c, const char *dir, struct fail *f)
{
	if (eval_make_directory(dir, f))
		return -1;
	if (s->classes.n > MAX_CLASS_CHARTS)
		cli_note(c, "--svg draws the first %d of %zu classes", MAX_CLASS_CHARTS, s->classes.n);
	for (size_t i = 0; i < s->n; i++)
		if (write_method(s, &s->method[i], dir, f))
			return -1;
	return 0;
}

int run_influences(struct flow *w, const struct eval_options *o, struct fail *f)
{
	struct influences s = {.of_class = {.name = o->class_name}};
	struct buf out = {0};
	int bad = (s.ncutoffs = eval_parse_cutoffs(s.cutoff, o->cutoffs ? o->cutoffs : "1,10", f)) < 0 ? fail_add(f, "--cut") : 0;
	if (bad)
		s.ncutoffs = 0;
	bad = bad || (needs_records(o->class_name) && read_classes(&s, w, o, f)) || influences_read(&s, o->influence, f) || influences_finish(&s, f);
	if (!bad)
		cli_note_count(w->cli, s.unread, "test record has no influences: it could not be read", "test records have no influences: they could not be read");
	bad = bad || (o->svg && write_charts(&s, w->cli, o->svg, f)) || (o->json ? influences_json(&s, &out, f) : influences_table(&s, &out, f)) || flow_write_text(w, &out, f);
	influences_free(&s);
	buf_free(&out);
	return bad ? -1 : 0;
}

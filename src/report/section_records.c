/* Records as thumbnails: the highest and lowest scores, the quarantine, proponents and opponents. */
#include <math.h>
#include <string.h>

#include "report/html.h"
#include "report/picture_code.h"
#include "report/sections.h"

struct item {
	const struct thumbnail *t;
	size_t number;    /* from 1; 0: not numbered */
	const char *what; /* the name of the score, for screen readers */
	double score;     /* NAN: none is shown */
	enum { UNRELATED, SAME_CLASS, OTHER_CLASS } relation; /* to the test record */
	int own;          /* it is the test record */
};

/* --- one thumbnail --- */

static const char *const relation_text[] = {"", ", same class", ", other class"}, *const relation_style[] = {"", " same", " other"};

/* The text alternative of a picture or curve. */
static void put_alt(struct page *p, const struct item *m)
{
	const struct thumbnail *t = m->t;
	if (m->number)
		put(p, "Number %zu: ", m->number);
	put_text(p, t->key);
	if (t->source && t->source[0]) {
		put(p, ", ");
		put_text(p, t->source);
	}
	if (t->label && t->label[0]) {
		put(p, ", label ");
		put_text(p, t->label);
	}
	put(p, "%s%s", relation_text[m->relation], m->own ? ", the test record itself" : "");
	if (!isnan(m->score)) {
		put(p, ", ");
		put_text(p, m->what);
		put(p, " ");
		put_number(p, m->score);
	}
	if (t->positive)
		put(p, ", labelled positive");
}

static void put_picture(struct page *p, const struct item *m)
{
	enum { ENLARGED = 84 }; /* pixels: smaller pictures are shown this large */
	struct buf png = {0};
	int w, h;
	if (!p->bad && picture_code(&m->t->picture, p->side, &w, &h, NULL, &png, p->f))
		p->bad = 1;
	if (!p->bad) {
		int side = w > h ? w : h, enlarge = side < ENLARGED;
		put(p, "<img%s width=\"%d\" height=\"%d\" alt=\"", enlarge ? " class=\"px\"" : "", enlarge ? (w * ENLARGED + side / 2) / side : w,
		    enlarge ? (h * ENLARGED + side / 2) / side : h);
		put_alt(p, m);
		put(p, "\" src=\"data:image/png;base64,");
		if (!p->bad && html_base64(p->out, png.p, png.len, p->f))
			p->bad = 1;
		put(p, "\">");
	}
	buf_free(&png);
}

static void put_vector(struct page *p, const struct item *m)
{
	enum { W = 96, H = 64 };
	const struct thumbnail *t = m->t;
	float low = t->low[0], high = t->high[0];
	for (int i = 1; i < t->points; i++) {
		low = t->low[i] < low ? t->low[i] : low;
		high = t->high[i] > high ? t->high[i] : high;
	}
	double span = p->high - p->low;
	put(p, "<svg class=\"sp\" role=\"img\" viewBox=\"0 0 %d %d\" aria-label=\"", W, H);
	put_alt(p, m);
	put(p, "; %zu values from %s%.4g to %s%.4g\"><path d=\"", t->values, HTML_SIGNED((double)low), HTML_SIGNED((double)high));
	for (int i = 0; i < t->points; i++) {
		double x = 2 + (t->points > 1 ? (W - 4) * (double)i / (t->points - 1) : W / 2.0), y[2] = {t->low[i], t->high[i]};
		for (int k = 0; k < (y[0] == y[1] ? 1 : 2); k++)
			put(p, "%s%.1f %.1f", i + k ? "L" : "M", x, span > 0 ? H - 3 - (H - 6) * (y[k] - p->low) / span : H / 2.0);
	}
	put(p, "%s\"/></svg>", t->points == 1 ? "h0" : "");
}

static void put_values(struct page *p, const struct thumbnail *t)
{
	put(p, "<span class=\"vals\">");
	for (int i = 0; i < t->points; i++)
		put(p, "%s%s%.4g", i ? ", " : "", HTML_SIGNED((double)t->low[i]));
	put(p, "</span> ");
}

static void put_caption(struct page *p, const struct item *m)
{
	enum { MAX_VALUES = 4 }; /* so few are written out below the curve */
	const struct thumbnail *t = m->t;
	if (m->number)
		put(p, "<span class=\"nr\">%zu</span> ", m->number);
	if (!isnan(m->score)) {
		put(p, "<b>");
		put_number(p, m->score);
		put(p, "</b> ");
	}
	if (t->kind == THUMBNAIL_VECTOR && t->values <= MAX_VALUES)
		put_values(p, t);
	put(p, "<bdi class=\"key\" title=\"");
	put_text(p, t->key);
	put(p, "\">");
	put_short_key(p, t->key);
	put(p, "</bdi>");
	if (t->source && t->source[0]) {
		put(p, " <bdi class=\"key lab\" title=\"");
		put_text(p, t->source);
		put(p, "\">");
		put_short_key(p, t->source);
		put(p, "</bdi>");
	}
	if (t->label && t->label[0]) {
		put(p, " <span class=\"lab\">label <bdi>");
		put_text(p, t->label);
		put(p, "</bdi></span>");
	}
	if (t->positive)
		put(p, " <span class=\"tag\">positive</span>");
	if (m->own)
		put(p, " <span class=\"own\">itself</span>");
}

static void put_item(struct page *p, const struct item *m)
{
	put(p, "<li><figure class=\"rec%s%s\">", m->t->positive ? " pos" : "", relation_style[m->relation]);
	if (m->t->kind == THUMBNAIL_PICTURE) {
		put_picture(p, m);
	} else if (m->t->kind == THUMBNAIL_VECTOR) {
		put_vector(p, m);
	} else {
		put(p, "<p class=\"no\">");
		put_text(p, m->t->why);
		put(p, "</p>");
	}
	put(p, "<figcaption>");
	put_caption(p, m);
	put(p, "</figcaption></figure></li>\n");
}

/* --- the scale of vectors --- */

static void widen(struct page *p, const struct thumbnail *t)
{
	for (int i = 0; t->kind == THUMBNAIL_VECTOR && i < t->points; i++) {
		p->low = fmin(p->low, (double)t->low[i]);
		p->high = fmax(p->high, (double)t->high[i]);
	}
}

void set_vector_scale(struct page *p)
{
	const struct extremes *e[] = {&p->r->high, &p->r->low, &p->r->middle_of, &p->r->quarantined};
	const struct thumbnail_index *x[] = {&p->r->influential, &p->r->tests};
	p->low = INFINITY;
	p->high = -INFINITY;
	for (int k = 0; k < 4; k++)
		for (size_t i = 0; i < e[k]->n; i++)
			widen(p, &e[k]->v[i]);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < x[k]->n; i++)
			widen(p, x[k]->v[i]);
}

/* --- extreme scores --- */

static uint64_t number_shown(const struct page *p, const struct extremes *e)
{
	return e->n < (size_t)p->max_records ? e->n : (uint64_t)p->max_records;
}

static void put_extremes(struct page *p, const struct extremes *e)
{
	put(p, "<ol class=\"sheet\">\n");
	for (size_t i = 0; i < number_shown(p, e); i++)
		put_item(p, &(struct item){.t = &e->v[i], .number = i + 1, .what = p->r->eval.field[0].name, .score = e->v[i].score});
	put(p, "</ol>\n");
}

static void section_extremes(struct page *p, const struct extremes *e, const char *id, const char *heading, const char *selfinf, const char *memo)
{
	const char *lead = p->r->eval.field[0].name;
	if (!e->n)
		return;
	put(p, "<section id=\"%s\" aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s ", id, id, id, heading);
	put_text(p, lead);
	put(p, "</h2>\n<p>The ");
	put_plural(p, number_shown(p, e), "record", "records");
	put(p, " with the %s score, %s first.%s</p>\n", id, id, strcmp(lead, "selfinf") == 0 ? selfinf : strcmp(lead, "memo") == 0 ? memo : "");
	put_extremes(p, e);
	put(p, "</section>\n");
}

void section_highest(struct page *p)
{
	section_extremes(p, &p->r->high, "highest", "Highest",
	                 " The model has to learn each of these by itself: outliers, damaged files, rare records that are correct, and pictures with high contrast.",
	                 " The models memorize each of these: no other record teaches them the same.");
}

void section_middle(struct page *p)
{
	const struct extremes *e = &p->r->middle_of;
	if (!e->n)
		return;
	put(p, "<section id=\"middle\" aria-labelledby=\"h-middle\"><h2 id=\"h-middle\">Middle ");
	put_text(p, p->r->eval.field[0].name);
	put(p, "</h2>\n<p>");
	put_plural(p, number_shown(p, e), "record", "records");
	put(p, " near the median, ");
	put_number(p, p->r->eval.field[0].detection.rank.median);
	put(p, "%s, the highest first.</p>\n", p->r->sampled ? ", from a random sample" : "");
	put_extremes(p, e);
	put(p, "</section>\n");
}

void section_lowest(struct page *p)
{
	section_extremes(p, &p->r->low, "lowest", "Lowest", " Many records are like these, so no single record has much influence on the model.",
	                 " Models that did not see these records give them the same probability, or a higher one.");
}

static void put_reasons(struct page *p)
{
	static const char *const column[] = {"reason", "records", NULL};
	const struct text_counts *c = &p->r->reasons;
	if (!c->n)
		return;
	put_table(p, "reasons", "Why they were put aside", column);
	for (int i = 0; i < c->n; i++) {
		put(p, "<tr><th scope=\"row\"><bdi>");
		put_text(p, c->v[i].text[0]);
		put(p, "</bdi></th><td class=\"n\">");
		put_count(p, c->v[i].n);
		put(p, "</td></tr>\n");
	}
	if (c->others) {
		put(p, "<tr><th scope=\"row\">other reasons</th><td class=\"n\">");
		put_count(p, c->others);
		put(p, "</td></tr>\n");
	}
	put_table_end(p);
}

void section_quarantine(struct page *p)
{
	const struct report *r = p->r;
	if (!r->quarantine_path)
		return;
	put(p, "<section id=\"quarantine\" aria-labelledby=\"h-quarantine\"><h2 id=\"h-quarantine\">Put aside</h2>\n<p>");
	put_plural(p, r->nquarantined, "record is", "records are");
	put(p, " in the quarantine.");
	if (r->quarantined.n) {
		put(p, " Shown: the ");
		put_plural(p, number_shown(p, &r->quarantined), "one", "ones");
		put(p, " with the highest ");
		put_text(p, r->eval.field[0].name);
		put(p, ".");
	}
	put(p, "</p>\n");
	put_reasons(p);
	put_extremes(p, &r->quarantined);
	put(p, "</section>\n");
}

/* --- proponents and opponents --- */

static int has_label(const struct thumbnail *t) { return t && t->label && t->label[0]; }

/* Adds the proponents or opponents of a test record. test: NULL if it is not in -t. */
static void put_influential(struct page *p, const struct test_influence *t, const struct thumbnail *test, int which)
{
	static const char *const heading[2] = {"Proponents", "Opponents"}, *const effect[2] = {"made it more likely", "made it less likely"};
	put(p, "<h4>%s <span class=\"lab\">%s</span></h4>\n", heading[which], t->n[which] ? effect[which] : "none");
	if (!t->n[which])
		return;
	put(p, "<ol class=\"sheet\">\n");
	for (int i = 0; i < t->n[which] && i < p->max_records; i++) {
		const struct thumbnail *found = thumbnail_index_find(&p->r->influential, t->item[which][i].key);
		if (!found)
			continue;
		struct item m = {.t = found, .number = (size_t)i + 1, .what = "influence", .score = t->item[which][i].influence, .own = strcmp(found->key, t->test) == 0};
		if (has_label(test) && has_label(found))
			m.relation = strcmp(test->label, found->label) == 0 ? SAME_CLASS : OTHER_CLASS;
		put_item(p, &m);
	}
	put(p, "</ol>\n");
}

static void put_test(struct page *p, const struct test_influence *t)
{
	const struct thumbnail *test = thumbnail_index_find(&p->r->tests, t->test);
	put(p, "<article class=\"row\"><h3>Test record <bdi class=\"key\">");
	put_text(p, t->test);
	put(p, "</bdi>");
	if (t->method) {
		put(p, " <span class=\"lab\">");
		put_text(p, t->method);
		put(p, "</span>");
	}
	put(p, "</h3>\n<div class=\"rowbody\"><ul class=\"sheet one\" aria-label=\"The test record\">\n");
	if (test)
		put_item(p, &(struct item){.t = test, .what = "", .score = NAN});
	put(p, "</ul><div>\n");
	put_influential(p, t, test, 0);
	put_influential(p, t, test, 1);
	put(p, "</div></div></article>\n");
}

/* How many of the listed records have the class of their test record. */
static void put_same_class(struct page *p, size_t tests)
{
	const char *const *what = influence_kind_name;
	const struct test_influences *all = &p->r->influences;
	uint64_t same[2] = {0}, pairs[2] = {0};
	for (size_t i = 0; i < tests; i++) {
		const struct thumbnail *test = thumbnail_index_find(&p->r->tests, all->v[i].test);
		for (int w = 0; w < 2 && has_label(test); w++)
			for (int k = 0; k < all->v[i].n[w]; k++) {
				const struct thumbnail *found = thumbnail_index_find(&p->r->influential, all->v[i].item[w][k].key);
				pairs[w] += (uint64_t)has_label(found);
				same[w] += (uint64_t)(has_label(found) && strcmp(test->label, found->label) == 0);
			}
	}
	if (!pairs[0] && !pairs[1])
		return;
	put(p, "<p>Frames compare the class with that of the test record: <span class=\"frame same\">same class</span> <span class=\"frame other\">other class</span>. ");
	for (int w = 0, n = 0; w < 2; w++)
		if (pairs[w]) {
			put(p, "%s", n++ ? ", and " : "");
			put_count(p, same[w]);
			put(p, " of ");
			put_count(p, pairs[w]);
			put(p, " %s", what[w]);
		}
	put(p, " have the class of their test record");
	put(p, ".</p>\n");
}

void section_influence(struct page *p)
{
	const struct test_influences *all = &p->r->influences;
	size_t n = (size_t)p->max_tests < all->n ? (size_t)p->max_tests : all->n;
	if (!p->r->influence_path)
		return;
	put(p, "<section id=\"influence\" aria-labelledby=\"h-influence\"><h2 id=\"h-influence\">Influence over test records</h2>\n"
	       "<p>Proponents are the records that made a test record more likely to the model, the strongest first; opponents made it less likely.");
	if (all->n + all->left_out > n) {
		put(p, " Shown: %zu of ", n);
		put_plural(p, all->n + all->left_out, "line", "lines");
		put(p, ".");
	}
	put(p, "</p>\n");
	put_same_class(p, n);
	for (size_t i = 0; i < n; i++)
		put_test(p, &all->v[i]);
	put(p, "</section>\n");
}

/* Records: pictures, sparklines and what stands below them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/png.h"
#include "input/resize.h"
#include "report/html.h"
#include "report/page.h"

/* The picture no larger than the page's side, as PNG. */
static int encode(struct page *p, const struct picture *full, int *w, int *h, struct buf *png)
{
	int side = full->width > full->height ? full->width : full->height;
	*w = full->width;
	*h = full->height;
	if (side <= p->side)
		return png_encode(full->pixels, *w, *h, full->channels, png, p->f);
	struct picture small;
	*w = *w * p->side / side;
	*h = *h * p->side / side;
	*w = *w ? *w : 1;
	*h = *h ? *h : 1;
	if (picture_resize(full, *w, *h, &small, p->f))
		return -1;
	int r = png_encode(small.pixels, *w, *h, small.channels, png, p->f);
	picture_free(&small);
	return r;
}

static void put_alt(struct page *p, const struct thumbnail *s, size_t number, const char *what, double score)
{
	if (number)
		put(p, "Number %zu: ", number);
	put_text(p, s->key);
	if (s->label && s->label[0]) {
		put(p, ", label ");
		put_text(p, s->label);
	}
	if (!isnan(score)) {
		put(p, ", ");
		put_text(p, what);
		put(p, " ");
		put_number(p, score);
	}
	if (s->positive)
		put(p, ", labelled positive");
}

static void put_picture(struct page *p, const struct thumbnail *s, size_t number, const char *what, double score)
{
	struct buf png = {0};
	int w, h;
	if (!p->bad && encode(p, &s->picture, &w, &h, &png))
		p->bad = 1;
	if (!p->bad) {
		/* small ones are enlarged to 84, in whole pixels of their own */
		int side = w > h ? w : h, large = side < 84;
		put(p, "<img%s width=\"%d\" height=\"%d\" alt=\"", large ? " class=\"px\"" : "", large ? (w * 84 + side / 2) / side : w,
		    large ? (h * 84 + side / 2) / side : h);
		put_alt(p, s, number, what, score);
		put(p, "\" src=\"data:image/png;base64,");
		if (!p->bad && html_base64(p->out, png.p, png.len, p->f))
			p->bad = 1;
		put(p, "\">");
	}
	buf_free(&png);
}

static void put_vector(struct page *p, const struct thumbnail *s, size_t number, const char *what, double score)
{
	enum { W = 96, H = 64 };
	float low = s->low[0], high = s->high[0];
	for (int i = 1; i < s->points; i++) {
		low = s->low[i] < low ? s->low[i] : low;
		high = s->high[i] > high ? s->high[i] : high;
	}
	double span = p->high - p->low;
	put(p, "<svg class=\"sp\" role=\"img\" viewBox=\"0 0 %d %d\" aria-label=\"", W, H);
	put_alt(p, s, number, what, score);
	put(p, "; %zu values from %.4g to %.4g\"><path d=\"", s->values, (double)low, (double)high);
	for (int i = 0; i < s->points; i++) {
		double x = 2 + (s->points > 1 ? (W - 4) * (double)i / (s->points - 1) : W / 2.0), y[2] = {s->low[i], s->high[i]};
		for (int k = 0; k < (y[0] == y[1] ? 1 : 2); k++)
			put(p, "%s%.1f %.1f", i + k ? "L" : "M", x, span > 0 ? H - 3 - (H - 6) * (y[k] - p->low) / span : H / 2.0);
	}
	put(p, "%s\"/></svg>", s->points == 1 ? "h0" : "");
}

static void widen(struct page *p, const struct thumbnail *s)
{
	for (int i = 0; s->kind == THUMBNAIL_VECTOR && i < s->points; i++) {
		p->low = fmin(p->low, (double)s->low[i]);
		p->high = fmax(p->high, (double)s->high[i]);
	}
}

void page_scale(struct page *p)
{
	const struct extremes *e[] = {&p->r->high, &p->r->low, &p->r->quarantined};
	const struct thumbnail_index *w[] = {&p->r->trained, &p->r->tests};
	p->low = INFINITY;
	p->high = -INFINITY;
	for (int k = 0; k < 3; k++)
		for (size_t i = 0; i < e[k]->n; i++)
			widen(p, &e[k]->v[i]);
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < w[k]->n; i++)
			widen(p, w[k]->v[i]);
}

/* A few values are better read than seen. */
static void put_values(struct page *p, const struct thumbnail *s)
{
	put(p, "<span class=\"vals\">");
	for (int i = 0; i < s->points; i++)
		put(p, "%s%.4g", i ? ", " : "", (double)s->low[i]);
	put(p, "</span> ");
}

/* A key has three lines below a picture. */
static void put_key(struct page *p, const char *key)
{
	put(p, "<bdi class=\"key\" title=\"");
	put_text(p, key);
	put(p, "\">");
	if (!p->bad && html_middle(p->out, key, 12, 24, p->f))
		p->bad = 1;
	put(p, "</bdi>");
}

void put_record(struct page *p, const struct thumbnail *s, size_t number, const char *what, double score)
{
	put(p, "<li><figure class=\"rec%s\">", s->positive ? " pos" : "");
	if (s->kind == THUMBNAIL_PICTURE)
		put_picture(p, s, number, what, score);
	else if (s->kind == THUMBNAIL_VECTOR)
		put_vector(p, s, number, what, score);
	else {
		put(p, "<p class=\"no\">");
		put_text(p, s->why);
		put(p, "</p>");
	}
	put(p, "<figcaption>");
	if (number)
		put(p, "<span class=\"nr\">%zu</span> ", number);
	if (!isnan(score)) {
		put(p, "<b>");
		put_number(p, score);
		put(p, "</b> ");
	}
	if (s->kind == THUMBNAIL_VECTOR && s->values <= 4)
		put_values(p, s);
	put_key(p, s->key);
	if (s->label && s->label[0]) {
		put(p, " <span class=\"lab\">label <bdi>");
		put_text(p, s->label);
		put(p, "</bdi></span>");
	}
	if (s->positive)
		put(p, " <span class=\"tag\">positive</span>");
	put(p, "</figcaption></figure></li>\n");
}

void put_sheet(struct page *p, const struct thumbnail *v, size_t n, const char *what, int numbered)
{
	size_t most = (size_t)p->shown < n ? (size_t)p->shown : n;
	put(p, "<ol class=\"sheet\">\n");
	for (size_t i = 0; i < most; i++)
		put_record(p, &v[i], numbered ? i + 1 : 0, what, v[i].score);
	put(p, "</ol>\n");
}

void put_ends(struct page *p)
{
	const struct report *r = p->r;
	const char *lead = r->eval.field[0].name;
	static const char *const said[2] = {
		"The model has to learn these for themselves: strangers, broken files, rare kinds that are right all the same, and pictures with high contrast.",
		"There are many like these: the model knows them already.",
	};
	if (!r->high.n)
		return;
	for (int i = 0; i < 2; i++) {
		const struct extremes *e = i ? &r->low : &r->high;
		put(p, "<section id=\"%s\" aria-labelledby=\"h-%s\"><h2 id=\"h-%s\">%s ", i ? "lowest" : "highest", i ? "lowest" : "highest", i ? "lowest" : "highest",
		    i ? "Lowest" : "Highest");
		put_text(p, lead);
		put(p, "</h2>\n<p>The ");
		put_things(p, e->n < (size_t)p->shown ? e->n : (uint64_t)p->shown, "record", "records");
		put(p, " with the %s score, %s first.%s%s</p>\n", i ? "lowest" : "highest", i ? "lowest" : "highest", strcmp(lead, "selfinf") == 0 ? " " : "",
		    strcmp(lead, "selfinf") == 0 ? said[i] : "");
		put_sheet(p, e->v, e->n, lead, 1);
		put(p, "</section>\n");
	}
}

static void put_row(struct page *p, const struct test_influence *row)
{
	static const char *const kind[2] = {"Proponents", "Opponents"};
	static const char *const said[2] = {"made it more likely", "made it less likely"};
	const struct thumbnail *test = thumbnail_index_find(&p->r->tests, row->test);
	put(p, "<article class=\"row\"><h3>Test record <bdi class=\"key\">");
	put_text(p, row->test);
	put(p, "</bdi>");
	if (row->method) {
		put(p, " <span class=\"lab\">");
		put_text(p, row->method);
		put(p, "</span>");
	}
	put(p, "</h3>\n<div class=\"rowbody\"><ul class=\"sheet one\" aria-label=\"The test record\">\n");
	if (test)
		put_record(p, test, 0, "", NAN);
	put(p, "</ul><div>\n");
	for (int w = 0; w < 2; w++) {
		put(p, "<h4>%s <span class=\"lab\">%s</span></h4>\n", kind[w], row->n[w] ? said[w] : "none");
		if (!row->n[w])
			continue;
		put(p, "<ol class=\"sheet\">\n");
		for (int i = 0; i < row->n[w] && i < p->shown; i++) {
			const struct thumbnail *s = thumbnail_index_find(&p->r->trained, row->item[w][i].key);
			if (s)
				put_record(p, s, (size_t)i + 1, "influence", row->item[w][i].influence);
		}
		put(p, "</ol>\n");
	}
	put(p, "</div></div></article>\n");
}

void put_rows(struct page *p)
{
	const struct test_influences *rows = &p->r->rows;
	size_t most = (size_t)p->rows < rows->n ? (size_t)p->rows : rows->n;
	if (!p->r->rows_path)
		return;
	put(p, "<section id=\"influence\" aria-labelledby=\"h-influence\"><h2 id=\"h-influence\">Influence over test records</h2>\n"
	       "<p>Proponents are the records that made a test record more likely to the model, the strongest first; opponents made it less likely.");
	if (rows->n + rows->left_out > most) {
		put(p, " Shown: %zu of ", most);
		put_things(p, rows->n + rows->left_out, "line", "lines");
		put(p, ".");
	}
	put(p, "</p>\n");
	for (size_t i = 0; i < most; i++)
		put_row(p, &rows->v[i]);
	put(p, "</section>\n");
}

void put_quarantine(struct page *p)
{
	const struct report *r = p->r;
	if (!r->quarantine_path)
		return;
	put(p, "<section id=\"quarantine\" aria-labelledby=\"h-quarantine\"><h2 id=\"h-quarantine\">Put aside</h2>\n<p>");
	put_things(p, r->in_quarantine, "record is", "records are");
	put(p, " in the quarantine");
	if (r->quarantined.n) {
		put(p, "; shown are the ");
		put_things(p, r->quarantined.n < (size_t)p->shown ? r->quarantined.n : (uint64_t)p->shown, "one", "ones");
		put(p, " with the highest ");
		put_text(p, r->eval.field[0].name);
	}
	put(p, ".</p>\n");
	if (r->nreasons) {
		put(p, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"Why they are put aside\"><table><caption>Why they are put aside</caption>"
		       "<thead><tr><th scope=\"col\">reason</th><th scope=\"col\" class=\"n\">records</th></tr></thead><tbody>\n");
		for (int i = 0; i < r->nreasons; i++) {
			put(p, "<tr><th scope=\"row\"><bdi>");
			put_text(p, r->reason[i].text[0]);
			put(p, "</bdi></th><td class=\"n\">");
			put_count(p, r->reason[i].n);
			put(p, "</td></tr>\n");
		}
		if (r->reason_others) {
			put(p, "<tr><th scope=\"row\">other reasons</th><td class=\"n\">");
			put_count(p, r->reason_others);
			put(p, "</td></tr>\n");
		}
		put(p, "</tbody></table></div>\n");
	}
	put_sheet(p, r->quarantined.v, r->quarantined.n, r->eval.field[0].name, 1);
	put(p, "</section>\n");
}

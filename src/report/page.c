#include "report/page.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"
#include "report/plot.h"

enum { LONGEST = 2000 }; /* characters of a key or a field: one of a megabyte must not crowd out the others */

void put(struct page *p, const char *fmt, ...)
{
	va_list ap, again;
	if (p->bad)
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || buf_reserve(p->out, (size_t)n, p->f)) {
		p->bad = 1;
	} else {
		vsnprintf(p->out->p + p->out->len, (size_t)n + 1, fmt, again);
		p->out->len += (size_t)n;
	}
	va_end(again);
}

void put_text(struct page *p, const char *s)
{
	if (!p->bad && html_short(p->out, s, LONGEST, p->f))
		p->bad = 1;
}

void put_count(struct page *p, uint64_t n)
{
	if (n >= 1000) {
		put_count(p, n / 1000);
		put(p, ",%03d", (int)(n % 1000));
	} else {
		put(p, "%d", (int)n);
	}
}

void put_number(struct page *p, double v)
{
	double a = fabs(v);
	if (isnan(v)) {
		put(p, "none");
		return;
	}
	if (v < 0)
		put(p, "\xe2\x88\x92");
	if (a >= 1000 && a < 1e12)
		put_count(p, (uint64_t)(a + 0.5));
	else
		put(p, "%.4g", a);
}

void put_things(struct page *p, uint64_t n, const char *one, const char *many)
{
	put_count(p, n);
	put(p, " %s", n == 1 ? one : many);
}

/* --- the whole --- */

static void tile(struct page *p, const char *name, const char *fmt, double v)
{
	put(p, "<div><dt>%s</dt><dd>", name);
	if (fmt)
		put(p, fmt[0] == '4' ? "%.4f" : "%.1f&nbsp;%%", v);
	else
		put_number(p, v);
	put(p, "</dd></div>\n");
}

static void put_tiles(struct page *p)
{
	const struct report *r = p->r;
	const struct eval_field *lead = &r->eval.field[0];
	put(p, "<dl class=\"tiles\">\n");
	tile(p, "records", NULL, (double)r->eval.records);
	if (r->unscored)
		tile(p, "not scored", NULL, (double)r->unscored);
	if (lead->detection.rank.scored)
		tile(p, "median score", NULL, lead->detection.rank.median);
	if (lead->loss_fit.n && !isnan(lead->loss_fit.r2))
		tile(p, "R\xc2\xb2 with \xe2\x88\x92loss", "4", lead->loss_fit.r2);
	if (!isnan(lead->auc))
		tile(p, "detection AUC", "4", lead->auc);
	if (r->quarantine_path)
		tile(p, "put aside", NULL, (double)r->in_quarantine);
	put(p, "</dl>\n");
}

static void put_nav(struct page *p)
{
	const struct report *r = p->r;
	const struct { const char *id, *name; int there; } link[] = {
		{"scored", "What was scored", 1}, {"highest", "Highest", r->high.n > 0}, {"lowest", "Lowest", r->high.n > 0},
		{"scores", "Scores", r->eval.field[0].detection.rank.scored || r->eval.nfields > 1}, {"detection", "Detection", r->eval.positive != NULL}, {"influence", "Influence", r->rows_path != NULL},
		{"quarantine", "Put aside", r->quarantine_path != NULL}, {"training", "Training", r->curve.n > 1},
	};
	put(p, "<nav aria-label=\"Sections\"><ul>");
	for (size_t i = 0; i < sizeof link / sizeof *link; i++)
		if (link[i].there)
			put(p, "<li><a href=\"#%s\">%s</a></li>", link[i].id, link[i].name);
	put(p, "</ul></nav>\n");
}

int page_write(const struct report *r, int side, int shown, int rows, const char *note, struct buf *out, struct fail *f)
{
	struct page p = {.r = r, .out = out, .f = f, .side = side, .shown = shown, .rows = rows, .note = note};
	page_scale(&p);
	put(&p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
	        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
	        "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"generator\" content=\"vae-report (vae-filters) %s\">\n<title>", VF_VERSION);
	put_text(&p, r->title);
	put(&p, "</title>\n<style>\n%s", page_style);
	if (!p.bad && plot_style(out, f))
		p.bad = 1;
	put(&p, "</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n<h1>");
	put_text(&p, r->title);
	put(&p, "</h1>\n<p class=\"lead\">");
	if (r->eval.field[0].detection.rank.scored) {
		put(&p, "How much each of ");
		put_things(&p, r->eval.records, "record", "records");
		put(&p, " stands out, by <strong>");
		put_text(&p, r->eval.field[0].name);
		put(&p, "</strong>.");
	} else if (r->eval.records) {
		put_things(&p, r->eval.records, "record", "records");
		put(&p, ", none of them with <strong>");
		put_text(&p, r->eval.field[0].name);
		put(&p, "</strong>: there is nothing to rank.");
	} else {
		put(&p, "The stream holds no records.");
	}
	put(&p, "</p>\n");
	put_tiles(&p);
	put_nav(&p);
	if (note)
		put(&p, "<p class=\"lab\">%s</p>\n", note);
	put(&p, "</header>\n<main id=\"main\">\n");
	put_scored(&p);
	put_ends(&p);
	put_scores(&p);
	put_detection(&p);
	put_rows(&p);
	put_quarantine(&p);
	put_training(&p);
	put(&p, "</main>\n<footer><p>Made by vae-report (vae-filters) %s. This page needs no network and runs no script. What the scores mean, and when not to trust them: vae-filters(7).</p></footer>\n</body>\n</html>\n", VF_VERSION);
	return p.bad ? -1 : 0;
}

int page_fit(const struct report *r, size_t max, struct buf *out, struct fail *f)
{
	int shown = r->top > INFLUENTIAL_MAX ? r->top : INFLUENTIAL_MAX, rows = r->nrows;
	char note[200] = "";
	for (;;) {
		for (int side = THUMBNAIL_SIDE; side >= 32; side = side * 3 / 4) {
			if (side < THUMBNAIL_SIDE)
				snprintf(note, sizeof note, "To stay below %.3g MB, pictures are at most %d pixels wide and high%s.", (double)max / 1e6, side,
				         shown < r->top || rows < r->nrows ? ", and some are left out" : "");
			out->len = 0;
			if (page_write(r, side, shown, rows, note[0] ? note : NULL, out, f))
				return -1;
			if (out->len <= max)
				return 0;
		}
		if (shown == 0 && rows == 0)
			return fail_set(f, "--max-size: the page has %zu bytes without any picture", out->len);
		shown /= 2;
		rows /= 2;
	}
}

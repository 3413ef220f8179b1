/* The page on which a person decides what becomes of suspects. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "report/html.h"
#include "report/picture_code.h"
#include "report/put.h"
#include "report/review.h"
#include "report/review_assets.h"

void review_picture(struct page *p, const struct thumbnail *t)
{
	struct buf file = {0};
	int w, h, photograph = 0;
	if (!p->bad && picture_code(&t->picture, p->side, &w, &h, &photograph, &file, p->f))
		p->bad = 1;
	put(p, "data:image/%s;base64,", photograph ? "jpeg" : "png");
	if (!p->bad && html_base64(p->out, file.p, file.len, p->f))
		p->bad = 1;
	buf_free(&file);
}

void review_curve(struct page *p, const struct review *v, size_t point)
{
	enum { W = 96, H = 64 };
	const size_t d = (size_t)v->points.d, points = d < THUMBNAIL_POINTS ? d : THUMBNAIL_POINTS;
	const float *z = v->scaled + point * d;
	for (size_t k = 0; k < points; k++) {
		float low = REVIEW_MAX_Z, high = -REVIEW_MAX_Z;
		for (size_t i = k * d / points; i < (k + 1) * d / points; i++) {
			low = z[i] < low ? z[i] : low;
			high = z[i] > high ? z[i] : high;
		}
		double x = 2 + (points > 1 ? (W - 4) * (double)k / (double)(points - 1) : W / 2.0);
		put(p, "%s%.1f %.1f", k ? "L" : "M", x, H / 2.0 - (H / 2.0 - 3) * (double)low / REVIEW_MAX_Z);
		if (high > low)
			put(p, "L%.1f %.1f", x, H / 2.0 - (H / 2.0 - 3) * (double)high / REVIEW_MAX_Z);
	}
	put(p, "%s", points == 1 ? "h0" : "");
}

/* --- the head --- */

/* Appends 'sha256-...' of an inline script or style. */
static void put_hash(struct page *p, const char *text)
{
	unsigned char digest[32];
	sha256(text, strlen(text), digest);
	put(p, "'sha256-");
	if (!p->bad && html_base64(p->out, digest, sizeof digest, p->f))
		p->bad = 1;
	put(p, "'");
}

static void put_head(struct page *p)
{
	put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; script-src ");
	put_hash(p, review_js);
	put(p, "; style-src ");
	put_hash(p, review_css);
	put(p, "; base-uri 'none'; form-action 'none'\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
	       "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"generator\" content=\"vae-report (vae-filters) %s\">\n<title>", VF_VERSION);
	put_text(p, p->r->title);
	put(p, "</title>\n<style>%s</style>\n</head>\n", review_css);
}

static void put_lead(struct page *p, const struct review *v)
{
	const struct report *r = p->r;
	put(p, "<p class=\"lead\"><strong>");
	put_count(p, v->nscored);
	put(p, "</strong> of ");
	put_plural(p, r->eval.records, "record", "records");
	put(p, v->nscored == 1 ? " has the highest <strong>" : " have the highest <strong>");
	put_text(p, r->eval.field[0].name);
	put(p, "</strong>");
	if (v->n > v->nscored) {
		put(p, "; ");
		put_plural(p, v->n - v->nscored, "record", "records");
		put(p, " of ");
		put_count(p, r->unscored);
		put(p, " without a score %s shown too", v->n - v->nscored == 1 ? "is" : "are");
	}
	put(p, ". Like records stand in one group. Decide what to keep and what to drop, and export the decisions for <code>vae-drop --keys</code>.</p>\n");
	if (r->origins.n > 1)
		put(p, "<p class=\"warn\"><strong>These scores were made with different models or options. They cannot be compared.</strong></p>\n");
}

static void put_bar(struct page *p)
{
	put(p, "<div class=\"bar\" role=\"region\" aria-label=\"Decisions and filters\">\n<div class=\"row\">"
	       "<span class=\"c k\"><b id=\"n-k\">0</b> keep</span><span class=\"c d\"><b id=\"n-d\">0</b> drop</span><span class=\"c u\"><b id=\"n-u\">0</b> unsure</span>"
	       "<span class=\"c\"><b id=\"n-left\">0</b> left</span>"
	       "<span class=\"tools\"><button type=\"button\" id=\"undo\" disabled>Undo</button><button type=\"button\" id=\"open-import\">Import</button>"
	       "<button type=\"button\" class=\"main\" id=\"open-export\">Export</button></span></div>\n"
	       "<div class=\"meter\" aria-hidden=\"true\"><i id=\"m-k\" class=\"k\"></i><i id=\"m-d\" class=\"d\"></i><i id=\"m-u\" class=\"u\"></i></div>\n"
	       "<p id=\"status\" role=\"status\" aria-live=\"polite\"></p>\n"
	       "<p id=\"unstored\" class=\"warn\" hidden>This browser does not keep decisions for this page: export them before you close it.</p>\n"
	       "<input type=\"file\" id=\"file\" accept=\".tsv,.txt,text/plain,text/tab-separated-values\" aria-label=\"A file of decisions\" hidden>\n</div>\n"
	       "<details class=\"filters\" id=\"filters\" aria-label=\"Filters and keys\"><summary>Filters and keys</summary>\n<div class=\"row\">"
	       "<label>Decision <select id=\"f-decision\"><option value=\"\">all</option><option value=\"none\">undecided</option><option value=\"k\">keep</option>"
	       "<option value=\"d\">drop</option><option value=\"u\">unsure</option></select></label>"
	       "<label>Reason <select id=\"f-reason\"><option value=\"\">all</option></select></label>"
	       "<label>Score <select id=\"f-score\"></select></label><label>z at least <input id=\"f-z\" type=\"number\" step=\"0.5\" inputmode=\"decimal\"></label>"
	       "<span id=\"shown\" class=\"lab\" role=\"status\"></span></div>\n"
	       "<p class=\"keys\"><kbd>&larr;</kbd> <kbd>&rarr;</kbd> <kbd>&uarr;</kbd> <kbd>&darr;</kbd> move &nbsp; <kbd>k</kbd> keep &nbsp; <kbd>d</kbd> drop &nbsp; <kbd>u</kbd> unsure &nbsp; "
	       "<kbd>Shift</kbd> with one of them: the whole group &nbsp; <kbd>Backspace</kbd> undecided &nbsp; <kbd>z</kbd> undo &nbsp; <kbd>Enter</kbd> reads why, <kbd>Esc</kbd> goes back</p>\n</details>\n");
}

/* --- suspects --- */

static void put_score(struct page *p, const struct suspect *s)
{
	if (!isnan(s->t.score))
		put_number(p, s->t.score);
}

/* The most unusual column. */
static void put_column(struct page *p, const struct review *v, const struct suspect *s)
{
	size_t len;
	const char *name = review_column(v, s->column[0].column, &len);
	if (!name)
		put(p, "column %u", s->column[0].column + 1);
	else if (!p->bad && html_text(p->out, name, len, p->f))
		p->bad = 1;
	put(p, ": %s%.4g", HTML_SIGNED(s->column[0].value));
}

static void put_label(struct page *p, const struct review *v, const struct suspect *s)
{
	put(p, "Number %zu, key ", s->at + 1);
	put_text(p, s->t.key);
	if (s->t.label && s->t.label[0]) {
		put(p, ", label ");
		put_text(p, s->t.label);
	}
	if (!isnan(s->t.score)) {
		put(p, ", ");
		put_text(p, p->r->eval.field[0].name);
		put(p, " ");
		put_score(p, s);
	}
	put(p, ", ");
	put_text(p, v->category[s->category]);
	if (s->t.positive)
		put(p, ", labelled positive");
}

static void put_image(struct page *p, const struct review *v, const struct suspect *s)
{
	const struct thumbnail *t = &s->t;
	if (t->kind == THUMBNAIL_PICTURE) {
		int w = t->picture.width, h = t->picture.height;
		put(p, "<img%s alt=\"\" width=\"%d\" height=\"%d\" decoding=\"async\" src=\"", w <= PICTURE_SMALL && h <= PICTURE_SMALL ? " class=\"px\"" : "", w, h);
		review_picture(p, t);
		put(p, "\">");
	} else if (t->kind == THUMBNAIL_VECTOR && v->scaled && s->point != SIZE_MAX) {
		put(p, "<svg class=\"curve\" viewBox=\"0 0 96 64\" aria-hidden=\"true\"><path d=\"");
		review_curve(p, v, s->point);
		put(p, "\"/></svg>");
	} else {
		put(p, "<span class=\"no\">");
		put_text(p, t->kind == THUMBNAIL_NONE ? t->why : "numbers that cannot be compared");
		put(p, "</span>");
	}
}

static void put_card(struct page *p, const struct review *v, const struct suspect *s)
{
	put(p, "<li><div class=\"card\" data-i=\"%zu\" role=\"group\" tabindex=\"-1\" aria-label=\"", s->at);
	put_label(p, v, s);
	put(p, "\"><div class=\"rec\"><div class=\"pic\">");
	put_image(p, v, s);
	put(p, "</div><div class=\"cap\"><span class=\"lab\">%zu%s</span><b>", s->at + 1, s->t.positive ? " <span class=\"tag\">positive</span>" : "");
	put_score(p, s);
	put(p, "</b><span class=\"why\">");
	if (s->ncolumns)
		put_column(p, v, s);
	else
		put_text(p, v->category[s->category]);
	put(p, "</span><bdi class=\"key\">");
	put_short_key(p, s->t.key);
	put(p, "</bdi></div></div><div class=\"act\">"
	       "<button type=\"button\" tabindex=\"-1\" data-d=\"k\" aria-label=\"Keep\" title=\"Keep (k)\" aria-pressed=\"false\">\xe2\x9c\x93</button>"
	       "<button type=\"button\" tabindex=\"-1\" data-d=\"d\" aria-label=\"Drop\" title=\"Drop (d)\" aria-pressed=\"false\">\xe2\x9c\x95</button>"
	       "<button type=\"button\" tabindex=\"-1\" data-d=\"u\" aria-label=\"Unsure\" title=\"Unsure (u)\" aria-pressed=\"false\">?</button></div></div></li>\n");
}

/* The category that most suspects of the group have. compared: whether they are a group because they are like each other. */
static size_t common_category(const struct review *v, int group, size_t *n, int *compared)
{
	size_t count[REVIEW_CATEGORIES + 1] = {0}, best = 0;
	*n = 0;
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i]->group == group) {
			++*n;
			*compared = v->v[i]->point != SIZE_MAX;
			count[v->v[i]->category]++;
		}
	for (size_t i = 0; i < v->ncategories; i++)
		best = count[i] > count[best] ? i : best;
	return best;
}

static void put_group(struct page *p, const struct review *v, int group)
{
	static const char *const button[3][2] = {{"k", "Keep all"}, {"d", "Drop all"}, {"u", "Unsure"}};
	int compared = 1;
	size_t n, category = common_category(v, group, &n, &compared);
	put(p, "<section class=\"group\" id=\"g%d\" aria-labelledby=\"h%d\"><div class=\"ghead\"><h2 id=\"h%d\">Group %d <span class=\"lab\">", group, group, group, group + 1);
	put_plural(p, n, "record", "records");
	put(p, "%s%s", compared ? "" : " that cannot be compared", n > 1 ? ", mostly " : ", ");
	put_text(p, v->category[category]);
	put(p, "</span></h2><span class=\"gcount\"></span><div class=\"gact\" role=\"group\" aria-label=\"Decide on all of group %d\">", group + 1);
	for (int k = 0; k < 3; k++)
		put(p, "<button type=\"button\" data-group=\"%d\" data-all=\"%s\">%s</button>", group, button[k][0], button[k][1]);
	put(p, "</div></div>\n<ul class=\"grid\">\n");
	for (size_t i = 0; i < v->n && p->out->len <= p->limit; i++)
		if (v->v[i]->group == group)
			put_card(p, v, v->v[i]);
	put(p, "</ul></section>\n");
}

static void put_panel(struct page *p)
{
	put(p, "<aside id=\"why\" aria-label=\"The record that is looked at\"><div id=\"decide\" role=\"group\" aria-label=\"Decide\">"
	       "<button type=\"button\" data-d=\"k\" aria-pressed=\"false\">Keep</button><button type=\"button\" data-d=\"d\" aria-pressed=\"false\">Drop</button>"
	       "<button type=\"button\" data-d=\"u\" aria-pressed=\"false\">Unsure</button><button type=\"button\" id=\"undo2\" disabled>Undo</button>"
	       "<button type=\"button\" id=\"more\" aria-expanded=\"false\" aria-controls=\"why-body\">Why?</button></div>"
	       "<div id=\"why-body\" tabindex=\"0\" role=\"region\" aria-label=\"Why this record is a suspect\"></div></aside>\n");
}

static void put_export(struct page *p)
{
	put(p, "<dialog id=\"export\" aria-labelledby=\"export-title\"><h2 id=\"export-title\">Decisions</h2>\n<p id=\"export-note\" role=\"status\"></p>\n"
	       "<textarea id=\"text\" readonly spellcheck=\"false\" wrap=\"off\" aria-label=\"Keys and decisions, one a line\"></textarea>\n"
	       "<div class=\"row\"><button type=\"button\" class=\"main\" id=\"download\">Download decisions.tsv</button><button type=\"button\" id=\"copy\">Copy</button>"
	       "<span class=\"tools\"><button type=\"button\" id=\"close\">Close</button></span></div>\n"
	       "<p class=\"lab\">Then: <code>vae-drop --keys decisions.tsv -r dropped.tar.zst ranked.tar &gt; clean.tar</code></p></dialog>\n");
}

/* Writes the page with the limits in p, or part of it if that is larger than p->limit. */
static int write_page(struct page *p, const struct review *v, const char *note)
{
	p->out->len = 0;
	put_head(p);
	put(p, "<body>\n<a class=\"skip\" href=\"#suspects\">Skip to the suspects</a>\n<header>\n<h1>");
	put_text(p, p->r->title);
	put(p, "</h1>\n");
	put_lead(p, v);
	if (*note)
		put(p, "<p class=\"lab\">%s</p>\n", note);
	put(p, "</header>\n<noscript><p class=\"warn\">This page needs JavaScript to decide. It loads nothing over a network.</p></noscript>\n");
	put_bar(p);
	put(p, "<div class=\"cols\"><main id=\"suspects\" tabindex=\"-1\" aria-label=\"Suspects\">\n<p id=\"nothing\" hidden>%s</p>\n",
	    v->n ? "No suspect passes the filters." : "There are no suspects.");
	for (int g = 0; g < v->ngroups; g++)
		put_group(p, v, g);
	put(p, "</main>\n");
	put_panel(p);
	put(p, "</div>\n");
	put_export(p);
	put(p, "<footer><p>Made by vae-report (vae-filters) %s. This page loads nothing from the network and sends nothing. vae-filters(7) says what the scores mean, and when not to trust them.</p></footer>\n"
	       "<script type=\"application/json\" id=\"data\">", VF_VERSION);
	review_data(p, v);
	put(p, "</script>\n<script>%s</script>\n</body>\n</html>\n", review_js);
	return p->bad ? -1 : 0;
}

int review_page_write(const struct review *v, size_t max, struct buf *out, struct fail *f)
{
	struct page p = {.r = v->report, .out = out, .f = f, .limit = max};
	char note[200] = "";
	for (p.max_tests = 1; p.max_tests >= 0; p.max_tests--)
		for (p.side = THUMBNAIL_SIDE; p.side >= 32; p.side = p.side * 3 / 4) {
			if (p.side < THUMBNAIL_SIDE || !p.max_tests)
				snprintf(note, sizeof note, "To stay below %.3g MB, pictures are at most %d pixels wide and high%s.", (double)max / 1e6, p.side,
				         p.max_tests ? "" : ", and those of nearest records are left out");
			if (write_page(&p, v, note))
				return -1;
			if (out->len <= max)
				return 0;
		}
	return fail_set(f, "--max-size: %zu suspects do not fit into %.3g MB: raise it, or show fewer with --top", v->n, (double)max / 1e6);
}

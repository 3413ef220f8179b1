#include "report/page.h"

#include <stdio.h>
#include <string.h>

#include "report/plot.h"
#include "report/sections.h"

static void put_head(struct page *p)
{
	put(p, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
	       "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"generator\" content=\"vae-report (vae-filters) %s\">\n<title>", VF_VERSION);
	put_text(p, p->r->title);
	put(p, "</title>\n<style>\n%s", page_style);
	if (!p->bad && plot_style(p->out, p->f))
		p->bad = 1;
	put(p, "</style>\n</head>\n");
}

static void put_links(struct page *p)
{
	const struct report *r = p->r;
	const struct { const char *id, *name; int there; } link[] = {
		{"highest", "Highest", r->high.n > 0}, {"quarantine", "Put aside", r->quarantine_path != NULL}, {"middle", "Middle", r->middle_of.n > 0}, {"lowest", "Lowest", r->high.n > 0},
		{"scores", "Scores", r->eval.field[0].detection.rank.scored || r->eval.nfields > 1}, {"detection", "Detection", r->eval.positive != NULL},
		{"influence", "Influence", r->influence_path != NULL}, {"model", "Model", 1}, {"training", "Training", r->curve.n > 1},
	};
	put(p, "<nav aria-label=\"Sections\"><ul>");
	for (size_t i = 0; i < sizeof link / sizeof *link; i++)
		if (link[i].there)
			put(p, "<li><a href=\"#%s\">%s</a></li>", link[i].id, link[i].name);
	put(p, "</ul></nav>\n");
}

/* Writes the page with the limits in p. note: which limits were lowered, or "". */
static int write_page(struct page *p, const char *note)
{
	p->out->len = 0;
	set_vector_scale(p);
	put_head(p);
	put(p, "<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<header>\n<h1>");
	put_text(p, p->r->title);
	put(p, "</h1>\n");
	section_summary(p);
	put_links(p);
	if (*note)
		put(p, "<p class=\"lab\">%s</p>\n", note);
	put(p, "</header>\n<main id=\"main\">\n");
	section_highest(p);
	section_quarantine(p);
	section_middle(p);
	section_lowest(p);
	section_scores(p);
	section_detection(p);
	section_influence(p);
	section_model(p);
	section_training(p);
	put(p, "</main>\n<footer><p>Made by vae-report (vae-filters) %s. This page runs no script and loads nothing from the network. vae-filters(7) says what the scores mean, and when not to trust them.</p></footer>\n</body>\n</html>\n", VF_VERSION);
	return p->bad ? -1 : 0;
}

int page_write(const struct report *r, size_t max, struct buf *out, struct fail *f)
{
	struct page p = {.r = r, .out = out, .f = f, .max_records = r->top > INFLUENTIAL_MAX ? r->top : INFLUENTIAL_MAX, .max_tests = r->max_tests};
	char note[200] = "";
	for (;;) {
		for (p.side = THUMBNAIL_SIDE; p.side >= 32; p.side = p.side * 3 / 4) {
			if (p.side < THUMBNAIL_SIDE)
				snprintf(note, sizeof note, "To stay below %.3g MB, pictures are at most %d pixels wide and high%s.", (double)max / 1e6, p.side,
				         p.max_records < r->top || p.max_tests < r->max_tests ? ", and some are left out" : "");
			if (write_page(&p, note))
				return -1;
			if (out->len <= max)
				return 0;
		}
		if (p.max_records == 0 && p.max_tests == 0)
			return fail_set(f, "--max-size: the page has %zu bytes without any picture: raise it", out->len);
		p.max_records /= 2;
		p.max_tests /= 2;
	}
}

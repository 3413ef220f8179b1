/* The first screen: how many records, how many suspects, by which score, and the strongest of them. */
#include <math.h>

#include "report/html.h"
#include "report/sections.h"

/* The modified z-score from which Iglewicz & Hoaglin (1993, How to Detect and Handle Outliers) label an outlier. */
#define SUSPECT_Z 3.5
enum { STRONGEST = 5 };

static uint64_t count_suspects(const struct ranking *r)
{
	uint64_t n = 0;
	while (n < r->scored && ranking_z(r, r->v[n].value) > SUSPECT_Z)
		n++;
	return n;
}

static void put_findings(struct page *p, uint64_t suspects)
{
	const struct report *r = p->r;
	const struct eval_field *lead = &r->eval.field[0];
	put(p, "<p class=\"lead\">");
	if (!r->eval.records) {
		put(p, "The stream holds no records.");
	} else if (!lead->detection.rank.scored) {
		put_plural(p, r->eval.records, "record", "records");
		put(p, ", none of them with <strong>");
		put_text(p, lead->name);
		put(p, "</strong>: there is nothing to rank.");
	} else {
		put(p, "<strong>");
		put_count(p, suspects);
		put(p, "</strong> of ");
		put_plural(p, r->eval.records, "record", "records");
		put(p, suspects == 1 ? " is a suspect" : " are suspects");
		put(p, " by <strong>");
		put_text(p, lead->name);
		put(p, "</strong>: %s more than %g robust standard deviations above the median.", !suspects ? "no score is" : suspects == 1 ? "its score is" : "their scores are", SUSPECT_Z);
	}
	if (r->quarantine_path) {
		put(p, " <strong>");
		put_count(p, r->nquarantined);
		put(p, "</strong> %s put aside.", r->nquarantined == 1 ? "was" : "were");
	}
	put(p, "</p>\n");
	if (r->origins.n > 1)
		put(p, "<p class=\"warn\"><strong>These scores were made with different models or options. They cannot be compared.</strong></p>\n");
}

static void put_tile(struct page *p, const char *name, double v)
{
	put(p, "<div><dt>%s</dt><dd>", name);
	put_number(p, v);
	put(p, "</dd></div>\n");
}

static void put_tile_share(struct page *p, const char *name, double v)
{
	if (!isnan(v))
		put(p, "<div><dt>%s</dt><dd>%.4f</dd></div>\n", name, v);
}

static void put_tiles(struct page *p, uint64_t suspects)
{
	const struct report *r = p->r;
	const struct eval_field *lead = &r->eval.field[0];
	put(p, "<dl class=\"tiles\">\n");
	put_tile(p, "records", (double)r->eval.records);
	if (lead->detection.rank.scored)
		put_tile(p, "suspects", (double)suspects);
	if (r->quarantine_path)
		put_tile(p, "put aside", (double)r->nquarantined);
	if (r->unscored)
		put_tile(p, "not scored", (double)r->unscored);
	put_tile_share(p, "detection AUC", lead->auc);
	if (lead->detection.rank.scored)
		put_tile(p, "median score", lead->detection.rank.median);
	if (lead->fit.n && !r->eval.axis.name)
		put_tile_share(p, "R\xc2\xb2 with " HTML_MINUS "loss", lead->fit.r2);
	put(p, "</dl>\n");
}

static void put_strongest(struct page *p)
{
	const struct extremes *e = &p->r->high;
	if (!e->n)
		return;
	put(p, "<p>The highest scores, and their distance from the median (z):</p>\n<ol class=\"strongest\">\n");
	for (size_t i = 0; i < e->n && i < STRONGEST; i++) {
		const struct thumbnail *t = &e->v[i];
		put(p, "<li><b>");
		put_number(p, t->score);
		put(p, "</b> <bdi class=\"mono\">");
		put_short_key(p, t->key);
		put(p, "</bdi> <span class=\"lab\">");
		if (t->source && t->source[0]) {
			put(p, "<bdi>");
			put_short_key(p, t->source);
			put(p, "</bdi>, ");
		}
		put(p, "z ");
		put_number(p, ranking_z(&p->r->eval.field[0].detection.rank, t->score));
		if (t->label && t->label[0]) {
			put(p, ", label <bdi>");
			put_text(p, t->label);
			put(p, "</bdi>");
		}
		put(p, "%s</span></li>\n", t->positive ? ", positive" : "");
	}
	put(p, "</ol>\n");
}

void section_summary(struct page *p)
{
	uint64_t suspects = count_suspects(&p->r->eval.field[0].detection.rank);
	put_findings(p, suspects);
	put_tiles(p, suspects);
	put_strongest(p);
}

/* page.h - the parts of a page, inside src/report: text that is put piece by piece. */
#ifndef VF_PAGE_H
#define VF_PAGE_H

#include "report/report.h"

struct page {
	const struct report *r;
	struct buf *out;
	struct fail *f;
	int bad;              /* the first failure stays; nothing is put after it */
	int side, shown, rows;
	const char *note;
	double low, high; /* of all vectors in the page: they share one scale */
};

void put(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Anybody's text, escaped, and cut where it is very long. */
void put_text(struct page *p, const char *s);
/* A number for people: 3,888,409, 12.35, 0.001234; "none" for NAN. */
void put_number(struct page *p, double v);
void put_count(struct page *p, uint64_t n);
/* N of something, with its plural. */
void put_things(struct page *p, uint64_t n, const char *one, const char *many);

/* A list of records with their pictures; what: what the score is called, for those who do not see. */
void put_sheet(struct page *p, const struct thumbnail *v, size_t n, const char *what, int numbered);
/* One record as a list item; score NAN: none shown. */
void put_record(struct page *p, const struct thumbnail *s, size_t number, const char *what, double score);

/* Sets the scale. */
void page_scale(struct page *p);

/* Sections, in the order of the page; each puts nothing where it has nothing to say. */
void put_scored(struct page *p);
void put_scores(struct page *p);
void put_detection(struct page *p);
void put_ends(struct page *p);
void put_rows(struct page *p);
void put_quarantine(struct page *p);
void put_training(struct page *p);

extern const char page_style[];

#endif

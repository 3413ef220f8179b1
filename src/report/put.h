/* put.h - appends text, numbers and markup to a page. */
#ifndef VF_PUT_H
#define VF_PUT_H

#include "report/report.h"

struct page {
	const struct report *r;
	struct buf *out;
	struct fail *f;
	int bad;                    /* set by the first failure; nothing is appended after it */
	int side;                   /* pictures are at most this wide and high, in pixels */
	int max_records, max_tests; /* thumbnails in a list; test records */
	double low, high;           /* the scale that all vectors of the page share */
	size_t limit;               /* bytes of a review: what is longer is cut, and written again with smaller pictures */
};

/* Markup with numbers; no text from the data. */
void put(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Any text, escaped, and cut if it is very long. */
void put_text(struct page *p, const char *s);
/* A number with 4 digits, or thousands with commas: 3,888,409, 12.35, 0.001234; "none" for NAN. */
void put_number(struct page *p, double v);
void put_count(struct page *p, uint64_t n);
/* A count and its noun: 1 record, 2 records. */
void put_plural(struct page *p, uint64_t n, const char *one, const char *many);
/* A key with its middle left out if it is long: paths differ at their ends. */
void put_short_key(struct page *p, const char *key);
/* Begins a table: caption and columns are markup, columns end in NULL. The columns after the first hold numbers. */
void put_table(struct page *p, const char *id, const char *caption, const char *const *column);
void put_table_end(struct page *p);

#endif

/* report.h - what a page says of a scored stream: gathered in one pass, then written as HTML.
 *
 * Memory: what judge.h keeps, and a bounded number of records to be shown.
 */
#ifndef VF_REPORT_H
#define VF_REPORT_H

#include "tool/flow.h"
#include "eval/eval.h"
#include "model/model.h"
#include "report/test_influence.h"
#include "report/thumbnail.h"

enum { REPORT_MADE = 6, REPORT_FAILED = 5, REPORT_REASONS = 12, REPORT_LONGEST = 300 };

/* A text and how many records have it. */
struct text_count {
	char *text[2]; /* model and options; or a reason and NULL */
	uint64_t n;
};

struct report {
	/* what is asked for */
	const char *title, *fields, *positive; /* NULL: what the records have; nothing labelled */
	const char *model_path, *rows_path, *tests_path, *quarantine_path;
	int top, nrows; /* records an end, test records */
	int keys_per_file;

	/* what was read */
	struct eval eval;
	int judged, found_fields;
	uint64_t unscored; /* records with `error` */
	struct thumbnail failed[REPORT_FAILED]; /* the first of them; why: the error */
	int nfailed;
	struct text_count made[REPORT_MADE];
	int nmade;
	uint64_t made_others;
	struct extremes high, low, quarantined;
	uint64_t in_quarantine, reason_others;
	struct text_count reason[REPORT_REASONS];
	int nreasons;
	struct test_influences rows;
	struct thumbnail_index trained, tests;

	/* the model, if one is named */
	struct model *model;
	char model_id[17], all_id[17]; /* of the last checkpoint, and of all together */
	int checkpoints;
	struct { double *step, *loss, *holdout; size_t n, cap; } curve; /* holdout: NAN between checkpoints */
};

/* Reads what stands beside the stream, before it: a failure is found early. */
int report_open(struct report *r, struct fail *f);
int report_record(struct report *r, struct record *rec, struct fail *f);
/* Reads tests and quarantine, and measures. */
int report_finish(struct report *r, struct fail *f);
void report_free(struct report *r);

/* Appends the page: pictures at most side pixels a side, at most shown records a sheet and rows of
 * influence. note: what had to be left out, or NULL. */
int page_write(const struct report *r, int side, int shown, int rows, const char *note, struct buf *out, struct fail *f);
/* The page with as much as fits into max bytes. */
int page_fit(const struct report *r, size_t max, struct buf *out, struct fail *f);

#endif

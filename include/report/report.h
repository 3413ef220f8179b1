/* report.h - what a page shows about a scored stream, collected in one pass over it.
 *
 * Memory: that of eval.h, and a bounded number of thumbnails.
 */
#ifndef VF_REPORT_H
#define VF_REPORT_H

#include "eval/classes.h"
#include "eval/eval.h"
#include "model/checkpoints.h"
#include "report/test_influence.h"
#include "report/thumbnail.h"
#include "report/training.h"
#include "stream/reader.h"

enum {
	TEXT_COUNTS_MAX = 12,   /* distinct texts of the quarantine's reasons */
	REPORT_MAX_ORIGINS = 6, /* distinct pairs of model and options */
	REPORT_MAX_FAILED = 5,  /* records with an error that are shown */
	REPORT_MIDDLE = 20,     /* records near the median that are shown */
	REPORT_SAMPLE = 32,     /* sampled records for each of these */
};

/* Distinct texts, or pairs of texts, and how many records have each. */
struct text_counts {
	struct text_count {
		char *text[2]; /* text[1]: NULL unless pairs are counted */
		uint64_t n;
	} v[TEXT_COUNTS_MAX];
	int n;
	uint64_t others; /* records with another text than the first ones */
};

struct report {
	/* set by the caller */
	const char *title, *fields, *positive; /* fields NULL: chosen by the first record; positive NULL: nothing labelled */
	const char *model_path, *influence_path, *tests_path, *quarantine_path;
	struct class_check of_class; /* its name: the label, shown, and compared between test records and their proponents (eval/classes.h); NULL: cls */
	const char *against;      /* see eval_set_axis(); NULL: the default */
	int max_fields;     /* that are chosen if `fields` is NULL; 0: 8 */
	int top, max_tests; /* thumbnails at each end of the scores; test records */
	int middle;         /* thumbnails near the median; -1: REPORT_MIDDLE if ranked by memo, else none */
	int keys_per_file;
	struct reader_limits limits; /* of test records and quarantine */

	/* read from the stream */
	struct eval eval; /* opened by the caller; field[0] ranks */
	int fields_chosen;
	uint64_t unscored;                          /* records with the field `error` */
	struct thumbnail failed[REPORT_MAX_FAILED]; /* the first of these; why: the error */
	int nfailed;
	struct text_counts origins; /* model and options */
	struct extremes high, low, middle_of, quarantined; /* middle_of: see extremes_sample() */
	int sampled;                                       /* middle_of comes from a sample of the stream */
	uint64_t nquarantined;
	struct text_counts reasons; /* of the quarantine */
	struct test_influences influences;
	struct thumbnail_index influential, tests;

	/* of the model, if model_path is given */
	struct model *model;
	char model_id[17], all_id[17]; /* of the last checkpoint, and of all checkpoints together */
	int checkpoints;
	struct training curve;
};

/* Reads the model and the influences, so that an error in them is found before the stream is read. */
int report_open(struct report *r, struct fail *f);
/* 1 if the record is positive, 0 or -1. */
int report_record(struct report *r, struct record *rec, struct fail *f);
/* Reads tests and quarantine, and computes the evaluation. Fails if no record, of the stream or the tests, has the class. */
int report_finish(struct report *r, struct fail *f);
void report_free(struct report *r);

#endif

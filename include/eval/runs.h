/* runs.h - detection over several runs, such as seeds: means and standard errors of the measures of eval.h and of the curves.
 *
 * Every file of the stream is a run. The files of one directory are a set, such as a data set. Memory: eval.h for the largest run, and 13 KiB
 * for every set and field.
 */
#ifndef VF_RUNS_H
#define VF_RUNS_H

#include "eval/eval.h"
#include "eval/means.h"

enum { RUNS_GRID = 200, RUNS_CURVES = 2, RUNS_MEASURES = 3 };

struct runs_field {
	char *name;
	int baseline;
	struct mean measure[RUNS_MEASURES];            /* detection_auc, auroc, average_precision; n: runs */
	struct mean curve[RUNS_CURVES][RUNS_GRID + 1]; /* detection, ROC: the height at i / RUNS_GRID */
};

struct runs_set {
	char *name; /* the directory of its files, "." if they have none */
	size_t runs;
	struct runs_field *field; /* [nfields]: the requested fields, then the baselines that some run has */
	size_t nfields, cap;
};

struct runs {
	/* set by the caller, borrowed */
	const char *fields, *positive; /* as for eval_open() */
	char *const *files;            /* [nfiles], as given to the reader */
	int nfiles;
	char extensions[128];          /* of the payload; "": the default of a configuration */

	struct runs_set *set; /* [n], in the order of the files */
	size_t n, cap;
	struct eval e; /* the current run */
	int at;        /* its index in files; -1: none yet */
	uint64_t records, missing;
};

/* Checks fields and positive. A failure is a usage error. Call runs_free() after a failure too. */
int runs_open(struct runs *r, struct fail *f);
/* Adds the next record of the stream. Fails if a run lacks positive or negative records. */
int runs_record(struct runs *r, struct record *rec, struct fail *f);
/* Fails if a file has no record. */
int runs_finish(struct runs *r, struct fail *f);
void runs_free(struct runs *r);

/* Appends a table, or one JSON object (vae-eval(1)). */
int runs_table(const struct runs *r, struct buf *out, struct fail *f);
int runs_json(const struct runs *r, struct buf *out, struct fail *f);

#endif

/* retrain.h - a directory NAME.memo of many models, each trained on a subset of the records (subsets.h).
 *
 * A task trains one model, scores records with it, and leaves a file of numbers (numbers.h). Tasks are independent: they may run at
 * different times and on different machines, and a killed one goes on. NAME.memo/plan says what all of them belong to.
 */
#ifndef VF_RETRAIN_H
#define VF_RETRAIN_H

#include "base/pool.h"
#include "memo/numbers.h"
#include "memo/subsets.h"
#include "model/config.h"
#include "train/dataset.h"

struct retrain {
	/* set by the caller */
	const char *dir;             /* NAME.memo */
	const struct config *cfg;    /* of a task's model, except that the number of the task, or of the repeat with leave, is added to train.seed */
	struct dataset *data;        /* all records */
	const struct dataset *tests; /* of halves and leave: the test records, whose losses are computed; else NULL */
	struct subsets subsets;
	struct pool *pool;
	int workers;
	int draws;                   /* of log p(x) */
	int every_checkpoint;        /* of folds: log p(x) at each, not the last alone */
	int out_scores;              /* of folds: also the scores by models that did not see a record */
	int keep_models;             /* else a model is removed once its numbers are there */
	double save_every;           /* seconds, as in train/fit.h */
	/* After every step of a training; and while records are scored, with their share for step, and NAN for loss. May be NULL. */
	void (*progress)(void *ctx, int model, double step, double loss);
	void *ctx;

	char plan[17]; /* after retrain_open(): hash of NAME.memo/plan */
};

/* Checkpoints whose log p(x) is taken, and columns of a task's file (numbers_columns()). */
int retrain_checkpoints(const struct retrain *r);
int retrain_columns(const struct retrain *r);
/* The step of one of these checkpoints. */
int64_t retrain_step(const struct retrain *r, int checkpoint);
/* Rows of a task's file: the records, or with tests the test records. */
size_t retrain_rows(const struct retrain *r);

/* Makes the directory, or checks that an existing one has the same data and settings: -1 names the first that differs. */
int retrain_open(struct retrain *r, struct fail *f);
/* Trains and scores a model: 1; 0 when its file is there already; -1. */
int retrain_model(struct retrain *r, int model, struct fail *f);
/* Opens the file of a model, to be closed with numbers_close(): 1; 0 when it is not there yet; -1. */
int retrain_numbers(const struct retrain *r, int model, struct numbers *n, struct fail *f);
/* The same for a reader of NAME.memo, which has the hash of its plan. */
int retrain_open_numbers(const char *dir, const char *plan, int model, size_t rows, int columns, struct numbers *n, struct fail *f);
/* Fails because the file of a model is not there yet: -1. */
int retrain_fail_missing(const char *dir, int model, int models, struct fail *f);
/* Reads NAME.memo/plan of halves: the subsets, the number of test records, the hash of the plan, and the hashes of the payloads of records and
 * test records. */
int retrain_read_halves(const char *dir, struct subsets *s, size_t *tests, char plan[17], uint64_t payloads[2], struct fail *f);

#endif

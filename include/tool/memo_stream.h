/* memo_stream.h - trains many models on subsets of the records of a stream (memo/retrain.h). With folds it passes the records on with
 * their memorization scores; with halves it leaves the losses of test records in the directory; with a list of records to leave out it
 * writes a table of what each costs.
 */
#ifndef VF_MEMO_STREAM_H
#define VF_MEMO_STREAM_H

#include "memo/merge.h"
#include "tool/memo_truth.h"
#include "tool/scoring.h"

enum { MEMO_COURSES = 3 }; /* fields of every checkpoint */

struct memo_stream {
	/* set by the caller, and data.limit */
	const char *config, *output; /* a preset or file; NAME.memo */
	enum subsets_kind kind;
	long folds, repeats, draws, halves;
	struct memo_truth truth;     /* tests and leave of halves and leave */
	int every_checkpoint, out_scores, keep_models;
	long task, tasks;            /* train only models task - 1, task - 1 + tasks, ..., and pass nothing; 0: all models */
	double save_every;

	struct scoring frame;
	struct config cfg;
	struct dataset data;
	struct retrain retrain;
	struct progress progress;
	struct unreadable {
		uint64_t position;   /* in the stream, from 0 */
		char *why;
	} *unreadable;               /* [nunreadable]: records that could not be decoded */
	size_t nunreadable, unreadable_cap;
	struct merge *merge;
	struct memorization *row;    /* [checkpoints], of one record */
	char (*name)[MEMO_COURSES][40]; /* [checkpoints]: memo_STEP, logp_in_STEP, logp_out_STEP */
	const char **claims;
	size_t next;                 /* of unreadable, in the second pass */
	int trained;                 /* models, by this run */
};

/* Sets the counts of --summary. */
int memo_stream_run(struct memo_stream *m, struct cli *c, struct fail *f);
void memo_stream_free(struct memo_stream *m);

#endif

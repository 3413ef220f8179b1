/* task_scores.h - the numbers of one task: records, or tests, under the checkpoints of its model. */
#ifndef VF_TASK_SCORES_H
#define VF_TASK_SCORES_H

#include "model/model.h"
#include "train/dataset.h"

enum { TASK_OUT = 4 }; /* loss, recon, kl, selfinf */

struct task_scores {
	const struct dataset *data;  /* the records to score */
	const struct model *models;  /* [checkpoints], of one network */
	int checkpoints, workers;
	int draws;                   /* of log p(x); 0: no log p(x), but the loss at the last checkpoint */
	const uint8_t *left_out;     /* [records]: with draws, also the scores TASK_OUT of the records that are marked; or NULL */
	/* The share of the records that is scored. May be NULL. */
	void (*progress)(void *ctx, double share);
	void *ctx;
};

/* Numbers a record: of log p(x) and its standard error for every checkpoint, and with left_out TASK_OUT more (NAN for records that are not
 * marked); or 1, the loss. */
int task_columns(const struct task_scores *s);
/* values [records][task_columns()] */
int task_scores_run(const struct task_scores *s, double *values, struct fail *f);

#endif

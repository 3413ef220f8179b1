/* task_scores.h - the numbers of one task: records, or tests, under the checkpoints of its model. */
#ifndef VF_TASK_SCORES_H
#define VF_TASK_SCORES_H

#include "memo/numbers.h"
#include "model/model.h"
#include "train/dataset.h"

struct task_scores {
	const struct dataset *data;  /* the records to score */
	const struct model *models;  /* [checkpoints], of one network */
	int checkpoints, workers;
	int draws;                   /* of log p(x); 0: no log p(x), but the loss at the last checkpoint */
	const uint8_t *left_out;     /* [records]: with draws, also the NUMBERS_OUT scores of the records that are marked; or NULL */
	/* The share of the records that is scored. May be NULL. */
	void (*progress)(void *ctx, double share);
	void *ctx;
};

/* values [records][numbers_columns(draws, checkpoints, left_out)] */
int task_scores_run(const struct task_scores *s, double *values, struct fail *f);

#endif

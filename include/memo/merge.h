/* merge.h - the numbers of all models of a retraining, record by record. Memory: 4 bytes for each record and repeat, and 16 MiB or one
 * record of each model.
 */
#ifndef VF_MERGE_H
#define VF_MERGE_H

#include "memo/memorization.h"
#include "memo/retrain.h"

struct merge; /* of folds */

/* r is borrowed. Fails, naming it, where a model's numbers are missing. */
struct merge *merge_open(const struct retrain *r, struct fail *f);
/* Of the next record, in the order of the data set: its fold in the first repeat; of [retrain_checkpoints()]; and with out_scores
 * out [NUMBERS_OUT], means over the repeats of the models that did not see it. -1 also when there is no next one. */
int merge_next(struct merge *m, uint32_t *fold, struct memorization *of, double *out, struct fail *f);
void merge_close(struct merge *m);

#endif

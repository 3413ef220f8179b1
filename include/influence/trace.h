/* trace.h - how well influences predict what the steps of a training do to test records (Pruthi et al. 2020, appendix G; Kong &
 * Chaudhuri 2021, appendix B.3 and table 5).
 *
 * A step of gradient descent moves the parameters by -lr times the mean gradient of its batch. To first order it lowers the loss of a test
 * record z by
 *
 *   lr/B sum over the batch of VAE-TracIn(x, z)       influences at the parameters before the step, B records (equation 10)
 *
 * Losses and gradients are those of the training: its likelihood and beta. The noise is that of a score (influence.h) of a checkpoint with
 * the number of the step before, and the same for the losses before and after a step. The step itself has other noise, one draw a record:
 * with that noise for the records of the batch the sum is the first-order term exactly.
 */
#ifndef VF_TRACE_H
#define VF_TRACE_H

#include "base/pool.h"
#include "model/model.h"
#include "train/dataset.h"

struct trace_row { /* of one step and one test record */
	double loss;      /* before the step */
	double fall;      /* by how much the step lowered it */
	double influence; /* what the influences predict of it */
	double exact;     /* the same with the noise of the step for the records of the batch */
};

struct trace;
/* m is the model that is trained. All are borrowed. Memory: the mean gradients of the test records, as in test_set.h. */
struct trace *trace_open(const struct model *m, const struct dataset *data, const struct dataset *tests, struct pool *pool, struct fail *f);
/* Before step `step`, from 1, whose batch are the records row [train.batch] of data, with noise eps [train.batch][latent]. */
int trace_before(struct trace *t, int64_t step, const uint32_t *row, const float *eps, struct fail *f);
/* After it: the rows [tests->n], valid until the next call. NULL with the reason. */
const struct trace_row *trace_after(struct trace *t, struct fail *f);
void trace_close(struct trace *t);

#endif

/* trace.h - how well influences predict what the steps of a training do to test records (Pruthi et al. 2020, appendix G; Kong &
 * Chaudhuri 2021, appendix B.3 and table 5).
 *
 * A step of gradient descent moves the parameters by -lr times the mean gradient of its batch. To first order it lowers the loss of a test
 * record z by
 *
 *   lr/B sum over the batch of VAE-TracIn(x, z)       influences at the parameters before the step, B records (equation 10)
 *
 * Losses and gradients use the likelihood and beta of the training. Their noise is that of a score (influence.h) of a checkpoint at the step
 * before, and is the same for the losses before and after the step. The step itself uses other noise, one draw a record; with that noise for
 * the records of the batch, the sum is exactly the first-order term.
 */
#ifndef VF_TRACE_H
#define VF_TRACE_H

#include "base/pool.h"
#include "model/model.h"
#include "train/dataset.h"

struct trace_row { /* of one step and one test record */
	double loss;      /* before the step */
	double fall;      /* the loss before the step minus the loss after it */
	double influence; /* the prediction of fall by influences */
	double exact;     /* the prediction with the noise of the step for the records of the batch */
};

struct trace;
/* m is the model in training. All arguments are borrowed. Memory: the mean gradients of the test records, as in test_set.h, and 8 bytes for
 * each pair of a record of the batch and a test record. NULL with a message. */
struct trace *trace_open(const struct model *m, const struct dataset *data, const struct dataset *tests, struct pool *pool, struct fail *f);
/* Call before step `step`, counted from 1. Its batch is the records row [train.batch] of data, with noise eps [train.batch][latent]. */
int trace_before(struct trace *t, int64_t step, const uint32_t *row, const float *eps, struct fail *f);
/* Call after the step. Returns rows [tests->n], valid until the next call, or NULL with a message. */
const struct trace_row *trace_after(struct trace *t, struct fail *f);
void trace_close(struct trace *t);

#endif

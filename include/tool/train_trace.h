/* train_trace.h - vae-train --trace: a table of all steps and test records, with the loss, how much it fell, and what influences predict
 * (influence/trace.h).
 */
#ifndef VF_TRAIN_TRACE_H
#define VF_TRAIN_TRACE_H

#include "base/atomic.h"
#include "influence/trace.h"
#include "tool/memo_truth.h"

struct train_trace {
	const char *output;      /* set by the caller, with truth.tests and to.fd = -1: the file of the table, or NULL for none */

	struct memo_truth truth; /* the test records */
	struct trace *trace;
	struct atomic_file to;
	struct buf text;         /* not yet written */
	struct co_moments {      /* of all rows: means, and sums of squares and products around them */
		double n, x, y, xx, yy, xy;
	} influence, exact;      /* x: the prediction; y: the fall of the loss */
};

/* Without an output, every function does nothing. */
int train_trace_check(const struct train_trace *t, const struct config *cfg, struct fail *f);
/* Reads the test records. m and data are borrowed. */
int train_trace_open(struct train_trace *t, const struct model *m, const struct dataset *data, struct pool *pool, const struct cli *c, struct fail *f);
/* Call before and after a step, as fit.watch. */
int train_trace_step(struct train_trace *t, int after, int64_t step, const uint32_t *row, const float *eps, struct fail *f);
/* Renames the table into place, and sets the numbers of --summary. */
int train_trace_commit(struct train_trace *t, struct cli *c, struct fail *f);
void train_trace_close(struct train_trace *t);

#endif

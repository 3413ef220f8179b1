/* curvature_stream.h - estimates the curvature of checkpoints from a stream of records, in one pass, or with eigenvalues in two
 * (influence/curvature.h). */
#ifndef VF_CURVATURE_STREAM_H
#define VF_CURVATURE_STREAM_H

#include "influence/curvature.h"
#include "influence/noise.h"
#include "tool/flow.h"

struct curvature_stream {
	/* set by the caller */
	const char *model, *checkpoints;
	int targets; /* enum targets */
	struct noise noise; /* path: of --eps, or NULL */
	long limit;  /* records that count; 0: all */
	int eigenvalues; /* for EK-FAC */

	struct flow flow;
	struct model *models;
	int nmodels;
	struct pool *pool;
	struct curvature_estimate **estimate; /* [nmodels] */
	struct curvature *curvature; /* [nmodels], after the first pass */
	int second_pass; /* for eigenvalues */
	uint64_t used;   /* records that count, in this pass */
};

/* Reads the stream, and writes a file beside each checkpoint. */
int curvature_stream_run(struct curvature_stream *s, struct cli *c, struct fail *f);
/* The same for one model from the training records of a data set. */
struct dataset;
int curvature_of_dataset(const struct model *m, const struct dataset *d, struct pool *pool, const struct cli *c, struct fail *f);
/* After flow_finish(&s->flow). */
void curvature_stream_close(struct curvature_stream *s);

#endif

/* train_stream.h - trains a model on the records of a stream: reads them into a data set, trains, and with pass reads the stream a
 * second time to write the records to standard output. With train.shards, the files are divided among virtual workers, and the workers among
 * the processes that mpirun has started (train/team.h).
 */
#ifndef VF_TRAIN_STREAM_H
#define VF_TRAIN_STREAM_H

#include "model/model.h"
#include "tool/flow.h"
#include "tool/train_trace.h"
#include "train/dataset.h"
#include "train/team.h"

struct train_stream {
	/* set by the caller, and data.limit */
	const char *config, *output; /* a preset or file; NAME.vae */
	int pass, resume, curvature;
	double save_every; /* seconds between states beside those of the checkpoints; 0: none */
	struct train_trace trace;
	struct team team;  /* opened */

	struct flow flow;
	struct config cfg;
	int workers;
	struct dataset data; /* of the virtual workers of this process */
	int shape_sent;      /* rank 0 has sent input.shape to the others */
	struct progress progress;
	uint64_t *unreadable; /* positions of the records that could not be decoded: with --on-error reject they are not passed */
	size_t nunreadable, unreadable_cap;
};

/* Leaves the model in NAME.vae, and sets the counts of --summary. */
int train_stream_run(struct train_stream *t, struct cli *c, struct fail *f);
void train_stream_free(struct train_stream *t);

#endif

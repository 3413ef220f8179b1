/* scoring.h - the frame of a tool that scores records.
 *
 * A record's way: the reader puts it into a batch; a worker decodes the batch and calls score(); then, in stream order, the frame
 * checks that the record has none of the fields to be written, removes what an earlier run left, calls fields() to set them, and
 * passes the record to the writer. A record without a score goes where --on-error says. Members between records pass unchanged.
 */
#ifndef VF_SCORING_H
#define VF_SCORING_H

#include "model/batch_stream.h"
#include "model/checkpoints.h"
#include "tool/flow.h"

struct scoring {
	struct flow flow;

	/* set by the tool */
	void *tool;                /* for score(), fields() and skip() */
	const char *const *claims; /* the fields that fields() sets; NULL: it sets none */
	const char *const *clears; /* the fields to remove, as for flow_clear() */
	int keep_places;           /* fields that are set again keep their places: only records without a score are cleared */
	struct config *cfg;        /* of a tool without a model: which member is the payload; rows are not decoded. Or NULL */
	int rows, workers;         /* rows of a batch; threads */
	size_t result_size;        /* bytes of a batch's results */
	/* Computes the results of a batch, on the thread of this worker. x [rows][input]; NULL without a model. */
	int (*score)(void *tool, int worker, struct batch *b, const float *x, void *result, struct fail *f);
	/* Sets the fields of a record. row is its row in the batch, or -1 if skip() left it out. why is empty, or why the payload could
	 * not be decoded; fields() sets it where there is no score otherwise. Called for every record. */
	int (*fields)(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f);
	int (*skip)(void *tool, uint64_t position); /* as in batch_stream.h, or NULL; as is items_per_row */
	int items_per_row;

	/* after scoring_open() */
	struct model *models;
	int nmodels;
	char id[17];      /* of the models together */
	char options[17]; /* hash of what else shapes a score, set by the tool */
};

/* Opens the checkpoints `which` of a model, with the assignments of --set. */
int scoring_open(struct scoring *s, const char *path, const char *which, struct fail *f);
/* The last checkpoint: its configuration holds for all. */
struct model *scoring_model(const struct scoring *s);
/* Warns where the weights of the checkpoints do not fit the model's optimiser. */
void scoring_warn_weights(const struct scoring *s);
/* Scores all records. */
int scoring_run(struct scoring *s, struct fail *f);
/* The way of one record from the results to the writer. */
int scoring_record(struct scoring *s, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f);
/* Sets the fields `options` and, if there is one, `model` of a record. */
int scoring_set_origin(const struct scoring *s, struct record *r, struct fail *f);
/* Sets model, options and checkpoints of --summary. */
int scoring_count(const struct scoring *s, struct fail *f);
/* Frees the models, after flow_finish() and after all that borrowed them. */
void scoring_close(struct scoring *s);

#endif

/* batch_stream.h - a stream of records in batches: one thread reads, workers decode and compute, and the caller's thread takes
 * the batches and their results in stream order.
 */
#ifndef VF_BATCH_STREAM_H
#define VF_BATCH_STREAM_H

#include "model/batch.h"

struct batch_stream {
	struct reader *in;
	struct config *cfg; /* input.field, input.kind and input.shape of the payloads */
	int rows, workers;
	void *ctx;
	/* If not NULL, input.shape is not known yet: it becomes that of the first record that has one, and then this is called. */
	int (*shape_known)(void *ctx, struct fail *f);
	/* If not NULL, says which records get no row. items_per_row: the capacity for items, since most get no row. */
	int (*skip)(void *ctx, uint64_t position);
	int items_per_row;
	struct input_notes *notes; /* counted here, if not NULL */
	/* If not NULL, work() gets the rows as floats. */
	const struct standardisation *standard;
	size_t result_size; /* bytes of a batch's results; zeros, or what an earlier batch left */
	/* In worker 0 to workers - 1: computes the results of a decoded batch with at least one row. x [rows][input]; NULL without
	 * standard. May be NULL. */
	int (*work)(void *ctx, int worker, struct batch *b, const float *x, void *result, struct fail *f);
	/* In the caller's thread, in stream order. Batches before shape_known() are not decoded: b->why has the reasons why their
	 * records have no shape. */
	int (*consume)(void *ctx, struct batch *b, void *result, struct fail *f);
};

/* Reads to the end. 0, or -1 with the first failure; after a failure of the reader the batches before it are consumed. */
int batch_stream_run(const struct batch_stream *s, struct fail *f);

#endif

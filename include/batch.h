/* batch.h - records in groups of a fixed number of rows, decoded, with what stands loose between
 * them: the slots of a pipeline from a stream to a network.
 *
 * A record that cannot be decoded keeps its row, all zeros, so that the others stand where they
 * would stand without it: products round by a row's position.
 */
#ifndef VF_BATCH_H
#define VF_BATCH_H

#include "config.h"
#include "input.h"
#include "reader.h"

struct batch {
	struct record *item; /* records and loose members, in stream order */
	int nitems, max_items;
	int *row;            /* of each item, -1 for a loose one or one that was skipped */
	int rows, nrows;     /* rows there are, rows taken */
	uint64_t first;      /* position of the first row's record in the stream, from 0 */
	int (*skip)(void *ctx, uint64_t position); /* records that shall get no row, or NULL */
	void *ctx;
	uint8_t *pixels;     /* [rows][size]: the network reads value / 255 */
	uint64_t *id;        /* [rows]: hash of the payload, 0 where there is none */
	struct fail *why;    /* [rows]: empty, or why the record could not be decoded */
	size_t size;
};

int batch_open(struct batch *b, int rows, const struct config *cfg, struct fail *f);
/* Room for so many items, where many get no row. */
int batch_widen(struct batch *b, int items, struct fail *f);
/* Reads until the rows are taken: 1, 0 when nothing was left, -1. */
int batch_fill(struct batch *b, struct reader *in, struct fail *f);
/* Decodes all rows; a failure is a row's own affair. */
void batch_decode(struct batch *b, const struct config *cfg);
/* The payload of an item that is a row: its decoder in *kind, its hash in id. NULL with the reason in why. */
const struct member *batch_payload(struct batch *b, int item, const struct config *cfg, enum input_kind *kind);
/* Instead of decoding: every row's n float values from an .npy into v [rows][n]. */
void batch_vectors(struct batch *b, const struct config *cfg, int n, float *v);
/* [rows][size] as floats in 0..1 */
void batch_floats(const struct batch *b, float *x);
void batch_free(struct batch *b);

#endif

/* batch.h - records in groups of a fixed number of rows, decoded, with what stands loose between
 * them: the slots of a pipeline from a stream to a network.
 *
 * A record that cannot be decoded keeps its row, all zeros, so that the others stand where they
 * would stand without it: products round by a row's position.
 */
#ifndef VF_BATCH_H
#define VF_BATCH_H

#include "model/config.h"
#include "input/decode.h"
#include "input/standardise.h"
#include "stream/reader.h"

struct batch {
	struct record *item; /* records and loose members, in stream order */
	int nitems, max_items;
	int *row;            /* of each item, -1 for a loose one or one that was skipped */
	int rows, nrows;     /* rows there are, rows taken */
	uint64_t first;      /* position of the first row's record in the stream, from 0 */
	int (*skip)(void *ctx, uint64_t position); /* records that shall get no row, or NULL */
	void *ctx;
	uint8_t *pixels;     /* [rows][size] of pictures: the network reads value / 255 */
	double *numbers;     /* [rows][size] of vectors, instead */
	uint64_t *id;        /* [rows]: hash of the payload, 0 where there is none */
	struct fail *why;    /* [rows]: empty, or why the record could not be decoded */
	size_t size;
};

/* With room for values of the configuration's shape; for none when that is not known. */
int batch_open(struct batch *b, int rows, const struct config *cfg, struct fail *f);
/* Room for so many items, where many get no row. */
int batch_reserve_items(struct batch *b, int items, struct fail *f);
/* The same room again, when the shape has become known. */
int batch_alloc_rows(struct batch *b, const struct config *cfg, struct fail *f);
/* Takes the shape of the first record of the batch that has one, and its kind unless vectors are wanted: 1; 0
 * when there is none, and why says of each record what was wrong; -1 when memory is out. */
int batch_infer_shape(struct batch *b, struct config *cfg, struct fail *f);
/* Reads until the rows are taken: 1, 0 when nothing was left, -1. */
int batch_fill(struct batch *b, struct reader *in, struct fail *f);
/* Decodes all rows; a failure is a row's own affair, unless memory is out: -1. */
int batch_decode(struct batch *b, const struct config *cfg, struct fail *f);
/* The payload of an item that is a row: its decoder in *kind, its hash in id. NULL with the reason in why. */
const struct member *batch_payload(struct batch *b, int item, const struct config *cfg, enum input_format *kind);
/* [rows][size] as the network reads them: samples in 0..1, or vectors standardised */
void batch_floats(const struct batch *b, const struct standardisation *s, float *x);
void batch_free(struct batch *b);

#endif

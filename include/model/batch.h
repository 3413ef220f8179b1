/* batch.h - records of a stream in batches of a fixed number of rows, decoded, and the loose members between them.
 *
 * A record that cannot be decoded keeps its row, all zeros, so that it does not move the others: the rounding of products depends on a
 * row's position.
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
	int *row;            /* [nitems]; -1: a loose member, or a record that was skipped */
	int rows, nrows;     /* capacity, and rows in use */
	uint64_t first;      /* position of the first row's record in the stream, from 0 */
	int (*skip)(void *ctx, uint64_t position); /* 1 for records that get no row; or NULL */
	void *ctx;           /* of skip() */
	uint8_t *pixels;     /* [rows][size] of pictures: the network reads value / 255 */
	double *numbers;     /* [rows][size] of vectors, instead */
	uint64_t *id;        /* [rows]: hash of the payload, 0 if there is none */
	unsigned *notes;     /* [rows]: of the picture (input/picture.h) */
	struct fail *why;    /* [rows]: empty, or why the record could not be decoded */
	size_t size;         /* numbers of a row */
};

/* Allocates rows of the configuration's shape, if that is known. */
int batch_open(struct batch *b, int rows, const struct config *cfg, struct fail *f);
/* Grows the capacity for items, where many of them get no row. */
int batch_reserve_items(struct batch *b, int items, struct fail *f);
/* Allocates the rows anew, when the shape has become known. */
int batch_alloc_rows(struct batch *b, const struct config *cfg, struct fail *f);
/* Sets input.shape of cfg to that of the first record of the batch that has one, and input.kind unless it is vector: 1. 0 when no record
 * has one, with the reason for each in why. -1 when memory runs out. */
int batch_infer_shape(struct batch *b, struct config *cfg, struct fail *f);
/* Reads until all rows or items are in use, or the records have 64 MiB: 1; 0 at the end of the stream; -1. */
int batch_fill(struct batch *b, struct reader *in, struct fail *f);
/* Decodes all rows, and sets id, notes and why. -1 only when memory runs out. */
int batch_decode(struct batch *b, const struct config *cfg, struct fail *f);
/* x [rows][size] as the network reads them: samples in 0..1, or vectors standardised. */
void batch_floats(const struct batch *b, const struct standardisation *s, float *x);
/* The memory for payloads of records, in use or kept for the next ones. */
size_t batch_bytes(const struct batch *b);
/* Frees the payloads if they take more than `keep` bytes. */
void batch_trim(struct batch *b, size_t keep);
void batch_free(struct batch *b);

#endif

/* dataset_read.h - reads the records of a stream into a data set. */
#ifndef VF_DATASET_READ_H
#define VF_DATASET_READ_H

#include "input/decode.h"
#include "model/config.h"
#include "stream/reader.h"
#include "train/dataset.h"

struct dataset_read {
	struct dataset *data; /* zero except for limit; size and vector are set here */
	struct config *cfg;   /* if config_infers_shape(), input.shape becomes that of the first record that has one */
	int workers;
	/* For every record that cannot be decoded: its position in the stream, from 0, and why. */
	int (*unreadable)(void *ctx, struct record *r, uint64_t position, const char *why, struct fail *f);
	/* For every record that has been added, if not NULL: its row is data->n - 1. */
	int (*added)(void *ctx, struct record *r, struct fail *f);
	void (*progress)(void *ctx, uint64_t records);
	void *ctx;
	struct input_notes notes; /* result */
	uint64_t records; /* result: all records of the stream */
};

/* Reads to the end. The same data set for any number of workers. */
int dataset_read(struct dataset_read *d, struct reader *in, struct fail *f);

#endif

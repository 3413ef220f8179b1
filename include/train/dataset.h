/* dataset.h - the decoded records of a training set, with random access: in memory, or beyond a limit in a mapped file without a name
 * in $TMPDIR, with the same bytes. The file is written, not extended by truncate(), so that a full disk is an error here and never a
 * signal later.
 *
 * A row is `size` numbers: 8-bit samples of a picture, or the doubles of a vector. Every record takes 12 bytes more.
 */
#ifndef VF_DATASET_H
#define VF_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "input/standardise.h"

struct dataset_part {
	size_t end;    /* its records begin at the end of the part before */
	uint64_t hash; /* of their ids in order */
};

struct dataset {
	const uint8_t *x;   /* [n] rows, after dataset_split() */
	uint64_t *id;       /* [n]: hashes of the payloads */
	uint64_t hash;      /* of all ids in order, since the end of the last part */
	uint64_t marks;     /* of dataset_hold_out(): a hash of them; else 0 */
	struct dataset_part *part; /* [parts], one for each call of dataset_end_part() */
	int parts;
	size_t part_cap;
	size_t n, id_capacity, size; /* size: numbers of a row */
	size_t limit;       /* bytes of rows that may be in memory */
	int vector;         /* rows are doubles; else samples */
	uint32_t *train, *held_out; /* positions; records are held out by hash, so that duplicates go together */
	size_t ntrain, nheld_out;
	uint8_t *memory;    /* rows, or a buffer before the file */
	size_t filled, capacity; /* bytes */
	int fd;             /* of the file, when spilled */
	int spilled;
};

/* d is zero except size, limit and vector before the first call. row [size]: copied. */
int dataset_add(struct dataset *d, const void *row, uint64_t id, struct fail *f);
/* Makes a part of the records that were added since the last call. */
int dataset_end_part(struct dataset *d, struct fail *f);
/* After the last record, where none are held out: sets x. */
int dataset_seal(struct dataset *d, struct fail *f);
/* After the last record: sets x, and holds out about this share of the records, by the hash of the payload. -1 also when none is left to
 * train on. */
int dataset_split(struct dataset *d, double share, uint64_t seed, struct fail *f);
/* Instead: holds out the records that are marked, held_out [n]. May be called again, for another training on the same records. */
int dataset_hold_out(struct dataset *d, const uint8_t *held_out, struct fail *f);
/* Row `at` as the network reads it, out [size]: samples in 0..1, or numbers standardised. */
void dataset_floats(const struct dataset *d, const struct standardisation *standard, size_t at, float *out);
/* Mean and standard deviation [size] of every element over the rows at these positions, at least one; vectors only. The deviation is that
 * of the population, divided by nrows. */
int dataset_statistics(const struct dataset *d, const uint32_t *rows, size_t nrows, double *mean, double *deviation, struct fail *f);
void dataset_free(struct dataset *d);

#endif

/* dataset.h - the decoded records of a training set, at hand in any order: in memory, or past a limit in a
 * mapped file without a name in $TMPDIR. The file is written, not only made that long, so that a full disk is
 * an error here and never a signal later. Either way the same bytes.
 *
 * A row is `size` numbers: 8-bit samples of a picture, or the doubles of a vector. Beside the rows every record
 * takes 12 bytes of memory.
 */
#ifndef VF_DATASET_H
#define VF_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

struct dataset {
	const uint8_t *x;   /* [n] rows, once dataset_split() has been called */
	uint64_t *id;       /* [n]: hashes of the payloads */
	uint64_t hash;      /* of them all, in their order */
	size_t n, cap, size;
	size_t limit;       /* bytes of rows in memory */
	int vector;
	uint32_t *train, *held; /* positions; held out: chosen by hash, so that duplicates go together */
	size_t ntrain, nheld;
	uint8_t *memory;    /* rows, or what is yet to be written to the file */
	size_t filled, room;
	int fd;             /* of the file, when there is one */
	int spilled;
};

/* d is zeroed but for size, limit and vector. */
int dataset_add(struct dataset *d, const void *row, uint64_t id, struct fail *f);
/* Ends the adding, and holds out about this share. */
int dataset_split(struct dataset *d, double share, uint64_t seed, struct fail *f);
/* Bytes of a row. */
size_t dataset_row_size(const struct dataset *d);
/* Mean and deviation [size] of every number over the rows trained on; vectors only. */
int dataset_statistics(const struct dataset *d, double *mean, double *deviation, struct fail *f);
void dataset_free(struct dataset *d);

#endif

/* knn_parts.h - exact k-NN over a reference in blocks. A part is a file with the rows of one block that are nearest to each record of a stream;
 * the parts of all blocks give R_k and W_k (knn.h) over the whole reference, with the bits of one search.
 *
 * A row that is among the k nearest of the whole reference is among the k nearest of every block that holds it, up to rows at equal distance.
 * So a part has, for each record, all rows that are no farther than the k-th of its block, with their copies and a hash of their coordinates,
 * by which a row that several blocks hold is known.
 *
 * The file: lines of text
 *   vae-knn 1
 *   options TEXT                  what must be the same in all parts
 *   shape KIND C H W              of the points: 0 for pictures, 1 for vectors
 *   reference RECORDS ROWS HASH   of the block: as struct collect has them
 * then little-endian, for each record, the hash of its payload (8 bytes), a number n (4), and n rows: d2 (double), hash (8), copies (4);
 * then the number of records (8), 2^32 - 1 (4), and the XXH3 of all bytes before (8). */
#ifndef VF_KNN_PARTS_H
#define VF_KNN_PARTS_H

#include <xxhash.h>

#include "base/atomic.h"
#include "base/buf.h"
#include "density/knn.h"

enum { KNN_ROW_BYTES = 20 };

struct knn_part {
	char options[1024]; /* one line */
	int kind, shape[3];
	uint64_t records, rows, hash;
};

/* --- writing --- */

/* Appends to out what a part has of each point of z: the rows of x that are no farther than the k-th nearest, or all if there are fewer.
 * x: opened for one k, at most as many as there are rows. hash: of rows_hash(). ends [z->n]: where in out a point's rows end. */
int knn_near_rows(const struct knn_index *x, const struct rows *rows, const uint64_t *hash, const struct points *z, struct buf *out, size_t *ends, struct fail *f);

struct knn_part_writer {
	struct atomic_file to;
	XXH3_state_t *state;
	struct buf out;
	uint64_t records;
};
int knn_part_create(struct knn_part_writer *w, const char *path, const struct knn_part *p, struct fail *f);
/* rows [len]: of knn_near_rows(). id: hash of the payload. */
int knn_part_add(struct knn_part_writer *w, uint64_t id, const char *rows, size_t len, struct fail *f);
/* Each ends the writer. */
int knn_part_commit(struct knn_part_writer *w, struct fail *f);
void knn_part_abort(struct knn_part_writer *w);

/* --- merging --- */

struct knn_parts;
/* list: paths, separated by commas. Fails unless all parts have the same options and shape, and blocks that differ. */
struct knn_parts *knn_parts_open(const char *list, struct fail *f);
/* Options and shape of all parts, and the records and the hash of the whole reference; rows: 0. */
const struct knn_part *knn_parts_whole(const struct knn_parts *p);
/* balls [nk]: R_k, in steps, and W_k of the next record, whose payload has the hash id. next_r is not set. */
int knn_parts_next(struct knn_parts *p, uint64_t id, const int *k, int nk, struct knn_ball *balls, struct fail *f);
/* After the last record: fails if a part has more, or is damaged. */
int knn_parts_end(struct knn_parts *p, struct fail *f);
void knn_parts_free(struct knn_parts *p);

#endif

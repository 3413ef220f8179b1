/* collect.h - a whole stream of records as points in memory: their samples, their vectors, or the means that a
 * model's encoder gives them. For what compares every record with every other.
 */
#ifndef VF_COLLECT_H
#define VF_COLLECT_H

#include "model/config.h"
#include "density/density.h"
#include "model/model.h"
#include "stream/reader.h"

struct names { /* strings, one behind the other */
	struct buf text;
	size_t *at, n, cap;
};

struct collect {
	/* what is wanted */
	struct config cfg;         /* input.field, and input.kind and input.shape: what the points are, once they are read */
	int shaped;                /* the shape is known; else it is that of the first record that decodes */
	const struct model *model; /* the encoder whose means are wanted, or NULL */
	const char *group;         /* a field or cls: records of the same text are of one group; or NULL */
	int keys;                  /* keep the keys */
	int strict;                /* a record that cannot be read is a failure */
	int (*check)(void *ctx, struct record *r, struct fail *f); /* of every record, before the work; or NULL */
	void (*tick)(void *ctx, const struct reader *in, uint64_t records);
	void *ctx;

	/* what was read */
	uint64_t records;  /* all of the stream */
	uint64_t hash;     /* of all payloads, in any order */
	uint8_t *u8;       /* [n][d]: the points, one of the two */
	float *f4;
	size_t n, cap;
	int d;
	uint32_t *group_of; /* [n] */
	struct names groups; /* their texts, in order of appearance */
	struct names key;    /* [n], escaped */
	struct names why, bad_key; /* of the records that are no points: the reason, the key */
	uint64_t *bad;       /* [why.n]: their positions in the stream, from 0 */
	struct group_index *index;
};

/* Reads to the end; the first and only use of c. The same points at any number of workers. */
int collect_run(struct collect *c, struct reader *in, int workers, struct fail *f);
/* A view of what was read. */
struct points collect_points(const struct collect *c);
const char *names_get(const struct names *s, size_t i);
void collect_free(struct collect *c);

#endif

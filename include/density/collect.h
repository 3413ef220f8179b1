/* collect.h - all records of a stream as points in memory, for methods that compare every record with every other. A point is the
 * samples of a picture, a vector, or the latent mean, or the output of a layer, that a model's encoder gives the record.
 */
#ifndef VF_COLLECT_H
#define VF_COLLECT_H

#include "density/points.h"
#include "input/decode.h"
#include "model/batch.h"
#include "model/checkpoints.h"
#include "stream/reader.h"

struct string_list { /* n strings, in one buffer */
	struct buf text;
	size_t *at, n, cap; /* at [n]: where each begins */
};

struct collect {
	/* set by the caller */
	struct config cfg;         /* input.field, input.kind and input.shape of the payloads */
	int shape_known;           /* else input.shape becomes that of the first record that decodes */
	const struct model *model; /* points are latent means of its encoder; or NULL */
	const char *layer;         /* points are the outputs of this layer of the encoder, as in encoder.3; NULL: latent means */
	const char *group_field;   /* a field or cls: records with the same text are a group; or NULL */
	int max_side;              /* pictures are reduced to at most this side, by the means of blocks, and to 3 channels; 0: they are not */
	int keep_keys, keep_ids;
	int fail_on_error;         /* a record that is no point is a failure */
	int (*check)(void *ctx, struct record *r, struct fail *f); /* called for every record; or NULL */
	void (*progress)(void *ctx, const struct reader *in, uint64_t records);
	void *ctx;

	/* results */
	struct input_notes notes;
	uint64_t records; /* all records of the stream */
	uint64_t underflows; /* numbers that are not 0, but too small for a float: they are 0 in the points */
	uint64_t hash;    /* of the payloads of all points, independent of their order */
	uint8_t *u8;      /* [n][d]: the points, or */
	float *f4;        /* [n][d] */
	size_t n, cap, value_cap; /* value_cap: allocated numbers of u8 or f4 */
	int d;
	int reduced[3];   /* channels, height, width of a point; zeros unless pictures were reduced */
	uint32_t *group_of;       /* [n] */
	struct string_list groups; /* texts, in order of appearance */
	struct string_list key;    /* [n], escaped, if keep_keys */
	uint64_t *id;              /* [n]: hash of the payload, if keep_ids */
	struct {                   /* records that are no points */
		struct string_list why, key; /* the reason; the key, if keep_keys */
		uint64_t *position;          /* [why.n]: in the stream, from 0 */
		unsigned char *unscored;     /* [why.n]: it could be read (base/fail.h) */
		size_t cap;
	} unreadable;
	struct group_index *index; /* [groups.n] */
	size_t index_cap;
};

/* Reads to the end. The points are the same for any number of workers. c is used once, and freed also after a failure. */
int collect_run(struct collect *c, struct reader *in, int workers, struct fail *f);
/* A view of the points. */
struct points collect_points(const struct collect *c);
const char *string_list_get(const struct string_list *s, size_t i);
void collect_free(struct collect *c);

#endif

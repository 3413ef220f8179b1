/* thumbnail.h - records as a page shows them: a small picture, or the curve of a vector, with what stands below.
 *
 * What is kept of a stream is bounded: the two ends of a score, and the records that are asked for by key.
 */
#ifndef VF_THUMBNAIL_H
#define VF_THUMBNAIL_H

#include "input/decode.h"
#include "input/picture.h"
#include "stream/record.h"

enum { THUMBNAIL_SIDE = 128, THUMBNAIL_POINTS = 96 };

enum thumbnail_kind { THUMBNAIL_NONE, THUMBNAIL_PICTURE, THUMBNAIL_VECTOR };

struct thumbnail {
	char *key, *label; /* escaped; label: cls, or NULL */
	double score;      /* NAN: none */
	uint64_t position; /* in the stream, from 0 */
	int positive;

	enum thumbnail_kind kind;
	struct picture picture; /* at most THUMBNAIL_SIDE a side */
	float *low, *high;      /* vectors: [points], what each point spans */
	int points;
	size_t values;          /* how many there were */
	char why[160];          /* THUMBNAIL_NONE: why it cannot be shown */

	struct buf payload; /* until it is drawn: see thumbnail_render() */
	enum input_format decoder;
};

/* Takes what it needs of a record: a small payload as it is, a large one drawn at once. */
int thumbnail_take(struct thumbnail *s, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f);
/* Decodes what is still payload; a failure to decode is in why; -1: out of memory. */
int thumbnail_render(struct thumbnail *s, struct fail *f);
void thumbnail_free(struct thumbnail *s);

/* The room records of a stream with the highest scores (sign 1) or the lowest (-1), equal ones by position;
 * NAN comes last, and is only taken with nan. */
struct extremes {
	struct thumbnail *v;
	size_t n, room;
	int sign, nan;
};
int extremes_open(struct extremes *e, size_t room, int sign, int nan, struct fail *f);
int extremes_add(struct extremes *e, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f);
/* Best first, drawn. */
int extremes_finish(struct extremes *e, struct fail *f);
void extremes_free(struct extremes *e);

/* Records wanted by key. */
struct thumbnail_index {
	struct thumbnail **v; /* sorted by key once thumbnail_index_sort() was called, each key once */
	size_t n, cap;
};
int thumbnail_index_add(struct thumbnail_index *w, const char *key, struct fail *f);
int thumbnail_index_sort(struct thumbnail_index *w, struct fail *f);
/* Keeps the record if its key (escaped) is wanted. */
int thumbnail_index_fill(struct thumbnail_index *w, struct record *r, const char *key, const char *extensions, double score, uint64_t position, struct fail *f);
/* NULL when nobody asked; payload may never have come (kind THUMBNAIL_NONE). */
const struct thumbnail *thumbnail_index_find(const struct thumbnail_index *w, const char *key);
void thumbnail_index_free(struct thumbnail_index *w);

#endif

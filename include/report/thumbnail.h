/* thumbnail.h - records as a page shows them: a small picture, or the curve of a vector, with key, label and score.
 *
 * Of a stream, a bounded number is kept: the records with extreme scores, and those that were requested by key.
 */
#ifndef VF_THUMBNAIL_H
#define VF_THUMBNAIL_H

#include "input/decode.h"
#include "input/picture.h"
#include "stream/record.h"

enum { THUMBNAIL_SIDE = 128, THUMBNAIL_POINTS = 96 };

enum thumbnail_kind { THUMBNAIL_NONE, THUMBNAIL_PICTURE, THUMBNAIL_VECTOR };

struct thumbnail {
	char *key, *label; /* escaped; label: cls or another name, or NULL */
	char *source;      /* the field source, which names the file that was packed, or NULL */
	double score;      /* NAN: none */
	double sampled;    /* after extremes_sample(): the score, while `score` is the random number of the record */
	uint64_t position; /* in the stream, from 0 */
	int positive;

	enum thumbnail_kind kind;
	struct picture picture; /* at most THUMBNAIL_SIDE wide and high */
	float *low, *high;      /* of a vector: [points], the range of the values that a point stands for */
	int points;
	size_t values;          /* of a vector: their number */
	char why[160];          /* THUMBNAIL_NONE: why there is no picture */

	struct buf payload; /* if kept, until thumbnail_render() */
	int kept;
	enum input_format format;
};

/* Fills t from a record. A large payload is rendered at once, a small one is kept for thumbnail_render(). extensions: see
 * record_payload(). score: NAN for none. */
int thumbnail_take(struct thumbnail *t, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f);
/* Decodes the payload. If it cannot be decoded, kind is THUMBNAIL_NONE and why says so; -1 only if memory runs out. */
int thumbnail_render(struct thumbnail *t, struct fail *f);
void thumbnail_free(struct thumbnail *t);
/* Scales a size down so that neither side exceeds max, keeping its proportions. */
void thumbnail_fit(int *width, int *height, int max);

/* The records of a stream with the highest scores (sign 1) or the lowest (-1); ties by position. */
struct extremes {
	struct thumbnail *v; /* [n], the most extreme first */
	size_t n, capacity;
	int sign, unscored; /* unscored: also takes records without a score, last */
	const char *label;  /* where the label is, for class_of() (eval/classes.h); NULL: cls */
};
int extremes_open(struct extremes *e, size_t capacity, int sign, int unscored, struct fail *f);
int extremes_add(struct extremes *e, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f);
/* Renders all of them. */
int extremes_finish(struct extremes *e, struct fail *f);
void extremes_free(struct extremes *e);

/* Keeps a random sample of the records with a score. extremes_nearest() reduces it to the `keep` records nearest to a value, the highest first.
 * The sample depends on positions alone. */
int extremes_sample(struct extremes *e, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f);
void extremes_nearest(struct extremes *e, double value, size_t keep);

/* Records requested by key. */
struct thumbnail_index {
	struct thumbnail **v; /* sorted by key, each key once, after thumbnail_index_sort() */
	size_t n, cap;
	const char *label; /* as in struct extremes */
};
int thumbnail_index_add(struct thumbnail_index *x, const char *key, struct fail *f); /* key: escaped */
void thumbnail_index_sort(struct thumbnail_index *x);
/* Takes and renders the record if its key was requested. */
int thumbnail_index_fill(struct thumbnail_index *x, struct record *r, const char *extensions, double score, uint64_t position, struct fail *f);
/* Finds an escaped key: NULL if it was not requested; of kind THUMBNAIL_NONE if no record had it. */
const struct thumbnail *thumbnail_index_find(const struct thumbnail_index *x, const char *key);
void thumbnail_index_free(struct thumbnail_index *x);

#endif

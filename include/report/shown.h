/* shown.h - records as a page shows them: a small picture, or the curve of a vector, with what stands below.
 *
 * What is kept of a stream is bounded: the two ends of a score, and the records that are asked for by key.
 */
#ifndef VF_SHOWN_H
#define VF_SHOWN_H

#include "input/input.h"
#include "stream/record.h"

enum { SHOWN_SIDE = 128, SHOWN_POINTS = 96 };

enum shown_kind { SHOWN_NOTHING, SHOWN_PICTURE, SHOWN_VECTOR };

struct shown {
	char *key, *label; /* escaped; label: cls, or NULL */
	double score;      /* NAN: none */
	uint64_t position; /* in the stream, from 0 */
	int positive;

	enum shown_kind kind;
	struct picture picture; /* at most SHOWN_SIDE a side */
	float *low, *high;      /* vectors: [points], what each point spans */
	int points;
	size_t values;          /* how many there were */
	char why[160];          /* SHOWN_NOTHING: why it cannot be shown */

	struct buf payload; /* until it is drawn: see shown_draw() */
	enum input_format decoder;
};

/* Takes what it needs of a record: a small payload as it is, a large one drawn at once. */
int shown_take(struct shown *s, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f);
/* Decodes what is still payload; a failure to decode is in why; -1: out of memory. */
int shown_draw(struct shown *s, struct fail *f);
void shown_free(struct shown *s);

/* The room records of a stream with the highest scores (sign 1) or the lowest (-1), equal ones by position;
 * NAN comes last, and is only taken with nan. */
struct ends {
	struct shown *v;
	size_t n, room;
	int sign, nan;
};
int ends_open(struct ends *e, size_t room, int sign, int nan, struct fail *f);
int ends_add(struct ends *e, struct record *r, const char *extensions, double score, uint64_t position, int positive, struct fail *f);
/* Best first, drawn. */
int ends_finish(struct ends *e, struct fail *f);
void ends_free(struct ends *e);

/* Records wanted by key. */
struct wanted {
	struct shown **v; /* sorted by key once wanted_sort() was called, each key once */
	size_t n, cap;
};
int wanted_add(struct wanted *w, const char *key, struct fail *f);
int wanted_sort(struct wanted *w, struct fail *f);
/* Keeps the record if its key (escaped) is wanted. */
int wanted_look(struct wanted *w, struct record *r, const char *key, const char *extensions, double score, uint64_t position, struct fail *f);
/* NULL when nobody asked; payload may never have come (kind SHOWN_NOTHING). */
const struct shown *wanted_find(const struct wanted *w, const char *key);
void wanted_free(struct wanted *w);

#endif

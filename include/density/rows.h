/* rows.h - the distinct points of a set: points that are equal in all coordinates are copies of one row. */
#ifndef VF_ROWS_H
#define VF_ROWS_H

#include "density/points.h"

struct rows {
	struct points x;  /* in the order of the first copies; borrows the coordinates of the points */
	uint32_t *of;     /* [points]: the row of a point */
	uint32_t *first;  /* [x.n]: the first point of a row */
	uint32_t *copies; /* [x.n] */
};
/* count_copies: every point is a row of its own. Call rows_free() also after a failure. */
int rows_find(struct rows *r, const struct points *x, int count_copies, struct fail *f);
/* [x.n]: a hash of the coordinates of each row, the same in every set of points. all: the points of rows_find(). Freed by the caller. */
uint64_t *rows_hash(const struct rows *r, const struct points *all, struct fail *f);
void rows_free(struct rows *r);

#endif

/* plane_charts.h - records as points in the plane (eval/plane.h), as SVG for a file of its own. Each function appends to out, and returns 1,
 * 0 if there is no data, or -1 with a message. */
#ifndef VF_PLANE_CHARTS_H
#define VF_PLANE_CHARTS_H

#include "eval/plane.h"
#include "base/buf.h"

/* Values v [p->n] of a field: the area of a disc grows with |v|; it is red above 0, and blue otherwise. Crosses are test records. */
int plane_chart(const struct plane *p, const double *v, const char *field, struct buf *out, struct fail *f);
/* The points in the colours of the first six classes; points of other classes, or of none, are gray. */
int plane_chart_classes(const struct plane *p, struct buf *out, struct fail *f);

#endif

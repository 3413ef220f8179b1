/* influence_charts.h - charts of the influences of one method (eval/influences.h), as SVG. id: see plot.h. Each returns 1, 0 if there is
 * nothing to draw, or -1. */
#ifndef VF_INFLUENCE_CHARTS_H
#define VF_INFLUENCE_CHARTS_H

#include "eval/influences.h"

/* Distributions of the influences of records of the test record's class and of other classes, each as shares of its own number. cls: of
 * the test records, or -1 for all. The axis goes from the quantile .001 to .999; what is beyond is in the first and the last bar. */
int influence_chart_classes(const struct influences *s, const struct influence_method *m, int cls, const char *id, struct buf *out, struct fail *f);
/* Influences against INFLUENCE_DISTANCE or INFLUENCE_NORM; pairs of one class in a colour of their own. */
int influence_chart_against(const struct influence_method *m, enum influence_measure which, const char *id, struct buf *out, struct fail *f);

#endif

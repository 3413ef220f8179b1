/* influence_charts.h - charts of the influences of one method (eval/influences.h), as SVG for a file of its own. Each function appends to
 * out, and returns 1, 0 if there is no data, or -1 with a message. */
#ifndef VF_INFLUENCE_CHARTS_H
#define VF_INFLUENCE_CHARTS_H

#include "eval/influences.h"

/* Distributions of the influences of records with the class of the test record and with another, each as shares of its own number. cls: class of
 * the test records, or -1 for all. The axis goes from the quantile .001 to .999; the first and the last bar include the values beyond. */
int influence_chart_classes(const struct influences *s, const struct influence_method *m, int cls, struct buf *out, struct fail *f);
/* Influences against INFLUENCE_DISTANCE or INFLUENCE_NORM; pairs of equal classes have their own colour. */
int influence_chart_against(const struct influence_method *m, enum influence_measure which, struct buf *out, struct fail *f);

#endif

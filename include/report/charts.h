/* charts.h - charts of an evaluation, as SVG. */
#ifndef VF_CHARTS_H
#define VF_CHARTS_H

#include "eval/eval.h"

enum chart { CHART_DETECTION, CHART_ROC, CHART_PRECISION_RECALL, CHART_SCATTER, CHARTS };

/* A name for files and ids: detection, roc, precision-recall, scatter. */
const char *chart_name(enum chart which);
/* Appends a chart: 1, 0 if there is nothing to draw (no labels, no loss), or -1. id: see plot.h. Up to four requested
 * fields and the baselines are drawn; the scatter plot shows the first field against -loss. */
int chart_draw(const struct eval *e, enum chart which, const char *id, struct buf *out, struct fail *f);
/* Appends the histogram of a field: 1, 0 if no record has it, or -1. The axis is logarithmic for positive values with a
 * long tail. Positives and the others are each drawn as shares of their own number. */
int chart_histogram(const struct eval_field *v, const char *id, struct buf *out, struct fail *f);

#endif

/* field_charts.h - charts of the values of fields, as SVG. id: see plot.h. Each returns 1, 0 if there is nothing to draw, or -1. */
#ifndef VF_FIELD_CHARTS_H
#define VF_FIELD_CHARTS_H

#include "eval/eval.h"

/* Appends the histogram of a field: 1, 0 if no record has it, or -1. The axis is logarithmic for positive values with a
 * long tail. Positives and the others are each drawn as shares of their own number; without positives, lines mark the quantiles .95 and .999. */
int chart_histogram(const struct eval_field *v, const char *id, struct buf *out, struct fail *f);
/* The first field against the axis of eval.h, with the least-squares line: dots, or cells of a density. */
int chart_against(const struct eval *e, int density, const char *id, struct buf *out, struct fail *f);
/* The course of the first field (eval/course.h): quantiles at every checkpoint, or the means of -logp_in and -logp_out. */
int chart_course(const struct eval *e, int losses, const char *id, struct buf *out, struct fail *f);

#endif

/* field_charts.h - charts of the values of fields, as SVG. id: see plot.h. Each function appends to out, and returns 1, 0 if there is no data, or
 * -1 with a message. */
#ifndef VF_FIELD_CHARTS_H
#define VF_FIELD_CHARTS_H

#include "eval/eval.h"

/* The histogram of a field. The axis is logarithmic for positive values with a long tail. Positives and other records are drawn as shares of their
 * own numbers; without positives, lines mark the quantiles .95 and .999. */
int chart_histogram(const struct eval_field *v, const char *id, struct buf *out, struct fail *f);
/* The first field against the axis of eval.h, with the least-squares line, as dots or as the cells of a density. */
int chart_against(const struct eval *e, int density, const char *id, struct buf *out, struct fail *f);
/* The first field during training (eval/course.h): its quantiles at every checkpoint, or with losses the means of -logp_in and -logp_out. */
int chart_course(const struct eval *e, int losses, const char *id, struct buf *out, struct fail *f);

#endif

/* charts.h - charts of an evaluation, as SVG. */
#ifndef VF_CHARTS_H
#define VF_CHARTS_H

#include "eval/eval.h"

enum chart { CHART_DETECTION, CHART_ROC, CHART_PRECISION_RECALL, CHART_SCATTER, CHART_DENSITY, CHART_HISTOGRAM, CHART_COURSE, CHART_LOSSES, CHARTS };

/* A name for files and ids: detection, roc, precision-recall, scatter, density, histogram, course, losses. */
const char *chart_name(enum chart which);
/* Appends a chart. Returns 1, 0 if there is no data for it (no labels, no axis, no checkpoints), or -1. id: see plot.h. Curves show up to four
 * requested fields and the baselines; the other charts show the first field:
 *   scatter, density  against the axis of eval.h, with the least-squares line
 *   histogram         of field_charts.h
 *   course            quantiles at every checkpoint (eval/course.h)
 *   losses            for memo: the means of -logp_in and -logp_out over the records, at every checkpoint */
int chart_draw(const struct eval *e, enum chart which, const char *id, struct buf *out, struct fail *f);

#endif

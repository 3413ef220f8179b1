/* curves.h - what a judge found, drawn. */
#ifndef VF_CURVES_H
#define VF_CURVES_H

#include "eval/eval.h"

enum curves { CURVES_DETECTION, CURVES_ROC, CURVES_PRECISION_RECALL, CURVES_SCATTER, CURVES };

/* detection, roc, precision-recall, scatter: names for files and ids. */
const char *curves_name(enum curves which);
/* Appends an SVG: 1, or 0 when there is nothing to draw (no labels, no loss), -1. id: see plot.h. The first
 * six fields and baselines are drawn; scatter has the first field against -loss. */
int curves_draw(const struct eval *e, enum curves which, const char *id, struct buf *out, struct fail *f);
/* A field's distribution, on a logarithmic axis where values are above 0 and far apart; positives beside the
 * others, each as shares of their own. 1, 0 when no record has it, -1. */
int curves_histogram(const struct eval *e, const struct eval_field *v, const char *id, struct buf *out, struct fail *f);
#endif

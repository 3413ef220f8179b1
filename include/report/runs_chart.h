/* runs_chart.h - detection curves over several runs, as SVG for a file of its own: means, and bands of one standard error to either side. */
#ifndef VF_RUNS_CHART_H
#define VF_RUNS_CHART_H

#include "eval/runs.h"

/* Appends the chart of a curve of struct runs_field. It has at most six curves: the first fields of every set, and the baselines if there is one set. */
int runs_chart(const struct runs *r, int curve, struct buf *out, struct fail *f);
/* A name for its file: detection, roc. */
const char *runs_chart_name(int curve);

#endif

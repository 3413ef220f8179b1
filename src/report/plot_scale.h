/* plot_scale.h - the geometry of a chart, for the files that draw in it. */
#ifndef VF_PLOT_SCALE_H
#define VF_PLOT_SCALE_H

#include "report/plot.h"

enum { WIDTH = 420, HEIGHT = 270, LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 42 };

/* The position of a value, never NaN. A value beyond the axis lies outside of the chart, by at most its size. */
double plot_x(const struct plot *p, double v);
double plot_y(const struct plot *p, double v);

#define PUT(p, ...)                                                   \
	do {                                                          \
		if (!(p)->bad && buf_addf((p)->out, (p)->f, __VA_ARGS__)) \
			(p)->bad = 1;                                 \
	} while (0)

#endif

/* plot.h - small charts as SVG: axes with ticks and labels, lines, bands, dots, densities, steps, discs, a legend.
 *
 * A chart is 434 units wide, so that its text of 13 units is readable on a phone. Colours are the CSS classes s0 to s8,
 * defined by plot_style() for light and dark. A chart for a file of its own contains that style, and shows its title.
 */
#ifndef VF_PLOT_H
#define VF_PLOT_H

#include <stddef.h>

#include "base/buf.h"

struct axis {
	double low, high; /* the range of the data; plot_begin() widens an empty one */
	int log;          /* decades; requires low > 0 */
	int percent;      /* shows 0.05 as 5, and % in the label */
	const char *label;
};

/* Series with a meaning; 0 to 5 are free. PLOT_CELLS and PLOT_DOTS are for plot_legend() alone. */
enum { PLOT_POSITIVE = 6, PLOT_GUIDE = 7, PLOT_FIT = 8, PLOT_CELLS = 9, PLOT_DOTS = 10 };

struct plot {
	struct axis x, y;
	const char *title, *text; /* what the chart shows, and its numbers for screen readers */
	const char *id;           /* unique in the page, or NULL for a file of its own */
	int legends;              /* lines of the legend, for the height */
	int discs;                /* the legend shows discs and a cross, rather than lines */

	struct buf *out; /* set by plot_begin() */
	struct fail *f;
	int bad, legend, dots;
};

/* Each appends to out; plot_end() returns -1 if any of them failed. Text is escaped here. A value beyond an axis is drawn outside of the
 * chart, at most its size away. */
void plot_begin(struct plot *p, struct buf *out, struct fail *f);
/* A line through the points x, y [n]. */
void plot_line(struct plot *p, int series, const double *x, const double *y, size_t n);
/* n bars as one outline: bar i from edge[i] to edge[i + 1]. edge [n + 1], height [n]. */
void plot_steps(struct plot *p, int series, const double *edge, const double *height, size_t n);
/* A dot a record; close ones become one dot, darker the more there are; few dots are all dark. positive [n], or NULL: those records are drawn on
 * top in their own colour. NAN is left out. */
void plot_dots(struct plot *p, const double *x, const double *y, const char *positive, size_t n);
/* Fills the area between two lines. */
void plot_band(struct plot *p, int series, const double *x, const double *low, const double *high, size_t n);
/* Draws small cells; the shade grows with the logarithm of the number of points in the cell. Returns the largest number. NAN is skipped. */
unsigned plot_density(struct plot *p, const double *x, const double *y, size_t n);
/* Draws a disc; radius in units of the chart. */
void plot_disc(struct plot *p, int series, double x, double y, double radius);
void plot_cross(struct plot *p, double x, double y);
/* Appends the next of p->legends lines of the legend, below the chart. */
void plot_legend(struct plot *p, int series, const char *text);
int plot_end(struct plot *p);

/* Appends the CSS of charts, light and dark. */
int plot_style(struct buf *out, struct fail *f);

#endif

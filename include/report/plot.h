/* plot.h - small charts as SVG: axes with ticks and labels, lines, dots, steps, a legend.
 *
 * Drawn for a page of any width: 420 units wide, so that text of 13 units is still read on a phone.
 * Colours are classes (s0 to s8, see the enum), which plot_style()
 * defines for light and dark; a drawing for a page of its own carries them.
 */
#ifndef VF_PLOT_H
#define VF_PLOT_H

#include <stddef.h>

#include "base/buf.h"

struct axis {
	double low, high; /* of the data; low < high is made so */
	int log;          /* decades; low > 0 */
	int percent;      /* 0.05 is shown as 5, and the label says % */
	const char *label;
};

enum { PLOT_POSITIVE = 6, PLOT_GUIDE = 7, PLOT_FIT = 8 }; /* classes with a meaning; 0 to 5 are series */

struct plot {
	struct axis x, y;
	const char *title, *text; /* what it shows, and what it says in numbers, for those who do not see it */
	const char *id;           /* unique in the page, or NULL for a file of its own */
	int legends;              /* how many lines of legend will come */

	struct buf *out; /* set by plot_begin() */
	struct fail *f;
	int bad, legend, dots;
};

/* Each appends to out; what fails shows in plot_end(). Text is escaped here. */
void plot_begin(struct plot *p, struct buf *out, struct fail *f);
void plot_line(struct plot *p, int series, const double *x, const double *y, size_t n);
/* The area below, in n steps from edge[i] to edge[i + 1]. */
void plot_steps(struct plot *p, int series, const double *edge, const double *height, size_t n);
/* Records by where they fall: close ones become one dot, the darker the more there are. mark NULL, or
 * which ones are positive: drawn above the others. NAN is left out. */
void plot_dots(struct plot *p, const double *x, const double *y, const char *mark, size_t n);
void plot_legend(struct plot *p, int series, const char *text);
int plot_end(struct plot *p);

/* The rules for the classes, in light and in dark. */
int plot_style(struct buf *out, struct fail *f);
/* A number as an axis shows it: 1500000 is 1.5M. */
int plot_number(char *out, size_t room, double v);

#endif

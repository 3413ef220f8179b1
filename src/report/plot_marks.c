/* The marks inside of the axes: lines, bands, steps, dots, densities, discs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/plot_scale.h"

void plot_line(struct plot *p, int series, const double *x, const double *y, size_t n)
{
	PUT(p, "<path class=\"ln s%d\" d=\"", series);
	for (size_t i = 0; i < n; i++)
		PUT(p, "%s%.1f %.1f", i ? "L" : "M", plot_x(p, x[i]), plot_y(p, y[i]));
	PUT(p, "\"/>\n");
}

void plot_steps(struct plot *p, int series, const double *edge, const double *height, size_t n)
{
	double base = plot_y(p, p->y.low), last = base;
	PUT(p, "<path class=\"st s%d\" d=\"M%.1f %.1f", series, plot_x(p, edge[0]), base);
	for (size_t i = 0; i < n; i++) {
		double y = plot_y(p, height[i]);
		if (fabs(y - last) > 0.04)
			PUT(p, "H%.1fV%.1f", plot_x(p, edge[i]), y);
		last = y;
	}
	PUT(p, "H%.1fV%.1f\"/>\n", plot_x(p, edge[n]), base);
}

/* Dots are binned into cells of 2 x 2 units, in four shades. */
enum { CELL = 2, COLUMNS = WIDTH / CELL, ROWS = HEIGHT / CELL, SHADES = 4, FEW = 500 /* so few dots are dark */ };

static int shade(unsigned count) { return count == 0 ? -1 : count < 2 ? 0 : count < 5 ? 1 : count < 20 ? 2 : 3; }

/* least: the lightest shade that is used. */
static void put_cells(struct plot *p, const unsigned *count, int series, int least)
{
	for (int s = least; s < SHADES; s++) {
		int paths = 0;
		for (int i = 0; i < COLUMNS * ROWS; i++)
			if (count[i] && (shade(count[i]) > least ? shade(count[i]) : least) == s) {
				if (!paths++)
					PUT(p, "<path class=\"dt d%d s%d\" d=\"", s, series);
				PUT(p, "M%d %dh0", i % COLUMNS * CELL + 1, i / COLUMNS * CELL + 1);
			}
		if (paths)
			PUT(p, "\"/>\n");
	}
}

void plot_dots(struct plot *p, const double *x, const double *y, const char *positive, size_t n)
{
	p->dots = 1;
	unsigned *count = malloc((size_t)COLUMNS * ROWS * sizeof *count);
	if (!count && !p->bad)
		p->bad = fail_memory(p->f) != 0;
	for (int series = 0; series <= PLOT_POSITIVE && count; series += PLOT_POSITIVE) {
		if (series && !positive)
			break;
		memset(count, 0, (size_t)COLUMNS * ROWS * sizeof *count);
		for (size_t i = 0; i < n; i++) {
			if (isnan(x[i]) || isnan(y[i]) || (positive && positive[i]) != (series != 0))
				continue;
			int column = (int)(plot_x(p, x[i]) / CELL), row = (int)(plot_y(p, y[i]) / CELL);
			if (column >= 0 && column < COLUMNS && row >= 0 && row < ROWS)
				count[row * COLUMNS + column]++;
		}
		put_cells(p, count, series, n < FEW ? 2 : 0);
	}
	free(count);
}

void plot_band(struct plot *p, int series, const double *x, const double *low, const double *high, size_t n)
{
	PUT(p, "<path class=\"bd s%d\" d=\"", series);
	for (size_t i = 0; i < n; i++)
		PUT(p, "%s%.1f %.1f", i ? "L" : "M", plot_x(p, x[i]), plot_y(p, high[i]));
	for (size_t i = n; i-- > 0;)
		PUT(p, "L%.1f %.1f", plot_x(p, x[i]), plot_y(p, low[i]));
	PUT(p, "Z\"/>\n");
}

/* --- density: cells of SIDE x SIDE units, in LEVELS shades by the logarithm of the count --- */

enum { SIDE = 6, WIDE = (WIDTH - LEFT - RIGHT) / SIDE + 1, HIGH = (HEIGHT - TOP - BOTTOM) / SIDE + 1, LEVELS = 7 };

static int level(unsigned count, unsigned most) { return most < 2 ? LEVELS - 1 : (int)fmin(LEVELS - 1, LEVELS * log(count) / log(most)); }

unsigned plot_density(struct plot *p, const double *x, const double *y, size_t n)
{
	unsigned *count = calloc((size_t)WIDE * HIGH, sizeof *count), most = 0;
	if (!count && !p->bad)
		p->bad = fail_memory(p->f) != 0;
	for (size_t i = 0; i < n && count; i++) {
		if (isnan(x[i]) || isnan(y[i]))
			continue;
		double across = floor((plot_x(p, x[i]) - LEFT) / SIDE), up = floor((HEIGHT - BOTTOM - plot_y(p, y[i])) / SIDE);
		if (across < 0 || across >= WIDE || up < 0 || up >= HIGH)
			continue;
		unsigned *c = &count[(int)up * WIDE + (int)across];
		++*c;
		most = *c > most ? *c : most;
	}
	for (int s = 0; s < LEVELS && count; s++) {
		int paths = 0;
		for (int i = 0; i < WIDE * HIGH; i++)
			if (count[i] && level(count[i], most) == s) {
				if (!paths++)
					PUT(p, "<path class=\"ce k%d\" d=\"", s);
				PUT(p, "M%d %dh%dv-%dh-%dz", LEFT + i % WIDE * SIDE, HEIGHT - BOTTOM - i / WIDE * SIDE, SIDE, SIDE, SIDE);
			}
		if (paths)
			PUT(p, "\"/>\n");
	}
	free(count);
	return most;
}

void plot_disc(struct plot *p, int series, double x, double y, double radius)
{
	PUT(p, "<circle class=\"pt s%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", series, plot_x(p, x), plot_y(p, y), radius);
}

void plot_cross(struct plot *p, double x, double y) { PUT(p, "<path class=\"cr s%d\" d=\"M%.1f %.1fm-6 0h12m-6-6v12\"/>\n", PLOT_FIT, plot_x(p, x), plot_y(p, y)); }

#include "report/plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/html.h"
#include "report/plot_scale.h"

enum { LEGEND = 19, HEAD = 26, MAX_TICKS = 12, MARGIN = 14 /* left of 0, for the label beside ticks of six characters */ };

/* Formats a number as on an axis: 1500000 is 1.5M. */
static int format_number(char *out, size_t size, double v)
{
	static const struct { double unit; const char *prefix; } si[] = {{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
	double a = fabs(v);
	if (a >= 1e4 && a < 1e15)
		for (size_t i = 0; i < sizeof si / sizeof *si; i++)
			if (a >= si[i].unit)
				return snprintf(out, size, "%s%.4g%s", HTML_SIGNED(v / si[i].unit), si[i].prefix);
	return snprintf(out, size, "%s%.4g", HTML_SIGNED(v));
}

/* --- coordinates --- */

/* The position on an axis: 0 to 1 inside, -1 to 2 outside, never NaN. */
static double position(const struct axis *a, double v)
{
	double s = a->log ? (log(v) - log(a->low)) / (log(a->high) - log(a->low)) : (v - a->low) / (a->high - a->low);
	return fmin(fmax(s, -1), 2);
}

double plot_x(const struct plot *p, double v) { return LEFT + position(&p->x, v) * (WIDTH - LEFT - RIGHT); }
double plot_y(const struct plot *p, double v) { return HEIGHT - BOTTOM - position(&p->y, v) * (HEIGHT - BOTTOM - TOP); }

static void put_text(struct plot *p, const char *s, size_t max)
{
	if (!p->bad && html_short(p->out, s, max, p->f))
		p->bad = 1;
}

/* --- axes --- */

/* Makes the range valid: finite, not empty, and positive on a logarithmic axis. */
static void fix_axis(struct axis *a)
{
	if (!(a->low <= a->high)) {
		a->low = 0;
		a->high = 1;
	}
	a->low = fmax(a->low, -1e300); /* so that high - low is finite */
	a->high = fmin(a->high, 1e300);
	if (a->log && !(a->low > 0))
		a->log = 0;
	if (a->high - a->low <= 1e-12 * (fabs(a->low) + fabs(a->high))) {
		double d = a->low != 0 ? fabs(a->low) / 10 : 0.5;
		a->low -= d;
		a->high += d;
	}
}

/* Up to MAX_TICKS ticks at 1, 2 and 5 times powers of ten. */
static int ticks(const struct axis *a, double v[MAX_TICKS])
{
	int n = 0;
	double span = a->high - a->low;
	if (a->log && a->high / a->low >= 8) {
		int first = (int)floor(log10(a->low)), last = (int)ceil(log10(a->high)), every = (last - first) / 7 + 1;
		static const double factor[] = {1, 2, 5};
		for (int e = first; e <= last; e += every)
			for (int k = 0; k < (last - first <= 2 ? 3 : 1); k++) {
				double t = factor[k] * pow(10, e);
				if (t >= a->low * 0.999 && t <= a->high * 1.001 && n < MAX_TICKS)
					v[n++] = t;
			}
		if (n > 1)
			return n;
		n = 0;
	}
	double step = pow(10, floor(log10(span / 4)));
	step *= span / step > 12 ? 5 : span / step > 6 ? 2 : 1;
	for (double k = ceil(a->low / step - 1e-9); k * step <= a->high + 1e-9 * step && n < MAX_TICKS; k++)
		v[n++] = k * step == 0 ? 0 : k * step;
	return n;
}

static void put_tick(struct plot *p, const struct axis *a, double v)
{
	char t[40];
	format_number(t, sizeof t, a->percent ? 100 * v : v);
	PUT(p, "%s</text>", t);
}

static void put_label(struct plot *p, const struct axis *a)
{
	put_text(p, a->label, 44);
	PUT(p, "%s%s</text>\n", a->percent ? " (%)" : "", a->log ? " (log)" : "");
}

static void put_axes(struct plot *p)
{
	double v[MAX_TICKS];
	int n = ticks(&p->y, v);
	PUT(p, "<g class=\"ax\">");
	for (int i = 0; i < n; i++) {
		double y = plot_y(p, v[i]);
		PUT(p, "<path class=\"gr\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT, y, WIDTH - RIGHT, LEFT - 6, y + 4);
		put_tick(p, &p->y, v[i]);
	}
	n = ticks(&p->x, v);
	for (int i = 0; i < n; i++) {
		double x = plot_x(p, v[i]);
		PUT(p, "<path d=\"M%.1f %dv4\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">", x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 17,
		    x > WIDTH - RIGHT - 12 ? "end" : "middle");
		put_tick(p, &p->x, v[i]);
	}
	PUT(p, "<path d=\"M%d %dH%d\"/>", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT);
	PUT(p, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 7);
	put_label(p, &p->x);
	PUT(p, "<text transform=\"translate(%d %d)rotate(-90)\" text-anchor=\"middle\">", 12 - MARGIN, (TOP + HEIGHT - BOTTOM) / 2);
	put_label(p, &p->y);
	PUT(p, "</g>\n");
}

void plot_begin(struct plot *p, struct buf *out, struct fail *f)
{
	p->out = out;
	p->f = f;
	p->bad = p->legend = p->dots = 0;
	fix_axis(&p->x);
	fix_axis(&p->y);
	int height = HEIGHT + LEGEND * p->legends + (p->legends ? 4 : 0);
	if (p->id) {
		PUT(p, "<svg class=\"plot\" role=\"img\" viewBox=\"%d 0 %d %d\" aria-labelledby=\"%s-t %s-d\">", -MARGIN, MARGIN + WIDTH, height, p->id, p->id);
		PUT(p, "<title id=\"%s-t\">", p->id);
	} else {
		PUT(p, "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"plot\" role=\"img\" width=\"%d\" height=\"%d\" viewBox=\"%d %d %d %d\">",
		    2 * (MARGIN + WIDTH), 2 * (height + HEAD), -MARGIN, -HEAD, MARGIN + WIDTH, height + HEAD);
		PUT(p, "<title>");
	}
	put_text(p, p->title, 200);
	PUT(p, p->id ? "</title><desc id=\"%s-d\">" : "</title><desc>", p->id);
	put_text(p, p->text, 2000);
	PUT(p, "</desc>\n");
	if (!p->id) {
		PUT(p, "<style>\n");
		if (!p->bad && plot_style(out, f))
			p->bad = 1;
		PUT(p, "</style>\n<rect class=\"paper\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n<text class=\"hd\" x=\"%d\" y=\"-7\" text-anchor=\"middle\">", -MARGIN, -HEAD,
		    MARGIN + WIDTH, height + HEAD, (LEFT + WIDTH - RIGHT) / 2);
		put_text(p, p->title, 50);
		PUT(p, "</text>\n");
	}
	put_axes(p);
}

void plot_legend(struct plot *p, int series, const char *text)
{
	int y = HEIGHT + LEGEND * p->legend++ + 10;
	if (series == PLOT_FIT && p->discs)
		PUT(p, "<path class=\"cr s%d\" d=\"M%d %dh12m-6-6v12\"/>", series, LEFT + 5, y - 4);
	else if (series == PLOT_CELLS)
		PUT(p, "<path class=\"ce k4\" d=\"M%d %dh8v8h-8z\"/>", LEFT + 7, y - 8);
	else if (p->discs)
		PUT(p, "<circle class=\"pt s%d\" cx=\"%d\" cy=\"%d\" r=\"4\"/>", series, LEFT + 11, y - 4);
	else if (series == PLOT_DOTS)
		PUT(p, "<path class=\"dt d2 s0\" d=\"M%d %dh0\"/>", LEFT + 11, y - 4);
	else if (p->dots && series == PLOT_POSITIVE)
		PUT(p, "<path class=\"dt s%d\" d=\"M%d %dh0\"/>", series, LEFT + 11, y - 4);
	else
		PUT(p, "<path class=\"ln s%d\" d=\"M%d %dh22\"/>", series, LEFT, y - 4);
	PUT(p, "<text class=\"lg\" x=\"%d\" y=\"%d\">", LEFT + 30, y);
	put_text(p, text, 60);
	PUT(p, "</text>\n");
}

int plot_end(struct plot *p)
{
	PUT(p, "</svg>\n");
	return p->bad ? -1 : 0;
}

/* Hues for colour-blind readers (after Okabe & Ito); lines also differ in their dashes. */
int plot_style(struct buf *out, struct fail *f)
{
	return buf_addf(out, f, "%s",
		".plot{--s0:#0b5cad;--s1:#b4531a;--s2:#5b6b73;--s3:#157a5a;--s4:#8a3f8f;--s5:#7a6400;--s6:#c4203a;--s7:#8b949c;--ink:#3d454c;--grid:#e3e7ea;--paper:#fff;"
		"font:13px system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",sans-serif;fill:none;stroke-linejoin:round}\n"
		"@media(prefers-color-scheme:dark){.plot{--s0:#6fb3ff;--s1:#f0a06a;--s2:#a7b4bc;--s3:#5fd0a6;--s4:#d79be0;--s5:#d8c25a;--s6:#ff7a8a;--s7:#7c868e;--ink:#c3cad0;--grid:#30373d;--paper:#14181b}}\n"
		".plot text{fill:var(--ink)}.plot .paper{fill:var(--paper)}.plot .ax path{stroke:var(--s7)}.plot .ax .gr{stroke:var(--grid)}\n"
		".plot .ln{stroke-width:2}.plot .st{stroke-width:1.5;fill-opacity:.16}.plot .dt{stroke-width:3.2;stroke-linecap:round}\n"
		".plot .d0{stroke-opacity:.35}.plot .d1{stroke-opacity:.55}.plot .d2{stroke-opacity:.8}.plot .dt.s6{stroke-opacity:1;stroke-width:4}\n"
		".plot .s0{stroke:var(--s0)}.plot .s1{stroke:var(--s1)}.plot .s2{stroke:var(--s2)}.plot .s3{stroke:var(--s3)}.plot .s4{stroke:var(--s4)}.plot .s5{stroke:var(--s5)}.plot .s6{stroke:var(--s6)}.plot .s7{stroke:var(--s7)}.plot .s8{stroke:var(--ink)}\n"
		".plot .st.s0{fill:var(--s0)}.plot .st.s6{fill:var(--s6)}.plot .hd{font-weight:600}\n"
		".plot .bd{stroke:none;fill-opacity:.22}.plot .bd.s0,.plot .ce,.plot .pt.s0{fill:var(--s0)}.plot .bd.s1,.plot .pt.s1{fill:var(--s1)}.plot .bd.s2,.plot .pt.s2{fill:var(--s2)}.plot .bd.s3,.plot .pt.s3{fill:var(--s3)}.plot .bd.s4,.plot .pt.s4{fill:var(--s4)}.plot .bd.s5,.plot .pt.s5{fill:var(--s5)}.plot .bd.s6,.plot .pt.s6{fill:var(--s6)}\n"
		".plot .ce{stroke:none}.plot .k0{fill-opacity:.1}.plot .k1{fill-opacity:.22}.plot .k2{fill-opacity:.34}.plot .k3{fill-opacity:.46}.plot .k4{fill-opacity:.58}.plot .k5{fill-opacity:.7}.plot .k6{fill-opacity:.85}\n"
		".plot .pt.s7{fill:var(--s7)}.plot .pt{fill-opacity:.5;stroke-width:1}.plot .cr{stroke-width:2}\n"
		".plot .ln.s1{stroke-dasharray:7 3}.plot .ln.s2{stroke-dasharray:2 3}.plot .ln.s3{stroke-dasharray:10 3 2 3}.plot .ln.s4{stroke-dasharray:4 2}.plot .ln.s5{stroke-dasharray:12 4}.plot .ln.s7{stroke-width:1;stroke-dasharray:3 3}\n");
}

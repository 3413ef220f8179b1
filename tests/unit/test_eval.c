/* The measures and charts of vae-eval and vae-report, against their definitions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "eval/correlate.h"
#include "eval/detect.h"
#include "report/html.h"
#include "input/deflated.h"
#include "report/plot.h"
#include "tap.h"

static int close_to(double a, double b) { return (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-9 * (1 + fabs(b)); }

/* --- correlation --- */

static double pearson(const double *x, const double *y, size_t n)
{
	double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;
	for (size_t i = 0; i < n; i++) {
		mx += x[i] / (double)n;
		my += y[i] / (double)n;
	}
	for (size_t i = 0; i < n; i++) {
		xx += (x[i] - mx) * (x[i] - mx);
		yy += (y[i] - my) * (y[i] - my);
		xy += (x[i] - mx) * (y[i] - my);
	}
	return xy / sqrt(xx * yy);
}

static void mean_ranks(const double *v, size_t n, double *rank)
{
	for (size_t i = 0; i < n; i++) {
		double below = 0, equal = 0;
		for (size_t k = 0; k < n; k++) {
			below += v[k] < v[i];
			equal += v[k] == v[i];
		}
		rank[i] = below + (equal + 1) / 2;
	}
}

static void correlations(void)
{
	enum { N = 200 };
	int r2 = 1, spearman = 1, line = 1;
	for (int round = 0; round < 50; round++) {
		double x[N], y[N], p[N], q[N], rp[N], rq[N];
		size_t n = 3 + (size_t)(uniform() * (N - 3)), k = 0;
		int coarse = round % 3;
		for (size_t i = 0; i < n; i++) {
			x[i] = coarse ? floor(uniform() * 10) : 1e6 + uniform();
			y[i] = x[i] * (round % 2 ? -1 : 0.5) + (coarse == 2 ? floor(uniform() * 4) : uniform());
			if (uniform() < 0.1)
				x[i] = NAN;
			if (uniform() < 0.1)
				y[i] = NAN;
			if (!isnan(x[i]) && !isnan(y[i])) {
				p[k] = x[i];
				q[k++] = y[i];
			}
		}
		struct correlation c;
		struct fail f;
		if (correlate(x, y, n, &c, &f) || c.n != k) {
			r2 = 0;
			continue;
		}
		if (k < 3) {
			r2 &= isnan(c.r2);
			continue;
		}
		double r = pearson(p, q, k);
		mean_ranks(p, k, rp);
		mean_ranks(q, k, rq);
		r2 &= fabs(c.r2 - r * r) < 1e-6;
		spearman &= close_to(c.spearman, pearson(rp, rq, k));
		/* least squares: no line near it is better */
		double best = 0, other[4] = {0};
		for (size_t i = 0; i < k; i++) {
			double e = q[i] - c.intercept - c.slope * p[i];
			best += e * e;
			for (int s = 0; s < 4; s++) {
				double o = e + (s < 2 ? (s ? 1e-3 : -1e-3) : (s == 2 ? 1e-3 : -1e-3) * (p[i] - p[0]));
				other[s] += o * o;
			}
		}
		for (int s = 0; s < 4; s++)
			line &= isnan(c.r2) || best <= other[s] * (1 + 1e-9);
	}
	ok(r2, "R2 is the square of Pearson's correlation over the records that have both");
	ok(spearman, "Spearman is Pearson's correlation of mean ranks");
	ok(line, "the line is the least-squares line");

	struct correlation c;
	struct fail f;
	double flat[] = {7.1, 7.1, 7.1, 7.1}, up[] = {1, 2, 3, 4}, huge[] = {1e308, -1e308, 1e307, 3}, bent[] = {1, 8, 27, 1e9};
	correlate(flat, up, 4, &c, &f);
	ok(isnan(c.r2) && isnan(c.spearman), "a constant has no correlation");
	correlate(up, up, 2, &c, &f);
	ok(isnan(c.r2) && c.n == 2, "nor have two records");
	correlate(huge, up, 4, &c, &f);
	ok(isfinite(c.r2) && isfinite(c.spearman), "values whose squares overflow");
	correlate(up, bent, 4, &c, &f);
	ok(c.spearman == 1 && c.r2 < 0.9, "the same order is Spearman 1, whatever the values");
}

/* --- detection --- */

static double area(const struct curve *c)
{
	double a = 0;
	for (size_t i = 1; i < c->n; i++)
		a += (c->x[i] - c->x[i - 1]) * (c->y[i] + c->y[i - 1]) / 2;
	return a;
}

/* Over every threshold. */
static double naive_average_precision(const double *v, const int *pos, size_t n)
{
	double sum = 0, all = 0;
	for (size_t i = 0; i < n; i++)
		all += pos[i];
	for (size_t t = 0; t < n; t++) {
		double above = 0, found = 0, here = 0;
		int first = 1;
		for (size_t i = 0; i < n; i++) {
			above += v[i] >= v[t];
			found += v[i] >= v[t] && pos[i];
			here += v[i] == v[t] && pos[i];
			first &= !(i < t && v[i] == v[t]);
		}
		if (first)
			sum += here / all * (found / above);
	}
	return sum;
}

static void detections(void)
{
	enum { N = 300 };
	int precision = 1, roc = 1, steps = 1, curve = 1, monotone = 1;
	for (int round = 0; round < 40; round++) {
		double v[N], ceiling, se;
		int pos[N];
		size_t n = 2 + (size_t)(uniform() * (N - 2));
		struct detection d = {.positives = 0};
		struct fail f;
		for (size_t i = 0; i < n; i++) {
			v[i] = round % 2 ? floor(uniform() * 8) : uniform();
			pos[i] = i == 0 ? 1 : i == 1 ? 0 : uniform() < 0.2;
			detection_add(&d, v[i], pos[i], &f);
		}
		detection_sort(&d);
		precision &= close_to(detection_average_precision(&d), naive_average_precision(v, pos, n));
		struct curve c;
		detection_curve(&d, CURVE_ROC, &c, &f);
		roc &= fabs(area(&c) - detection_auroc(&d, &se)) < 2e-3;
		for (size_t i = 1; i < c.n; i++)
			monotone &= c.x[i] >= c.x[i - 1] && c.y[i] >= c.y[i - 1];
		curve_free(&c);
		detection_curve(&d, CURVE_PRECISION_RECALL, &c, &f);
		steps &= fabs(area(&c) - detection_average_precision(&d)) < 5e-3;
		curve_free(&c);
		if (round % 2 == 0) { /* without ties; the mean over the number checked is half a step more than the area */
			detection_curve(&d, CURVE_DETECTION, &c, &f);
			curve &= fabs(area(&c) + 0.5 / (double)n - detection_auc(&d, &ceiling)) < 2e-3;
			curve_free(&c);
		}
		ranking_free(&d.rank);
	}
	ok(precision, "average precision, ties as one threshold");
	ok(roc && monotone, "the area below the ROC curve is the AUROC");
	ok(steps, "the area below the steps of precision is the average precision");
	ok(curve, "the area below the detection curve is its AUC");

	struct detection d = {.positives = 0};
	struct fail f;
	for (int i = 0; i < 100000; i++)
		detection_add(&d, uniform() + (i % 50 == 0), i % 50 == 0, &f);
	detection_sort(&d);
	struct curve c;
	detection_curve(&d, CURVE_DETECTION, &c, &f);
	ok(c.n > 50 && c.n < 1000 && c.x[c.n - 1] == 1 && c.y[c.n - 1] == 1, "a curve of 100,000 records has few points");
	curve_free(&c);
	ranking_free(&d.rank);
}

/* --- text --- */

static int escapes_to(const char *in, size_t n, const char *expected)
{
	struct buf b = {0};
	struct fail f;
	int same = html_text(&b, in, n, &f) == 0 && strcmp(b.p ? b.p : "", expected) == 0;
	if (!same)
		printf("# got %s\n", b.p ? b.p : "");
	buf_free(&b);
	return same;
}

static void texts(void)
{
	ok(escapes_to("<a href=\"x\" b='y'>&amp;", 23, "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;amp;"), "markup");
	ok(escapes_to("a\0b\t\n\x1b\x7f", 7, "a\\x00b\\x09\\x0a\\x1b\\x7f"), "control bytes");
	ok(escapes_to("\xff\xc3(\xed\xa0\x80\xf0\x9f", 8, "\\xff\\xc3(\\xed\\xa0\\x80\\xf0\\x9f"), "invalid UTF-8");
	ok(escapes_to("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf\xc2\x9b\xc2\xad\xf3\xa0\x81\x81\xef\xbf\xbf", 23,
	         "\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{9b}\\u{ad}\\u{e0041}\\u{ffff}"), "characters that change the direction of text, or are invisible");
	ok(escapes_to("\xd7\xa9\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\n", 13, "\xd7\xa9\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\\n"), "letters of any script, and existing escapes");
	struct buf b = {0};
	struct fail f;
	html_short(&b, "\xc3\xa9\xc3\xa9<\xc3\xa9", 3, &f);
	ok(strcmp(b.p, "\xc3\xa9\xc3\xa9&lt;\xe2\x80\xa6") == 0, "shortened between characters");
	b.len = 0;
	html_base64(&b, "\x00\xff\x10M", 4, &f);
	html_base64(&b, "ab", 2, &f);
	html_base64(&b, "abc", 3, &f);
	html_base64(&b, "", 0, &f);
	ok(b.len == 16 && strcmp(b.p, "AP8QTQ==YWI=YWJj") == 0, "base64");
	buf_free(&b);
}

/* --- charts and sizes --- */

static void charts(void)
{
	static const double v[] = {0, -0.0, 1, -1, 1e-308, 1e308, -1e308, 5, 1e-5};
	int valid = 1;
	for (size_t i = 0; i < sizeof v / sizeof *v; i++)
		for (size_t k = 0; k < sizeof v / sizeof *v; k++)
			for (int log = 0; log < 2; log++) {
				struct buf b = {0};
				struct fail f;
				double x[] = {v[i], v[k]}, y[] = {v[k], v[i]};
				struct plot p = {.x = {v[i], v[k], log, 0, "<x>"}, .y = {v[k], v[i], log, 1, "y"}, .title = "t", .text = "&", .legends = 1};
				plot_begin(&p, &b, &f);
				plot_dots(&p, x, y, NULL, 2);
				plot_legend(&p, 0, "l");
				valid &= plot_end(&p) == 0 && !strstr(b.p, "nan") && !strstr(b.p, "inf") && strstr(b.p, "&lt;x&gt;") != NULL;
				buf_free(&b);
			}
	ok(valid, "axes of any length: no NaN, no infinity");

	struct deflated d = {NULL};
	struct fail f;
	uint64_t flat, again, noise;
	static char zeros[100000], random[100000];
	for (size_t i = 0; i < sizeof random; i++)
		random[i] = (char)(uniform() * 256);
	int r = deflated_size(&d, zeros, sizeof zeros, &flat, &f) || deflated_size(&d, random, sizeof random, &noise, &f) ||
	        deflated_size(&d, zeros, sizeof zeros, &again, &f);
	ok(!r && flat == again && flat < 300 && noise > sizeof random, "compressed sizes do not depend on what came before");
	r = deflated_size(&d, NULL, 0, &flat, &f);
	ok(!r && flat == 8, "the compressed size of nothing");
	deflated_free(&d);
}

/* The height by another formula: a positive is found with the share of its group of equal scores that has been checked. */
static double naive_height(const double *v, const char *pos, size_t n, int roc, double x)
{
	double p = 0, q = 0, sum = 0;
	for (size_t i = 0; i < n; i++) {
		p += pos[i];
		q += !pos[i];
	}
	for (size_t j = 0; j < n; j++) {
		double above = 0, beside = 0, t = x * (roc ? q : p + q);
		for (size_t i = 0; i < n; i++)
			if (!roc || !pos[i]) {
				above += v[i] > v[j];
				beside += v[i] == v[j];
			}
		if (pos[j])
			sum += beside > 0 ? fmin(fmax((t - above) / beside, 0), 1) : t >= above - 1e-9;
	}
	return sum / p;
}

static void heights(void)
{
	enum { N = 120, GRID = 40 };
	int same = 1;
	for (int round = 0; round < 40; round++) {
		struct detection d = {.positives = 0};
		struct fail f = {{0}};
		double v[N], y[GRID + 1];
		char pos[N];
		size_t n = 2 + (size_t)(uniform() * (N - 2));
		for (size_t i = 0; i < n; i++) {
			v[i] = round % 2 ? floor(uniform() * 6) : uniform();
			pos[i] = i ? uniform() < 0.3 : 1;
		}
		pos[1] = 0;
		for (size_t i = 0; i < n; i++)
			detection_add(&d, v[i], pos[i], &f);
		detection_sort(&d);
		for (int roc = 0; roc < 2; roc++) {
			detection_heights(&d, roc ? CURVE_ROC : CURVE_DETECTION, y, GRID);
			for (int i = 0; i <= GRID; i++)
				same &= close_to(y[i], naive_height(v, pos, n, roc, (double)i / GRID));
		}
		ranking_free(&d.rank);
	}
	ok(same, "heights of detection and ROC curves");
}

int main(void)
{
	correlations();
	detections();
	heights();
	texts();
	charts();
	return done();
}

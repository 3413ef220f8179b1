/* tap.h - the Test Anything Protocol for unit tests: ok() prints one result, done() the plan. */
#ifndef VF_TAP_H
#define VF_TAP_H

#include <stdarg.h>
#include <stdio.h>

static int tap_n, tap_bad;

__attribute__((format(printf, 2, 3))) static inline int ok(int pass, const char *fmt, ...)
{
	va_list ap;
	printf("%sok %d - ", pass ? "" : "not ", ++tap_n);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	tap_bad += !pass;
	return pass;
}

static inline void skip(const char *what, const char *why) { printf("ok %d - %s # SKIP %s\n", ++tap_n, what, why); }

/* Whether |a - b| <= tol * |b|; prints both. */
__attribute__((unused)) static inline int near(double a, double b, double tol, const char *what)
{
	double d = a > b ? a - b : b - a, m = b < 0 ? -b : b;
	return ok(d <= tol * m, "%s (%.9g, expected %.9g, relative error %.2g)", what, a, b, m > 0 ? d / m : d);
}

static inline int done(void)
{
	printf("1..%d\n", tap_n);
	return tap_bad ? 1 : 0;
}

#endif

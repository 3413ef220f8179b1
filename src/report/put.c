#include "report/put.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "report/html.h"

enum { MAX_TEXT = 2000 }; /* characters: a key of a megabyte must leave space for the others */

void put(struct page *p, const char *fmt, ...)
{
	va_list ap, again;
	if (p->bad)
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || buf_reserve(p->out, (size_t)n, p->f)) {
		p->bad = 1;
	} else {
		vsnprintf(p->out->p + p->out->len, (size_t)n + 1, fmt, again);
		p->out->len += (size_t)n;
	}
	va_end(again);
}

void put_text(struct page *p, const char *s)
{
	if (!p->bad && html_short(p->out, s, MAX_TEXT, p->f))
		p->bad = 1;
}

void put_short_key(struct page *p, const char *key)
{
	if (!p->bad && html_middle(p->out, key, 12, 24, p->f))
		p->bad = 1;
}

void put_count(struct page *p, uint64_t n)
{
	if (n >= 1000) {
		put_count(p, n / 1000);
		put(p, ",%03d", (int)(n % 1000));
	} else {
		put(p, "%d", (int)n);
	}
}

void put_number(struct page *p, double v)
{
	double a = fabs(v);
	if (isnan(v)) {
		put(p, "none");
		return;
	}
	if (a >= 1000 && a < 1e12) {
		put(p, "%s", v < 0 ? HTML_MINUS : "");
		put_count(p, (uint64_t)(a + 0.5));
	} else {
		put(p, "%s%.4g", HTML_SIGNED(v));
	}
}

void put_plural(struct page *p, uint64_t n, const char *one, const char *many)
{
	put_count(p, n);
	put(p, " %s", n == 1 ? one : many);
}

void put_table(struct page *p, const char *id, const char *caption, const char *const *column)
{
	put(p, "<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-labelledby=\"c-%s\"><table id=\"%s\"><caption id=\"c-%s\">%s</caption><thead><tr>", id, id, id, caption);
	for (int i = 0; column[i]; i++)
		put(p, "<th scope=\"col\"%s>%s</th>", i ? " class=\"n\"" : "", column[i]);
	put(p, "</tr></thead><tbody>\n");
}

void put_table_end(struct page *p) { put(p, "</tbody></table></div>\n"); }

#include "input/netpbm.h"

#include <ctype.h>

#define MAX_SAMPLE 65535

struct source {
	const uint8_t *p, *end;
	struct fail *f;
};

static int cut(struct source *s)
{
	return fail_set(s->f, "netpbm file ends before its last sample");
}

/* The next character, -1 at the end; a comment reads as the newline that ends it. */
static int next_char(struct source *s)
{
	if (s->p == s->end)
		return -1;
	int c = *s->p++;
	if (c == '#')
		do {
			if (s->p == s->end)
				return -1;
			c = *s->p++;
		} while (c != '\n' && c != '\r');
	return c;
}

/* A decimal number and the one character of white space behind it (or the end). */
static int next_number(struct source *s, unsigned max, const char *what, unsigned *out)
{
	int c;
	do
		c = next_char(s);
	while (c >= 0 && isspace(c));
	if (c < 0)
		return cut(s);
	unsigned n = 0;
	for (; c >= '0' && c <= '9'; c = next_char(s)) {
		n = n * 10 + (unsigned)(c - '0');
		if (n > max)
			return fail_set(s->f, "%s in a netpbm file is larger than %u", what, max);
	}
	*out = n;
	return c < 0 || isspace(c) ? 0 : fail_set(s->f, "byte 0x%02x in a netpbm file where %s was wanted", c, what);
}

/* To 8 bits: up to maxval 255 rounded to the nearest; above, first to 16 bits in the same way,
 * whose high byte is kept as with every 16-bit picture. 255 and 65535 are exact either way. */
static uint8_t to_8bit(unsigned v, unsigned maxval)
{
	if (maxval <= 255)
		return (uint8_t)((v * 255 + maxval / 2) / maxval);
	return (uint8_t)(((uint64_t)v * MAX_SAMPLE + maxval / 2) / maxval >> 8);
}

static int read_samples(struct source *s, int plain, unsigned maxval, struct picture *out)
{
	size_t n = (size_t)out->width * (size_t)out->height * (size_t)out->channels;
	int wide = maxval > 255;
	for (size_t i = 0; i < n; i++) {
		unsigned v;
		if (plain) {
			if (next_number(s, maxval, "a sample", &v))
				return -1;
		} else {
			v = *s->p++;
			if (wide)
				v = v << 8 | *s->p++;
			if (v > maxval)
				return fail_set(s->f, "sample %u in a netpbm file is larger than its maxval of %u", v, maxval);
		}
		out->pixels[i] = to_8bit(v, maxval);
	}
	return 0;
}

/* Bytes behind the last sample are left alone: netpbm files may hold several pictures. */
int netpbm_decode(const void *data, size_t len, struct picture *out, struct fail *f)
{
	struct source s = {data, (const uint8_t *)data + len, f};
	*out = (struct picture){0};
	if (len < 2 || s.p[0] != 'P' || (s.p[1] != '2' && s.p[1] != '3' && s.p[1] != '5' && s.p[1] != '6'))
		return fail_set(f, "not a netpbm file of gray or colour: it does not start with P2, P3, P5 or P6");
	int plain = s.p[1] < '5', channels = s.p[1] == '3' || s.p[1] == '6' ? 3 : 1;
	unsigned width, height, maxval;
	s.p += 2;
	if (next_number(&s, 100000000, "a width", &width) || next_number(&s, 100000000, "a height", &height) ||
	    next_number(&s, MAX_SAMPLE, "a maxval", &maxval))
		return -1;
	if (!maxval)
		return fail_set(f, "maxval 0 in a netpbm file where 1 to %d was wanted", MAX_SAMPLE);
	if (picture_alloc(out, width, height, channels, f))
		return -1;
	/* A sample takes one byte or two; in plain text a digit and a space, but for the last one. */
	size_t n = (size_t)width * height * (size_t)channels, left = (size_t)(s.end - s.p);
	size_t want = plain ? 2 * n - 1 : maxval > 255 ? 2 * n : n;
	if (left < want)
		fail_set(f, "netpbm file is cut short: %zu bytes of samples where %zu were wanted", left, want);
	else if (!read_samples(&s, plain, maxval, out))
		return 0;
	picture_free(out);
	return -1;
}

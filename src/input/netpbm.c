#include "input/netpbm.h"

#include <ctype.h>
#include <string.h>

#include "input/format.h"

#define MAX_SAMPLE 65535

struct input {
	const uint8_t *p, *end;
	struct fail *f;
};

/* The next character, -1 at the end. A comment counts as the newline that ends it. */
static int next_char(struct input *s)
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

/* Reads a decimal number and the one character of white space after it, or the end. */
static int next_number(struct input *s, unsigned max, const char *what, unsigned *out)
{
	int c;
	do
		c = next_char(s);
	while (c >= 0 && isspace(c));
	if (c < 0)
		return fail_set(s->f, "netpbm file ends before its last sample");
	unsigned n = 0;
	for (; c >= '0' && c <= '9'; c = next_char(s)) {
		n = n * 10 + (unsigned)(c - '0');
		if (n > max)
			return fail_set(s->f, "%s in a netpbm file is larger than %u", what, max);
	}
	*out = n;
	return c < 0 || isspace(c) ? 0 : fail_set(s->f, "byte 0x%02x in a netpbm file, expected %s", c, what);
}

/* Scales to 8 bits. A maxval up to 255 is scaled to 255 and rounded. A larger one is scaled to 65535 and rounded, and the high
 * byte kept, as of other 16-bit pictures. */
static uint8_t to_8bit(unsigned v, unsigned maxval)
{
	if (maxval <= 255)
		return (uint8_t)((v * 255 + maxval / 2) / maxval);
	return (uint8_t)(((uint64_t)v * MAX_SAMPLE + maxval / 2) / maxval >> 8);
}

static int read_samples(struct input *s, int plain, unsigned maxval, struct picture *out)
{
	size_t n = (size_t)out->width * (size_t)out->height * (size_t)out->channels;
	int wide = maxval > 255;
	unsigned highest = 0;
	if (!plain && maxval == 255) {
		memcpy(out->pixels, s->p, n);
		return 0;
	}
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
		highest = v > highest ? v : highest;
	}
	out->notes = maxval == MAX_SAMPLE ? picture_notes_16bit(highest) : 0;
	return 0;
}

/* Decodes the first picture: a netpbm file may hold several, so bytes after the last sample are not an error. */
int netpbm_decode(const void *data, size_t len, struct picture *out, struct fail *f)
{
	struct input s = {data, (const uint8_t *)data + len, f};
	*out = (struct picture){0};
	if (input_format_of(data, len) != INPUT_NETPBM)
		return fail_set(f, "not a netpbm file of gray or colour: it does not start with P2, P3, P5 or P6, then white space or a comment");
	int plain = s.p[1] < '5', channels = s.p[1] == '3' || s.p[1] == '6' ? 3 : 1;
	unsigned width, height, maxval;
	s.p += 2;
	if (next_number(&s, 100000000, "a width", &width) || next_number(&s, 100000000, "a height", &height) ||
	    next_number(&s, MAX_SAMPLE, "a maxval", &maxval))
		return -1;
	if (!maxval)
		return fail_set(f, "maxval 0 in a netpbm file, expected 1 to %d", MAX_SAMPLE);
	if (picture_alloc(out, width, height, channels, f))
		return -1;
	/* The least bytes that the samples take: one or two each, or in plain text a digit and a space between two. */
	size_t n = (size_t)width * height * (size_t)channels, left = (size_t)(s.end - s.p);
	size_t needed = plain ? 2 * n - 1 : maxval > 255 ? 2 * n : n;
	if (left < needed)
		fail_set(f, "netpbm file is truncated: %zu bytes of samples, expected %zu", left, needed);
	else if (!read_samples(&s, plain, maxval, out))
		return 0;
	picture_free(out);
	return -1;
}

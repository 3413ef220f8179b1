/* The lines of train.jsonl: each flipped bit is found, but those of digits of the seconds; lines of older versions pass. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "tap.h"
#include "train/log.h"

static char text[2000]; /* of the whole file */
static size_t length;

/* Reads lines as getline() does; -1 if one is damaged. */
static int verify(struct fail *f)
{
	struct train_log l = {0};
	char line[2001];
	for (size_t at = 0; at < length;) {
		const char *end = memchr(text + at, '\n', length - at);
		size_t n = end ? (size_t)(end - text) + 1 - at : length - at;
		memcpy(line, text + at, n);
		line[n] = 0;
		if (train_log_verify(&l, line, n, f))
			return -1;
		at += n;
	}
	return 0;
}

static void make(int old)
{
	struct train_log l = {0};
	struct fail f;
	length = 0;
	for (int i = 0; i < 5; i++) {
		struct buf b = {0};
		buf_addf(&b, &f, "{\"step\":%d,\"loss\":%.9g,\"recon\":%.9g,\"kl\":2.5", 10 * i, 700.5 / (i + 1), 600.25 / (i + 1));
		if (i < old) {
			buf_addf(&b, &f, ",\"seconds\":%.3f}\n", 0.5 * i);
			train_log_verify(&l, b.p, b.len, &f);
		} else {
			train_log_finish(&l, &b, 0.5 * i, &f);
		}
		memcpy(text + length, b.p, b.len);
		length += b.len;
		buf_free(&b);
	}
}

/* Whether byte i is a digit of seconds. */
static int uncovered(size_t i)
{
	static const char name[] = "\"seconds\":";
	size_t start = i;
	while (start > 0 && strchr("0123456789.", text[start - 1]))
		start--;
	return start >= strlen(name) && strchr("0123456789.", text[i]) && memcmp(text + start - strlen(name), name, strlen(name)) == 0;
}

/* The number of flips of a bit at or behind `from` that are not found, but for those that leave a number of seconds. */
static int unnoticed(size_t from)
{
	int n = 0;
	struct fail f;
	for (size_t i = from; i < length; i++) {
		int digit = uncovered(i);
		for (int bit = 0; bit < 8; bit++) {
			char was = text[i];
			text[i] = (char)(was ^ (1 << bit));
			int still = digit && text[i] && strchr("0123456789.", text[i]);
			n += !verify(&f) && !still;
			text[i] = was;
		}
	}
	return n;
}

int main(void)
{
	struct fail f = {{0}};
	make(0);
	char first[100];
	const char *check = strstr(text, ",\"check\":\"");
	snprintf(first, sizeof first, "%016llx", (unsigned long long)XXH3_64bits(text, (size_t)(check - text)));
	ok(strncmp(check + 10, first, 16) == 0, "the check of the first line is XXH3-64 of the text before it");
	ok(!verify(&f), "lines as they were written");
	ok(unnoticed(0) == 0, "%d flipped bits are not found", unnoticed(0));
	text[60] ^= 1;
	ok(verify(&f) && strstr(f.msg, "line 1 "), "the message has the line: %s", f.msg);
	make(0);
	char *second = strchr(text, '\n') + 1, *third = strchr(second, '\n') + 1;
	memmove(second, third, strlen(third) + 1);
	length = strlen(text);
	ok(verify(&f) && strstr(f.msg, "line 2 "), "a lost line: %s", f.msg);
	make(5);
	ok(!verify(&f), "a file of an older version");
	make(3);
	ok(!verify(&f), "one that a training went on with");
	ok(unnoticed(0) == 0, "flipped bits are found in the lines without a check, too");
	return done();
}

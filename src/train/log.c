#include "train/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"

#define CHECK ",\"check\":\""

/* What stands between the part of a line that is covered and the number of seconds. */
static int write_check(char out[64], uint64_t check) { return snprintf(out, 64, CHECK "%016" PRIx64 "\",\"seconds\":", check); }

int train_log_finish(struct train_log *l, struct buf *line, double seconds, struct fail *f)
{
	char text[64];
	l->check = hash_bytes(line->p, line->len, l->check);
	l->checked = 1;
	l->lines++;
	write_check(text, l->check);
	return buf_addf(line, f, "%s%.3f}\n", text, seconds);
}

int train_log_verify(struct train_log *l, const char *line, size_t n, struct fail *f)
{
	char text[64];
	const char *at = strstr(line, CHECK);
	int damaged = !at && l->checked;
	l->check = hash_bytes(line, at ? (size_t)(at - line) : n, l->check);
	l->lines++;
	if (at) {
		size_t length = (size_t)write_check(text, l->check);
		damaged = strncmp(at, text, length) != 0;
		if (!damaged) {
			at += length;
			at += strspn(at, "0123456789.");
			damaged = strcmp(at, "}\n") != 0 || at + 2 != line + n;
		}
		l->checked = 1;
	}
	return damaged ? fail_set(f, "line %d does not match its checksum, or a line before it is lost or damaged", l->lines) : 0;
}

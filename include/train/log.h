/* log.h - the lines of train.jsonl, each with a checksum, so that flipped bits are found when it is read.
 *
 * The last members of a line are `"check":"HEX","seconds":NUMBER}`. HEX is XXH3-64 of the text before `,"check"`, with the check of the line before
 * as its seed (0 for the first). Seconds are not covered: they differ between runs, and all else is the same bytes. Lines of older versions have no
 * check; the first check behind them covers them too.
 */
#ifndef VF_LOG_H
#define VF_LOG_H

#include <stdint.h>

#include "base/buf.h"

struct train_log { /* of zeros before the first line */
	uint64_t check; /* of the last line */
	int checked;    /* a line had a check */
	int lines;
};

/* Completes a line, which has its members up to here, and no closing brace. */
int train_log_finish(struct train_log *l, struct buf *line, double seconds, struct fail *f);
/* Verifies the next line, of n bytes with its newline: -1 if it is damaged, with its number. */
int train_log_verify(struct train_log *l, const char *line, size_t n, struct fail *f);

#endif

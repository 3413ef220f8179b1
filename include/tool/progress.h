/* progress.h - progress on stderr: a line that is redrawn on a terminal; with -v elsewhere a line every few seconds. */
#ifndef VF_PROGRESS_H
#define VF_PROGRESS_H

#include "tool/cli.h"

struct progress {
	const struct cli *cli;
	const char *unit;      /* what is counted, in the plural */
	double started, shown; /* seconds of the clock; shown: the last time */
	int drawn;             /* a line is on the terminal */
};
void progress_begin(struct progress *p, const struct cli *c, const char *unit);
/* Shows done / total as a percentage, and count units with their rate. total 0: not known. note may be NULL. */
void progress_show(struct progress *p, double done, double total, double count, const char *note);
/* Clears the line; does nothing before progress_begin(). */
void progress_end(struct progress *p);

#endif

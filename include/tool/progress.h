/* progress.h - progress on stderr: a line that is redrawn on a terminal; with -v elsewhere a line every few seconds. */
#ifndef VF_PROGRESS_H
#define VF_PROGRESS_H

#include "tool/cli.h"

struct progress {
	const struct cli *cli;
	const char *unit;
	double started, shown;
	int drawn;
};
void progress_begin(struct progress *p, const struct cli *c, const char *unit);
/* total 0: not known. note may be NULL. */
void progress_show(struct progress *p, double done, double total, double count, const char *note);
/* Clears the line; does nothing before progress_begin(). */
void progress_end(struct progress *p);

#endif

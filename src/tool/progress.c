#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "tool/progress.h"

void progress_begin(struct progress *p, const struct cli *c, const char *unit)
{
	*p = (struct progress){.cli = c, .unit = unit, .started = seconds_now()};
	p->shown = p->started;
}

void progress_show(struct progress *p, double done, double total, double count, const char *note)
{
	int terminal = isatty(2);
	if (p->cli->quiet || (!terminal && !p->cli->verbose))
		return;
	double now = seconds_now(), spent = now - p->started;
	if (now - p->shown < (terminal ? 0.2 : 5.0))
		return;
	p->shown = now;
	char left[64] = "";
	if (total > 0 && done > 0 && done <= total)
		snprintf(left, sizeof left, ", %3.0f %%, %.0f s left", 100 * done / total, spent * (total - done) / done);
	fprintf(stderr, "%s%s: %.0f %s, %.0f/s%s%s%s%s", terminal ? "\r\033[K" : "", p->cli->tool, count, p->unit, count / spent, left,
	        note ? ", " : "", note ? note : "", terminal ? "" : "\n");
	p->drawn = terminal;
}

void progress_end(struct progress *p)
{
	if (p->drawn)
		fprintf(stderr, "\r\033[K");
	p->drawn = 0;
}

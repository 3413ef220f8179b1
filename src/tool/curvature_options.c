#include "tool/curvature_options.h"

#include <math.h>

bool curvature_options_check(struct cli *c, const struct curvature_options *o)
{
	if (!isnan(o->damping) && !o->kind)
		return cli_usage(c, "--damping is that of a curvature: it requires --curvature");
	if (!isnan(o->damping) && !(o->damping > 0 && o->damping <= 1e6))
		return cli_usage(c, "--damping takes a number above 0, up to 1e6: without damping a curvature has no inverse");
	return true;
}

static void warn_of_faint(const struct cli *c, const struct whitening *w, const struct model *m, int n)
{
	int first = -1, count = 0;
	for (int i = n - 1; i >= 0; i--)
		if (w[i].faint[0]) {
			first = i;
			count++;
		}
	if (count)
		cli_note(c, "with --curvature these layers do not count, because their gradients are rounding, below 1e-5 of the largest layer's: %s (step %lld%s)",
		         w[first].faint, (long long)m[first].step, count > 1 ? ", and of other checkpoints" : "");
}

int curvature_options_open(const struct curvature_options *o, const struct cli *c, const struct model *m, int n, struct whitening **w, struct buf *options,
                           struct fail *f)
{
	const double usual = 0.1;
	if (!o->kind)
		return 0;
	*w = whitenings_open(m, n, (enum curvature_kind)o->kind, isnan(o->damping) ? usual : o->damping, options, f);
	if (!*w)
		return -1;
	warn_of_faint(c, *w, m, n);
	return 0;
}

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

int curvature_options_open(const struct curvature_options *o, const struct model *m, int n, struct whitening **w, struct buf *options, struct fail *f)
{
	const double usual = 0.1;
	if (!o->kind)
		return 0;
	*w = whitenings_open(m, n, (enum curvature_kind)o->kind, isnan(o->damping) ? usual : o->damping, options, f);
	return *w ? 0 : -1;
}

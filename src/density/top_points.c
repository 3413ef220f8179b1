/* The k strongest proponents or opponents of a test point, sorted by insertion. */
#include <math.h>

#include "density/top_points.h"

static int ranks_before(const struct top_point *a, const struct top_point *b, int opponents)
{
	if (a->influence != b->influence)
		return opponents ? a->influence < b->influence : a->influence > b->influence;
	if (a->d2 != b->d2)
		return opponents ? a->d2 > b->d2 : a->d2 < b->d2;
	return a->i < b->i;
}

size_t top_points(const double *influence, const double *d2, size_t n, int opponents, size_t k, struct top_point *out)
{
	size_t found = 0;
	for (size_t i = 0; i < n; i++) {
		struct top_point point = {influence[i], d2[i], i};
		if (!isfinite(influence[i]) || (influence[i] > 0) == opponents)
			continue;
		if (found == k && (k == 0 || !ranks_before(&point, &out[k - 1], opponents)))
			continue;
		size_t at = found < k ? found++ : k - 1;
		for (; at > 0 && ranks_before(&point, &out[at - 1], opponents); at--)
			out[at] = out[at - 1];
		out[at] = point;
	}
	return found;
}

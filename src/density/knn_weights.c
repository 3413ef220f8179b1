/* Likelihood and influence of k-NN, from the ball of a point. */
#include <math.h>

#include "density/knn.h"

static double log_unit_ball_volume(int d)
{
	int sign;
	return 0.5 * d * log(M_PI) - lgamma_r(0.5 * d + 1, &sign);
}

double knn_nll(size_t n, int d, double records, double rk) { return log((double)n) + log_unit_ball_volume(d) + d * log(rk) - log(records); }

double knn_influence(size_t n, int d, const struct knn_ball *b, int is_neighbour, uint32_t copies)
{
	double other = log1p(-1 / (double)n);
	if (!is_neighbour)
		return other;
	if (copies > 1)
		return other - log1p(-1 / b->records);
	return other + log(b->records / (b->records - 1 + b->next_copies)) + d * log(b->next_r / b->r);
}

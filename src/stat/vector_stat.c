#include "stat/vector_stat.h"

#include <math.h>

/* Divides by the largest value, so that squares neither overflow nor underflow. */
void vector_stat(const struct npy *v, struct vector_stat *out)
{
	size_t n = 0, zeros = 0;
	double low = INFINITY, high = -INFINITY, sum = 0, squares = 0, around = 0;
	for (size_t i = 0; i < v->count; i++) {
		double x = npy_value(v, i);
		if (!isfinite(x))
			continue;
		n++;
		zeros += x == 0;
		low = fmin(low, x);
		high = fmax(high, x);
	}
	double count = (double)v->count, scale = fmax(fabs(low), fabs(high));
	*out = (struct vector_stat){.values = v->count, .missing = v->count ? (count - (double)n) / count : 0, .zeros = v->count ? (double)zeros / count : 0};
	if (!n) {
		out->norm = out->mean = out->deviation = out->largest = out->largest_z = NAN;
		return;
	}
	double unit = scale > 0 ? scale : 1, mean;
	for (size_t i = 0; i < v->count; i++) {
		double x = npy_value(v, i) / unit;
		if (!isfinite(x))
			continue;
		sum += x;
		squares += x * x;
	}
	mean = sum / (double)n;
	for (size_t i = 0; i < v->count; i++) {
		double x = npy_value(v, i) / unit - mean;
		if (isfinite(x))
			around += x * x;
	}
	double deviation = low < high ? sqrt(around / (double)n) : 0;
	out->largest = scale;
	out->norm = unit * sqrt(squares);
	out->mean = low < high ? unit * mean : low;
	out->deviation = unit * deviation;
	out->largest_z = deviation > 0 ? fmax(high / unit - mean, mean - low / unit) / deviation : 0;
}

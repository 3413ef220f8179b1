/* The inner product and the distance of two vectors. The inner product is compiled for each SIMD level (simd.h), with the same bits: 16
 * float sums side by side each take at most 64 terms, and then they are added up in double, in a fixed order. */
#include "base/simd.h"
#include "gemm/mat.h"

enum { LANES = 16, CHUNK = 64 * LANES };

INLINE double dot_body(const float *a, const float *b, int n)
{
	double total = 0;
	for (int from = 0; from < n; from += CHUNK) {
		int len = n - from < CHUNK ? n - from : CHUNK, i = 0;
		float lane[LANES] = {0}, rest = 0;
		for (; i + LANES <= len; i += LANES)
			for (int r = 0; r < LANES; r++)
				lane[r] += a[from + i + r] * b[from + i + r];
		for (; i < len; i++)
			rest += a[from + i] * b[from + i];
		for (int r = 0; r < LANES; r++)
			total += (double)lane[r];
		total += (double)rest;
	}
	return total;
}
SIMD_VARIANTS(double, dot_simd, (const float *a, const float *b, int n), { return dot_body(a, b, n); })

double dot(const float *a, const float *b, int n) { return SIMD_DISPATCH(dot_simd)(a, b, n); }

double squared_distance(const float *a, const float *b, size_t n)
{
	enum { DISTANCE_LANES = 8 };
	double lane[DISTANCE_LANES] = {0}, total = 0;
	size_t i = 0;
	for (; i + DISTANCE_LANES <= n; i += DISTANCE_LANES)
		for (size_t r = 0; r < DISTANCE_LANES; r++) {
			double t = (double)a[i + r] - (double)b[i + r];
			lane[r] += t * t;
		}
	for (; i < n; i++) {
		double t = (double)a[i] - (double)b[i];
		total += t * t;
	}
	for (size_t r = 0; r < DISTANCE_LANES; r++)
		total += lane[r];
	return total;
}

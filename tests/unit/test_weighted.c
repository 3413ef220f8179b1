/* mat_weighted_sums() against plain loops in double: odd sizes, few rows and the most, parts of the rows, and nothing is written or read
 * beyond the ends. VAE_FILTERS_SIMD chooses the kernels (tests/simd.bats runs this with each). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "gemm/mat.h"
#include "naive.h"

struct problem {
	int np, nk, rows, from, to;
	int gap; /* numbers between the end of a row and the next */
	float *p, *k, *weight;
};

/* size: the sum of |terms| */
static double naive_sum(const struct problem *x, int i, double *size)
{
	double sum = 0;
	int ldp = x->np + x->gap, ldk = x->nk + x->gap;
	*size = 1e-30;
	for (int a = 0; a < x->np; a++)
		for (int b = 0; b < x->nk; b++) {
			double g = 0, g_size = 0, w = (double)x->weight[a * ldk + b] * (double)x->p[i * ldp + a] * (double)x->k[i * ldk + b];
			for (int j = x->from; j < x->to; j++) {
				double t = (double)x->p[j * ldp + a] * (double)x->k[j * ldk + b];
				g += t, g_size += fabs(t);
			}
			sum += w * g;
			*size += fabs(w) * g_size;
		}
	return sum;
}

/* Rows of an allocation of their own, so that a sanitizer sees every byte beyond it. */
static float *filled(int rows, int width, int gap, uint64_t *state)
{
	int n = rows * (width + gap) - gap;
	float *x = malloc((size_t)n * sizeof *x);
	if (!x)
		exit(1);
	naive_fill(x, (size_t)n, 1, 1, state);
	return x;
}

/* Returns whether there was a kernel. */
static int test(struct problem x, uint64_t *state)
{
	double *sum = malloc((size_t)x.rows * sizeof *sum), worst = 0, size;
	float *scratch = malloc(mat_weighted_scratch(x.np, x.rows) * sizeof *scratch);
	if (!sum || !scratch)
		exit(1);
	x.p = filled(x.rows, x.np, x.gap, state), x.k = filled(x.rows, x.nk, x.gap, state), x.weight = filled(x.np, x.nk, x.gap, state);
	struct weighted_factors factors = {x.p, x.k, x.np + x.gap, x.nk + x.gap, x.np, x.nk, x.rows};
	for (int i = 0; i < x.rows; i++)
		sum[i] = i;
	int there = mat_weighted_sums(sum, &factors, x.weight, x.nk + x.gap, x.from, x.to, scratch);
	for (int i = 0; there && i < x.rows; i++) {
		double want = naive_sum(&x, i, &size);
		worst = max_error(worst, fabs(want + i - sum[i]) / (size + i));
	}
	if (there)
		ok(worst < 1e-6, "%d x %d, %d rows, from %d to %d: within %.1e of double", x.np, x.nk, x.rows, x.from, x.to, worst);
	free(sum), free(scratch), free(x.p), free(x.k), free(x.weight);
	return there;
}

int main(void)
{
	static const int size[] = {1, 2, 7, 8, 11, 12, 13, 15, 16, 17, 31, 32, 33, 47, 48, 49, 65, 100};
	enum { SIZES = sizeof size / sizeof *size };
	uint64_t state = 5;
	int there = 0;
	mat_thread_init();
	for (int i = 0; i < SIZES; i++)
		for (int j = 0; j < SIZES; j++) {
			int rows = 1 + (i * 7 + j * 5) % 20, from = (i + j) % 3 ? 0 : rows / 3, to = (i + j) % 4 ? rows : rows - rows / 4;
			there += test((struct problem){.np = size[i], .nk = size[j], .rows = rows, .from = from, .to = to, .gap = j % 4}, &state);
		}
	there += test((struct problem){.np = 37, .nk = 51, .rows = 64, .from = 0, .to = 64}, &state);
	there += test((struct problem){.np = 37, .nk = 51, .rows = 64, .from = 63, .to = 64}, &state);
	there += test((struct problem){.np = 20, .nk = 20, .rows = 4, .from = 2, .to = 2}, &state); /* nothing: 0 */
	ok(test((struct problem){.np = 8, .nk = 8, .rows = 65, .from = 0, .to = 65}, &state) == 0, "more than 64 rows are left to the caller");
	if (!there)
		skip("the sums of odd sizes", "this processor has no kernel for them");
	return done();
}

/* The matrix products against sums in double, over shapes that reach every edge of the kernels: few rows and many, odd sizes, strides
 * wider than rows, more than one block of k. VAE_FILTERS_SIMD chooses the kernels (tests/simd.bats runs this with each). */
#include "gemm/mat.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/simd.h"
#include "gemm/kernels.h"
#include "naive.h"

enum { MAX_FLOATS = 1 << 20 };
static float *a, *b, *c, *before;

static enum mat_bits bits;
static const char *filled = ""; /* how a was filled, for messages */
enum product { NT, NN, TN, TN_ADD, PRODUCTS };
static const char *const name[] = {"nt", "nn", "tn", "tn, scaled and added"};

static float at_a(enum product h, int i, int p, int lda) { return h >= TN ? a[(size_t)p * (size_t)lda + (size_t)i] : a[(size_t)i * (size_t)lda + (size_t)p]; }
static float at_b(enum product h, int p, int j, int ldb) { return h == NT ? b[(size_t)j * (size_t)ldb + (size_t)p] : b[(size_t)p * (size_t)ldb + (size_t)j]; }

static void multiply(enum product h, int ldc, int lda, int ldb, int m, int n, int k)
{
	if (h == NT)
		mat_nt(c, ldc, a, lda, b, ldb, NULL, m, n, k, bits);
	else if (h == NN)
		mat_nn(c, ldc, a, lda, b, ldb, NULL, NULL, m, n, k, bits);
	else
		mat_tn(c, ldc, a, lda, b, ldb, NULL, m, n, k, h == TN ? 1 : -0.5f, h == TN_ADD, bits);
}

/* Returns the largest error relative to the sum of |terms|. Clears *clean when something is written outside C, or an error is above
 * mat_error_bound(). */
static double check(enum product h, int m, int n, int k, int gap, int *clean)
{
	int lda = (h >= TN ? m : k) + gap, ldb = (h == NT ? k : n) + 2 * gap, ldc = n + 3 * gap;
	double worst = 0;
	memcpy(c, before, (size_t)m * (size_t)ldc * sizeof *c);
	multiply(h, ldc, lda, ldb, m, n, k);
	for (int i = 0; i < m; i++)
		for (int j = 0; j < ldc; j++) {
			size_t at = (size_t)i * (size_t)ldc + (size_t)j;
			if (j >= n) {
				*clean &= c[at] == before[at];
				continue;
			}
			double s = 0, size = 1e-30, aa = 0, bb = 0;
			for (int p = 0; p < k; p++) {
				double x = (double)at_a(h, i, p, lda), y = (double)at_b(h, p, j, ldb), t = x * y;
				s += t, size += fabs(t), aa += x * x, bb += y * y;
			}
			s *= h == TN_ADD ? -0.5 : 1;
			s += h == TN_ADD ? (double)before[at] : 0;
			size += fabs(s);
			worst = max_error(worst, fabs(s - (double)c[at]) / size);
			*clean &= fabs(s - (double)c[at]) <= (mat_error_bound(k, bits) + 0x1p-23) * (sqrt(aa * bb) + size);
		}
	return worst;
}

static void test_shapes(enum product h)
{
	static const int shape[][3] = {
		{1, 1, 1}, {1, 1, 0}, {6, 64, 16}, {5, 63, 17}, {7, 65, 15}, {1, 200, 33}, {200, 1, 40}, {13, 16, 5}, {4, 48, 100}, {64, 100, 130},
		{65, 17, 1}, {10, 130, 300}, {33, 300, 64}, {2, 31, 2100}, {70, 70, 1025}, {16, 784, 256}, {96, 33, 64}, {600, 70, 1100}, {300, 40, 513},
	};
	double worst = 0;
	int clean = 1, which = 0;
	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
		for (int gap = 0; gap < 2; gap++) {
			double e = check(h, shape[i][0], shape[i][1], shape[i][2], 5 * gap, &clean);
			which = e > worst ? (int)i : which;
			worst = max_error(worst, e);
		}
	ok(worst < (bits == MAT_24 ? 1e-6 : 2e-5) && clean, "%s, %s%s: at most %.2g off (%d x %d x %d), nothing written beside", name[h],
	   bits == MAT_24 ? "24 bits" : "16 bits", filled, worst, shape[which][0], shape[which][1], shape[which][2]);
}

/* Sides around multiples of 16 and 32, which are the lines and columns of tiles and panels, and around their blocks. */
static void test_edges(enum product h)
{
	double worst = 0;
	int clean = 1;
	for (int i = 0; i < 36; i++) {
		int m = 63 + i, n = 63 + 7 * i % 36, k = 63 + 13 * i % 36;
		worst = max_error(worst, check(h, m, n, k, i % 2, &clean));
	}
	static const int shape[][3] = {{257, 1057, 33}, {255, 1023, 40}, {513, 33, 64}, {40, 33, 1537}, {32, 70, 511}, {33, 65, 1023}};
	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++)
		worst = max_error(worst, check(h, shape[i][0], shape[i][1], shape[i][2], 1, &clean));
	ok(worst < (bits == MAT_24 ? 1e-6 : 2e-5) && clean, "%s, %s, sides of 63 to 98 and around blocks: at most %.2g off, nothing written beside", name[h],
	   bits == MAT_24 ? "24 bits" : "16 bits", worst);
}

/* Factors of very different sizes: within the bound that mat.h gives. One near the largest float may make its row NAN. */
static void test_sizes(void)
{
	enum { M = 70, N = 90, K = 100 };
	float *x = malloc(M * K * sizeof *x), *y = malloc(N * K * sizeof *y);
	double worst = 0;
	int beyond = 0, lost = 0;
	for (int i = 0; i < M * K; i++)
		x[i] = ldexpf(a[i], i / K % 7 * 30 - 95 + i % 3 * 5);
	for (int i = 0; i < N * K; i++)
		y[i] = ldexpf(b[i], i / K % 5 * 10 - 60 + i % 3 * 3);
	for (int huge = 0; huge < 2; huge++) {
		mat_nt(c, N, x, K, y, K, NULL, M, N, K, bits);
		for (int i = huge; i < M; i++)
			for (int j = 0; j < N; j++) {
				double s = 0, xx = 0, yy = 0;
				for (int p = 0; p < K; p++) {
					double u = (double)x[i * K + p], v = (double)y[j * K + p];
					s += u * v, xx += u * u, yy += v * v;
				}
				double bound = mat_error_bound(K, bits) * sqrt(xx * yy) + K * 0x1p-120; /* and what products below the least float lose */
				double error = fabs(s - (double)c[i * N + j]) / bound;
				worst = max_error(worst, error);
				beyond += !(error <= 1);
			}
		for (int j = 0; huge && j < N; j++)
			lost += c[j] < 0;
		for (int p = 0; p < K; p++) /* next: all terms of row 0 are positive, and one of them is huge */
			x[p] = p == 7 ? FLT_MAX : 1e-30f;
		for (int j = 0; j < N; j++)
			for (int p = 0; p < K; p++)
				y[j * K + p] = fabsf(y[j * K + p]);
	}
	ok(!beyond && !lost, "%s, factors from 2^-100 to 2^97: %.2g of the bound; FLT_MAX stays in its row", bits == MAT_24 ? "24 bits" : "16 bits", worst);
	free(x), free(y);
}

static int by_amx(void) { return gemm_select(512, 512, 512, bits) == GEMM_AMX; }
static int by_blocked(void) { return gemm_select(512, 512, 512, bits) == GEMM_BLOCKED; }

/* A row of C has the same bits at any place among any number of rows, for short and long sides. */
static void test_places(void)
{
	enum { M = 19, MOST = 130 };
	static const int sides[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 64, 65, 70, MOST};
	int shapes = 0, different = 0;
	float *all = malloc(M * MOST * sizeof *all);
	for (size_t s = 0; s < sizeof sides / sizeof *sides; s++)
		for (size_t t = 0; t < sizeof sides / sizeof *sides; t++) {
			int n = sides[s], k = sides[t];
			if (!mat_rows_independent(n, k))
				continue;
			shapes++;
			for (int h = NT; h <= NN; h++) {
				int ldb = h == NT ? k : n;
				multiply((enum product)h, n, k, ldb, M, n, k);
				memcpy(all, c, (size_t)(M * n) * sizeof *c);
				for (int i = 0; i < M; i++)
					for (int rows = 1; i + rows <= M; rows += 5) {
						const float *row = a + (size_t)i * (size_t)k;
						if (h == NT)
							mat_nt(c, n, row, k, b, ldb, NULL, rows, n, k, bits);
						else
							mat_nn(c, n, row, k, b, ldb, NULL, NULL, rows, n, k, bits);
						different += memcmp(c, all + (size_t)i * (size_t)n, (size_t)(rows * n) * sizeof *c) != 0;
					}
			}
		}
	free(all);
	ok(!different, "the bits of a row do not depend on its place, for %d shapes%s", shapes, by_blocked() ? "" : " (blocked kernels alone are made so)");
	ok(shapes || !by_blocked(), "there are such shapes");
}

/* Masked outputs are 0, and all others are what they are without a mask, however b is packed. */
static void test_mask(float threshold)
{
	static const int shape[][3] = {{1, 1, 1}, {7, 65, 15}, {8, 16, 16}, {64, 100, 130}, {33, 300, 64}, {50, 700, 90}, {300, 70, 600}, {31, 65, 1600}, {40, 48, 1536}};
	int same = 1, masked = 0, all = 0;
	size_t budget = (size_t)1 << 30;
	float *mask = malloc(MAX_FLOATS * sizeof *mask);
	for (size_t i = 0; i < MAX_FLOATS; i++)
		mask[i] = before[i] > threshold ? before[i] - threshold : i % 200 ? 0 : -1;
	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
		int m = shape[i][0], n = shape[i][1], k = shape[i][2], ldc = n + 3;
		size_t size = (size_t)m * (size_t)ldc * sizeof *c;
		float *want = malloc(size);
		struct mat_packed *packed[] = {NULL, mat_pack(b, n, 1, m, n, k, bits, 0, &budget), mat_pack(b, n, 1, m, n, k, bits, 1, &budget)};
		memcpy(want, before, size);
		mat_nn(want, ldc, a, k, b, n, NULL, NULL, m, n, k, bits);
		for (int at = 0; at < m * ldc; at++)
			if (at % ldc < n && ++all && !(mask[at] > 0))
				want[at] = 0, masked++;
		for (int p = 0; p < 3; p++) {
			memcpy(c, before, size);
			mat_nn(c, ldc, a, k, b, n, packed[p], mask, m, n, k, bits);
			same &= !memcmp(c, want, size);
			free(packed[p]);
		}
		free(want);
	}
	free(mask);
	ok(same && masked > 0 && masked < all, "a mask of %d of %d outputs, %s: the others have the same bits", masked, all,
	   bits == MAT_24 ? "24 bits" : "16 bits");
}

/* Kernels may skip zeros of a and put rows into other strips. Neither changes a bit. */
static void test_zeros(uint64_t *state)
{
	float *kept = malloc(MAX_FLOATS * sizeof *a), *alone = malloc(MAX_FLOATS * sizeof *a);
	memcpy(kept, a, MAX_FLOATS * sizeof *a);
	for (size_t i = 0; i < MAX_FLOATS; i++) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		a[i] = (*state >> 33) % 10 ? 0 : a[i];
	}
	filled = ", nine of ten factors are zero";
	for (int h = 0; h < PRODUCTS; h++)
		test_shapes((enum product)h);
	filled = "";
	test_mask(2.5f); /* active outputs are computed one by one */
	int m = 100, n = 200, k = 1100, same = 1, none = 0;
	mat_layer(c, n, a, b, NULL, before, m, n, k, 1, bits);
	for (int i = 0; i + 9 < m; i += 9) { /* each time the strips have other rows, and skip other zeros */
		mat_layer(alone, n, a + i * k, b, NULL, before, m - i, n, k, 1, bits);
		same &= !memcmp(alone, c + i * n, (size_t)(m - i) * (size_t)n * sizeof *c);
	}
	if (by_blocked())
		ok(same, "rows of a product do not depend on the other rows");
	memset(a, 0, MAX_FLOATS * sizeof *a);
	mat_layer(c, n, a, b, NULL, before, m, n, k, 0, bits);
	for (int i = 0; i < m * n; i++)
		none += c[i] != before[i % n];
	ok(none == 0, "all factors zero: the bias");
	memcpy(a, kept, MAX_FLOATS * sizeof *a);
	free(kept), free(alone);
}

/* A layer against sums in double. Packed weights must not change a bit. */
static void test_layer(int relu)
{
	static const int shape[][3] = {{1, 1, 1}, {7, 65, 15}, {64, 100, 130}, {33, 300, 64}, {300, 1100, 70}, {96, 33, 64}, {600, 70, 1100}, {40, 2100, 40}};
	const float *bias = before;
	double worst = 0;
	int same = 1, kept = 0;
	size_t budget = (size_t)1 << 30;
	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
		int m = shape[i][0], n = shape[i][1], k = shape[i][2];
		size_t size = (size_t)m * (size_t)n * sizeof *c;
		float *plain = malloc(size);
		struct mat_packed *packed[] = {mat_pack(b, k, 0, m, n, k, MAT_24, 0, &budget), mat_pack(b, k, 0, m, n, k, MAT_16, 0, &budget),
					      mat_pack(NULL, 0, 1, m, n, k, bits, 0, &budget)};
		if (packed[2])
			mat_repack(packed[2], b, n);
		mat_layer(plain, n, a, b, NULL, bias, m, n, k, relu, bits);
		for (int p = 0; p < 2; p++) { /* of the same precision, and of the other, which is ignored */
			mat_layer(c, n, a, b, packed[p], bias, m, n, k, relu, bits);
			same &= !memcmp(c, plain, size);
			kept += packed[p] != NULL;
		}
		for (int r = 0; r < m; r++)
			for (int j = 0; j < n; j++) {
				double s = (double)bias[j], terms = fabs(s) + 1e-30;
				for (int p = 0; p < k; p++) {
					double t = (double)a[r * k + p] * (double)b[j * k + p];
					s += t, terms += fabs(t);
				}
				worst = max_error(worst, fabs((relu && s < 0 ? 0 : s) - (double)c[r * n + j]) / terms);
			}
		mat_nn(plain, n, a, k, b, n, NULL, NULL, m, n, k, bits);
		mat_nn(c, n, a, k, b, n, packed[2], NULL, m, n, k, bits);
		same &= !memcmp(c, plain, size);
		mat_tn(plain, n, a, m, b, n, NULL, m, n, k, -0.5f, 0, bits);
		mat_tn(c, n, a, m, b, n, packed[2], m, n, k, -0.5f, 0, bits);
		same &= !memcmp(c, plain, size);
		free(plain), free(packed[0]), free(packed[1]), free(packed[2]);
	}
	ok(worst < (bits == MAT_24 ? 1e-6 : 2e-5), "a layer%s, %s: at most %.2g off", relu ? " and its relu" : "", bits == MAT_24 ? "24 bits" : "16 bits", worst);
	ok(same && (kept > 0) == (by_amx() || by_blocked()), "the same bits with packed and with repacked factors");
	size_t little = 1 << 20, rest = budget;
	struct mat_packed *first = mat_pack(b, 512, 0, 64, 512, 512, bits, 0, &budget), *none = mat_pack(b, 512, 0, 64, 512, 512, bits, 0, &little);
	ok(!none && little == 1 << 20 && (first ? rest - budget >= (size_t)512 * 512 * (bits == MAT_24 && by_amx() ? 6 : 4) : rest == budget),
	   "a pack reduces the budget, by %zu bytes, and a budget that is too small gives no pack", rest - budget);
	free(first);
}

/* A sum that underflows is 0 with the same sign, whether or not terms of 0 were skipped. active: outputs of a row that the mask leaves */
static void test_sign(int active)
{
	enum { M = 16, N = 64, K = 32 };
	float x[M * K] = {0}, y[K * N], mask[M * N], want[M * N], got[M * N];
	size_t budget = (size_t)1 << 30;
	for (int i = 0; i < M; i++)
		x[i * K] = -1e-30f;
	for (int i = 0; i < K * N; i++)
		y[i] = 1e-30f;
	for (int i = 0; i < M * N; i++)
		mask[i] = i % N < active;
	mat_nn(want, N, x, K, y, N, NULL, mask, M, N, K, MAT_24);
	int same = 1;
	for (int masked = 0; masked < 2; masked++) {
		struct mat_packed *packed = mat_pack(y, N, 1, M, N, K, MAT_24, masked, &budget);
		mat_nn(got, N, x, K, y, N, packed, mask, M, N, K, MAT_24);
		same &= !memcmp(got, want, sizeof want);
		free(packed);
	}
	x[K + 5] = 1; /* now the strip of these rows does not skip p = 5 */
	mat_nn(got, N, x, K, y, N, NULL, mask, M, N, K, MAT_24);
	same &= !memcmp(got, want, N * sizeof *want);
	ok(same, "a sum that underflows has the same sign with b packed, and beside other rows (%d of %d outputs active)", active, N);
}

/* Products of matrices that begin anywhere have the bits of those of aligned ones. */
static void test_alignment(void)
{
	enum { MOST = 300 * 300 };
	static float aligned[3][MOST + 16] __attribute__((aligned(64)));
	const int side[] = {1, 3, 16, 17, 64, 100, 129, 257};
	const int sides = (int)(sizeof side / sizeof *side);
	int same = 1;
	for (int t = 0; t < sides * sides * sides; t++) {
		int m = side[t % sides], n = side[t / sides % sides], k = side[t / sides / sides], at = t % 15 + 1;
		for (int h = 0; h <= PRODUCTS; h++) { /* and a Gram matrix */
			float *x = aligned[0], *y = aligned[1], *z = aligned[2], *old[] = {a, b, c};
			size_t count = h == PRODUCTS ? (size_t)m * (size_t)m : (size_t)m * (size_t)n;
			memcpy(x, a, (size_t)m * (size_t)k * sizeof *a);
			memcpy(y, b, (size_t)n * (size_t)k * sizeof *b);
			memcpy(z, before, count * sizeof *c);
			memcpy(c, before, count * sizeof *c);
			for (int moved = 0; moved < 2; moved++) {
				if (h == PRODUCTS)
					mat_gram(c, a, k, m, k);
				else
					multiply((enum product)h, n, h >= TN ? m : k, h == NT ? k : n, m, n, k);
				if (moved)
					break;
				memmove(x + at, x, (size_t)m * (size_t)k * sizeof *a);
				memmove(y + at, y, (size_t)n * (size_t)k * sizeof *b);
				memmove(z + at, z, count * sizeof *c);
				a = x + at, b = y + at, c = z + at;
			}
			a = old[0], b = old[1], c = old[2];
			same &= memcmp(c, z + at, count * sizeof *c) == 0;
		}
	}
	ok(same, "the bits of products do not depend on the alignment of the matrices, %d bits", bits == MAT_24 ? 24 : 16);
}

static void test_gram(void)
{
	double worst = 0;
	int even = 1;
	for (int m = 1; m <= 70; m += m < 20 ? 1 : 25)
		for (int k = 1; k < 1100; k = 3 * k + 2) {
			int lda = k + k % 3;
			mat_gram(c, a, lda, m, k);
			for (int i = 0; i < m; i++)
				for (int j = 0; j < m; j++) {
					double s = 0, size = 1e-30;
					for (int p = 0; p < k; p++) {
						double t = (double)a[i * lda + p] * (double)a[j * lda + p];
						s += t, size += fabs(t);
					}
					worst = max_error(worst, fabs(s - (double)c[i * m + j]) / size);
					even &= m > 64 || fabsf(c[i * m + j] - c[j * m + i]) <= 1e-6f * (float)size;
				}
		}
	ok(worst < 1e-6 && even, "Gram matrices of 1 to 70 rows: at most %.2g off, symmetric", worst);
}

static void test_transpose(void)
{
	int wrong = 0;
	for (int rows = 1; rows <= 70; rows += rows < 34 ? 1 : 18)
		for (int columns = 1; columns <= 70; columns += columns < 34 ? 1 : 18) {
			int n = rows * columns;
			memcpy(c, before, ((size_t)n + 16) * sizeof *c);
			mat_transpose(c, a, rows, columns);
			for (int i = 0; i < n + 16; i++)
				wrong += c[i] != (i < n ? a[i % rows * columns + i / rows] : before[i]);
		}
	ok(!wrong, "transposes of 1 to 70 rows and columns, with nothing written behind them");
}

/* NAN and infinity must stay, and the padding of edges must not create them. */
static void test_not_finite(float what, int m, int n, int k)
{
	float old = a[3];
	a[3] = what;
	mat_nt(c, n, a, k, b, k, NULL, m, n, k, bits);
	int bad = 0, other = 0;
	for (int j = 0; j < n; j++)
		bad += isnan(what) ? isnan(c[j]) : !isfinite(c[j]);
	for (int j = n; j < m * n; j++)
		other += !isfinite(c[j]);
	ok(bad == n && other == 0, "%g shows in its row of %d x %d x %d and in no other", (double)what, m, n, k);
	a[3] = old;
}

union halves { /* compared as bits, because a comparison of floats depends on the mode too */
	volatile float f[2];
	volatile uint32_t u[2];
};

static void *halve(void *p)
{
	union halves *h = p;
	h->f[1] = h->f[0] * 0.5f;
	return NULL;
}

static void test_denormals(void)
{
	union halves kept = {{FLT_MIN, 1}}, here = {{FLT_MIN, 1}}, thread = {{FLT_MIN, 1}};
	pthread_t t;
	halve(&kept);
	mat_flush_denormals();
	halve(&here);
	if (pthread_create(&t, NULL, halve, &thread) == 0)
		pthread_join(t, NULL);
#if defined(__SSE2__) || defined(__aarch64__)
	ok(kept.u[1] && !here.u[1] && !thread.u[1], "mat_flush_denormals(): numbers below FLT_MIN are 0, here and in threads started here");
#else
	skip("numbers below FLT_MIN are 0", "mat_flush_denormals() has no code for this processor");
#endif
}

int main(void)
{
	uint64_t state = 3;
	a = malloc(MAX_FLOATS * sizeof *a), b = malloc(MAX_FLOATS * sizeof *b), c = malloc(MAX_FLOATS * sizeof *c);
	before = malloc(MAX_FLOATS * sizeof *c);
	if (!a || !b || !c || !before)
		return 1;
	mat_thread_init();
	float *all[] = {a, b, before};
	for (int i = 0; i < 3; i++)
		naive_fill(all[i], MAX_FLOATS, 1, 1, &state);
	for (int h = 0; h < 2 * PRODUCTS; h++) {
		bits = h < PRODUCTS ? MAT_24 : MAT_16;
		test_shapes((enum product)(h % PRODUCTS));
		test_edges((enum product)(h % PRODUCTS));
	}
	for (int i = 0; i < 2; i++) {
		bits = i ? MAT_16 : MAT_24;
		test_sizes();
	}
	for (int i = 0; i < 4; i++) {
		bits = i < 2 ? MAT_24 : MAT_16;
		test_layer(i % 2);
	}
	bits = MAT_24;
	test_zeros(&state);
	test_mask(0);
	test_mask(1.5f);
	test_mask(2.5f);
	test_sign(64);
	test_sign(8); /* computed one by one */
	test_places();
	test_alignment();
	bits = MAT_16;
	test_places();
	test_alignment();
	test_mask(0);
	test_mask(1.5f);
	test_mask(2.5f);
	test_gram();
	test_transpose();
	union halves ones = {.u = {0x7fffffff, 0}}; /* a NAN that rounding up turns into -0 */
	for (int i = 0; i < 4; i++) {
		bits = i < 2 ? MAT_24 : MAT_16;
		test_not_finite(i % 2 ? (float)INFINITY : (float)NAN, 9, 40, 20);
		test_not_finite(i % 2 ? (float)INFINITY : (float)NAN, 70, 90, 64);
		if (i % 2 == 0)
			test_not_finite(ones.f[0], 70, 90, 64);
	}
	test_denormals(); /* the last test: it changes this thread */
	printf("# SIMD level %d\n", simd_level());
	int lanes = by_blocked() ? blocked_kernels()->lanes : 0;
	ok(mat_tn_packs(32, 784, 64, bits) == (by_amx() || lanes == 16) && mat_tn_packs(32, 784, 128, bits) == (by_amx() || lanes > 0),
	   "a short sum over records reads no pack with fewer than 16 lanes");
	printf("# large products by %s\n", by_amx() ? "AMX" : lanes == 16 ? "AVX-512" : lanes == 8 ? "8 lanes" : lanes ? "4 lanes" : "OpenBLAS");
	free(a), free(b), free(c), free(before);
	return done();
}

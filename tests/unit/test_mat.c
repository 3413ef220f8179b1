/* The matrix products against sums in double, over shapes that reach every edge of the tiles: few rows
 * and many, odd sizes, wider leading dimensions, more than one block of k. VAE_FILTERS_SIMD chooses the
 * kernels (tests/simd.bats runs this with each). */
#include "gemm/mat.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemm/gemm_args.h"
#include "naive.h"

enum { MOST = 1 << 20 };
static float *a, *b, *c, *before;

static enum mat_bits bits;
static const char *filled = ""; /* what a was filled with, for messages */
enum how { NT, NT_ADD, NN, TN, TN_ADD, HOWS };
static const char *const name[] = {"nt", "nt, added", "nn", "tn", "tn, scaled and added"};

static float at_a(enum how h, int i, int k, int lda) { return h >= TN ? a[(size_t)k * (size_t)lda + (size_t)i] : a[(size_t)i * (size_t)lda + (size_t)k]; }
static float at_b(enum how h, int k, int j, int ldb) { return h <= NT_ADD ? b[(size_t)j * (size_t)ldb + (size_t)k] : b[(size_t)k * (size_t)ldb + (size_t)j]; }

static void multiply(enum how h, int ldc, int lda, int ldb, int n, int p, int d)
{
	if (h == NT || h == NT_ADD)
		mat_nt(c, ldc, a, lda, b, ldb, n, p, d, h == NT_ADD, bits);
	else if (h == NN)
		mat_nn(c, ldc, a, lda, b, ldb, NULL, NULL, n, p, d, bits);
	else
		mat_tn(c, ldc, a, lda, b, ldb, NULL, n, p, d, h == TN ? 1 : -0.5f, h == TN_ADD, bits);
}

/* The worst error against the sum of the terms' sizes; *clean: nothing is written beside the product, and nothing is
 * further off than mat_error_bound() of the factors' lengths. */
static double check(enum how h, int n, int p, int d, int gap, int *clean)
{
	int lda = (h >= TN ? n : d) + gap, ldb = (h <= NT_ADD ? d : p) + 2 * gap, ldc = p + 3 * gap;
	double worst = 0;
	memcpy(c, before, (size_t)n * (size_t)ldc * sizeof *c);
	multiply(h, ldc, lda, ldb, n, p, d);
	for (int i = 0; i < n; i++)
		for (int j = 0; j < ldc; j++) {
			size_t at = (size_t)i * (size_t)ldc + (size_t)j;
			if (j >= p) {
				*clean &= c[at] == before[at];
				continue;
			}
			double s = 0, size = 1e-30, aa = 0, bb = 0;
			for (int k = 0; k < d; k++) {
				double x = (double)at_a(h, i, k, lda), y = (double)at_b(h, k, j, ldb), t = x * y;
				s += t, size += fabs(t), aa += x * x, bb += y * y;
			}
			s *= h == TN_ADD ? -0.5 : 1;
			s += h == NT_ADD || h == TN_ADD ? (double)before[at] : 0;
			size += fabs(s);
			worst = worse(worst, fabs(s - (double)c[at]) / size);
			*clean &= fabs(s - (double)c[at]) <= (mat_error_bound(d, bits) + 0x1p-23) * (sqrt(aa * bb) + size);
		}
	return worst;
}

static void test_shapes(enum how h)
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
			worst = worse(worst, e);
		}
	ok(worst < (bits == MAT_24 ? 1e-6 : 2e-5) && clean, "%s, %s%s: at most %.2g off (%d x %d x %d), nothing written beside", name[h],
	   bits == MAT_24 ? "24 bits" : "16 bits", filled, worst, shape[which][0], shape[which][1], shape[which][2]);
}

static int by_tiles(void) { return gemm_select(512, 512, 512) == GEMM_AMX; }
static int by_vectors(void) { return gemm_select(512, 512, 512) == GEMM_AVX512; }

/* Sums that a gate closes are 0 and all others what they are without one, however b was prepared. */
static void test_gate(float open)
{
	static const int shape[][3] = {{1, 1, 1}, {7, 65, 15}, {8, 16, 16}, {64, 100, 130}, {33, 300, 64}, {50, 700, 90}, {300, 70, 600}, {31, 65, 1600}, {40, 48, 1536}};
	int same = 1, closed = 0, all = 0;
	size_t room = (size_t)1 << 30;
	float *gate = malloc(MOST * sizeof *gate);
	for (size_t i = 0; i < MOST; i++)
		gate[i] = before[i] > open ? before[i] - open : i % 200 ? 0 : -1;
	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
		int n = shape[i][0], p = shape[i][1], d = shape[i][2], ldc = p + 3;
		size_t size = (size_t)n * (size_t)ldc * sizeof *c;
		float *want = malloc(size);
		struct mat_packed *ready[] = {NULL, mat_pack(b, p, 1, n, p, d, bits, 0, &room), mat_pack(b, p, 1, n, p, d, bits, 1, &room)};
		memcpy(want, before, size);
		mat_nn(want, ldc, a, d, b, p, NULL, NULL, n, p, d, bits);
		for (int at = 0; at < n * ldc; at++)
			if (at % ldc < p && ++all && !(gate[at] > 0))
				want[at] = 0, closed++;
		for (int k = 0; k < 3; k++) {
			memcpy(c, before, size);
			mat_nn(c, ldc, a, d, b, p, ready[k], gate, n, p, d, bits);
			same &= !memcmp(c, want, size);
			free(ready[k]);
		}
		free(want);
	}
	free(gate);
	ok(same && closed > 0 && closed < all, "a gate closed for %d of %d sums, %s: the others are the same to the bit", closed, all, bits == MAT_24 ? "24 bits" : "16 bits");
}

/* Zeros of a may be left out, and a line that stands by itself may be summed up elsewhere: neither changes a bit. */
static void test_zeros(uint64_t *state)
{
	float *kept = malloc(MOST * sizeof *a), *alone = malloc(MOST * sizeof *a);
	memcpy(kept, a, MOST * sizeof *a);
	for (size_t i = 0; i < MOST; i++) {
		*state = *state * 6364136223846793005u + 1442695040888963407u;
		a[i] = (*state >> 33) % 10 ? 0 : a[i];
	}
	filled = ", of ten factors nine zero";
	for (int h = 0; h < HOWS; h++)
		test_shapes((enum how)h);
	filled = "";
	test_gate(2.5f); /* of sums that are made one by one */
	int n = 100, p = 200, d = 1100, same = 1, none = 0;
	mat_layer(c, p, a, b, NULL, before, n, p, d, 1, bits);
	for (int i = 0; i + 9 < n; i += 9) { /* each time other lines stand together, and other zeros are left out */
		mat_layer(alone, p, a + i * d, b, NULL, before, n - i, p, d, 1, bits);
		same &= !memcmp(alone, c + i * p, (size_t)(n - i) * (size_t)p * sizeof *c);
	}
	if (by_vectors())
		ok(same, "lines of a product do not depend on those beside them");
	memset(a, 0, MOST * sizeof *a);
	mat_layer(c, p, a, b, NULL, before, n, p, d, 0, bits);
	for (int i = 0; i < n * p; i++)
		none += c[i] != before[i % p];
	ok(none == 0, "all factors zero: the bias");
	memcpy(a, kept, MOST * sizeof *a);
	free(kept), free(alone);
}

/* A layer against sums in double, with its weights as they are and prepared, which must not change a bit. */
static void test_layer(int relu)
{
	static const int shape[][3] = {{1, 1, 1}, {7, 65, 15}, {64, 100, 130}, {33, 300, 64}, {300, 1100, 70}, {96, 33, 64}, {600, 70, 1100}, {40, 2100, 40}};
	const float *bias = before;
	double worst = 0;
	int same = 1, kept = 0;
	size_t room = (size_t)1 << 30;
	for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
		int n = shape[i][0], p = shape[i][1], d = shape[i][2];
		size_t size = (size_t)n * (size_t)p * sizeof *c;
		float *plain = malloc(size);
		struct mat_packed *ready[] = {mat_pack(b, d, 0, n, p, d, MAT_24, 0, &room), mat_pack(b, d, 0, n, p, d, MAT_16, 0, &room),
					      mat_pack(NULL, 0, 1, n, p, d, bits, 0, &room)};
		if (ready[2])
			mat_repack(ready[2], b, p, 1);
		mat_layer(plain, p, a, b, NULL, bias, n, p, d, relu, bits);
		for (int k = 0; k < 2; k++) { /* of as many bits, and of others, which are left aside */
			mat_layer(c, p, a, b, ready[k], bias, n, p, d, relu, bits);
			same &= !memcmp(c, plain, size);
			kept += ready[k] != NULL;
		}
		for (int r = 0; r < n; r++)
			for (int j = 0; j < p; j++) {
				double s = (double)bias[j], terms = fabs(s) + 1e-30;
				for (int k = 0; k < d; k++) {
					double t = (double)a[r * d + k] * (double)b[j * d + k];
					s += t, terms += fabs(t);
				}
				worst = worse(worst, fabs((relu && s < 0 ? 0 : s) - (double)c[r * p + j]) / terms);
			}
		mat_nn(plain, p, a, d, b, p, NULL, NULL, n, p, d, bits);
		mat_nn(c, p, a, d, b, p, ready[2], NULL, n, p, d, bits);
		same &= !memcmp(c, plain, size);
		mat_tn(plain, p, a, n, b, p, NULL, n, p, d, -0.5f, 0, bits);
		mat_tn(c, p, a, n, b, p, ready[2], n, p, d, -0.5f, 0, bits);
		same &= !memcmp(c, plain, size);
		free(plain), free(ready[0]), free(ready[1]), free(ready[2]);
	}
	ok(worst < (bits == MAT_24 ? 1e-6 : 2e-5), "a layer%s, %s: at most %.2g off", relu ? " and its relu" : "", bits == MAT_24 ? "24 bits" : "16 bits", worst);
	ok(same && (kept > 0) == (by_tiles() || by_vectors()), "the same to the bit with factors prepared, or put in where there was room");
	size_t little = 1 << 20, rest = room;
	struct mat_packed *first = mat_pack(b, 512, 0, 64, 512, 512, bits, 0, &room), *none = mat_pack(b, 512, 0, 64, 512, 512, bits, 0, &little);
	ok(!none && little == 1 << 20 && (first ? rest - room >= (size_t)512 * 512 * (bits == MAT_24 && by_tiles() ? 6 : 4) : rest == room),
	   "what is prepared is taken from the room there is, %zu bytes, and nothing from one that is too small", rest - room);
	free(first);
}

/* A sum too small for a float is 0 with the same sign, whatever else was added to it. */
static void test_sign(int open)
{
	enum { N = 16, P = 64, D = 32 };
	float x[N * D] = {0}, y[D * P], gate[N * P], want[N * P], got[N * P];
	size_t room = (size_t)1 << 30;
	for (int i = 0; i < N; i++)
		x[i * D] = -1e-30f;
	for (int i = 0; i < D * P; i++)
		y[i] = 1e-30f;
	for (int i = 0; i < N * P; i++)
		gate[i] = i % P < open;
	mat_nn(want, P, x, D, y, P, NULL, gate, N, P, D, MAT_24);
	int same = 1;
	for (int gated = 0; gated < 2; gated++) {
		struct mat_packed *ready = mat_pack(y, P, 1, N, P, D, MAT_24, gated, &room);
		mat_nn(got, P, x, D, y, P, ready, gate, N, P, D, MAT_24);
		same &= !memcmp(got, want, sizeof want);
		free(ready);
	}
	x[D + 5] = 1; /* so that in no line of these the sixth term is passed over */
	mat_nn(got, P, x, D, y, P, NULL, gate, N, P, D, MAT_24);
	same &= !memcmp(got, want, P * sizeof *want);
	ok(same, "a sum that vanishes has the same sign with b prepared, and beside other lines (a gate open for %d of %d)", open, P);
}

static void test_gram(void)
{
	double worst = 0;
	int even = 1;
	for (int n = 1; n <= 70; n += n < 20 ? 1 : 25)
		for (int d = 1; d < 1100; d = 3 * d + 2) {
			mat_gram(c, a, n, d);
			for (int i = 0; i < n; i++)
				for (int j = 0; j < n; j++) {
					double s = 0, size = 1e-30;
					for (int k = 0; k < d; k++) {
						double t = (double)a[i * d + k] * (double)a[j * d + k];
						s += t, size += fabs(t);
					}
					worst = worse(worst, fabs(s - (double)c[i * n + j]) / size);
					even &= n > 64 || fabsf(c[i * n + j] - c[j * n + i]) <= 1e-6f * (float)size;
				}
		}
	ok(worst < 1e-6 && even, "Gram matrices of 1 to 70 rows: at most %.2g off, symmetric", worst);
}

/* What no number is must not be lost, and a product with zeros at its edges must not make any. */
static void test_not_finite(float what, int n, int p, int d)
{
	float old = a[3];
	a[3] = what;
	mat_nt(c, p, a, d, b, d, n, p, d, 0, bits);
	int bad = 0, other = 0;
	for (int j = 0; j < p; j++)
		bad += isnan(what) ? isnan(c[j]) : !isfinite(c[j]);
	for (int j = p; j < n * p; j++)
		other += !isfinite(c[j]);
	ok(bad == p && other == 0, "%g shows in its row of %d x %d x %d and in no other", (double)what, n, p, d);
	a[3] = old;
}

union halves { /* told by the bits: a comparison of floats would itself go by the mode at hand */
	volatile float f[2];
	volatile uint32_t u[2];
};

static void *halve(void *p)
{
	union halves *h = p;
	h->f[1] = h->f[0] * 0.5f;
	return NULL;
}

static void test_tiny(void)
{
	union halves kept = {{FLT_MIN, 1}}, here = {{FLT_MIN, 1}}, thread = {{FLT_MIN, 1}};
	pthread_t t;
	halve(&kept);
	mat_flush_denormals();
	halve(&here);
	if (pthread_create(&t, NULL, halve, &thread) == 0)
		pthread_join(t, NULL);
#if defined(__SSE2__) || defined(__aarch64__)
	ok(kept.u[1] && !here.u[1] && !thread.u[1], "numbers below FLT_MIN are 0 when that is wanted, here and in threads started here");
#else
	skip("numbers below FLT_MIN are 0", "mat_flush_denormals() does not know how on this processor");
#endif
}

int main(void)
{
	uint64_t state = 3;
	a = malloc(MOST * sizeof *a), b = malloc(MOST * sizeof *b), c = malloc(MOST * sizeof *c);
	before = malloc(MOST * sizeof *c);
	if (!a || !b || !c || !before)
		return 1;
	mat_thread_init();
	float *all[] = {a, b, before};
	for (int i = 0; i < 3; i++)
		naive_fill(all[i], MOST, 1, 1, &state);
	for (int h = 0; h < 2 * HOWS; h++) {
		bits = h < HOWS ? MAT_24 : MAT_16;
		test_shapes((enum how)(h % HOWS));
	}
	for (int i = 0; i < 4; i++) {
		bits = i < 2 ? MAT_24 : MAT_16;
		test_layer(i % 2);
	}
	bits = MAT_24;
	test_zeros(&state);
	test_gate(0);
	test_gate(1.5f);
	test_gate(2.5f);
	test_sign(64);
	test_sign(8); /* made one by one */
	bits = MAT_16;
	test_gate(0);
	test_gate(1.5f);
	test_gate(2.5f);
	test_gram();
	union halves ones = {.u = {0x7fffffff, 0}}; /* a NAN that rounding up turns into -0 */
	for (int i = 0; i < 4; i++) {
		bits = i < 2 ? MAT_24 : MAT_16;
		test_not_finite(i % 2 ? (float)INFINITY : (float)NAN, 9, 40, 20);
		test_not_finite(i % 2 ? (float)INFINITY : (float)NAN, 70, 90, 64);
		if (i % 2 == 0)
			test_not_finite(ones.f[0], 70, 90, 64);
	}
	test_tiny(); /* the last: it changes this thread */
	printf("# large products by %s\n", by_tiles() ? "tiles" : by_vectors() ? "vectors" : "OpenBLAS");
	free(a), free(b), free(c), free(before);
	return done();
}

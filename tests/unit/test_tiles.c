/* The emulation of AMX tiles (tests/tiles/tiles.h): one instruction against sums that are exact in any order, its rounding, what the processor
 * refuses, and conversions and whole products against those of the processor, where it has them. And what gemm_amx.c fetches ahead. */
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/amx.h"
#include "base/simd.h"
#include "gemm/kernels.h"
#include "naive.h"

#if defined(SIMD_HAS_AMX)

#include <immintrin.h>

__attribute__((target("avx512f,avx512bf16"))) static void processor_bf16(uint16_t to[32], const float x[32])
{
	_mm512_storeu_si512(to, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + 16), _mm512_loadu_ps(x)));
}

#include "../tiles/tiles.h"

/* How often each of some lines of 64 bytes was fetched. */
enum { LINES = 1 << 14 };
static struct {
	const char *from;
	int lines, times[LINES], outside;
} fetched;

static void fetch(const char *p)
{
	if (p >= fetched.from && p < fetched.from + (size_t)64 * (size_t)fetched.lines)
		fetched.times[(p - fetched.from) / 64]++;
	else
		fetched.outside++;
}

#undef _mm_prefetch
#define _mm_prefetch(p, hint) fetch(p)
#include "../tiles/own_gemm.h"

static void configure(int rows, int columns, int pairs)
{
	struct {
		uint8_t palette, start_row, reserved[14];
		uint16_t row_bytes[16];
		uint8_t rows[16];
	} c = {1, 0, {0}, {(uint16_t)(4 * columns), (uint16_t)(4 * pairs), (uint16_t)(4 * columns)}, {(uint8_t)rows, (uint8_t)rows, (uint8_t)pairs}};
	_tile_loadconfig(&c);
}

static uint16_t bf16(float x)
{
	uint32_t u;
	memcpy(&u, &x, sizeof u);
	return (uint16_t)(u >> 16);
}

/* C += A B with small whole numbers, whose sums are exact: row k of B holds numbers 2k and 2k + 1 of each column. */
static void test_layout(int rows, int columns, int pairs, uint64_t *state)
{
	float a[16][32] = {{0}}, b[32][16] = {{0}}, c[16][16], got[16][20];
	uint16_t of_a[16][32] = {{0}}, of_b[16][32] = {{0}};
	int same = 1, beside = 1;
	for (int i = 0; i < 16 * 32; i++) {
		int r = i / 32, p = i % 32, k = i / 16, n = i % 16;
		a[r][p] = floorf(16 * (float)naive_uniform(state)) - 8;
		b[k][n] = floorf(16 * (float)naive_uniform(state)) - 8;
		of_a[r][p] = bf16(a[r][p]);
		of_b[k / 2][2 * n + k % 2] = bf16(b[k][n]);
	}
	for (int i = 0; i < 16 * 16; i++)
		c[i / 16][i % 16] = (float)i;
	for (int i = 0; i < 16 * 20; i++)
		got[i / 20][i % 20] = -7;
	configure(rows, columns, pairs);
	_tile_loadd(0, c, sizeof c[0]);
	_tile_loadd(1, of_a, sizeof of_a[0]);
	_tile_loadd(2, of_b, sizeof of_b[0]);
	_tile_dpbf16ps(0, 1, 2);
	_tile_stored(0, got, sizeof got[0]);
	_tile_release();
	for (int m = 0; m < 16; m++)
		for (int n = 0; n < 20; n++) {
			float sum = m < rows && n < columns ? c[m][n] : -7;
			for (int p = 0; p < 2 * pairs && m < rows && n < columns; p++)
				sum += a[m][p] * b[p][n];
			*(m < rows && n < columns ? &same : &beside) &= got[m][n] == sum; /* NOLINT: exact */
		}
	ok(same && beside, "tiles of %d x %d by %d pairs: whole numbers are exact, and nothing is written beside", rows, columns, pairs);
}

/* One sum of c and the products of pairs a[i], b[i]. */
static float sum_of(float c, const float a[4], const float b[4])
{
	uint16_t of_a[4], of_b[4];
	for (int i = 0; i < 4; i++)
		of_a[i] = bf16(a[i]), of_b[i] = bf16(b[i]);
	configure(1, 1, 2);
	_tile_loadd(0, &c, 64);
	_tile_loadd(1, of_a, 64);
	_tile_loadd(2, of_b, 4);
	_tile_dpbf16ps(0, 1, 2);
	_tile_stored(0, &c, 64);
	_tile_release();
	return c;
}

static void test_rounding(void)
{
	const float one[4] = {1, 1, 1, 1}, small[4] = {0x1p-70f, 0x1p-70f, 0x1p-70f, 0x1p-70f};
	/* the numbers at even places have a sum, those at odd places another: in order of places 2^25 would swallow both ones */
	ok(sum_of(0, (float[]){0x1p25f, 1, -0x1p25f, 1}, one) == 2, "even and odd places are summed apart"); /* NOLINT: exact */
	ok(sum_of(0x1p25f, (float[]){1, 1, 1, 1}, one) == 0x1p25f + 4, "and together before they are added to what is there"); /* NOLINT: exact */
	ok(sum_of(0, (float[]){0x1p-60f, 0, 0, 0}, small) == 0, "products below the least float are 0"); /* NOLINT: exact */
	ok(sum_of(0, (float[]){0x1p-130f, 0, 0, 0}, (float[]){0x1p100f, 0, 0, 0}) == 0, "factors below it are too"); /* NOLINT: exact */
	ok(sum_of(0x1p-130f, (float[4]){0}, one) == 0, "and what is added to"); /* NOLINT: exact */
	ok(isnan(sum_of(0, (float[]){INFINITY, 0, 0, 0}, (float[4]){0})), "infinity times 0 is NAN");
	static const struct {
		uint32_t from;
		uint16_t to;
	} known[] = {{0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81}, {0x7f7fffff, 0x7f80}, {0xff800000, 0xff80},
	            {0x7f800001, 0x7fc0}, {0x80000001, 0x8000}, {0x007fffff, 0}};
	int bad = 0;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		bad += nearest_bf16(known[i].from) != known[i].to;
	ok(!bad, "bfloat16 is rounded to nearest, ties to even; denormals are 0");
}

static void test_conversion(uint64_t *state)
{
	static const uint32_t special[] = {0, 1, 0x007fffff, 0x00800000, 0x3f808000, 0x3f818000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fc12345};
	int bad = 0;
	if (!__builtin_cpu_supports("avx512bf16")) {
		skip("conversions to bfloat16 have the bits of the processor's", "this processor has no bfloat16");
		return;
	}
	for (int round = 0; round < 10000; round++) {
		uint32_t bits[32];
		float x[32];
		uint16_t real[32], emulated[32];
		for (int i = 0; i < 32; i++) {
			bits[i] = (uint32_t)(naive_uniform(state) * 0x1p32);
			if (round == 0 && i < 20)
				bits[i] = special[i / 2] | (uint32_t)(i % 2) << 31;
		}
		memcpy(x, bits, sizeof x);
		processor_bf16(real, x);
		for (int i = 0; i < 32; i++)
			emulated[i] = nearest_bf16(bits[i]);
		bad += memcmp(real, emulated, sizeof real) != 0;
	}
	ok(!bad, "conversions to bfloat16 have the bits of the processor's");
}

/* --- what raises an exception --- */

static void too_many_rows(void) { configure(17, 16, 16); }
static void too_wide(void) { configure(16, 17, 16); }
static void no_configuration(void) { _tile_zero(0); }
static void shapes_differ(void)
{
	configure(4, 5, 6);
	_tile_dpbf16ps(0, 2, 1);
}
static void one_tile_twice(void)
{
	configure(16, 16, 16);
	_tile_dpbf16ps(0, 1, 1);
}

static int aborts(void (*run)(void))
{
	int status = 0;
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
		close(STDERR_FILENO);
		run();
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void test_exceptions(void)
{
	ok(aborts(too_many_rows) && aborts(too_wide), "a configuration that the processor refuses ends the program");
	ok(aborts(no_configuration), "as does a tile without one");
	ok(aborts(shapes_differ) && aborts(one_tile_twice), "and a product of shapes that do not fit, or of one tile with itself");
}

/* --- products --- */

/* Each whole block of 256 rows fetches the lines of all panels of B but the first, and nothing else is fetched. */
static void test_fetched(int m, int pieces)
{
	enum { N = 300, K = 200, STEPS = (K + 31) / 32 };
	float *a = mat_floats((size_t)m * K), *b = mat_floats(N * K), *c = mat_floats((size_t)m * N);
	struct mat_packed *packed = own_pack((struct gemm_operand){b, K, 0, NULL}, N, K, pieces);
	struct gemm_output to = {.v = c, .ld = N, .scale = 1};
	struct gemm_args g = {&to, {a, K, 0, NULL}, {b, K, 0, packed}, m, N, K, pieces};
	int panel = STEPS * pieces * 32, bad = 0;
	memset(&fetched, 0, sizeof fetched);
	fetched.from = packed->v;
	fetched.lines = (N + 31) / 32 * panel;
	own_gemm(&g);
	for (int i = 0; i < fetched.lines; i++)
		bad += fetched.times[i] != (i < panel ? 0 : m / 256);
	ok(!bad && !fetched.outside, "%d rows, %d pieces: the panels of B to come are fetched %d times", m, pieces, m / 256);
	free(a), free(b), free(c), free(packed);
}

static void test_products(int m, int n, int k, int pieces, uint64_t *state)
{
	float *a = malloc((size_t)(m * k) * sizeof *a), *b = malloc((size_t)(n * k) * sizeof *b);
	float *c = malloc((size_t)(m * n) * sizeof *c), *d = malloc((size_t)(m * n) * sizeof *d);
	char what[100];
	naive_fill(a, (size_t)(m * k), 1, 1, state);
	naive_fill(b, (size_t)(n * k), 1, 1, state);
	struct gemm_output to = {.v = c, .ld = n, .scale = 0.5f}, other = {.v = d, .ld = n, .scale = 0.5f};
	struct gemm_args g = {&to, {a, k, 0, NULL}, {b, k, 0, NULL}, m, n, k, pieces};
	snprintf(what, sizeof what, "%d x %d x %d, %d pieces: the bits of the processor's tiles", m, n, k, pieces);
	if (simd_level() < SIMD_AMX) {
		skip(what, "this processor has no AMX tiles, or the kernel does not allow them");
	} else {
		gemm_amx(&g);
		g.c = &other;
		own_gemm(&g);
		ok(!memcmp(c, d, (size_t)(m * n) * sizeof *c), "%s", what);
	}
	free(a), free(b), free(c), free(d);
}

int main(void)
{
	uint64_t state = 5;
	if (simd_level() < SIMD_AVX512) {
		skip("emulated tiles", "this processor has no AVX-512");
		return done();
	}
	test_layout(16, 16, 16, &state);
	test_layout(1, 1, 1, &state);
	test_layout(5, 16, 3, &state);
	test_layout(16, 7, 16, &state);
	test_rounding();
	test_conversion(&state);
	test_exceptions();
	for (int pieces = 2; pieces <= 3; pieces++) {
		test_fetched(256, pieces);
		test_fetched(600, pieces);
		test_fetched(160, pieces);
		test_products(64, 64, 64, pieces, &state);
		test_products(100, 1100, 1300, pieces, &state);
	}
	return done();
}

#else

int main(void)
{
	skip("emulated tiles", "the compiler has no AMX intrinsics, or this is no x86-64");
	return done();
}

#endif

/* The random number generator: known answers of Random123, the distribution of the normals, and that every part of a stream's name changes
 * all of its numbers. */
#include "base/rng.h"

#include <math.h>
#include <string.h>

#include "naive.h"

/* kat_vectors of Random123 (Salmon et al. 2011), philox4x32 10 */
static void test_known_answers(void)
{
	static const struct {
		uint32_t counter[4], key[2], want[4];
	} kat[] = {
		{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	};
	for (size_t i = 0; i < sizeof kat / sizeof *kat; i++) {
		uint32_t got[4];
		philox(kat[i].counter, kat[i].key, got);
		ok(!memcmp(got, kat[i].want, sizeof got), "philox4x32-10, known answer %zu: %08x %08x %08x %08x", i, got[0], got[1], got[2], got[3]);
	}
}

/* Against Box-Muller in double on the same random words */
static void test_box_muller(void)
{
	enum { N = 200000 };
	static float z[N];
	static uint32_t w[N];
	double worst = 0;
	rng_normal(z, N, 3, ROLE_TRAIN_RECORD, 4, 5, 6);
	rng_words(w, N, 3, ROLE_TRAIN_RECORD, 4, 5, 6);
	for (int i = 0; i < N; i += 2) {
		double u = ((double)(w[i] >> 8) + 0.5) * 0x1p-24, angle = 2 * 3.14159265358979323846 * (double)(w[i + 1] >> 8) * 0x1p-24;
		double r = sqrt(-2 * log(u)), slack = 2e-6 + 4e-8 / r; /* u is a float, whose steps are coarse near 1 */
		worst = max_error(worst, max_error(fabs((double)z[i] - r * cos(angle)), fabs((double)z[i + 1] - r * sin(angle))) / slack);
	}
	ok(worst < 1, "normals are Box-Muller of the words, to %.2g of the tolerance", worst);
}

static void test_shape(void)
{
	enum { N = 1 << 20, BINS = 64 };
	static float z[N];
	double m[5] = {0}, lag1 = 0, lag4 = 0, most = 0;
	long bin[BINS] = {0}, beyond[5] = {0};
	/* many short draws, as records have them */
	for (int i = 0; i < N; i += 64)
		rng_normal(z + i, 64, 0, ROLE_TRAIN_RECORD, 100, (uint64_t)i * 0x9e3779b97f4a7c15u, (uint32_t)(i / 64 % 16));
	for (int i = 0; i < N; i++) {
		double v = (double)z[i], p = 1;
		for (int k = 1; k < 5; k++)
			m[k] += (p *= v) / N;
		lag1 += i ? v * (double)z[i - 1] / N : 0;
		lag4 += i > 3 ? v * (double)z[i - 4] / N : 0;
		bin[(int)(0.5 * erfc(-v / sqrt(2)) * BINS * 0.9999999)]++;
		for (int k = 1; k < 5; k++)
			beyond[k] += fabs(v) > k;
		most = max_error(most, fabs(v));
	}
	/* each within four standard errors over 2^20 */
	ok(fabs(m[1]) < 4 * 0x1p-10, "mean %.2g", m[1]);
	ok(fabs(m[2] - 1) < 4 * sqrt(2) * 0x1p-10, "variance 1 %+.2g", m[2] - 1);
	ok(fabs(m[3]) < 4 * sqrt(15) * 0x1p-10, "third moment %.2g", m[3]);
	ok(fabs(m[4] - 3) < 4 * sqrt(96) * 0x1p-10, "fourth moment 3 %+.2g", m[4] - 3);
	ok(fabs(lag1) < 4 * 0x1p-10 && fabs(lag4) < 4 * 0x1p-10, "neighbours and neighbouring blocks do not correlate (%.2g, %.2g)", lag1, lag4);
	double chi = 0;
	for (int b = 0; b < BINS; b++)
		chi += ((double)bin[b] - N / BINS) * ((double)bin[b] - N / BINS) / (N / BINS);
	ok(chi > 63 - 4 * sqrt(126) && chi < 63 + 4 * sqrt(126), "chi squared over %d equally likely bins: %.1f", BINS, chi);
	for (int k = 1; k < 5; k++) {
		double want = N * erfc(k / sqrt(2));
		ok(fabs((double)beyond[k] - want) < 4 * sqrt(want), "beyond %d sigma: %ld of %.0f", k, beyond[k], want);
	}
	ok(most < 5.9 && most > 4.2, "the largest of 2^20 is %.2f", most);
}

/* Changing any part of a stream's name changes all numbers, and the two streams do not correlate. */
static void test_independence(void)
{
	enum { N = 4096 };
	static const struct {
		const char *what;
		uint64_t seed;
		enum rng_role role;
		uint64_t stream, id;
		uint32_t index;
	} from = {"", 7, ROLE_TRAIN_RECORD, 8, 9, 10}, other[] = {
		{"the seed", 8, ROLE_TRAIN_RECORD, 8, 9, 10},
		{"a high bit of the seed", 7 + (1ull << 52), ROLE_TRAIN_RECORD, 8, 9, 10},
		{"the role, test record", 7, ROLE_TEST_RECORD, 8, 9, 10},
		{"the role, training", 7, ROLE_TRAINING, 8, 9, 10},
		{"the role, shuffle", 7, ROLE_SHUFFLE, 8, 9, 10},
		{"the role, start", 7, ROLE_INIT, 8, 9, 10},
		{"the role, holdout", 7, ROLE_HOLDOUT, 8, 9, 10},
		{"the stream", 7, ROLE_TRAIN_RECORD, 9, 9, 10},
		{"a high bit of the stream", 7, ROLE_TRAIN_RECORD, 8 + (1ull << 40), 9, 10},
		{"the id", 7, ROLE_TRAIN_RECORD, 8, 10, 10},
		{"a high bit of the id", 7, ROLE_TRAIN_RECORD, 8, 9 + (1ull << 63), 10},
		{"the draw", 7, ROLE_TRAIN_RECORD, 8, 9, 11},
		{"the order of seed and stream", 8, ROLE_TRAIN_RECORD, 7, 9, 10},
		{"the order of id and draw", 7, ROLE_TRAIN_RECORD, 8, 10, 9},
	};
	static float a[N], b[N];
	rng_normal(a, N, from.seed, from.role, from.stream, from.id, from.index);
	for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
		int equal = 0, shifted = 0;
		double r = 0;
		rng_normal(b, N, other[i].seed, other[i].role, other[i].stream, other[i].id, other[i].index);
		for (int k = 0; k < N; k++) {
			equal += a[k] == b[k];
			shifted += k >= 4 && (a[k] == b[k - 4] || a[k - 4] == b[k]); /* counters that overlap */
			r += (double)a[k] * (double)b[k] / N;
		}
		ok(equal < 3 && shifted < 3 && fabs(r) < 4.0 / 64, "changing %s changes all numbers (%d equal, correlation %.2g)", other[i].what, equal, r);
	}
	rng_normal(b, N, from.seed, from.role, from.stream, from.id, from.index);
	ok(!memcmp(a, b, sizeof a), "the same stream again has the same bits");
}

static void test_prefix(void)
{
	float z[101], shorter[102];
	uint32_t w[101], fewer[102];
	int same = 1, clean = 1;
	rng_normal(z, 101, 1, ROLE_INIT, 2, 3, 4);
	rng_words(w, 101, 1, ROLE_INIT, 2, 3, 4);
	for (int n = 0; n <= 101; n++) {
		shorter[n] = 77, fewer[n] = 77;
		rng_normal(shorter, n, 1, ROLE_INIT, 2, 3, 4);
		rng_words(fewer, n, 1, ROLE_INIT, 2, 3, 4);
		same &= !memcmp(z, shorter, (size_t)n * sizeof *z) && !memcmp(w, fewer, (size_t)n * sizeof *w);
		clean &= shorter[n] == 77 && fewer[n] == 77;
	}
	ok(same, "n numbers are the first n of 101");
	ok(clean, "nothing is written behind the end");
}

static void test_below(void)
{
	static const uint32_t limits[] = {1, 2, 6, 1000003, 0xffffffffu};
	for (size_t k = 0; k < sizeof limits / sizeof *limits; k++) {
		enum { N = 60000 };
		uint32_t n = limits[k];
		long outside = 0, bin[6] = {0};
		double chi = 0;
		int bins = n < 6 ? (int)n : 6;
		for (uint64_t i = 0; i < N; i++) {
			uint32_t v = rng_below(n, 1, ROLE_SHUFFLE, 5, i);
			outside += v >= n;
			bin[(uint64_t)v * (unsigned)bins / n % 6]++;
		}
		for (int b = 0; b < bins; b++)
			chi += ((double)bin[b] - (double)N / bins) * ((double)bin[b] - (double)N / bins) * bins / N;
		ok(!outside && chi < bins - 1 + 4 * sqrt(2 * (bins - 1)) + 1e-9, "below %u: none outside, chi squared %.2f over %d bins", n, chi, bins);
	}
}

int main(void)
{
	test_known_answers();
	test_box_muller();
	test_shape();
	test_independence();
	test_prefix();
	test_below();
	return done();
}

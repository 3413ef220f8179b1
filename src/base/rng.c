/* Normals are computed in blocks without branches, so that the compiler vectorises them. log, cos and sin are polynomials (Cephes,
 * S. L. Moshier), so that no draw depends on the system's libm. */
#include "base/rng.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"

INLINE void philox_body(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
	uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
	for (int round = 0; round < 10; round++) {
		uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
		c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
		c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
		c1 = (uint32_t)b;
		c3 = (uint32_t)a;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) { philox_body(counter, key, out); }

/* SplitMix64's finaliser: spreads seed, role and stream over the 64 bits of the key. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

struct stream {
	uint32_t key[2], counter[4];
};

static struct stream open_stream(uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id, uint32_t index)
{
	uint64_t k = mix(mix(seed + 0x9e3779b97f4a7c15u) ^ mix((uint64_t)role << 56 ^ stream));
	return (struct stream){{(uint32_t)k, (uint32_t)(k >> 32)}, {0, index, (uint32_t)id, (uint32_t)(id >> 32)}};
}

void rng_words(uint32_t *out, int n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id, uint32_t index)
{
	struct stream s = open_stream(seed, role, stream, id, index);
	for (int i = 0; i < n; i += 4, s.counter[0]++) {
		uint32_t w[4];
		philox(s.counter, s.key, w);
		memcpy(out + i, w, (size_t)(n - i < 4 ? n - i : 4) * sizeof *w);
	}
}

/* log(u) for 0 < u <= 1: u = m 2^e, sqrt(1/2) <= m < sqrt(2) */
INLINE float log_unit(float u)
{
	uint32_t bits;
	memcpy(&bits, &u, sizeof bits);
	uint32_t shifted = bits - 0x3f3504f3u; /* of sqrt(1/2) */
	float e = (float)((int32_t)shifted >> 23), m;
	bits -= shifted & 0xff800000u;
	memcpy(&m, &bits, sizeof m);
	float x = m - 1, q = x * x, p = 7.0376836292e-2f;
	p = p * x - 1.1514610310e-1f;
	p = p * x + 1.1676998740e-1f;
	p = p * x - 1.2420140846e-1f;
	p = p * x + 1.4249322787e-1f;
	p = p * x - 1.6668057665e-1f;
	p = p * x + 2.0000714765e-1f;
	p = p * x - 2.4999993993e-1f;
	p = p * x + 3.3333331174e-1f;
	return x + (x * q * p - 2.12194440e-4f * e - 0.5f * q) + 0.693359375f * e;
}

/* Two normals from two words */
INLINE void box_muller(float *x, float *y, uint32_t a, uint32_t b)
{
	float r = sqrtf(-2 * log_unit(((float)(a >> 8) + 0.5f) * 0x1p-24f));
	/* the angle as a number of quarter turns and the rest, which is exact */
	uint32_t quarter = ((b >> 8) + (1u << 21)) >> 22;
	float t = (float)((int32_t)(b >> 8) - (int32_t)(quarter << 22)) * 0x1p-22f * 1.57079633f, q = t * t;
	float sine = t + t * q * (-1.6666654611e-1f + q * (8.3321608736e-3f - 1.9515295891e-4f * q));
	float cosine = 1 - 0.5f * q + q * q * (4.166664568298827e-2f + q * (-1.388731625493765e-3f + 2.443315711809948e-5f * q));
	float c = quarter & 1 ? sine : cosine, s = quarter & 1 ? cosine : sine;
	*x = r * ((quarter + 1) & 2 ? -c : c);
	*y = r * (quarter & 2 ? -s : s);
}

enum { BLOCK = 16 }; /* counters of a block, each of which makes four normals */

INLINE void block_body(float out[4 * BLOCK], const uint32_t counter[4], const uint32_t key[2])
{
	uint32_t w[4][BLOCK];
	float z[4][BLOCK];
	for (int i = 0; i < BLOCK; i++) {
		uint32_t each[4], at[4] = {counter[0] + (uint32_t)i, counter[1], counter[2], counter[3]};
		philox_body(at, key, each);
		w[0][i] = each[0], w[1][i] = each[1], w[2][i] = each[2], w[3][i] = each[3];
	}
	for (int k = 0; k < 4; k += 2)
		for (int i = 0; i < BLOCK; i++)
			box_muller(&z[k][i], &z[k + 1][i], w[k][i], w[k + 1][i]);
	for (int i = 0; i < BLOCK; i++)
		for (int k = 0; k < 4; k++)
			out[4 * i + k] = z[k][i];
}
SIMD_VARIANTS(void, normal_block, (float out[4 * BLOCK], const uint32_t counter[4], const uint32_t key[2]), { block_body(out, counter, key); })

void rng_normal(float *out, int n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id, uint32_t index)
{
	struct stream s = open_stream(seed, role, stream, id, index);
	for (int i = 0; i < n; i += 4 * BLOCK, s.counter[0] += BLOCK) {
		float z[4 * BLOCK] = {0};
		SIMD_DISPATCH(normal_block)(z, s.counter, s.key);
		memcpy(out + i, z, (size_t)(n - i < 4 * BLOCK ? n - i : 4 * BLOCK) * sizeof *z);
	}
}

uint32_t rng_below(uint32_t n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id)
{
	uint32_t w[2];
	rng_words(w, 2, seed, role, stream, id, 0);
	unsigned __int128 p = (unsigned __int128)((uint64_t)w[0] << 32 | w[1]) * n;
	return (uint32_t)(p >> 64);
}

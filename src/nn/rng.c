#include "rng.h"

#include <math.h>
#include <string.h>

void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
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

/* Box-Muller: two normals of two words */
static void pair(float *out, uint32_t a, uint32_t b)
{
	float u = ((float)(a >> 8) + 0.5f) * 0x1p-24f, v = (float)(b >> 8) * 0x1p-24f;
	float r = sqrtf(-2 * logf(u)), angle = 6.2831853f * v;
	out[0] = r * cosf(angle);
	out[1] = r * sinf(angle);
}

void rng_normal(float *out, int n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id, uint32_t index)
{
	struct stream s = open_stream(seed, role, stream, id, index);
	for (int i = 0; i < n; i += 4, s.counter[0]++) {
		uint32_t w[4];
		float z[4];
		philox(s.counter, s.key, w);
		pair(z, w[0], w[1]);
		pair(z + 2, w[2], w[3]);
		memcpy(out + i, z, (size_t)(n - i < 4 ? n - i : 4) * sizeof *z);
	}
}

uint32_t rng_below(uint32_t n, uint64_t seed, enum rng_role role, uint64_t stream, uint64_t id)
{
	uint32_t w[2];
	rng_words(w, 2, seed, role, stream, id, 0);
	unsigned __int128 p = (unsigned __int128)((uint64_t)w[0] << 32 | w[1]) * n;
	return (uint32_t)(p >> 64);
}

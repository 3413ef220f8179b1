/* select.h - puts the k-th of an array in its place, in linear time on average (Hoare 1961, "Algorithm 65: FIND"), for any type and order.
 *
 *     static int is_nearer(const struct neighbour *a, const struct neighbour *b) { return a->d2 < b->d2; }
 *     SELECT(select_nearest, struct neighbour, is_nearer)
 *     ...
 *     select_nearest(v, n, k);
 */
#ifndef VF_SELECT_H
#define VF_SELECT_H

#include <stddef.h>
#include <stdint.h>

/* Defines static void name(type *v, size_t n, size_t k): reorders v [n] so that v[k] is the one that a sort would put there, k from 0 to n - 1,
 * none of v[0..k) comes after it, and none of v[k + 1..n) before it. before(a, b): whether *a comes before *b; a strict weak order. No order of
 * the elements is slow: the first pivot is the middle one, which suits sorted and partly sorted arrays, and the next ones are random, from a
 * seed that depends on n alone. */
#define SELECT(name, type, before)                                                          \
	static void name(type v[], size_t n, size_t k)                                      \
	{                                                                                   \
		ptrdiff_t low = 0, high = (ptrdiff_t)n - 1, at = (ptrdiff_t)k;             \
		uint64_t seed = 0;                                                          \
		while (low < high) {                                                        \
			type pivot = v[seed ? low + (ptrdiff_t)((seed >> 33) % (uint64_t)(high - low + 1)) : high / 2]; \
			ptrdiff_t i = low, j = high;                                        \
			while (i <= j) {                                                    \
				while (before(&v[i], &pivot))                               \
					i++;                                                \
				while (before(&pivot, &v[j]))                               \
					j--;                                                \
				if (i <= j) {                                               \
					type swap = v[i];                                   \
					v[i++] = v[j];                                      \
					v[j--] = swap;                                      \
				}                                                           \
			}                                                                   \
			if (at > j && at < i) /* equals the pivot */                        \
				return;                                                     \
			if (at <= j)                                                        \
				high = j;                                                   \
			else                                                                \
				low = i;                                                    \
			seed = (seed ? seed : n) * 6364136223846793005u + 1442695040888963407u; \
		}                                                                           \
	}

#endif

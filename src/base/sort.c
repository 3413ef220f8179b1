/* Quicksort with three parts, below, equal and above (Bentley & McIlroy 1993), so that equal values are fast. Pivots are random, the shorter side
 * is sorted by recursion and the longer one by the loop: the stack stays small. */
#include "base/sort.h"

#include <string.h>

#include "base/select.h"

enum { FEW = 24 }; /* are sorted by insertion */

#define SORT(name, type)                                                                                  \
	static void name(type v[], size_t n, uint64_t seed)                                               \
	{                                                                                                 \
		while (n > FEW) {                                                                         \
			seed = seed * 6364136223846793005u + 1442695040888963407u;                        \
			type pivot = v[(size_t)((seed >> 33) % n)];                                       \
			size_t below = 0, above = n; /* v[0..below) < pivot, v[below..i) = pivot */       \
			for (size_t i = 0; i < above;) {                                                  \
				type t = v[i];                                                            \
				if (t < pivot) {                                                          \
					v[i++] = v[below];                                                \
					v[below++] = t;                                                   \
				} else if (t > pivot) {                                                   \
					v[i] = v[--above];                                                \
					v[above] = t;                                                     \
				} else {                                                                  \
					i++;                                                              \
				}                                                                         \
			}                                                                                 \
			if (below < n - above) {                                                          \
				name(v, below, seed);                                                     \
				v += above;                                                               \
				n -= above;                                                               \
			} else {                                                                          \
				name(v + above, n - above, seed);                                         \
				n = below;                                                                \
			}                                                                                 \
		}                                                                                         \
		for (size_t i = 1; i < n; i++) {                                                          \
			type t = v[i];                                                                    \
			size_t k = i;                                                                     \
			for (; k > 0 && v[k - 1] > t; k--)                                                \
				v[k] = v[k - 1];                                                          \
			v[k] = t;                                                                         \
		}                                                                                         \
	}

SORT(sort_real, double)
SORT(sort_whole, uint64_t)

void sort_doubles(double *v, size_t n) { sort_real(v, n, n); }
void sort_words(uint64_t *v, size_t n) { sort_whole(v, n, n); }

static int is_less(const double *a, const double *b) { return *a < *b; }
SELECT(select_real, double, is_less)

double select_double(double *v, size_t n, size_t k)
{
	select_real(v, n, k);
	return v[k];
}

double median(double *v, size_t n)
{
	double upper = select_double(v, n, n / 2);
	if (n % 2)
		return upper;
	double lower = v[0];
	for (size_t i = 1; i < n / 2; i++)
		lower = v[i] > lower ? v[i] : lower;
	return 0.5 * lower + 0.5 * upper; /* the sum may overflow */
}

/* The bits of such doubles, as whole numbers, are in the order of the doubles: they are found digit by digit, from the highest. */
double select_not_negative(const double *v, size_t n, size_t k)
{
	enum { DIGIT = 11, DIGITS = 6 };
	uint64_t found = 0, mask = 0;
	for (int d = DIGITS - 1; d >= 0; d--) {
		size_t count[1 << DIGIT] = {0}, digit = 0;
		for (size_t i = 0; i < n; i++) {
			uint64_t bits;
			memcpy(&bits, &v[i], sizeof bits);
			count[bits >> (d * DIGIT) & ((1 << DIGIT) - 1)] += (bits & mask) == found;
		}
		while (k >= count[digit])
			k -= count[digit++];
		found |= (uint64_t)digit << (d * DIGIT);
		mask |= (((uint64_t)1 << DIGIT) - 1) << (d * DIGIT);
	}
	double value;
	memcpy(&value, &found, sizeof value);
	return value;
}

/* sort.h - sorts numbers in place, and finds the k-th of them. qsort() of the C library takes as much memory again as the array.
 */
#ifndef VF_SORT_H
#define VF_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Ascending. No order of the values is slow. Doubles: none is NAN. */
void sort_doubles(double *v, size_t n);
void sort_words(uint64_t *v, size_t n);
/* The k-th smallest of v [n], k from 0 to n - 1; no value is NAN. Reorders v, in linear time. */
double select_double(double *v, size_t n, size_t k);
/* The median of v [n], n > 0, no value NAN: the middle one, or the mean of the two in the middle. Reorders v. */
double median(double *v, size_t n);
/* The k-th smallest of v [n], k from 0 to n - 1; no value is negative, -0 or NAN. Leaves v as it is, and allocates nothing: it reads v six
 * times. */
double select_not_negative(const double *v, size_t n, size_t k);

#endif

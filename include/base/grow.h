/* grow.h - makes a list longer: an array that its owner frees with free(), and its capacity.
 *
 *     if (grow(&s->pair, &s->cap, s->n + 1, "pairs of records", f))
 *             return -1;
 *     s->pair[s->n++] = pair;
 */
#ifndef VF_GROW_H
#define VF_GROW_H

#include <stddef.h>

#include "base/fail.h"

/* Makes the capacity at least n elements, by half as much again or more, so that appending takes constant time on average. The list may
 * move; its elements are kept, and new ones are not initialised. list: the address of the pointer to the elements, NULL for an empty
 * list. cap: in elements. what: the elements in the plural, for the message. Returns -1, and changes nothing, if memory runs out. */
#define grow(list, cap, n, what, f) grow_list((list), sizeof **(list), (cap), (n), (what), (f))
int grow_list(void *list, size_t size, size_t *cap, size_t n, const char *what, struct fail *f);

#endif

/* conv.h - the parts of a convolution (conv.c): its products over unrolled numbers, and direct ones. */
#ifndef VF_NN_CONV_H
#define VF_NN_CONV_H

#include "base/minmax.h"
#include "nn/layer.h"

enum { FEW = 12 }; /* columns that leave too many lanes of a direct product empty */

/* The kernel at position s along a side of n: it starts at `at`, and its columns [lo, hi) are inside. */
struct cover {
	int at, lo, hi;
};

static inline struct cover cover(const struct layer *l, int s, int n)
{
	struct cover v = {s * l->stride - l->padding, 0, l->kernel};
	v.lo = v.at < 0 ? -v.at : 0;
	v.hi = v.at + l->kernel > n ? n - v.at : l->kernel;
	if (v.lo >= v.hi)
		v.lo = v.hi = 0;
	return v;
}

/* Whether the kernel covers all of the big side at the only position, so that big is col. */
static inline int covers_all(const struct layer *l) { return l->positions == 1 && !l->padding && l->in + l->out == l->p + l->k; }

/* The products of conv.c. to_small: small = im2col(big) W^T, and dw = other^T im2col(big), where other is a small side too; either may be NULL.
 * to_big: big = col2im(small W). Bias, ReLU and mask of p apply to small or big, and add to dw. */
void unrolled_to_small(const struct layer *l, float *small, float *dw, const float *big, const float *other, const struct layer_pass *p);
void unrolled_to_big(const struct layer *l, float *big, const float *small, const struct layer_pass *p);
void direct_to_small(const struct layer *l, float *small, float *dw, const float *big, const float *other, const struct layer_pass *p);
void direct_to_big(const struct layer *l, float *big, const float *small, const struct layer_pass *p);
void few_to_big(const struct layer *l, float *big, const float *small, const struct layer_pass *p); /* conv_few.c */

/* Whether the direct products are there on this processor, and faster. */
int direct_to_small_pays(const struct layer *l);
int direct_to_big_pays(const struct layer *l);
int few_to_big_pays(const struct layer *l);

/* Floats of scratch */
size_t unrolled_scratch(const struct layer *l);
size_t direct_scratch(const struct layer *l);
size_t few_scratch(const struct layer *l);

/* pack() of layer.h for the direct products */
void direct_pack_to_small(const struct layer *l, float **panels, const float *w, size_t *budget);
void direct_pack_to_big(const struct layer *l, float **panels, const float *w, size_t *budget);
void few_pack_to_big(const struct layer *l, float **panels, const float *w, size_t *budget);
/* Memory for a packed weight, unless it is there, or beyond the budget: then *panels stays NULL. */
void panels_alloc(float **panels, size_t size, size_t *budget);

/* im2col for whole rows */
void conv_unroll(const struct layer *l, float *col, const float *big, int rows);

#endif

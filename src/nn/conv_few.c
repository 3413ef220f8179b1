/* Pictures of few channels from a convolution, as in the last layer of a decoder: too few to fill vectors in direct products. So each line of
 * the small side is multiplied by the whole weight, as im2col has it, and the results that meet in a pixel are added up while they are in the cache.
 *
 * The pixels of a line of the big side go in groups of `stride`. With kernel = taps stride, group g gets a part of the results of `taps` positions,
 * g - taps + 1 to g, and so do lines. Positions beyond the sides have zeros. */
#include <string.h>

#include "gemm/direct.h"
#include "nn/conv.h"

enum {
	MOST_TAPS = 4,
	NARROW = 4,   /* positions of a line that leave rows of the microkernel empty */
	PADDING = 16, /* numbers that direct_sum() reads beyond the end */
};

static int taps(const struct layer *l) { return l->kernel / l->stride; }

/* Groups along a side of n pixels. */
static int groups(const struct layer *l, int n) { return (n + l->padding + l->stride - 1) / l->stride; }

int few_to_big_pays(const struct layer *l)
{
	return direct_supported() && l->big.c < FEW && l->kernel % l->stride == 0 && taps(l) <= MOST_TAPS && l->small.w >= NARROW && !covers_all(l);
}

/* --- scratch: the results of the last `taps` lines, the sums of a line, the biases of a group, the packed weight --- */

static size_t rounded(size_t n) { return (n + PADDING - 1) / PADDING * PADDING; }

/* Results of a line, with zeros for positions before and behind. */
static size_t line_size(const struct layer *l) { return (size_t)(taps(l) - 1 + int_max(groups(l, l->big.w), l->small.w)) * (size_t)l->k; }

static int group_size(const struct layer *l) { return l->stride * l->big.c; }
static size_t results_size(const struct layer *l) { return rounded((size_t)taps(l) * line_size(l) + PADDING); }
static size_t sums_size(const struct layer *l) { return rounded((size_t)groups(l, l->big.w) * (size_t)group_size(l) + PADDING); }
static size_t bias_size(const struct layer *l) { return rounded((size_t)group_size(l) + PADDING); }

size_t few_scratch(const struct layer *l) { return results_size(l) + sums_size(l) + bias_size(l) + direct_packed_size(l->p, l->k); }

struct buffers {
	float *results, *sums, *bias, *packed;
};

static struct buffers buffers_in(const struct layer *l, float *scratch)
{
	struct buffers b = {.results = scratch, .sums = scratch + results_size(l)};
	b.bias = b.sums + sums_size(l);
	b.packed = b.bias + bias_size(l);
	return b;
}

/* --- packing --- */

static void pack(const struct layer *l, float *packed, const float *w) { direct_pack(packed, l->p, l->k, 0, l->p, w, (size_t)l->k, 1); }

void few_pack_to_big(const struct layer *l, float **panels, const float *w, size_t *budget)
{
	panels_alloc(panels, direct_packed_size(l->p, l->k), budget);
	if (*panels)
		pack(l, *panels, w);
}

/* --- a line at a time --- */

static void set_bias(const struct layer *l, float *bias, const float *b)
{
	for (int i = 0; i < group_size(l); i++)
		bias[i] = b ? b[i % l->big.c] : 0;
}

/* The results of a line of the small side. */
static void multiply_line(const struct layer *l, float *results, const float *small, const float *packed)
{
	size_t p = (size_t)l->p, k = (size_t)l->k;
	direct_product(&(struct direct_product){
		.records = 1, .width = l->small.w, .a = small, .a_by = {0, p}, .segments = 1, .length = l->p, .b = packed, .all_segments = 1, .all_length = l->p,
		.c = results + (size_t)(taps(l) - 1) * k, .c_by = {0, k}, .n = l->k});
}

/* Line `line` of the kernel, counted from the first of group g: the sums of all groups of pixels. */
static void add_results(const struct layer *l, const struct buffers *b, int g, int line)
{
	const float *from[MOST_TAPS * MOST_TAPS];
	int n = 0, last = taps(l) - 1;
	for (int y = last; y >= 0; y--)
		for (int x = last; x >= 0 && g - y >= 0 && g - y < l->small.h; x--)
			from[n++] = b->results + (size_t)((g - y) % taps(l)) * line_size(l) + (size_t)(last - x) * (size_t)l->k +
			            (size_t)(((y * l->stride + line) * l->kernel + x * l->stride) * l->big.c);
	direct_sum(b->sums, group_size(l), groups(l, l->big.w), b->bias, from, n, (size_t)l->k);
}

static void store_line(const struct layer *l, float *big, const float *sums, int relu, const float *mask)
{
	int n = l->big.w * l->big.c;
	memcpy(big, sums + l->padding * l->big.c, (size_t)n * sizeof *big);
	for (int i = 0; relu && i < n; i++)
		big[i] = big[i] < 0 ? 0 : big[i]; /* keeps NAN */
	for (int i = 0; mask && i < n; i++)
		big[i] = mask[i] > 0 ? big[i] : 0;
}

static void big_picture(const struct layer *l, float *big, const float *small, const float *mask, const struct buffers *b, const struct layer_pass *p)
{
	size_t small_line = (size_t)l->small.w * (size_t)l->p, big_line = (size_t)l->big.w * (size_t)l->big.c;
	for (int g = 0; g < groups(l, l->big.h); g++) {
		if (g < l->small.h)
			multiply_line(l, b->results + (size_t)(g % taps(l)) * line_size(l), small + (size_t)g * small_line, p->panels ? p->panels : b->packed);
		for (int line = 0; line < l->stride; line++) {
			int y = g * l->stride + line - l->padding;
			if (y < 0 || y >= l->big.h)
				continue;
			add_results(l, b, g, line);
			store_line(l, big + (size_t)y * big_line, b->sums, p->relu, mask ? mask + (size_t)y * big_line : NULL);
		}
	}
}

void few_to_big(const struct layer *l, float *big, const float *small, const struct layer_pass *p)
{
	struct buffers b = buffers_in(l, p->scratch);
	size_t out = (size_t)shape_size(&l->big), in = (size_t)shape_size(&l->small);
	if (!p->panels)
		pack(l, b.packed, p->w);
	set_bias(l, b.bias, p->b);
	memset(b.results, 0, (size_t)taps(l) * line_size(l) * sizeof *b.results);
	for (size_t r = 0; r < (size_t)p->rows; r++)
		big_picture(l, big + r * out, small + r * in, p->relu_mask ? p->relu_mask + r * out : NULL, &b, p);
}

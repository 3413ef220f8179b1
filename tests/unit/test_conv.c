/* Convolutions of many shapes against loops in double: the forward pass with bias and ReLU, and the gradients with respect to the input,
 * behind a ReLU, and the weight. VAE_FILTERS_SIMD chooses the kernels (tests/simd.bats runs this with each). */
#include <stdlib.h>

#include "nn/layer.h"
#include "naive.h"

struct geometry {
	int c, h, w, out, kernel, stride, padding;
};

static const struct geometry shapes[] = {
	{3, 8, 8, 32, 4, 2, 1},   {32, 8, 8, 32, 4, 2, 1},  {32, 4, 4, 64, 4, 2, 1},  {16, 4, 4, 20, 4, 1, 0},  {20, 1, 1, 16, 1, 3, 0},
	{16, 9, 7, 16, 3, 1, 1},  {17, 7, 9, 33, 3, 2, 1},  {50, 5, 5, 13, 5, 2, 2},  {12, 6, 6, 12, 2, 3, 0},  {13, 7, 5, 14, 1, 1, 0},
	{16, 10, 6, 70, 5, 3, 4}, {15, 3, 3, 16, 3, 1, 2},  {1, 9, 9, 16, 3, 2, 0},   {40, 6, 6, 2, 3, 1, 1},   {14, 5, 6, 12, 4, 3, 3},
	{16, 8, 8, 48, 6, 2, 2},  {16, 2, 2, 16, 4, 2, 1},  {24, 11, 3, 25, 2, 2, 1}, {16, 12, 12, 16, 3, 4, 1}, {12, 3, 40, 12, 7, 1, 3},
	{3, 9, 8, 16, 4, 2, 1},   {1, 6, 6, 16, 3, 1, 1},   {5, 7, 6, 13, 4, 1, 2},   {2, 10, 9, 12, 6, 2, 3},  {8, 7, 8, 20, 3, 3, 0},
	{16, 5, 6, 1, 4, 2, 1},   {19, 4, 5, 3, 3, 3, 1},   {16, 4, 9, 11, 4, 4, 2},  {4, 9, 9, 40, 8, 2, 3},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* Numbers with a few zeros, as behind a ReLU. */
static float *numbers(size_t n, unsigned seed)
{
	float *v = mat_floats(n);
	for (size_t i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		v[i] = seed >> 30 ? (float)(seed >> 8) / (float)(1 << 23) - 1 : 0;
	}
	return v;
}

/* Calls visit for every product of the convolution: numbers of the big side, the small side and the weight (in the order of the layer). */
static void visit_products(const struct layer *l, void (*visit)(void *ctx, size_t big, size_t small, size_t w), void *ctx)
{
	for (int y = 0; y < l->small.h; y++)
		for (int x = 0; x < l->small.w; x++)
			for (int ky = 0; ky < l->kernel; ky++)
				for (int kx = 0; kx < l->kernel; kx++) {
					int by = y * l->stride - l->padding + ky, bx = x * l->stride - l->padding + kx;
					if (by < 0 || by >= l->big.h || bx < 0 || bx >= l->big.w)
						continue;
					for (int p = 0; p < l->p; p++)
						for (int c = 0; c < l->big.c; c++)
							visit(ctx, (size_t)((by * l->big.w + bx) * l->big.c + c), (size_t)((y * l->small.w + x) * l->p + p),
							      (size_t)p * (size_t)l->k + (size_t)((ky * l->kernel + kx) * l->big.c + c));
				}
}

struct sums {
	const struct layer *l;
	const float *x, *dy, *w;
	double *y, *dx, *dw;
};

static void add_product(void *ctx, size_t big, size_t small, size_t w)
{
	struct sums *s = ctx;
	size_t in = s->l->type->transposed ? small : big, out = s->l->type->transposed ? big : small;
	s->y[out] += (double)s->x[in] * (double)s->w[w];
	s->dx[in] += (double)s->dy[out] * (double)s->w[w];
	s->dw[w] += (double)s->x[in] * (double)s->dy[out];
}

static double furthest(const float *got, const double *expected, size_t n)
{
	double off = 0;
	for (size_t i = 0; i < n; i++) {
		double d = fabs((double)got[i] - expected[i]);
		off = d > off || d != d ? d : off;
	}
	return off;
}

static void test_shape(const struct layer_type *type, const struct geometry *g, int rows)
{
	const struct layer_spec spec = {.type = type, .out = g->out, .kernel = g->kernel, .stride = g->stride, .padding = g->padding};
	struct shape in = {g->c, g->h, g->w, SHAPE_PICTURE}, out = in;
	struct fail f;
	if (layer_shape(&spec, &out, &f)) {
		ok(0, "%s", f.msg);
		return;
	}
	struct layer l = {.type = type, .in = shape_size(&in), .out = shape_size(&out)};
	type->build(&l, &spec, &in, &out);
	size_t n = (size_t)rows, nx = (size_t)l.in, ny = (size_t)l.out, nw = layer_weights(&l);
	float *x = numbers(n * nx, 1), *dy = numbers(n * ny, 2), *w = numbers(nw, 3), *b = numbers((size_t)l.biases, 4), *had = numbers(nw, 5);
	float *y = numbers(n * ny, 6), *dx = numbers(n * nx, 7), *dw = numbers(nw, 8), *scratch = numbers(l.scratch, 9);
	double *ey = calloc(n * ny, sizeof *ey), *edx = calloc(n * nx, sizeof *edx), *edw = calloc(nw, sizeof *edw);
	for (size_t r = 0; r < n; r++)
		visit_products(&l, add_product, &(struct sums){&l, x + r * nx, dy + r * ny, w, ey + r * ny, edx + r * nx, edw});
	for (size_t i = 0; i < n * ny; i++) {
		ey[i] += (double)b[i % (size_t)l.biases];
		ey[i] = ey[i] < 0 ? 0 : ey[i];
	}
	for (size_t i = 0; i < n * nx; i++)
		edx[i] = x[i] > 0 ? edx[i] : 0;
	type->forward(&l, y, x, &(struct layer_pass){.rows = rows, .w = w, .b = b, .relu = 1, .scratch = scratch});
	double by_y = furthest(y, ey, n * ny);
	type->backward(&l, dx, dw, dy, x, &(struct layer_pass){.rows = rows, .w = w, .relu_mask = x, .scratch = scratch});
	double by_dx = furthest(dx, edx, n * nx), by_dw = furthest(dw, edw, nw);
	memcpy(dw, had, nw * sizeof *dw);
	for (size_t i = 0; i < nw; i++)
		edw[i] += (double)had[i];
	type->backward(&l, NULL, dw, dy, x, &(struct layer_pass){.rows = rows, .add = 1, .scratch = scratch});
	double by_add = furthest(dw, edw, nw);
	double bound = 2e-7 * (double)(l.k > l.p ? l.k : l.p) + 1e-5;
	ok(by_y < bound && by_dx < bound && by_dw < bound && by_add < bound, "%s %d of %d x %d x %d to %d, kernel %d, stride %d, padding %d: at most %.1g, %.1g, %.1g and %.1g off", type->name,
	   rows, g->c, g->h, g->w, g->out, g->kernel, g->stride, g->padding, by_y, by_dx, by_dw, by_add);
	void *all[] = {x, dy, w, b, had, y, dx, dw, scratch, ey, edx, edw};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}

int main(void)
{
	mat_thread_init();
	for (int i = 0; i < SHAPES; i++)
		for (int rows = 2; rows <= 9; rows += 7) { /* of few records a copy with zeros is read; many are cut into parts */
			test_shape(&layer_conv2d, &shapes[i], rows);
			test_shape(&layer_conv_transpose2d, &shapes[i], rows);
		}
	return done();
}

/* Every kind of layer of the table: the derivative of an elementwise function against central differences; the backward pass of other
 * kinds against their forward pass, which is linear in the input and in the weight: <dy, y(x, w)> = <dx, x> = <dw, w>. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "naive.h"
#include "nn/network.h"

enum { ROWS = 3, SIZE = 1000 };

static void test_elementwise(const struct layer_type *type)
{
	struct layer_spec spec = {.type = type, .coefficient = 0.3};
	struct layer l = {.type = type, .coefficient = type->argument[0].name ? (float)spec.coefficient : 0};
	float one = 1, h = 0x1p-7f;
	double worst = 0;
	for (float x = -4.03f; x < 4; x += 0.1f) {
		float to[2], from[2] = {x - h, x + h}, y, d;
		type->function(&l, to, from, 2);
		type->function(&l, &y, &x, 1);
		type->derivative(&l, &d, &one, &y, 1);
		worst = max_error(worst, fabs((double)d - (double)(to[1] - to[0]) / (2 * (double)h)));
	}
	ok(worst < 1e-3, "%s: its derivative is %.2g off central differences", type->name, worst);
}

/* sum of a_i b_i */
static double product(const float *a, const float *b, size_t n)
{
	double q = 0;
	for (size_t i = 0; i < n; i++)
		q += (double)a[i] * (double)b[i];
	return q;
}

static void test_linear_kind(const struct layer_spec *spec, struct shape in)
{
	static float x[SIZE], y[SIZE], dx[SIZE], dy[SIZE], w[SIZE], dw[SIZE], b[SIZE], db[SIZE];
	struct layer_list list = {.v = {*spec}, .n = 1};
	struct network net;
	size_t params = 0;
	uint64_t state = 5;
	network_build(&net, "test", &list, in, &params);
	const struct layer *l = &net.l[0];
	size_t nx = (size_t)(ROWS * l->in), ny = (size_t)(ROWS * l->out), nw = layer_weights(l), nb = (size_t)l->biases;
	float *scratch = mat_floats(l->scratch);
	struct layer_pass p = {.rows = ROWS, .w = w, .scratch = scratch};
	naive_fill(x, nx, 1, 1, &state);
	naive_fill(dy, ny, 1, 1, &state);
	naive_fill(w, nw, 1, 1, &state);
	naive_fill(b, nb, 1, 1, &state);
	spec->type->forward(l, y, x, &p);
	spec->type->backward(l, dx, nw ? dw : NULL, dy, x, &p);
	double want = product(dy, y, ny), size = 1e-5 * sqrt(product(dy, dy, ny) * product(y, y, ny));
	ok(fabs(product(dx, x, nx) - want) < size, "%s: the gradient by the input", spec->type->name);
	if (nw) {
		ok(fabs(product(dw, w, nw) - want) < size, "%s: the gradient by the weight", spec->type->name);
		p.b = b;
		spec->type->forward(l, y, x, &p);
		spec->type->bias_gradient(l, db, dy, 0, ROWS);
		ok(fabs(product(db, b, nb) - (product(dy, y, ny) - want)) < size, "%s: the gradient by the bias", spec->type->name);
	}
	free(scratch);
}

int main(void)
{
	static const struct {
		struct layer_spec spec;
		struct shape in;
	} cases[] = {
		{{&layer_flatten}, {3, 2, 4, SHAPE_PICTURE}},
		{{&layer_unflatten, .shape = {3, 2, 4}}, {24, 1, 1, SHAPE_VECTOR}},
		{{&layer_linear, .out = 5}, {7, 1, 1, SHAPE_VECTOR}},
		{{&layer_conv2d, .out = 4, .kernel = 3, .stride = 2, .padding = 1}, {3, 5, 6, SHAPE_PICTURE}},
		{{&layer_conv_transpose2d, .out = 4, .kernel = 3, .stride = 2, .padding = 1}, {3, 4, 3, SHAPE_PICTURE}},
	};
	enum { CASES = sizeof cases / sizeof *cases };
	mat_thread_init();
	for (int k = 0; layer_types[k]; k++) {
		int i = 0;
		while (i < CASES && cases[i].spec.type != layer_types[k])
			i++;
		if (layer_types[k]->function)
			test_elementwise(layer_types[k]);
		else if (ok(i < CASES, "%s has a case here", layer_types[k]->name))
			test_linear_kind(&cases[i].spec, cases[i].in);
	}
	return done();
}

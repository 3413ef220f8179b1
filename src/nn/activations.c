/* The elementwise kinds. Derivatives are computed from the output. */
#include <math.h>

#include "nn/layer.h"

/* relu has the coefficient 0, and keeps NAN */
static void leaky_relu(const struct layer *l, float *y, const float *x, size_t n)
{
	float slope = l->coefficient;
	for (size_t i = 0; i < n; i++)
		y[i] = x[i] > 0 ? x[i] : slope * x[i];
}

static void leaky_relu_derivative(const struct layer *l, float *dx, const float *dy, const float *y, size_t n)
{
	float slope = l->coefficient;
	for (size_t i = 0; i < n; i++)
		dx[i] = dy[i] * (y[i] > 0 ? 1 : slope);
}

const struct layer_type layer_relu = {.name = "relu", .function = leaky_relu, .derivative = leaky_relu_derivative};

const struct layer_type layer_leaky_relu = {
	.name = "leaky_relu",
	.form = FORM_NUMBER,
	.argument = {{"slope", offsetof(struct layer_spec, coefficient), 0, 1, .real = 1, .otherwise = 0.01}}, /* PyTorch's */
	.function = leaky_relu,
	.derivative = leaky_relu_derivative,
};

static void hyperbolic_tangent(const struct layer *l, float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = tanhf(x[i]);
}

static void tanh_derivative(const struct layer *l, float *dx, const float *dy, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dx[i] = dy[i] * (1 - y[i] * y[i]);
}

const struct layer_type layer_tanh = {.name = "tanh", .function = hyperbolic_tangent, .derivative = tanh_derivative};

static void sigmoid(const struct layer *l, float *y, const float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		y[i] = 1 / (1 + expf(-x[i]));
}

static void sigmoid_derivative(const struct layer *l, float *dx, const float *dy, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		dx[i] = dy[i] * (y[i] * (1 - y[i]));
}

const struct layer_type layer_sigmoid = {.name = "sigmoid", .function = sigmoid, .derivative = sigmoid_derivative};

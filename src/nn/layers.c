#include "nn/layers.h"

#include <stddef.h>

const char *const layer_names[] = {"flatten", "unflatten", "linear", "conv2d", "conv_transpose2d", "relu", "leaky_relu", "tanh", "sigmoid", NULL};

int shape_size(const struct shape *s) { return s->c * s->h * s->w; }

static int is_convolution(enum layer_kind kind) { return kind == LAYER_CONV2D || kind == LAYER_CONV_TRANSPOSE2D; }
int kind_has_weights(enum layer_kind kind) { return kind == LAYER_LINEAR || is_convolution(kind); }
int kind_is_elementwise(enum layer_kind kind)
{
	return kind == LAYER_RELU || kind == LAYER_LEAKY_RELU || kind == LAYER_TANH || kind == LAYER_SIGMOID;
}

/* --- shapes --- */

/* One side of a convolution's picture, as torch counts it; 0 where nothing is left. */
static long side(const struct layer_spec *l, int in)
{
	long k = l->kernel, s = l->stride, p = l->padding, padded = in + 2 * p;
	if (l->kind == LAYER_CONV_TRANSPOSE2D)
		return (in - 1) * s - 2 * p + k;
	return padded < k ? 0 : (padded - k) / s + 1;
}

static int convolve(const struct layer_spec *l, struct shape *s, struct fail *f)
{
	if (s->is == SHAPE_VECTOR)
		return fail_set(f, "%s reads a picture, and gets a row of %d numbers: put unflatten before it", layer_names[l->kind], s->c);
	long h = side(l, s->h), w = side(l, s->w), transposed = l->kind == LAYER_CONV_TRANSPOSE2D;
	if (h < 1 || w < 1)
		return fail_set(f, "%s with kernel %d and padding %d leaves nothing of %dx%d", layer_names[l->kind], l->kernel, l->padding, s->h, s->w);
	/* what one line of positions unrolls to must be of bounded size too */
	double numbers = (double)l->out * (double)h * (double)w, unrolled = (double)(transposed ? s->w : w) * l->kernel * l->kernel * (transposed ? l->out : s->c);
	if (numbers > MAX_LAYER_SIZE || unrolled > MAX_LAYER_SIZE)
		return fail_set(f, "%s of %d channels on %dx%d is too large", layer_names[l->kind], l->out, s->h, s->w);
	*s = (struct shape){l->out, (int)h, (int)w, SHAPE_PICTURE};
	return 0;
}

int layer_shape(const struct layer_spec *l, struct shape *s, struct fail *f)
{
	int n = shape_size(s);
	switch (l->kind) {
	case LAYER_LINEAR:
		if (s->is == SHAPE_PICTURE)
			return fail_set(f, "linear reads a row, and gets a picture of %dx%dx%d: put flatten before it", s->c, s->h, s->w);
		*s = (struct shape){l->out, 1, 1, SHAPE_VECTOR};
		return 0;
	case LAYER_FLATTEN:
		*s = (struct shape){n, 1, 1, SHAPE_VECTOR};
		return 0;
	case LAYER_UNFLATTEN: {
		struct shape to = {l->shape[0], l->shape[1], l->shape[2], SHAPE_PICTURE};
		if (s->is == SHAPE_PICTURE)
			return fail_set(f, "unflatten reads a row, and gets a picture of %dx%dx%d: put flatten before it", s->c, s->h, s->w);
		if ((double)to.c * to.h * to.w != n)
			return fail_set(f, "unflatten makes %dx%dx%d of %d numbers", to.c, to.h, to.w, n);
		*s = to;
		return 0;
	}
	case LAYER_CONV2D:
	case LAYER_CONV_TRANSPOSE2D:
		return convolve(l, s, f);
	case LAYER_RELU:
	case LAYER_LEAKY_RELU:
	case LAYER_TANH:
	case LAYER_SIGMOID:
		break;
	}
	return 0;
}

int layers_check(const struct layer_list *list, const char *name, struct shape in, struct shape out, struct fail *f)
{
	struct shape s = in;
	int weights = 0, last = 0;
	for (int i = 0; i < list->n; i++) {
		weights += kind_has_weights(list->v[i].kind);
		last = list->v[i].kind == LAYER_FLATTEN || list->v[i].kind == LAYER_UNFLATTEN ? last : kind_has_weights(list->v[i].kind);
		if (layer_shape(&list->v[i], &s, f))
			return fail_add(f, "model.%s, layer %d", name, i);
	}
	if (!weights)
		return fail_set(f, "model.%s has no layer with weights", name);
	if (!last)
		return fail_set(f, "model.%s must end in a linear layer or a convolution: the loss brings its own sigmoid", name);
	if (shape_size(&s) != shape_size(&out))
		return fail_set(f, "model.%s ends in %d numbers, where %d are wanted", name, shape_size(&s), shape_size(&out));
	if (s.is == SHAPE_PICTURE && s.h * s.w > 1 && (s.c != out.c || s.h != out.h || s.w != out.w))
		return fail_set(f, "model.%s ends in a picture of %dx%dx%d, where %dx%dx%d is wanted", name, s.c, s.h, s.w, out.c, out.h, out.w);
	return 0;
}

/* layers.h - the layers of a network as data, and the shape that each makes of the shape it reads. Shapes are PyTorch's: channels,
 * height, width.
 */
#ifndef VF_LAYERS_H
#define VF_LAYERS_H

#include "base/fail.h"

enum { MAX_LAYERS = 64, MAX_LAYER_SIZE = 1 << 24 }; /* layers of a network; numbers of one record between two layers */

enum layer_kind {
	LAYER_FLATTEN,
	LAYER_UNFLATTEN,
	LAYER_LINEAR,
	LAYER_CONV2D,
	LAYER_CONV_TRANSPOSE2D,
	LAYER_RELU,
	LAYER_LEAKY_RELU,
	LAYER_TANH,
	LAYER_SIGMOID,
};
extern const char *const layer_names[]; /* in a configuration; NULL at the end */

struct layer_spec {
	enum layer_kind kind;
	int out;                     /* linear: its outputs, 0: as many as the input has numbers; convolutions: channels */
	int kernel, stride, padding; /* convolutions, the same both ways */
	int shape[3];                /* unflatten: channels, height, width */
	double slope;                /* leaky_relu, below 0 */
};

struct layer_list {
	struct layer_spec v[MAX_LAYERS];
	int n;
};

struct shape {
	int c, h, w; /* a vector: c numbers, h = w = 1 */
	enum { SHAPE_VECTOR, SHAPE_PICTURE, SHAPE_INPUT } is; /* SHAPE_INPUT: the network's own input, which layers may read as either */
};

int shape_size(const struct shape *s);
/* s: the shape that the layer reads, then the shape that it writes; -1 when it cannot read that. */
int layer_shape(const struct layer_spec *l, struct shape *s, struct fail *f);
int kind_has_weights(enum layer_kind kind);
/* The layer applies one function to each number: relu, tanh, ... */
int kind_is_elementwise(enum layer_kind kind);

/* 0 when the list maps shape `in` to shape `out` and ends in a layer with weights, as the losses need. */
int layers_check(const struct layer_list *list, const char *name, struct shape in, struct shape out, struct fail *f);

#endif

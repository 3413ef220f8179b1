/* layers.h - the layers of a network as data, and the shape that each makes of the shape it reads. Shapes are PyTorch's: channels,
 * height, width.
 */
#ifndef VF_LAYERS_H
#define VF_LAYERS_H

#include "base/fail.h"

enum { MAX_LAYERS = 64, MAX_LAYER_SIZE = 1 << 24 }; /* layers of a network; numbers of one record between two layers */

struct layer_type; /* layer.h */

struct layer_spec {
	const struct layer_type *type;
	int out;                     /* outputs (linear) or output channels (convolutions); OUT_OF_INPUT */
	int kernel, stride, padding; /* convolutions, the same both ways */
	int shape[3];                /* unflatten: channels, height, width */
	double coefficient;          /* of an elementwise function: the slope of leaky_relu below 0 */
};
enum { OUT_OF_INPUT = -1 }; /* as many outputs as the network's input has numbers, which config_check() fills in */

struct layer_list {
	struct layer_spec v[MAX_LAYERS];
	int n;
};

struct shape {
	int c, h, w; /* a vector: c numbers, h = w = 1 */
	enum { SHAPE_VECTOR, SHAPE_PICTURE, SHAPE_INPUT } is; /* SHAPE_INPUT: the network's own input, which layers may read as either */
};

/* The numbers of a record of this shape. */
int shape_size(const struct shape *s);
/* s: the shape that the layer reads, then the shape that it writes; -1 when it cannot read that. */
int layer_shape(const struct layer_spec *l, struct shape *s, struct fail *f);
/* 0 when the list maps shape `in` to shape `out` and ends in a layer with weights, as the losses need. */
int layers_check(const struct layer_list *list, const char *name, struct shape in, struct shape out, struct fail *f);

#endif

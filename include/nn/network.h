/* network.h - a list of layers over flat parameters, run forward and backward over rows.
 *
 * Rows are records or draws; activations and deltas are row-major float arrays, one row each.
 * Pictures between layers lie pixel by pixel (height, width, channels), so that what a kernel covers
 * is a few long runs; rows and the parameters of linear layers are in torch's order, and flatten and
 * unflatten reorder where the two differ. Elementwise layers work in place where they can and get
 * their derivative from their output; a delta is the gradient of the loss by what lies in the buffer.
 */
#ifndef VF_NETWORK_H
#define VF_NETWORK_H

#include <stddef.h>

#include "gemm/mat.h"
#include "nn/layers.h"

struct layer {
	enum layer_kind kind;
	int in, out;         /* numbers a row */
	size_t weight, bias; /* where they stand among the parameters: linear [out][in], [out]; see conv.h */
	int tensor;          /* number of the weight's tensor; the bias's is the next */
	int source;          /* the layer whose buffer this one reads, -1: the input */
	int has_buffer;             /* has a buffer; else its output lies in its source's */
	int relu;            /* has weights, and the relu behind it is applied in the same pass */
	int fused;           /* is that relu; on the way back a linear layer right behind it does its work too */
	int channels, area;  /* of the picture that flatten reads or unflatten makes */
	float slope;         /* leaky_relu */
	/* Convolutions have a small side of positions and a big side that kernels are laid over: conv2d
	 * reads big and writes small, conv_transpose2d the other way round. */
	int p, sh, sw, c, bh, bw; /* small: p channels, sh x sw; big: c channels, bh x bw */
	int kernel, stride, padding;
	struct mat_packed *packed_forward, *packed_backward; /* linear: the weights as products take them in, or NULL (network_pack_weights()) */
};

struct network {
	const char *name; /* "encoder" or "decoder": the first part of torch's names */
	struct layer l[MAX_LAYERS];
	int n, in, out, last; /* last: the layer whose buffer holds the network's output */
	int reads_channels_last, writes_channels_last; /* its input is wanted, its output comes pixel by pixel */
	int channels, area;   /* of the picture it reads or writes that way */
	int has_convolution;        /* has a convolution */
};

/* Lays out the parameters from *at on (in torch's order) and moves *at behind them. The list has
 * passed layers_check(); width and height are those of a picture that is read, in channels. */
struct shape;
void network_build(struct network *net, const char *name, const struct layer_list *spec, struct shape in, size_t *at);
int layer_has_weights(const struct layer *l); /* has weights and biases */

/* Activations or deltas of a network over so many rows; one allocation, freed with free(t->all). */
struct tape {
	float *v[MAX_LAYERS]; /* by layer; NULL where the layer has no buffer */
	float *all;
	int rows;
	enum mat_bits bits; /* of the product that a wide linear layer at the end is; MAT_24 when opened */
};
int tape_open(struct tape *t, const struct network *net, int rows, struct fail *f);
/* With only `few` rows for the layers from `cut` on, which then run group by group over views: rows
 * from `row` on of the layers before, all of the others. A view is not freed. */
int tape_open_chunked(struct tape *t, const struct network *net, int rows, int cut, int few, struct fail *f);
struct tape tape_view(const struct tape *t, const struct network *net, int cut, size_t row, int rows);

/* The parameters as the layers below read them: convolutions reordered (conv.h), all else as it is. */
void network_reorder(const struct network *net, const float *params, float *packed);
/* Keeps the weights of linear layers also as products of so many rows take them in, for parameters that stay as they are, as far as
 * *room bytes go, which become less. through: the way back goes on to the input. last: bits of the product that a wide linear
 * layer at the end is. Released before the parameters change. */
void network_pack_weights(struct network *net, const float *params, int rows, int through, enum mat_bits last, size_t *room);
void network_free_packed(struct network *net);
/* Whether rows can go through the network as sparse blocks, forward and back (sparse_block.h): linear layers with a relu between each two, on a
 * processor for it; prepared: and its weights are prepared, which memory may not have allowed. */
int network_sparse(const struct network *net, int prepared);
/* How many floats of scratch a layer's pass wants; 0 without convolutions. */
size_t network_scratch(const struct network *net);

/* [rows][channels][area] to [rows][area][channels], and back. */
void to_channels_last(float *out, const float *in, int rows, int channels, int area);
void to_channels_first(float *out, const float *in, int rows, int channels, int area);

/* Linear layers, over columns [from, to) of their output, input or weights, so that training can
 * split a layer into fixed units; scoring takes them whole.
 *   x [rows][in], y and dy [rows][out], w [out][in], b [out], or NULL for none.
 * relu: the relu that follows is applied in the same pass over y. packed: w of the whole layer (mat_pack()), or NULL. */
void linear_forward(float *y, const float *x, const float *w, const float *b, int rows, int in, int out, int from, int to, int relu,
		    enum mat_bits bits, const struct mat_packed *packed);
/* relu_mask: network_relu_mask() */
void linear_backward(float *dx, const float *dy, const float *w, const float *relu_mask, int rows, int in, int out, int from, int to,
		     const struct mat_packed *packed);
/* dw [to-from][in], db [to-from]: scale times the gradient, added to what is there when add. packed: x, across; or NULL */
void linear_gradient(float *dw, float *db, const float *dy, const float *x, const struct mat_packed *packed, int rows, int in, int out,
		     int from, int to, float scale, int add);
/* y = f(x), and dx = dy f'(x), told from y; n numbers, in place or not. */
void elementwise_forward(const struct layer *l, float *y, const float *x, size_t n);
void elementwise_backward(const struct layer *l, float *dx, const float *dy, const float *y, size_t n);

/* What layer i of the network reads: input itself, or the buffer of its source. */
const float *network_source(const struct network *net, int i, const float *input, const struct tape *act);

/* The relu's output that linear layer i reads, for the relu_mask of linear_backward(), which does that relu's part too; NULL when it reads
 * something else. */
const float *network_relu_mask(const struct network *net, int i, const struct tape *act);

/* One layer over rows [from, to). packed: all parameters, as network_reorder() leaves them. */
void layer_forward(const struct network *net, int i, const float *packed, const float *input, const struct tape *act, int from,
                   int to, float *scratch);
/* The gradient by what the layer reads, into its source's delta or, for the input, into dinput
 * unless that is NULL. In-place layers turn the delta they find. */
void layer_backward(const struct network *net, int i, const float *packed, const struct tape *act, const struct tape *delta,
                    float *dinput, int from, int to, float *scratch);
/* Layers without weights: a change of what they read to one of what they write, over all rows. */
void layer_tangent(const struct network *net, int i, const struct tape *act, const struct tape *tangent);

/* act gets all outputs; the last one is act->v[net->last]. */
void network_forward(const struct network *net, const float *packed, const float *input, const struct tape *act, float *scratch);
/* delta->v[net->last] holds the gradient by the output; the others are filled in. dinput, when not
 * NULL, becomes the gradient by the input. */
void network_backward(const struct network *net, const float *packed, const struct tape *act, const struct tape *delta,
                      float *dinput, float *scratch);

#endif

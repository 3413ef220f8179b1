/* network.h - a list of layers over flat parameters, run forward and backward over rows.
 *
 * Rows are records or draws; activations and deltas are row-major float arrays, one row each. Pictures between layers are channels
 * last, so that what a kernel covers is a few long runs; vectors and the parameters of linear layers are in PyTorch's order, and flatten
 * and unflatten reorder if the two differ. Elementwise layers work in place if they can and compute their derivative from their
 * output. A delta is the gradient of the loss with respect to an activation.
 */
#ifndef VF_NETWORK_H
#define VF_NETWORK_H

#include <stddef.h>

#include "gemm/mat.h"
#include "nn/layer.h"

struct network {
	const char *name; /* "encoder" or "decoder": the first part of PyTorch's tensor names */
	struct layer l[MAX_LAYERS];
	int n, in, out, last; /* last: the layer whose buffer holds the network's output */
	int reads_channels_last, writes_channels_last; /* the order of its input, and of its output */
	int channels, area;   /* of the picture that it reads or writes in that order */
	int has_convolution;  /* parameters are reordered, and passes need scratch */
	int sparse;           /* most activations are 0: products of dense layers are MAT_SPARSE; set before network_pack_weights() */
};

/* Lays out the parameters from *at on, in PyTorch's order, and moves *at after them. The list has passed layers_check(). */
void network_build(struct network *net, const char *name, const struct layer_list *spec, struct shape in, size_t *at);

/* Activations or deltas of a network over so many rows; one allocation, freed with free(t->all). */
struct tape {
	float *v[MAX_LAYERS]; /* by layer; NULL if the layer has no buffer */
	float *all;
	int rows;
	enum mat_bits bits; /* of the forward product of a wide dense layer at the end; MAT_24 when opened */
};
int tape_open(struct tape *t, const struct network *net, int rows, struct fail *f);
/* The same for rows[i] rows of layer i; 0: it has no buffer. */
int tape_open_rows(struct tape *t, const struct network *net, const int *rows, struct fail *f);
/* The same, but the layers from chunk_from on have buffers of only chunk_rows rows: they run chunk by chunk over views. */
int tape_open_chunked(struct tape *t, const struct network *net, int rows, int chunk_from, int chunk_rows, struct fail *f);
/* A chunk of `rows` rows: of the layers before chunk_from those from `row` on. A view is not freed. */
struct tape tape_view(const struct tape *t, const struct network *net, int chunk_from, size_t row, int rows);

/* The parameters as the passes below read them: the weights of convolutions reordered to [p][k], all else as it is. */
void network_reorder(const struct network *net, const float *params, float *reordered);
/* Packs the weights, those of dense layers for products of `rows` rows, within *budget bytes, which become less. to_input: the backward pass
 * computes the gradient by the input. last: tape.bits. The parameters must not change before network_free_packed(). */
void network_pack_weights(struct network *net, const float *params, int rows, int to_input, enum mat_bits last, size_t *budget);
void network_free_packed(struct network *net);
/* 1 when rows can go through the network as sparse blocks, forward and backward (sparse_block.h): dense layers with a ReLU between each
 * two, on a processor with the kernels; where there is AMX, only if net->sparse. packed: and its weights are packed, for which there may have been no memory. */
int network_sparse(const struct network *net, int packed);
/* Whether a row has the same bits in a pass over any number of rows. */
int network_rows_independent(const struct network *net);
/* Floats of scratch that a layer's pass needs; 0 without convolutions. */
size_t network_scratch(const struct network *net);

/* What layer i of the network reads: input itself, or the buffer of its source. */
const float *network_source(const struct network *net, int i, const float *input, const struct tape *act);
/* For a layer with weights right after a fused ReLU: the ReLU's output, whose zeros mask the layer's backward pass. NULL for other layers. */
const float *network_relu_mask(const struct network *net, int i, const struct tape *act);

/* One layer over rows [from, to). params: all parameters, as network_reorder() leaves them. */
void layer_forward(const struct network *net, int i, const float *params, const float *input, const struct tape *act, int from,
                   int to, float *scratch);
/* The gradient with respect to what the layer reads, into its source's delta or, for the input, into dinput unless that is NULL. Layers in place
 * overwrite the delta they read. */
void layer_backward(const struct network *net, int i, const float *params, const struct tape *act, const struct tape *delta,
                    float *dinput, int from, int to, float *scratch);
/* Layers without weights: a change of what they read to one of what they write, over all rows. */
void layer_tangent(const struct network *net, int i, const struct tape *act, const struct tape *tangent);

/* act gets all outputs; the last one is act->v[net->last]. */
void network_forward(const struct network *net, const float *params, const float *input, const struct tape *act, float *scratch);
/* delta->v[net->last] holds the gradient with respect to the output; the others are filled in. dinput, unless NULL, becomes the gradient
 * with respect to the input. */
void network_backward(const struct network *net, const float *params, const struct tape *act, const struct tape *delta,
                      float *dinput, float *scratch);

#endif

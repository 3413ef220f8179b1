/* network.h - a list of layers over flat parameters, run forward and backward over rows.
 *
 * Rows are records or draws; activations and deltas are row-major float arrays, one row each.
 * Layers without weights work in place, so act[i] of a relu is act[i-1]; a delta exists for each
 * layer with weights and is the gradient of the loss by that layer's output.
 */
#ifndef VF_NETWORK_H
#define VF_NETWORK_H

#include <stddef.h>

#include "config.h"

struct layer {
	enum layer_kind kind;
	int in, out;          /* numbers a row */
	size_t weight, bias;  /* where they stand among the parameters: weight [out][in], bias [out] */
	int source;           /* the layer with weights whose output this one reads, -1: the input */
};

struct network {
	const char *name; /* "encoder" or "decoder": the first part of torch's names */
	struct layer l[CONFIG_MAX_LAYERS];
	int n, in, out, last; /* last: the last layer with weights */
};

/* Lays out the parameters from *at on (in torch's order) and moves *at behind them. */
void network_build(struct network *net, const char *name, const struct layer_list *spec, int in, size_t *at);

/* Activations or deltas of a network over so many rows; one allocation, freed with free(t->all). */
struct tape {
	float *v[CONFIG_MAX_LAYERS]; /* by layer; NULL where the layer has no weights */
	float *all;
	int rows;
};
int tape_open(struct tape *t, const struct network *net, int rows, struct fail *f);

/* One layer each, over columns [from, to) of its output, input or weights, so that training can
 * split a layer into fixed units; scoring takes them whole.
 *   x [rows][in], y and dy [rows][out], w [out][in], b [out].
 * relu: the relu that follows is applied in the same pass over y. */
void linear_forward(float *y, const float *x, const float *w, const float *b, int rows, int in, int out, int from, int to, int relu);
void linear_backward(float *dx, const float *dy, const float *w, int rows, int in, int out, int from, int to);
/* dw [to-from][in], db [to-from]: scale times the gradient, added to what is there when add */
void linear_gradient(float *dw, float *db, const float *dy, const float *x, int rows, int in, int out, int from, int to, float scale,
                     int add);
/* dy *= (y > 0): by the output, which is also the input's sign */
void relu_backward(float *dy, const float *y, int rows, int out, int from, int to);

/* Whether a relu stands between layer i and the next one with weights. */
int network_relu_behind(const struct network *net, int i);

/* What layer i of the network reads: input itself, or the output of its source. */
const float *network_source(const struct network *net, int i, const float *input, const struct tape *act);

/* act gets all outputs; the last one is act->v[net->last]. */
void network_forward(const struct network *net, const float *params, const float *input, const struct tape *act);
/* delta->v[net->last] holds the gradient by the output; the others are filled in. dinput, when not
 * NULL, becomes the gradient by the input. */
void network_backward(const struct network *net, const float *params, const struct tape *act, const struct tape *delta,
                      float *dinput);

#endif

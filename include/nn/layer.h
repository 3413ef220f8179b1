/* layer.h - what a kind of layer is: its name and arguments in a configuration, its shapes, its weights and its passes.
 *
 * A kind is a struct layer_type in a file of its own, and a row of LAYER_TYPES. Other modules do not ask for a certain kind, but for what
 * its type has: weights, an elementwise function, unroll(). Rows are records or draws. Pictures between layers are channels last
 * (height, width, channels).
 */
#ifndef VF_LAYER_H
#define VF_LAYER_H

#include <stddef.h>
#include <stdint.h>

#include "gemm/mat.h"
#include "nn/layers.h"

/* All kinds. A row NAME declares layer_NAME. */
#define LAYER_TYPES(row)      \
	row(flatten)          \
	row(unflatten)        \
	row(linear)           \
	row(conv2d)           \
	row(conv_transpose2d) \
	row(relu)             \
	row(leaky_relu)       \
	row(tanh)             \
	row(sigmoid)

/* How a configuration gives the arguments: relu, {linear: 1024}, {unflatten: [256, 1, 1]}, {conv2d: {out: 32, kernel: 4}}. If a single
 * number is not required, the name may stand alone. */
enum layer_form { FORM_NAME, FORM_NUMBER, FORM_LIST, FORM_MAPPING };

struct layer_argument {
	const char *name;
	size_t at;        /* in struct layer_spec: an int, or a double when real */
	double lo, hi;    /* range */
	int real, required;
	double otherwise; /* the value when it is not given */
	const char *word; /* a word that may be given for the number, whose value is WORD_VALUE; or NULL */
};
enum { LAYER_ARGUMENTS = 4, WORD_VALUE = -1 };

struct layer { /* of a network, laid out */
	const struct layer_type *type;
	int in, out;             /* numbers a row */
	int source;              /* the layer whose buffer this one reads, -1: the input */
	int has_buffer;          /* else its output is in its source's buffer */
	int relu;                /* has weights, and applies the ReLU after it in the same pass */
	int fused;               /* is that ReLU; its derivative is applied by a layer with weights right after it */
	float coefficient;       /* of struct layer_spec */
	/* Weights: a matrix [p][k], used at so many positions of a row, and biases. */
	int p, k, positions, biases;
	size_t weight, bias;     /* where they start among the parameters */
	int tensor;              /* number of the weight's tensor; the bias's is the next */
	int ndim, dim[4];        /* shape of the weight in files */
	size_t scratch;          /* floats that a pass needs */
	struct mat_packed *packed_forward, *packed_backward; /* dense: the weight packed (network_pack_weights()), or NULL */
	float *forward_panels, *backward_panels; /* convolutions: the weight packed for each pass (network_pack_weights()), or NULL */
	int channels, area;      /* flatten, unflatten: of the picture */
	struct shape small, big; /* convolutions (conv.c) */
	int kernel, stride, padding;
};

/* What a pass takes besides what it reads and writes. */
struct layer_pass {
	int rows;
	const float *w, *b;     /* weight in the layer's order (network_reorder()), biases or NULL; NULL for kinds without weights */
	const float *panels;    /* convolutions: w packed for this pass; or NULL */
	int relu;               /* forward: the ReLU after the layer is applied too */
	enum mat_bits bits;     /* of the product, if the kind can use less; backward: MAT_SPARSE, or of its own choice */
	const float *relu_mask; /* backward: dx is 0 where this, of its shape, is not above 0; or NULL */
	int add;                /* backward: dw is added to what is there */
	float *scratch;         /* l->scratch floats */
};

static inline size_t layer_weights(const struct layer *l) { return (size_t)l->p * (size_t)l->k; }

struct layer_type {
	const char *name;
	enum layer_form form;
	struct layer_argument argument[LAYER_ARGUMENTS]; /* up to the first without a name */

	/* s: the shape that is read, then the shape that is written. NULL: the same. */
	int (*shape)(const struct layer_spec *spec, struct shape *s, struct fail *f);

	/* Elementwise kinds have these two and nothing below: y = f(x); dx = dy f'(x), computed from y. n numbers, in place or not. */
	void (*function)(const struct layer *l, float *y, const float *x, size_t n);
	void (*derivative)(const struct layer *l, float *dx, const float *dy, const float *y, size_t n);

	/* Other kinds are linear in what they read, up to the bias: their tangent is their forward pass without one. */

	/* Fills in what is the kind's own in l; in, out: the shapes that are read and written. */
	void (*build)(struct layer *l, const struct layer_spec *spec, const struct shape *in, const struct shape *out);
	/* y [rows][out] of x [rows][in] */
	void (*forward)(const struct layer *l, float *y, const float *x, const struct layer_pass *p);
	/* dx [rows][in], unless NULL: the gradient with respect to the input. dw [p][k], unless NULL: that with respect to the weight,
	 * summed over rows. */
	void (*backward)(const struct layer *l, float *dx, float *dw, const float *dy, const float *x, const struct layer_pass *p);

	/* Kinds with weights: */
	void (*init)(const struct layer *l, float *params, uint64_t seed);
	/* db [biases]: the sum over rows, added to what is there when add */
	void (*bias_gradient)(const struct layer *l, float *db, const float *dy, int add, int rows);
	/* One product of whole rows, positions = 1: the weight is [out][in], can be packed and cut by columns (linear.h), and the
	 * bias acts as an input that is always 1. */
	int dense;
	/* The gradient with respect to the weight is P^T K. Its factor P [rows positions][p] is dy, or x when transposed; its factor K
	 * [rows positions][k] is the other of the two, after unroll() if the kind has it: col [rows positions][k] of `from`. */
	int transposed;
	void (*unroll)(const struct layer *l, float *col, const float *from, int rows);
	/* Packs w, in the layer's order, for a forward or a backward pass, into *panels. NULL: they are allocated, freed with free(), within
	 * *budget bytes, which become less; or stay NULL, and the passes pack w each time. */
	void (*pack)(const struct layer *l, float **panels, const float *w, int backward, size_t *budget);
	/* Rows of the weight (or its gradient) from the order of files to [p][k], and back. NULL: the same order. */
	void (*reorder)(const struct layer *l, float *reordered, const float *w, int rows);
	void (*restore)(const struct layer *l, float *w, const float *reordered, int rows);
};

#define LAYER_DECLARE(name) extern const struct layer_type layer_##name;
LAYER_TYPES(LAYER_DECLARE)
extern const struct layer_type *const layer_types[]; /* all, NULL at the end */

static inline int layer_has_weights(const struct layer *l) { return l->type->init != NULL; }
/* The factors P and K of a gradient, K before unroll(). */
static inline const float *layer_factor_p(const struct layer *l, const float *x, const float *dy) { return l->type->transposed ? x : dy; }
static inline const float *layer_factor_k(const struct layer *l, const float *x, const float *dy) { return l->type->transposed ? dy : x; }

/* The type's reorder() and restore(), or a copy. */
void layer_reorder(const struct layer *l, float *reordered, const float *w, int rows);
void layer_restore(const struct layer *l, float *w, const float *reordered, int rows);
/* For a kind with pack(): packs w for forward passes, and when backward for those too, into the panels of l. */
void layer_pack(struct layer *l, const float *w, int backward, size_t *budget);
/* For init(): weights normal with std sqrt(2/k), biases left at the 0 of model_build() (He et al. 2015); or both uniform in +-1/sqrt(k), as
 * PyTorch. */
void layer_init_he(const struct layer *l, float *params, uint64_t seed);
void layer_init_uniform(const struct layer *l, float *params, uint64_t seed);

#endif

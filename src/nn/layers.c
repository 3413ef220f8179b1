#include "nn/layers.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "nn/layer.h"

#define LAYER_ADDRESS(name) &layer_##name,
const struct layer_type *const layer_types[] = {LAYER_TYPES(LAYER_ADDRESS) NULL};

/* --- shapes --- */

int shape_size(const struct shape *s) { return s->c * s->h * s->w; }

int layer_shape(const struct layer_spec *l, struct shape *s, struct fail *f) { return l->type->shape ? l->type->shape(l, s, f) : 0; }

int layers_check(const struct layer_list *list, const char *name, struct shape in, struct shape out, struct fail *f)
{
	struct shape s = in;
	int weights = 0, last = 0; /* last: the last layer that computes something has weights */
	for (int i = 0; i < list->n; i++) {
		const struct layer_type *type = list->v[i].type;
		weights += type->init != NULL;
		last = type->init ? 1 : type->function ? 0 : last;
		if (layer_shape(&list->v[i], &s, f))
			return fail_add(f, "model.%s, layer %d", name, i);
	}
	if (!weights)
		return fail_set(f, "model.%s has no layer with weights", name);
	if (!last)
		return fail_set(f, "model.%s must end in a linear layer or a convolution: the loss applies its own sigmoid", name);
	if (shape_size(&s) != shape_size(&out))
		return fail_set(f, "model.%s ends in %d numbers, but must end in %d", name, shape_size(&s), shape_size(&out));
	if (s.is == SHAPE_PICTURE && s.h * s.w > 1 && (s.c != out.c || s.h != out.h || s.w != out.w))
		return fail_set(f, "model.%s ends in a picture of %dx%dx%d, but must end in one of %dx%dx%d", name, s.c, s.h, s.w, out.c, out.h, out.w);
	return 0;
}

/* --- the order of weights --- */

static void copy_rows(const struct layer *l, float *to, const float *from, int rows) { memcpy(to, from, (size_t)rows * (size_t)l->k * sizeof *to); }

void layer_reorder(const struct layer *l, float *reordered, const float *w, int rows)
{
	if (l->type->reorder)
		l->type->reorder(l, reordered, w, rows);
	else
		copy_rows(l, reordered, w, rows);
}

void layer_restore(const struct layer *l, float *w, const float *reordered, int rows)
{
	if (l->type->restore)
		l->type->restore(l, w, reordered, rows);
	else
		copy_rows(l, w, reordered, rows);
}

void layer_pack(struct layer *l, const float *w, int backward, size_t *budget)
{
	l->type->pack(l, &l->forward_panels, w, 0, budget);
	if (backward)
		l->type->pack(l, &l->backward_panels, w, 1, budget);
}

/* --- initial weights --- */

/* Uniform in +-bound. Numbers depend on seed, tensor, row and column alone. */
static void init_uniform(float *at, int rows, size_t columns, float bound, uint64_t seed, int tensor)
{
	enum { BLOCK = 256 };
	for (int r = 0; r < rows; r++)
		for (size_t k = 0; k < columns; k += BLOCK) {
			uint32_t w[BLOCK];
			int n = columns - k < BLOCK ? (int)(columns - k) : BLOCK;
			rng_words(w, n, seed, ROLE_INIT, (uint64_t)tensor, k, (uint32_t)r);
			for (int i = 0; i < n; i++)
				at[(size_t)r * columns + k + (size_t)i] = bound * (2 * (((float)(w[i] >> 8) + 0.5f) * 0x1p-24f) - 1);
		}
}

void layer_init_uniform(const struct layer *l, float *params, uint64_t seed)
{
	float bound = 1 / sqrtf((float)l->k);
	init_uniform(params + l->weight, l->p, (size_t)l->k, bound, seed, l->tensor);
	init_uniform(params + l->bias, 1, (size_t)l->biases, bound, seed, l->tensor + 1);
}

void layer_init_he(const struct layer *l, float *params, uint64_t seed)
{
	float std = sqrtf(2.0f / (float)l->k);
	for (int r = 0; r < l->p; r++) {
		float *row = params + l->weight + (size_t)r * (size_t)l->k;
		rng_normal(row, l->k, seed, ROLE_INIT, (uint64_t)l->tensor, 0, (uint32_t)r);
		for (int i = 0; i < l->k; i++)
			row[i] *= std;
	}
}

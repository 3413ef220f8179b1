#include "model/batchnorm.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/name.h"

#define MEAN_NAME "running_mean"
#define MEAN "." MEAN_NAME
static const char *const networks[] = {"encoder", "decoder"};

static const struct network *network_of(const struct model *m, int decoder) { return decoder ? &m->dec : &m->enc; }

static int ends_in(const char *name, const char *with)
{
	size_t n = strlen(name), k = strlen(with);
	return n > k && strcmp(name + n - k, with) == 0;
}

/* The network and the number of NETWORK.NUMBER.REST. Returns REST, or NULL for other names. */
static const char *split(const char *name, int *decoder, int *number)
{
	for (int i = 0; i < 2; i++) {
		size_t n = strlen(networks[i]);
		if (strncmp(name, networks[i], n) != 0 || name[n] != '.')
			continue;
		const char *p = name + n + 1, *digits = p;
		for (*number = 0; *p >= '0' && *p <= '9' && *number < 1000000; p++)
			*number = 10 * *number + (*p - '0');
		*decoder = i;
		return *p == '.' && p > digits && (*digits != '0' || p == digits + 1) ? p + 1 : NULL;
	}
	return NULL;
}

/* --- where they stand --- */

/* How many of the network stand before this number. */
static int count_before(const struct batchnorms *b, int decoder, int number)
{
	int n = 0;
	for (int i = 0; i < b->n; i++)
		n += b->v[i].decoder == decoder && b->v[i].number < number;
	return n;
}

int batchnorms_number(const struct batchnorms *b, int decoder, int layer)
{
	for (int i = 0; i < b->n; i++)
		if (b->v[i].decoder == decoder && b->v[i].number <= layer)
			layer++;
	return layer;
}

/* The shape that the network's layer `place` reads; behind the last layer, the one that is written. */
static void shape_at(const struct model *m, int decoder, int place, struct shape *s)
{
	const struct config *c = &m->cfg;
	const struct layer_list *list = decoder ? &c->decoder : &c->encoder;
	struct fail f; /* the list has passed config_check() */
	*s = decoder ? (struct shape){c->latent, 1, 1, SHAPE_VECTOR} : (struct shape){c->input_shape[0], c->input_shape[1], c->input_shape[2], SHAPE_INPUT};
	for (int i = 0; i < place; i++)
		(void)layer_shape(&list->v[i], s, &f);
}

/* flatten and unflatten, which keep all numbers and their order in files */
static int only_reshapes(const struct layer *l) { return !layer_has_weights(l) && !l->type->function; }

/* Whether one number of the BatchNorm meets each of the layer's channels: `area` numbers of the row in turn belong to one. */
static int fits(const struct batchnorm *b, int size, size_t channels) { return b->group % ((size_t)size / channels) == 0; }

static size_t inputs(const struct layer *l) { return (size_t)(l->type->transposed ? l->dim[0] : l->dim[1]); }

/* Folding in front of a layer moves the shift into its bias: each output must meet the shift through the same weights, which it does not where
 * the layer reads zeros beside the picture, or where a transposed convolution spreads it. */
static int same_weights(const struct layer *l)
{
	return l->type->dense || (!l->type->transposed && l->padding == 0) || (l->type->transposed && l->kernel == 1 && l->stride == 1 && l->padding == 0);
}

static int cannot(const struct batchnorm *b, const char *why, struct fail *f)
{
	return fail_set(f, "BatchNorm '%s' cannot be folded: %s", b->name, why);
}

/* Finds the layer into which b is folded, which stands before the network's layer `place`. */
static int find_layer(struct batchnorm *b, const struct model *m, int place, struct fail *f)
{
	const struct network *net = network_of(m, b->decoder);
	struct shape s;
	if (place > net->n)
		return fail_set(f, "BatchNorm '%s': the %s of the configuration has %d layers, which with those of BatchNorm are numbered from 0", b->name,
		                networks[b->decoder], net->n);
	shape_at(m, b->decoder, place, &s);
	int size = shape_size(&s), picture = s.is != SHAPE_VECTOR && b->n == (size_t)s.c, row = s.is != SHAPE_PICTURE && b->n == (size_t)size;
	if (!picture && !row)
		return fail_set(f, "BatchNorm '%s' has %zu numbers; before layer %d of the %s are %d%s", b->name, b->n, place, networks[b->decoder],
		                s.is == SHAPE_VECTOR ? size : s.c, s.is == SHAPE_VECTOR ? "" : " channels");
	b->group = (size_t)size / b->n;
	int i = place - 1, k = place;
	while (i >= 0 && only_reshapes(&net->l[i]))
		i--;
	if (i >= 0 && layer_has_weights(&net->l[i]) && fits(b, size, (size_t)net->l[i].biases)) {
		b->layer = i;
		b->behind = 1;
		return 0;
	}
	while (k < net->n && only_reshapes(&net->l[k]))
		k++;
	if (k == net->n || !layer_has_weights(&net->l[k]) || !fits(b, size, inputs(&net->l[k])))
		return cannot(b, "no linear or convolutional layer is directly before it or after it", f);
	if (!same_weights(&net->l[k]))
		return cannot(b, net->l[k].type->transposed ? "it is in front of a transposed convolution, whose outputs meet its shift through different weights"
		                                            : "it is in front of a convolution with padding, which pads with 0 after the normalisation", f);
	b->layer = k;
	return 0;
}

/* --- tensors --- */

/* The tensor NAME.WHAT, which is taken out of the header: 1, or 0 if there is none. */
static int take(const struct batchnorm *b, struct safetensors *s, const char *what, float *out, struct fail *f)
{
	struct tensor t = {.ndim = 1, .shape = {b->n}, .count = b->n};
	snprintf(t.name, sizeof t.name, "%s.%s", b->name, what);
	if (!json_object_get(s->header, t.name))
		return 0;
	if (safetensors_get(s, &t, out, f))
		return -1;
	for (size_t i = 0; i < b->n; i++)
		if (!isfinite(out[i]))
			return fail_set(f, "tensor '%s' has a value that is not finite, at %zu", t.name, i);
	json_object_del(s->header, t.name);
	return 1;
}

static int read_norm(struct batchnorm *b, struct safetensors *s, double eps, struct fail *f)
{
	char tracked[96];
	float *v = malloc(4 * b->n * sizeof *v);
	b->scale = malloc(2 * b->n * sizeof *b->scale);
	if (!v || !b->scale) {
		free(v);
		return fail_memory_for(f, "BatchNorm '%s'", b->name);
	}
	float *mean = v, *var = v + b->n, *weight = v + 2 * b->n, *bias = v + 3 * b->n;
	b->shift = b->scale + b->n;
	for (size_t i = 0; i < b->n; i++)
		weight[i] = 1, bias[i] = 0; /* affine=False */
	int r = take(b, s, "running_mean", mean, f) < 0 ? -1 : take(b, s, "running_var", var, f);
	if (!r)
		r = fail_set(f, "BatchNorm '%s' has running_mean, but no running_var", b->name);
	if (r > 0)
		r = take(b, s, "weight", weight, f) < 0 || take(b, s, "bias", bias, f) < 0 ? -1 : 0;
	for (size_t i = 0; i < b->n && !r; i++) {
		if (!(var[i] >= 0 && var[i] + eps > 0))
			r = fail_set(f, "BatchNorm '%s': running_var is %g, at %zu", b->name, (double)var[i], i);
		b->scale[i] = weight[i] / sqrt(var[i] + eps);
		b->shift[i] = bias[i] - mean[i] * b->scale[i];
	}
	snprintf(tracked, sizeof tracked, "%s.num_batches_tracked", b->name); /* says nothing about inference */
	json_object_del(s->header, tracked);
	free(v);
	return r;
}

static int by_place(const void *a, const void *b)
{
	const struct batchnorm *x = a, *y = b;
	return x->decoder != y->decoder ? x->decoder - y->decoder : (x->number > y->number) - (x->number < y->number);
}

/* Lists the layers that have a running_mean: 0, -1, BATCHNORM_MISNAMED. */
static int find_norms(struct batchnorms *b, const struct safetensors *s, struct fail *f)
{
	const char *name;
	json_t *t;
	char shown[80];
	b->v = calloc(json_object_size(s->header) + 1, sizeof *b->v);
	if (!b->v)
		return fail_memory(f);
	json_object_foreach(s->header, name, t)
	{
		struct batchnorm *x = &b->v[b->n];
		if (!ends_in(name, MEAN))
			continue;
		const char *rest = split(name, &x->decoder, &x->number);
		if (!rest || strcmp(rest, MEAN_NAME) != 0) {
			name_show(shown, sizeof shown, name);
			if (strlen(shown) > strlen(MEAN) && ends_in(shown, MEAN))
				shown[strlen(shown) - strlen(MEAN)] = 0;
			(void)fail_set(f, "'%s' is a BatchNorm: --rename '%s=%s.1' says where it stands, as a number in torch.nn.Sequential, BatchNorm counted too", shown, shown,
			               networks[strncmp(shown, "dec", 3) == 0]);
			return BATCHNORM_MISNAMED;
		}
		snprintf(x->name, sizeof x->name, "%.*s", (int)(strlen(name) - strlen(MEAN)), name);
		json_int_t n = json_integer_value(json_array_get(json_object_get(t, "shape"), 0));
		if (n < 1 || n > MAX_LAYER_SIZE)
			return fail_set(f, "BatchNorm '%s': running_mean has no numbers, or too many", x->name);
		x->n = (size_t)n;
		b->n++;
	}
	qsort(b->v, (size_t)b->n, sizeof *b->v, by_place);
	return 0;
}

/* A new header, in which layers after a BatchNorm have the network's numbers. */
static int renumber(const struct batchnorms *b, struct safetensors *s, struct fail *f)
{
	json_t *header = json_object(), *t;
	const char *name;
	int r = header ? 0 : fail_memory(f);
	json_object_foreach(s->header, name, t)
	{
		struct buf to = {0};
		int decoder = 0, number = 0;
		const char *rest = split(name, &decoder, &number);
		if (!r && rest)
			r = buf_addf(&to, f, "%s.%d.%s", networks[decoder], number - count_before(b, decoder, number), rest);
		if (!r && json_object_get(header, rest ? to.p : name))
			r = fail_set(f, "a layer has the number of BatchNorm '%s.%d'", networks[decoder], number);
		if (!r && json_object_set(header, rest ? to.p : name, t))
			r = fail_memory(f);
		buf_free(&to);
	}
	if (r) {
		json_decref(header);
		return -1;
	}
	json_decref(s->header); /* the metadata are in the new one too */
	s->header = header;
	return 0;
}

/* Convolutions in front of BatchNorm often have no bias: it is 0. */
static int add_bias(const struct batchnorm *b, const struct model *m, struct safetensors *s, struct fail *f)
{
	const struct tensor *t = &m->tensor[network_of(m, b->decoder)->l[b->layer].tensor + 1];
	size_t at = s->bytes.len - s->data, bytes = t->count * sizeof(float), end = at + bytes;
	if (json_object_get(s->header, t->name))
		return 0;
	if (buf_reserve(&s->bytes, bytes, f))
		return -1;
	memset(s->bytes.p + s->bytes.len, 0, bytes + 1);
	s->bytes.len += bytes;
	json_t *entry = json_pack("{s:s, s:[I], s:[I, I]}", "dtype", "F32", "shape", (json_int_t)t->count, "data_offsets", (json_int_t)at, (json_int_t)end);
	return entry && !json_object_set_new(s->header, t->name, entry) ? 0 : fail_memory(f);
}

int batchnorms_take(struct batchnorms *b, const struct model *m, struct safetensors *s, double eps, struct fail *f)
{
	*b = (struct batchnorms){.v = NULL};
	int r = find_norms(b, s, f);
	for (int i = 0; i < b->n && !r; i++)
		r = find_layer(&b->v[i], m, b->v[i].number - count_before(b, b->v[i].decoder, b->v[i].number), f) || read_norm(&b->v[i], s, eps, f);
	if (!r && b->n)
		r = renumber(b, s, f);
	for (int i = 0; i < b->n && !r; i++)
		r = add_bias(&b->v[i], m, s, f);
	return r == BATCHNORM_MISNAMED || !r ? r : -1;
}

/* --- folding --- */

/* Output o of the layer, or input c, has the number of the BatchNorm at o or c times `area`, divided by its group. */
static void fold(const struct batchnorm *b, const struct layer *l, float *params, double *sum)
{
	float *w = params + l->weight, *bias = params + l->bias;
	size_t outs = (size_t)l->biases, ins = inputs(l), taps = layer_weights(l) / (outs * ins);
	size_t area = (size_t)(b->behind ? l->out : l->in) / (b->behind ? outs : ins);
	for (size_t o = 0; o < outs; o++) {
		sum[o] = 0;
		for (size_t c = 0; c < ins; c++) {
			size_t of = (b->behind ? o : c) * area / b->group;
			float *v = w + (l->type->transposed ? c * outs + o : o * ins + c) * taps;
			for (size_t t = 0; t < taps; t++) {
				sum[o] += v[t] * b->shift[of];
				v[t] = (float)(v[t] * b->scale[of]);
			}
		}
	}
	for (size_t o = 0; o < outs; o++) {
		size_t of = o * area / b->group;
		bias[o] = (float)(b->behind ? bias[o] * b->scale[of] + b->shift[of] : bias[o] + sum[o]);
	}
}

static int fold_into(const struct batchnorm *b, struct model *m, struct fail *f)
{
	const struct layer *l = &network_of(m, b->decoder)->l[b->layer];
	double *sum = malloc((size_t)l->biases * sizeof *sum);
	if (!sum)
		return fail_memory(f);
	fold(b, l, m->params, sum);
	free(sum);
	int finite = 1;
	for (size_t i = 0; i < layer_weights(l); i++)
		finite &= isfinite(m->params[l->weight + i]) != 0;
	for (int i = 0; i < l->biases; i++)
		finite &= isfinite(m->params[l->bias + (size_t)i]) != 0;
	return finite ? 0 : cannot(b, "the numbers become too large", f);
}

/* Of several beside one layer the nearest comes first: behind a layer the first of them, in front of it the last. */
int batchnorms_fold(const struct batchnorms *b, struct model *m, struct fail *f)
{
	for (int i = 0; i < b->n; i++)
		if (b->v[i].behind && fold_into(&b->v[i], m, f))
			return -1;
	for (int i = b->n - 1; i >= 0; i--)
		if (!b->v[i].behind && fold_into(&b->v[i], m, f))
			return -1;
	return 0;
}

void batchnorms_free(struct batchnorms *b)
{
	for (int i = 0; i < b->n; i++)
		free(b->v[i].scale);
	free(b->v);
	*b = (struct batchnorms){.v = NULL};
}

#include "model/config_yaml.h"

#include <string.h>
#include <yaml.h>

static int is_convolution(enum layer_kind kind) { return kind == LAYER_CONV2D || kind == LAYER_CONV_TRANSPOSE2D; }

static const char *scalar(const yaml_node_t *n) { return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL; }

static int parse_int(const char *key, const char *text, double lo, double hi, int *out, struct fail *f)
{
	double v;
	if (config_number(key, text, lo, hi, 1, &v, f))
		return -1;
	*out = (int)v;
	return 0;
}

static size_t line_of(yaml_document_t *d, int node) { return yaml_document_get_node(d, node)->start_mark.line + 1; }

static int parse_convolution(yaml_document_t *d, const yaml_node_t *n, const char *key, struct layer_spec *l, struct fail *f)
{
	static const char *const words[] = {"out", "kernel", "stride", "padding", NULL};
	int *const to[] = {&l->out, &l->kernel, &l->stride, &l->padding};
	static const double hi[] = {1e6, 255, 255, 255};
	size_t line[4] = {0}; /* where a key was given */
	l->stride = 1;
	if (!n || n->type != YAML_MAPPING_NODE)
		return fail_set(f, "%s wants {out: C, kernel: K, stride: S, padding: P}", key);
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const char *word = scalar(yaml_document_get_node(d, p->key));
		int i = 0;
		while (word && words[i] && strcmp(words[i], word) != 0)
			i++;
		if (!word || !words[i])
			return config_unknown("key", word ? word : "(a list)", words, f);
		if (line[i])
			return fail_set(f, "%s is given twice, in line %zu and in line %zu", word, line[i], line_of(d, p->key));
		line[i] = line_of(d, p->key);
		if (parse_int(key, scalar(yaml_document_get_node(d, p->value)), i == 3 ? 0 : 1, hi[i], to[i], f))
			return fail_add(f, "%s", word);
	}
	return l->out && l->kernel ? 0 : fail_set(f, "%s: %s is missing", key, l->out ? "kernel" : "out");
}

static int parse_shape(yaml_document_t *d, const yaml_node_t *n, const char *key, int *to, struct fail *f)
{
	if (!n || n->type != YAML_SEQUENCE_NODE || n->data.sequence.items.top - n->data.sequence.items.start != 3)
		return fail_set(f, "%s wants [channels, height, width]", key);
	for (int i = 0; i < 3; i++)
		if (parse_int(key, scalar(yaml_document_get_node(d, n->data.sequence.items.start[i])), 1, MAX_LAYER_SIZE, &to[i], f))
			return -1;
	return 0;
}

/* value: what stands behind the name, or NULL. */
static int parse_layer(yaml_document_t *d, const yaml_node_t *value, const char *key, struct layer_spec *l, int place, struct fail *f)
{
	switch (l->kind) {
	case LAYER_LINEAR:
		if (value && scalar(value) && strcmp(scalar(value), "input") == 0)
			return 0; /* config_check() puts the number there */
		return parse_int(key, scalar(value), 1, 1e6, &l->out, f) ? fail_add(f, "layer %d (linear, as in {linear: 1024})", place) : 0;
	case LAYER_CONV2D:
	case LAYER_CONV_TRANSPOSE2D:
		return parse_convolution(d, value, key, l, f) ? fail_add(f, "layer %d (%s)", place, layer_names[l->kind]) : 0;
	case LAYER_UNFLATTEN:
		return parse_shape(d, value, key, l->shape, f) ? fail_add(f, "layer %d (unflatten)", place) : 0;
	case LAYER_LEAKY_RELU:
		l->slope = 0.01; /* torch's */
		return value && config_number(key, scalar(value), 0, 1, 0, &l->slope, f) ? fail_add(f, "layer %d (leaky_relu)", place) : 0;
	case LAYER_FLATTEN:
	case LAYER_RELU:
	case LAYER_TANH:
	case LAYER_SIGMOID:
		break;
	}
	return value ? fail_set(f, "%s: layer %d, %s, takes no size", key, place, layer_names[l->kind]) : 0;
}

int layers_parse(yaml_document_t *d, const yaml_node_t *n, const char *key, struct layer_list *out, struct fail *f)
{
	struct layer_list got = {.n = 0};
	if (n->type != YAML_SEQUENCE_NODE)
		return fail_set(f, "%s wants a list of layers", key);
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		yaml_node_t *item = yaml_document_get_node(d, *i), *value = NULL;
		const char *name = scalar(item);
		if (!name && item->type == YAML_MAPPING_NODE && item->data.mapping.pairs.top - item->data.mapping.pairs.start == 1) {
			name = scalar(yaml_document_get_node(d, item->data.mapping.pairs.start->key));
			value = yaml_document_get_node(d, item->data.mapping.pairs.start->value);
		}
		if (!name)
			return fail_set(f, "%s: layer %d is neither a name nor a name with its size", key, got.n);
		if (got.n == MAX_LAYERS)
			return fail_set(f, "%s: more than %d layers", key, MAX_LAYERS);
		int kind = 0;
		while (layer_names[kind] && strcmp(layer_names[kind], name) != 0)
			kind++;
		if (!layer_names[kind])
			return config_unknown("layer", name, layer_names, f);
		struct layer_spec *l = &got.v[got.n];
		*l = (struct layer_spec){.kind = (enum layer_kind)kind};
		if (parse_layer(d, value, key, l, got.n++, f))
			return -1;
	}
	*out = got;
	return 0;
}

int layers_write(const struct layer_list *list, struct buf *out, struct fail *f)
{
	int r = buf_addf(out, f, "[");
	for (int i = 0; i < list->n && !r; i++) {
		const struct layer_spec *l = &list->v[i];
		const char *name = layer_names[l->kind], *sep = i ? ", " : "";
		if (l->kind == LAYER_LINEAR && !l->out)
			r = buf_addf(out, f, "%s{%s: input}", sep, name);
		else if (l->kind == LAYER_LINEAR)
			r = buf_addf(out, f, "%s{%s: %d}", sep, name, l->out);
		else if (is_convolution(l->kind))
			r = buf_addf(out, f, "%s{%s: {out: %d, kernel: %d, stride: %d, padding: %d}}", sep, name, l->out, l->kernel, l->stride, l->padding);
		else if (l->kind == LAYER_UNFLATTEN)
			r = buf_addf(out, f, "%s{%s: [%d, %d, %d]}", sep, name, l->shape[0], l->shape[1], l->shape[2]);
		else if (l->kind == LAYER_LEAKY_RELU)
			r = buf_addf(out, f, "%s{%s: %.9g}", sep, name, l->slope);
		else
			r = buf_addf(out, f, "%s%s", sep, name);
	}
	return r ? r : buf_addf(out, f, "]");
}

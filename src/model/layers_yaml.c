/* The lists model.encoder and model.decoder: layers and their arguments, as the table of kinds describes them (nn/layer.h). */
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "model/config_yaml.h"
#include "nn/layer.h"

static size_t line_of(yaml_document_t *d, int node) { return yaml_document_get_node(d, node)->start_mark.line + 1; }

static int arguments(const struct layer_type *type)
{
	int n = 0;
	while (n < LAYER_ARGUMENTS && type->argument[n].name)
		n++;
	return n;
}

static void store(struct layer_spec *l, const struct layer_argument *a, double v)
{
	void *to = (char *)l + a->at;
	if (a->real)
		*(double *)to = v;
	else
		*(int *)to = (int)v;
}

/* -1, and says how a list or a mapping of arguments is written. */
static int wrong_form(const struct layer_type *type, struct fail *f)
{
	char form[200] = "";
	int mapping = type->form == FORM_MAPPING;
	for (int i = 0; i < arguments(type); i++)
		snprintf(form + strlen(form), sizeof form - strlen(form), "%s%s%s", i ? ", " : "", type->argument[i].name, mapping ? ": N" : "");
	return fail_set(f, "write {%s: %c%s%c}", type->name, mapping ? '{' : '[', form, mapping ? '}' : ']');
}

/* text NULL: not a scalar, an error */
static int parse_argument(struct layer_spec *l, const struct layer_argument *a, const char *text, struct fail *f)
{
	double v = WORD_VALUE;
	if (!(a->word && text && strcmp(text, a->word) == 0) && config_number(a->name, text, a->lo, a->hi, !a->real, &v, f))
		return -1;
	store(l, a, v);
	return 0;
}

static int parse_mapping(yaml_document_t *d, const yaml_node_t *n, struct layer_spec *l, struct fail *f)
{
	const struct layer_argument *a = l->type->argument;
	const char *words[LAYER_ARGUMENTS + 1] = {NULL};
	size_t line[LAYER_ARGUMENTS] = {0}; /* where an argument was given */
	int count = arguments(l->type);
	for (int i = 0; i < count; i++)
		words[i] = a[i].name;
	if (!n || n->type != YAML_MAPPING_NODE)
		return wrong_form(l->type, f);
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
		const char *word = config_scalar(yaml_document_get_node(d, p->key));
		int i = 0;
		while (word && words[i] && strcmp(words[i], word) != 0)
			i++;
		if (!word || !words[i])
			return config_unknown("argument", word ? word : "(a list)", words, f);
		if (line[i])
			return fail_set(f, "%s is given twice, in line %zu and in line %zu", word, line[i], line_of(d, p->key));
		line[i] = line_of(d, p->key);
		if (parse_argument(l, &a[i], config_scalar(yaml_document_get_node(d, p->value)), f))
			return -1;
	}
	for (int i = 0; i < count; i++)
		if (a[i].required && !line[i])
			return fail_set(f, "%s is missing", words[i]);
	return 0;
}

static int parse_list(yaml_document_t *d, const yaml_node_t *n, struct layer_spec *l, struct fail *f)
{
	int count = arguments(l->type);
	if (!n || n->type != YAML_SEQUENCE_NODE || n->data.sequence.items.top - n->data.sequence.items.start != count)
		return wrong_form(l->type, f);
	for (int i = 0; i < count; i++)
		if (parse_argument(l, &l->type->argument[i], config_scalar(yaml_document_get_node(d, n->data.sequence.items.start[i])), f))
			return -1;
	return 0;
}

/* value: the node with the arguments, or NULL */
static int parse_arguments(yaml_document_t *d, const yaml_node_t *value, const char *key, struct layer_spec *l, int place, struct fail *f)
{
	const struct layer_type *type = l->type;
	int r = 0;
	for (int i = 0; i < arguments(type); i++)
		store(l, &type->argument[i], type->argument[i].otherwise);
	switch (type->form) {
	case FORM_NAME:
		r = value ? fail_set(f, "takes no argument") : 0;
		break;
	case FORM_NUMBER:
		r = value || type->argument[0].required ? parse_argument(l, &type->argument[0], config_scalar(value), f) : 0;
		break;
	case FORM_LIST:
		r = parse_list(d, value, l, f);
		break;
	case FORM_MAPPING:
		r = parse_mapping(d, value, l, f);
		break;
	}
	return r ? fail_add(f, "%s, layer %d (%s)", key, place, type->name) : 0;
}

static const struct layer_type *find_type(const char *name, struct fail *f)
{
	const char *names[64] = {NULL};
	for (int i = 0; layer_types[i]; i++) {
		if (strcmp(layer_types[i]->name, name) == 0)
			return layer_types[i];
		names[i] = layer_types[i]->name;
	}
	config_unknown("layer", name, names, f);
	return NULL;
}

int layers_parse(yaml_document_t *d, const yaml_node_t *n, const char *key, struct layer_list *out, struct fail *f)
{
	struct layer_list got = {.n = 0};
	if (n->type != YAML_SEQUENCE_NODE)
		return fail_set(f, "%s must be a list of layers", key);
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		yaml_node_t *item = yaml_document_get_node(d, *i), *value = NULL;
		const char *name = config_scalar(item);
		if (!name && item->type == YAML_MAPPING_NODE && item->data.mapping.pairs.top - item->data.mapping.pairs.start == 1) {
			name = config_scalar(yaml_document_get_node(d, item->data.mapping.pairs.start->key));
			value = yaml_document_get_node(d, item->data.mapping.pairs.start->value);
		}
		if (!name)
			return fail_set(f, "%s, layer %d: neither a name nor a name with its arguments, as in {linear: 1024}", key, got.n);
		if (got.n == MAX_LAYERS)
			return fail_set(f, "%s: more than %d layers", key, MAX_LAYERS);
		struct layer_spec *l = &got.v[got.n];
		*l = (struct layer_spec){.type = find_type(name, f)};
		if (!l->type || parse_arguments(d, value, key, l, got.n++, f))
			return -1;
	}
	*out = got;
	return 0;
}

static int write_argument(const struct layer_spec *l, const struct layer_argument *a, struct buf *out, struct fail *f)
{
	const void *at = (const char *)l + a->at;
	if (a->real)
		return buf_addf(out, f, "%.9g", *(const double *)at);
	return a->word && *(const int *)at == WORD_VALUE ? buf_addf(out, f, "%s", a->word) : buf_addf(out, f, "%d", *(const int *)at);
}

int layers_write(const struct layer_list *list, struct buf *out, struct fail *f)
{
	static const char *const open[] = {"", ": ", ": [", ": {"}, *const close[] = {"", "}", "]}", "}}"};
	int r = buf_addf(out, f, "[");
	for (int i = 0; i < list->n && !r; i++) {
		const struct layer_type *type = list->v[i].type;
		const struct layer_argument *a = type->argument;
		r = buf_addf(out, f, "%s%s%s%s", i ? ", " : "", type->form == FORM_NAME ? "" : "{", type->name, open[type->form]);
		for (int k = 0; k < arguments(type) && !r; k++)
			r = buf_addf(out, f, "%s%s%s", k ? ", " : "", type->form == FORM_MAPPING ? a[k].name : "", type->form == FORM_MAPPING ? ": " : "") ||
			    write_argument(&list->v[i], &a[k], out, f);
		r = r || buf_addf(out, f, "%s", close[type->form]) ? -1 : 0;
	}
	return r ? r : buf_addf(out, f, "]");
}

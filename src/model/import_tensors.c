/* Fits the tensors of a file to a network. The file is changed in memory: a header with other names, and converted tensors behind its last byte. */
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "model/batchnorm.h"
#include "model/import.h"
#include "stream/name.h"

/* --- names --- */

int import_check_renames(const struct assignments *renames, struct fail *f)
{
	char shown[80];
	for (int i = 0; i < renames->n; i++) {
		const char *eq = strchr(renames->v[i], '=');
		if (!eq || eq == renames->v[i])
			return fail_set(f, "--rename takes FROM=TO, such as conv1=encoder.0 or module.=, not '%s'", name_show(shown, sizeof shown, renames->v[i]));
	}
	return 0;
}

/* How many bytes of the name the prefix takes: whole parts between dots only, so that conv1 does not begin conv10. */
static size_t begins(const char *name, const char *from, size_t n)
{
	if (strncmp(name, from, n) != 0)
		return 0;
	return from[n - 1] == '.' || name[n] == '.' || !name[n] ? n : 0;
}

static int rename_all(struct safetensors *s, const char *rule, struct fail *f)
{
	const char *eq = strchr(rule, '='), *name;
	size_t from = (size_t)(eq - rule);
	char shown[80];
	json_t *header = json_object(), *t;
	int r = header ? 0 : fail_memory(f), used = 0;
	json_object_foreach(s->header, name, t)
	{
		struct buf to = {0};
		size_t n = t == s->metadata ? 0 : begins(name, rule, from);
		if (n && !eq[1] && name[n] == '.')
			n++; /* what stays does not begin with a dot */
		if (n && !r)
			r = buf_addf(&to, f, "%s%s", eq + 1, name + n);
		const char *new = n && !r ? to.p : name;
		used += n > 0;
		if (!r && (!*new || (json_object_get(header, new) && strcmp(new, "__metadata__") != 0)))
			r = fail_set(f, "--rename '%s' makes two tensors of the name '%s'", rule, name_show(shown, sizeof shown, new));
		if (!r && json_object_set(header, new, t))
			r = fail_memory(f);
		buf_free(&to);
	}
	if (!r && !used) {
		json_object_foreach(s->header, name, t) if (t != s->metadata)
			break;
		r = fail_set(f, "--rename '%s': no tensor has a name that begins so; the first is '%s'", rule, name ? name_show(shown, sizeof shown, name) : "");
	}
	if (r) {
		json_decref(header);
		return -1;
	}
	json_decref(s->header);
	s->header = header;
	return 0;
}

/* --- types --- */

static float half(uint16_t v)
{
	int exponent = v >> 10 & 31;
	float fraction = (float)(v & 1023), magnitude;
	if (exponent == 31)
		magnitude = fraction > 0 ? NAN : INFINITY;
	else
		magnitude = exponent ? ldexpf(1024 + fraction, exponent - 25) : ldexpf(fraction, -24);
	return v & 0x8000 ? -magnitude : magnitude;
}

static float bfloat(uint16_t v)
{
	uint32_t bits = (uint32_t)v << 16;
	float out;
	memcpy(&out, &bits, sizeof out);
	return out;
}

static float convert_number(const char *p, char type)
{
	double d;
	uint16_t v;
	memcpy(&v, p, sizeof v);
	if (type != 'd')
		return type == 'h' ? half(v) : bfloat(v);
	memcpy(&d, p, sizeof d);
	return (float)d;
}

/* Puts the tensor as F32 behind the file's bytes. */
static int convert(struct safetensors *s, const char *name, json_t *t, struct fail *f)
{
	const char *dtype = json_string_value(json_object_get(t, "dtype"));
	json_t *o = json_object_get(t, "data_offsets");
	char shown[80], type = strcmp(dtype, "F16") == 0 ? 'h' : strcmp(dtype, "BF16") == 0 ? 'b' : strcmp(dtype, "F64") == 0 ? 'd' : 0;
	size_t size = type == 'd' ? 8 : 2, from = (size_t)json_integer_value(json_array_get(o, 0)), n = (size_t)json_integer_value(json_array_get(o, 1)) - from;
	if (!type)
		return 0;
	if (n % size)
		return fail_set(f, "tensor '%s' has %zu bytes of %s", name_show(shown, sizeof shown, name), n, dtype);
	n /= size;
	if (buf_reserve(&s->bytes, n * sizeof(float), f))
		return -1;
	size_t at = s->bytes.len - s->data, end = at + n * sizeof(float);
	for (size_t i = 0; i < n; i++) {
		float v = convert_number(s->bytes.p + s->data + from + i * size, type);
		memcpy(s->bytes.p + s->bytes.len, &v, sizeof v);
		s->bytes.len += sizeof v;
	}
	s->bytes.p[s->bytes.len] = 0;
	json_t *offsets = json_pack("[I, I]", (json_int_t)at, (json_int_t)end);
	if (!offsets || json_object_set_new(t, "data_offsets", offsets) || json_object_set_new(t, "dtype", json_string("F32")))
		return fail_memory(f);
	return 1;
}

static int convert_all(struct import *o, struct safetensors *s, struct fail *f)
{
	const char *name;
	json_t *t;
	json_object_foreach(s->header, name, t)
	{
		int r = t == s->metadata ? 0 : convert(s, name, t, f);
		if (r < 0)
			return -1;
		o->converted += r;
	}
	return 0;
}

/* --- what fits, and what does not --- */

/* A list in a message: names with their shapes, as many as fit, and the number of the others. */
struct list {
	char text[400];
	size_t len;
	int n, shown;
};

static void list_add(struct list *l, const char *name, json_t *shape)
{
	char line[200], shown[64];
	size_t n = (size_t)snprintf(line, sizeof line, "%s%s", l->n ? ", " : "", name_show(shown, sizeof shown, name));
	for (size_t i = 0; shape && i < 5; i++)
		if (i < json_array_size(shape))
			n += (size_t)snprintf(line + n, sizeof line - n, "%s%lld", i ? ", " : " [", (long long)json_integer_value(json_array_get(shape, i)));
	if (json_array_size(shape))
		n += (size_t)snprintf(line + n, sizeof line - n, "]");
	if (l->shown == l->n && l->len + n < sizeof l->text - 40) {
		memcpy(l->text + l->len, line, n + 1);
		l->len += n;
		l->shown++;
	}
	l->n++;
}

static const char *list_end(struct list *l)
{
	if (l->n > l->shown)
		snprintf(l->text + l->len, sizeof l->text - l->len, " and %d more", l->n - l->shown);
	return l->text;
}

static int in_network(const struct model *m, const char *name)
{
	for (int i = 0; i < m->ntensors; i++)
		if (strcmp(m->tensor[i].name, name) == 0)
			return 1;
	return 0;
}

/* Adds the network's tensor under the name that it has in the file. */
static void list_missing(struct list *l, const struct network *net, int decoder, const struct batchnorms *b, const struct model *m, const struct safetensors *s)
{
	char name[96];
	for (int i = 0; i < net->n; i++)
		for (int k = 0; k < 2 && layer_has_weights(&net->l[i]); k++) {
			if (json_object_get(s->header, m->tensor[net->l[i].tensor + k].name))
				continue;
			snprintf(name, sizeof name, "%s.%d.%s", net->name, batchnorms_number(b, decoder, i), k ? "bias" : "weight");
			list_add(l, name, NULL);
		}
}

static void list_others(struct list *l, const struct model *m, const struct safetensors *s)
{
	const char *name;
	json_t *t;
	json_object_foreach(s->header, name, t) if (t != s->metadata && !in_network(m, name))
		list_add(l, name, json_object_get(t, "shape"));
}

static int check_names(const struct batchnorms *b, const struct model *m, const struct safetensors *s, struct fail *f)
{
	struct list missing = {.n = 0}, others = {.n = 0};
	list_missing(&missing, &m->enc, 0, b, m, s);
	list_missing(&missing, &m->dec, 1, b, m, s);
	if (m->nvariances && !json_object_get(s->header, m->tensor[m->ntensors - 1].name))
		list_add(&missing, m->tensor[m->ntensors - 1].name, NULL);
	list_others(&others, m, s);
	if (missing.n && others.n)
		return fail_set(f, "the file lacks %s, and has instead %s; --rename FROM=TO maps names", list_end(&missing), list_end(&others));
	if (missing.n)
		return fail_set(f, "the file lacks %s of the network", list_end(&missing));
	if (others.n)
		return fail_set(f, "the network has no layer for %s; name a configuration that has it, or --rename FROM=TO maps names", list_end(&others));
	return 0;
}

/* Adds to the message the layers that are there, by their weights. */
static int list_layers(const struct safetensors *s, struct fail *f)
{
	struct list l = {.n = 0};
	const char *name;
	json_t *t;
	struct fail before = *f;
	json_object_foreach(s->header, name, t)
	{
		size_t n = strlen(name);
		if (t != s->metadata && n > 7 && strcmp(name + n - 7, ".weight") == 0)
			list_add(&l, name, json_object_get(t, "shape"));
	}
	return l.n ? fail_set(f, "%s; the file has %s", before.msg, list_end(&l)) : -1;
}

int import_tensors(struct import *o, struct model *m, struct safetensors *s, struct fail *f)
{
	struct batchnorms b = {.v = NULL};
	int r = safetensors_verify(s, f) < 0 ? -1 : 0;
	if (s->metadata)
		json_object_del(s->metadata, "checksums"); /* of what is changed now */
	for (int i = 0; o->renames && i < o->renames->n && !r; i++)
		r = rename_all(s, o->renames->v[i], f);
	if (!r && !(r = convert_all(o, s, f))) {
		r = batchnorms_take(&b, m, s, o->eps, f);
		r = r == BATCHNORM_MISNAMED ? list_layers(s, f) : r;
	}
	r = r || check_names(&b, m, s, f) || model_load_tensors(m, s, f) || batchnorms_fold(&b, m, f);
	o->folded += b.n;
	batchnorms_free(&b);
	return r ? -1 : 0;
}

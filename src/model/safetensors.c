#include "model/safetensors.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/hash.h"
#include "base/json.h"
#include "stream/fields.h"
#include "stream/name.h"

#define CHECKSUMS "checksums"
#define ALL_METADATA "__metadata__" /* in them: the metadata */

struct span {
	uint64_t from, to;
};

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return x->from != y->from ? (x->from > y->from) - (x->from < y->from) : (x->to > y->to) - (x->to < y->to);
}

/* The format demands that tensors fill the file, without holes. */
static int check_spans(struct span *v, size_t n, uint64_t size, struct fail *f)
{
	uint64_t at = 0;
	qsort(v, n, sizeof *v, by_start);
	for (size_t i = 0; i < n; at = v[i++].to)
		if (v[i].from != at)
			return fail_set(f, "tensors overlap or leave a hole at byte %llu", (unsigned long long)(v[i].from < at ? v[i].from : at));
	return at == size ? 0 : fail_set(f, "%llu bytes after the last tensor", (unsigned long long)(size - at));
}

static int check_header(struct safetensors *s, struct span *v, struct fail *f)
{
	const char *name;
	char shown[80];
	json_t *t;
	size_t size = s->bytes.len - s->data, n = 0;
	json_object_foreach(s->header, name, t)
	{
		if (strcmp(name, "__metadata__") == 0) {
			if (!json_is_object(t))
				return fail_set(f, "__metadata__ is not an object");
			s->metadata = t;
			continue;
		}
		json_t *o = json_object_get(t, "data_offsets"), *shape = json_object_get(t, "shape");
		json_int_t from = json_integer_value(json_array_get(o, 0)), to = json_integer_value(json_array_get(o, 1));
		name_show(shown, sizeof shown, name);
		if (!json_is_string(json_object_get(t, "dtype")) || !json_is_array(shape) || json_array_size(o) != 2 ||
		    !json_is_integer(json_array_get(o, 0)) || !json_is_integer(json_array_get(o, 1)))
			return fail_set(f, "tensor '%s': dtype, shape or data_offsets is missing", shown);
		if (from < 0 || to < from || (uint64_t)to > size)
			return fail_set(f, "tensor '%s': bytes %lld to %lld are outside the file's %zu", shown, (long long)from,
			                (long long)to, size);
		v[n++] = (struct span){(uint64_t)from, (uint64_t)to};
	}
	return check_spans(v, n, size, f);
}

int safetensors_load(struct safetensors *s, const char *path, struct fail *f)
{
	*s = (struct safetensors){.header = NULL};
	if (!buf_read_file(&s->bytes, path, SAFETENSORS_MAX_BYTES, f))
		return 0;
	buf_free(&s->bytes);
	return -1;
}

/* The message for a file in another format: which one, and where the lines are that convert it. */
static int not_safetensors(const struct buf *b, struct fail *f)
{
	static const struct {
		const char *bytes, *name;
	} known[] = {
		{"\x80\2", "a Python pickle, as PyTorch wrote before version 1.6"}, {"\x80\3", "a Python pickle"}, {"\x80\4", "a Python pickle"},
		{"\x80\5", "a Python pickle"}, {"\x93NUMPY", "an array of numpy"}, {"\x89HDF", "HDF5, as Keras writes it"},
	};
	const char *name = NULL;
	if (b->len >= 30 && memcmp(b->p, "PK\3\4", 4) == 0) {
		/* APPNOTE.TXT 4.3.7: the name of the first member stands at byte 30 */
		size_t n = (unsigned char)b->p[26] | (size_t)(unsigned char)b->p[27] << 8;
		n = n < b->len - 30 ? n : b->len - 30;
		name = n >= 4 && memcmp(b->p + 30 + n - 4, ".npy", 4) == 0 ? "an .npz of numpy"
		       : n >= 4 && memcmp(b->p + 30 + n - 4, ".pkl", 4) == 0 ? "a file of torch.save"
		                                                            : "a zip archive";
	}
	for (size_t i = 0; i < sizeof known / sizeof *known && !name; i++)
		if (b->len >= strlen(known[i].bytes) && memcmp(b->p, known[i].bytes, strlen(known[i].bytes)) == 0)
			name = known[i].name;
	return name ? fail_set(f, "%s, not a safetensors file: vae-model(5), EXAMPLES, has the lines of Python that convert it", name)
	            : fail_set(f, "not a safetensors file, or truncated");
}

int safetensors_parse(struct safetensors *s, struct fail *f)
{
	uint64_t n = 0;
	for (int i = 7; i >= 0 && s->bytes.len >= 8; i--)
		n = n << 8 | (unsigned char)s->bytes.p[i];
	json_error_t e;
	char shown[200];
	int r = 0;
	if (s->bytes.len < 10 || n < 2 || n > SAFETENSORS_MAX_HEADER || n > s->bytes.len - 8)
		r = not_safetensors(&s->bytes, f);
	if (!r) {
		s->data = 8 + (size_t)n;
		s->header = json_parse(s->bytes.p + 8, (size_t)n, JSON_REJECT_DUPLICATES, &e);
		if (!s->header && json_error_code(&e) == json_error_out_of_memory)
			r = fail_memory_for(f, "the header");
		else if (!json_is_object(s->header))
			r = fail_set(f, "the header is not JSON: %s", s->header ? "not an object" : name_show(shown, sizeof shown, e.text));
	}
	struct span *v = calloc(json_object_size(s->header) + 1, sizeof *v);
	if (!r && !v)
		r = fail_memory(f);
	r = r || check_header(s, v, f);
	free(v);
	return r ? -1 : 0;
}

int safetensors_read(struct safetensors *s, const char *path, struct fail *f)
{
	if (safetensors_load(s, path, f))
		return -1;
	if (!safetensors_parse(s, f))
		return 0;
	safetensors_free(s);
	return fail_add(f, "%s", path);
}

static void show_shape(char *out, size_t capacity, int n, const size_t *shape)
{
	size_t at = (size_t)snprintf(out, capacity, "[");
	for (int i = 0; i < n && at < capacity; i++)
		at += (size_t)snprintf(out + at, capacity - at, "%s%zu", i ? ", " : "", shape[i]);
	if (at < capacity)
		snprintf(out + at, capacity - at, "]");
}

int safetensors_get(const struct safetensors *s, const struct tensor *tensor, float *out, struct fail *f)
{
	json_t *t = json_object_get(s->header, tensor->name);
	if (!t)
		return fail_set(f, "tensor '%s' is missing", tensor->name);
	char a[128], b[128];
	const char *dtype = json_string_value(json_object_get(t, "dtype"));
	if (strcmp(dtype, "F32") != 0)
		return fail_set(f, "tensor '%s' is %s; it must be F32", tensor->name, name_show(a, sizeof a, dtype));
	json_t *shape = json_object_get(t, "shape"), *o = json_object_get(t, "data_offsets");
	size_t dims[8] = {0}, n = json_array_size(shape);
	int same = n == (size_t)tensor->ndim;
	for (size_t i = 0; i < n && i < 8; i++) {
		dims[i] = (size_t)json_integer_value(json_array_get(shape, i));
		same &= i < (size_t)tensor->ndim && dims[i] == tensor->shape[i];
	}
	if (!same) {
		show_shape(a, sizeof a, n < 8 ? (int)n : 8, dims);
		show_shape(b, sizeof b, tensor->ndim, tensor->shape);
		return fail_set(f, "tensor '%s' has shape %s; the configuration needs %s", tensor->name, a, b);
	}
	json_int_t from = json_integer_value(json_array_get(o, 0)), to = json_integer_value(json_array_get(o, 1));
	if ((uint64_t)(to - from) != tensor->count * sizeof(float))
		return fail_set(f, "tensor '%s' has %lld bytes, not %zu", tensor->name, (long long)(to - from), tensor->count * sizeof(float));
	if (out)
		memcpy(out, s->bytes.p + s->data + from, tensor->count * sizeof(float));
	return 0;
}

/* Where the values of a tensor begin, from s->data on. */
static size_t offset_of(const struct safetensors *s, const char *name)
{
	return (size_t)json_integer_value(json_array_get(json_object_get(json_object_get(s->header, name), "data_offsets"), 0));
}

float *safetensors_values(const struct safetensors *s, const char *name)
{
	char *at = s->bytes.p + s->data + offset_of(s, name);
	return (uintptr_t)at % _Alignof(float) ? NULL : (float *)(void *)at;
}

float *safetensors_in_place(struct safetensors *s, const struct tensor *t, int n)
{
	enum { BEHIND = 64 };
	size_t at = 0, size = s->bytes.len - s->data;
	for (int i = 0; i < n; at += t[i++].count * sizeof(float))
		if (offset_of(s, t[i].name) != at)
			return NULL;
	if (at != size || size < BUF_PAGES || s->data < BEHIND || (uintptr_t)s->bytes.p % BEHIND)
		return NULL;
	memmove(s->bytes.p, s->bytes.p + s->data, size);
	memset(s->bytes.p + size, 0, BEHIND);
	s->data = 0;
	s->bytes.len = size;
	return (float *)(void *)s->bytes.p;
}

const char *safetensors_metadata(const struct safetensors *s, const char *name)
{
	return s->metadata ? json_string_value(json_object_get(s->metadata, name)) : NULL;
}

/* --- checksums --- */

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* A hash of the metadata's strings, except the checksums, in whatever order they are. */
static int hash_metadata(json_t *metadata, uint64_t *out, struct fail *f)
{
	const char **name = calloc(json_object_size(metadata) + 1, sizeof *name), *key;
	json_t *value;
	size_t n = 0;
	if (!name)
		return fail_memory(f);
	json_object_foreach(metadata, key, value) if (json_is_string(value) && strcmp(key, CHECKSUMS) != 0)
		name[n++] = key;
	qsort(name, n, sizeof *name, by_text);
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		value = json_object_get(metadata, name[i]);
		*out = hash_bytes(name[i], strlen(name[i]), *out);
		*out = hash_bytes(json_string_value(value), json_string_length(value), *out);
	}
	free(name);
	return 0;
}

static int add_checksums(json_t *metadata, const struct tensor *t, int n, const float *const *values, struct fail *f)
{
	struct buf b = {0};
	uint64_t h = 0;
	int r = hash_metadata(metadata, &h, f) || buf_addf(&b, f, ALL_METADATA "=%016" PRIx64, h);
	for (int i = 0; i < n && !r; i++)
		r = buf_addf(&b, f, " %s=%016" PRIx64, t[i].name, hash_bytes(values[i], t[i].count * sizeof **values, 0));
	if (!r && json_object_set_new(metadata, CHECKSUMS, json_string(b.p)))
		r = fail_memory(f);
	buf_free(&b);
	return r ? -1 : 0;
}

/* The hash that the entry NAME=HEX should have. */
static int hash_entry(const struct safetensors *s, const char *name, uint64_t *h, struct fail *f)
{
	char shown[80];
	if (strcmp(name, ALL_METADATA) == 0)
		return hash_metadata(s->metadata, h, f);
	json_t *o = json_object_get(json_object_get(s->header, name), "data_offsets");
	if (!o)
		return fail_set(f, "tensor '%s' has a checksum, but is missing", name_show(shown, sizeof shown, name));
	json_int_t from = json_integer_value(json_array_get(o, 0)), to = json_integer_value(json_array_get(o, 1));
	*h = hash_bytes(s->bytes.p + s->data + from, (size_t)(to - from), 0);
	return 0;
}

/* Whether another entry of the metadata holds checksums: the name of theirs is damaged. */
static int has_lost_checksums(json_t *metadata)
{
	const char *name;
	json_t *value;
	json_object_foreach(metadata, name, value) if (json_is_string(value) && strncmp(json_string_value(value), ALL_METADATA "=", sizeof ALL_METADATA) == 0) return 1;
	return 0;
}

int safetensors_verify(const struct safetensors *s, struct fail *f)
{
	const char *text = safetensors_metadata(s, CHECKSUMS);
	char shown[80], *save = NULL, *copy = text ? strdup(text) : NULL;
	if (!text)
		return has_lost_checksums(s->metadata) ? fail_set(f, "the metadata have no '" CHECKSUMS "', but their text: the file is damaged") : 0;
	size_t tensors = json_object_size(s->header) - (s->metadata ? 1 : 0), found = 0;
	int r = copy ? 1 : fail_memory(f);
	for (char *p = copy ? strtok_r(copy, " ", &save) : NULL; p && r > 0; p = strtok_r(NULL, " ", &save)) {
		char *eq = strrchr(p, '='), *end = p;
		uint64_t h = 0, stored = eq ? strtoull(eq + 1, &end, 16) : 0;
		if (!eq || end != eq + 17) {
			r = fail_set(f, "metadata: '%s' is not a checksum", name_show(shown, sizeof shown, p));
			break;
		}
		*eq = 0;
		found += strcmp(p, ALL_METADATA) != 0;
		if (hash_entry(s, p, &h, f))
			r = -1;
		else if (h != stored)
			r = strcmp(p, ALL_METADATA) == 0 ? fail_set(f, "the metadata do not match their checksum: the file is damaged")
			                                   : fail_set(f, "tensor '%s' does not match its checksum: the file is damaged", name_show(shown, sizeof shown, p));
	}
	if (r > 0 && found < tensors)
		r = fail_set(f, "metadata: %zu checksums for %zu tensors: the file is damaged", found, tensors);
	free(copy);
	return r;
}

void safetensors_free(struct safetensors *s)
{
	json_decref(s->header);
	buf_free(&s->bytes);
	*s = (struct safetensors){.header = NULL};
}

/* Appends the header. Without jansson (2.14), whose json_dumps() silently leaves names out when memory runs out. */
static int write_header(struct buf *out, const struct tensor *t, int n, struct json_t *metadata, struct fail *f)
{
	const char *name, *comma = "";
	json_t *value;
	int r = buf_addf(out, f, "{");
	size_t at = 0;
	for (int i = 0; i < n && !r; i++) {
		size_t end = at + t[i].count * sizeof(float);
		r = buf_addf(out, f, "%s", i ? "," : "") || json_quote(out, t[i].name, strlen(t[i].name), f) || buf_addf(out, f, ":{\"dtype\":\"F32\",\"shape\":[");
		for (int k = 0; k < t[i].ndim && !r; k++)
			r = buf_addf(out, f, "%s%zu", k ? "," : "", t[i].shape[k]);
		r = r || buf_addf(out, f, "],\"data_offsets\":[%zu,%zu]}", at, end);
		at = end;
	}
	if (metadata)
		r = r || buf_addf(out, f, "%s\"__metadata__\":{", n ? "," : "");
	json_object_foreach(metadata, name, value)
	{
		r = r || buf_addf(out, f, "%s", comma) || json_quote(out, name, strlen(name), f) || buf_addf(out, f, ":") ||
		    json_quote(out, json_string_value(value), json_string_length(value), f);
		comma = ",";
	}
	return r || buf_addf(out, f, metadata ? "}}" : "}") ? -1 : 0;
}

int safetensors_write_parts(const char *path, const struct tensor *t, int n, const float *const *values, struct json_t *metadata,
                            struct fail *f)
{
	struct buf text = {0};
	const char *name = path ? path : "standard output";
	if ((metadata && add_checksums(metadata, t, n, values, f)) || write_header(&text, t, n, metadata, f)) {
		buf_free(&text);
		return fail_add(f, "%s", name);
	}
	uint64_t data = 0;
	for (int i = 0; i < n; i++)
		data += t[i].count * sizeof(float);
	if (text.len > SAFETENSORS_MAX_HEADER) {
		size_t len = text.len;
		buf_free(&text);
		return fail_set(f, "%s: a header of %zu bytes, more than the limit of %llu", name, len, SAFETENSORS_MAX_HEADER);
	}
	if (data + text.len + 16 > SAFETENSORS_MAX_BYTES) {
		buf_free(&text);
		return fail_set(f, "%s: %llu bytes of tensors, more than the limit of %llu", name, (unsigned long long)data, SAFETENSORS_MAX_BYTES);
	}
	size_t len = text.len, padded = (len + 7) / 8 * 8; /* the first tensor is aligned to 8 bytes */
	unsigned char head[8];
	for (int i = 0; i < 8; i++)
		head[i] = (unsigned char)((uint64_t)padded >> 8 * i);
	struct atomic_file a;
	int r = atomic_open(&a, path, f);
	if (!r) {
		r = write_all(a.fd, head, 8, f) || write_all(a.fd, text.p, len, f) || write_all(a.fd, "       ", padded - len, f);
		for (int i = 0; i < n && !r; i++)
			r = write_all(a.fd, values[i], t[i].count * sizeof(float), f);
		if (r) {
			atomic_abort(&a);
			r = fail_add(f, "%s", name);
		} else {
			r = atomic_commit(&a, f);
		}
	}
	buf_free(&text);
	return r;
}

int safetensors_write(const char *path, const struct tensor *t, int n, const float *values, struct json_t *metadata,
                      struct fail *f)
{
	const float **at = malloc(((size_t)n + 1) * sizeof *at);
	if (!at)
		return fail_memory(f);
	for (int i = 0; i < n; i++, values += t[i - 1].count)
		at[i] = values;
	int r = safetensors_write_parts(path, t, n, at, metadata, f);
	free(at);
	return r;
}

#include "model/safetensors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

enum { TENSORS = 8 };

/* 1 and the name and shape of a tensor of the header; 0 when struct tensor cannot hold it. */
static int describe(const char *name, json_t *t, struct tensor *out)
{
	json_t *shape = json_object_get(t, "shape");
	size_t n = json_array_size(shape);
	*out = (struct tensor){.ndim = (int)n, .count = 1};
	if (n > 4 || strlen(name) >= sizeof out->name)
		return 0;
	strcpy(out->name, name);
	for (size_t i = 0; i < n; i++) {
		json_int_t d = json_integer_value(json_array_get(shape, i));
		if (d < 0 || d > 1 << 20)
			return 0;
		out->shape[i] = (size_t)d;
		out->count *= (size_t)d;
		if (out->count > 1 << 20)
			return 0;
	}
	return 1;
}

/* Tensors are inside the file; those of float32 are written, and read again to the same bytes. */
int fuzz_safetensors(const uint8_t *data, size_t size)
{
	char path[64];
	struct safetensors s, again;
	struct tensor v[TENSORS];
	struct fail f;
	int n = 0;
	size_t total = 0;
	int fd = fuzz_file(data, size, path);
	if (safetensors_read(&s, path, &f)) {
		CHECK(f.msg[0]);
		close(fd);
		return 0;
	}
	const char *name;
	json_t *t;
	CHECK(s.data <= s.bytes.len);
	safetensors_metadata(&s, "config");
	json_object_foreach(s.header, name, t)
	{
		if (t == s.metadata || n == TENSORS || !describe(name, t, &v[n]))
			continue;
		float *out = malloc(v[n].count * sizeof *out + 1); /* the sanitizer would see one byte too many */
		CHECK(out);
		if (safetensors_get(&s, &v[n], out, &f) == 0 && total + v[n].count < 1 << 16)
			total += v[n++].count;
		free(out);
	}
	float *values = malloc((total + 1) * sizeof *values), *back = malloc((total + 1) * sizeof *back);
	CHECK(values && back);
	size_t at = 0;
	for (int i = 0; i < n; at += v[i++].count)
		CHECK(safetensors_get(&s, &v[i], values + at, &f) == 0);
	CHECK(safetensors_write(fuzz_scratch(), v, n, values, s.metadata, &f) == 0);
	CHECK(safetensors_read(&again, fuzz_scratch(), &f) == 0);
	at = 0;
	for (int i = 0; i < n; at += v[i++].count)
		CHECK(safetensors_get(&again, &v[i], back + at, &f) == 0);
	CHECK(memcmp(values, back, total * sizeof *values) == 0);
	unlink(fuzz_scratch());
	free(values);
	free(back);
	safetensors_free(&s);
	safetensors_free(&again);
	close(fd);
	return 0;
}

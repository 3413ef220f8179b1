/* safetensors.h - the safetensors format: 8 bytes of header length, a JSON header, raw tensors.
 * Float32 only; https://github.com/huggingface/safetensors describes it.
 *
 * Files written here carry checksums in their metadata, which other readers ignore: the string
 * `checksums` has `NAME=HEX` for every tensor, XXH3-64 of its bytes, and one of the other metadata
 * under `__metadata__`, separated by spaces. */
#ifndef VF_SAFETENSORS_H
#define VF_SAFETENSORS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/fail.h"

struct json_t;

struct tensor {
	char name[64];
	int ndim;
	size_t shape[4], count;
};

/* A file in memory. data points into the bytes read; metadata is the header's __metadata__ object
 * (strings by name), or NULL. */
struct safetensors {
	struct buf bytes;
	struct json_t *header, *metadata;
	size_t data; /* where the tensors begin */
};

int safetensors_read(struct safetensors *s, const char *path, struct fail *f);
/* The same in two steps, to tell a file that cannot be read from one that is wrong: after the first one s is to be freed, and
 * the second one's message does not name the file. */
int safetensors_load(struct safetensors *s, const char *path, struct fail *f);
int safetensors_parse(struct safetensors *s, struct fail *f);
/* Finds a tensor of this name and shape and copies it to out, unless that is NULL. A wrong shape
 * names both shapes. */
int safetensors_get(const struct safetensors *s, const struct tensor *want, float *out, struct fail *f);
/* A string of the metadata, or NULL. */
const char *safetensors_metadata(const struct safetensors *s, const char *name);
/* Compares with the checksums: 1 all match, 0 there are none, -1 with what does not. */
int safetensors_verify(const struct safetensors *s, struct fail *f);
void safetensors_free(struct safetensors *s);

/* Writes tensors that lie one behind the other in values; metadata (strings), which may be NULL, gets
 * their checksums. Appears whole or not at all; path NULL: on standard output. */
int safetensors_write(const char *path, const struct tensor *t, int n, const float *values, struct json_t *metadata,
                      struct fail *f);
/* The same of tensors that lie here and there. */
int safetensors_write_parts(const char *path, const struct tensor *t, int n, const float *const *values, struct json_t *metadata,
                            struct fail *f);

#endif

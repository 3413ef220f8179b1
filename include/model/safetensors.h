/* safetensors.h - the safetensors format: 8 bytes of header length, a JSON header, raw tensors.
 * Float32 only; https://github.com/huggingface/safetensors describes it.
 *
 * Files written here have checksums in their metadata, which other readers ignore: the string `checksums` has `NAME=HEX`, XXH3-64 of
 * the bytes, for every tensor and for the other metadata under the name `__metadata__`, separated by spaces. */
#ifndef VF_SAFETENSORS_H
#define VF_SAFETENSORS_H

#include <stddef.h>

#include "base/buf.h"
#include "base/fail.h"

#define SAFETENSORS_MAX_BYTES (16ull << 30)
#define SAFETENSORS_MAX_HEADER (100ull << 20) /* the format's own limit */

struct json_t;

struct tensor {
	char name[64];
	int ndim;
	size_t shape[4], count;
};

/* A file in memory. metadata: the header's __metadata__ object (strings by name), or NULL. */
struct safetensors {
	struct buf bytes;
	struct json_t *header, *metadata;
	size_t data; /* offset of the first tensor in bytes */
};

/* Reads a file, and parses its header. s is to be freed, unless this fails. */
int safetensors_read(struct safetensors *s, const char *path, struct fail *f);
/* The same in two steps, to distinguish a file that cannot be read from one with faults. s must be freed once safetensors_load() has
 * succeeded; the message of safetensors_parse() does not name the file. */
int safetensors_load(struct safetensors *s, const char *path, struct fail *f);
int safetensors_parse(struct safetensors *s, struct fail *f);
/* Copies the tensor of this name and shape to out, unless that is NULL. The message for a wrong shape has both shapes. */
int safetensors_get(const struct safetensors *s, const struct tensor *tensor, float *out, struct fail *f);
/* The values of a tensor in s->bytes, after safetensors_get() of it. NULL: they are not aligned. */
float *safetensors_values(const struct safetensors *s, const char *name);
/* The values of t[n] without a copy, if the file has these tensors alone, in this order, and is large: moved to the beginning of its memory,
 * aligned as pages_alloc() does, and 64 zero bytes behind them. NULL: otherwise. s->bytes still owns them, and what it held before them is
 * lost. After safetensors_get() of each. */
float *safetensors_in_place(struct safetensors *s, const struct tensor *t, int n);
/* A string of the metadata, or NULL; valid as long as s. */
const char *safetensors_metadata(const struct safetensors *s, const char *name);
/* Verifies the checksums: 1 all match, 0 there are none, -1 with the first that does not match, or if a tensor has none. */
int safetensors_verify(const struct safetensors *s, struct fail *f);
void safetensors_free(struct safetensors *s);

/* Writes tensors that are contiguous in values. metadata (strings), unless NULL, gets their checksums. The file appears whole or not at
 * all; path NULL: to standard output. */
int safetensors_write(const char *path, const struct tensor *t, int n, const float *values, struct json_t *metadata,
                      struct fail *f);
/* The same with an address for each tensor. */
int safetensors_write_parts(const char *path, const struct tensor *t, int n, const float *const *values, struct json_t *metadata,
                            struct fail *f);

#endif

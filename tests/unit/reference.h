/* reference.h - reads reference numbers, computed by PyTorch in double, from the directory in the environment variable VAE_REF (see its
 * README). Without it the tests are skipped. */
#ifndef VF_REFERENCE_H
#define VF_REFERENCE_H

#include <jansson.h>

#include "input/npy.h"
#include "naive.h"

static const char *ref, *ref_set; /* the directory, and the set in it: mnist or cifar */
static struct fail f;

static inline json_t *load_json(const char *name)
{
	char path[4096];
	json_error_t e;
	snprintf(path, sizeof path, "%s/%s/%s", ref, ref_set, name);
	json_t *j = json_load_file(path, 0, &e);
	if (!j) {
		fail_set(&f, "%s: %s", path, e.text);
		BAIL(&f);
	}
	return j;
}

/* An array of count values: float32, or uint8 as pixels in [0, 1], to out; float64 to wide. */
static inline void load_npy(const char *name, float *out, double *wide, size_t count)
{
	struct buf b = {0};
	struct npy n;
	char path[4096];
	snprintf(path, sizeof path, "%s/%s/%s", ref, ref_set, name);
	if (buf_read_file(&b, path, 1 << 24, &f) || npy_parse(b.p, b.len, &n, &f))
		BAIL(&f);
	if (n.count != count || (n.type == NPY_F8) != !!wide) {
		fail_set(&f, "%s: %zu numbers of type %d", path, n.count, n.type);
		BAIL(&f);
	}
	for (size_t i = 0; n.type == NPY_U8 && i < count; i++)
		out[i] = (float)((const unsigned char *)n.values)[i] / 255;
	if (n.type == NPY_F4)
		memcpy(out, n.values, count * sizeof *out);
	if (wide)
		memcpy(wide, n.values, count * sizeof *wide);
	buf_free(&b);
}

static inline double number(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

/* Whether there are reference numbers; reports a skip if not. */
static inline int reference_open(const char *set)
{
	ref = getenv("VAE_REF");
	ref_set = set;
	if (!ref || !*ref)
		skip("reference numbers from PyTorch", "set VAE_REF to a directory with reference numbers from PyTorch");
	return ref && *ref;
}

#endif

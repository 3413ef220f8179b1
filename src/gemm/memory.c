/* Aligned arrays, packed matrices, and the scratch of a thread. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/pages.h"
#include "gemm/kernels.h"
#include "gemm/mat.h"

float *mat_floats(size_t n) { return n > SIZE_MAX / sizeof(float) - 16 ? NULL : pages_alloc(n * sizeof(float) + 64); /* never 0 */ }

struct mat_packed *packed_alloc(int n, int k, int pieces, int has_columns, size_t bytes)
{
	struct mat_packed *to = (struct mat_packed *)mat_floats((sizeof *to + bytes + sizeof(float) - 1) / sizeof(float));
	if (to)
		to->n = n, to->k = k, to->pieces = pieces, to->has_columns = has_columns, to->bytes = sizeof *to + bytes;
	return to;
}

/* --- scratch --- */

struct scratch {
	_Alignas(64) size_t bytes;
	_Alignas(64) char v[];
};

static pthread_key_t scratch_key;
static int no_key;
static void make_key(void) { no_key = pthread_key_create(&scratch_key, free) != 0; }

static _Alignas(64) char shared[SCRATCH_MAX];
static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;

static struct scratch *own_scratch(size_t bytes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_key);
	struct scratch *old = no_key ? NULL : pthread_getspecific(scratch_key);
	if (no_key || (old && old->bytes >= bytes))
		return old;
	struct scratch *s = (struct scratch *)mat_floats((sizeof *s + bytes) / sizeof(float) + 1);
	if (!s || pthread_setspecific(scratch_key, s)) {
		free(s);
		return NULL;
	}
	free(old);
	s->bytes = bytes;
	return s;
}

void *scratch_acquire(size_t bytes)
{
	struct scratch *own = own_scratch(bytes);
	if (own)
		return own->v;
	pthread_mutex_lock(&shared_lock);
	return shared;
}

void scratch_release(const void *scratch)
{
	if (scratch == shared)
		pthread_mutex_unlock(&shared_lock);
}

/* noise.h - noise that is given with --eps instead of drawn, to compare with another implementation. */
#ifndef VF_NOISE_H
#define VF_NOISE_H

#include <stdint.h>

#include "base/buf.h"
#include "input/npy.h"

struct noise {
	const char *path; /* NULL: none is given */
	struct buf file;
	struct npy npy;   /* float32 [record][draw][latent], in stream order */
};

/* Nothing where path is NULL. */
int noise_read(struct noise *n, int draws, int latent, struct fail *f);
/* Of records [first, first + count), to [rows][draws][latent], the rest zeros; what: how to call them. */
int noise_copy(const struct noise *n, const char *what, uint64_t first, int count, int rows, float *to, struct fail *f);
void noise_free(struct noise *n);

#endif

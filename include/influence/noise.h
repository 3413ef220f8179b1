/* noise.h - noise read from a file (--eps) instead of drawn, for comparison with another implementation. */
#ifndef VF_NOISE_H
#define VF_NOISE_H

#include <stdint.h>

#include "base/buf.h"
#include "input/npy.h"

struct noise {
	const char *path; /* NULL: noise is drawn */
	struct buf file;
	struct npy npy;   /* float32 [records][draws][latent], in stream order */
};

/* Reads the file and checks its shape; does nothing without a path. */
int noise_read(struct noise *n, int draws, int latent, struct fail *f);
/* eps [rows][draws][latent]: the noise of records [first, first + count), then zeros. what: "records", for messages. */
int noise_copy(const struct noise *n, const char *what, uint64_t first, int count, int rows, float *eps, struct fail *f);
void noise_free(struct noise *n);

#endif

/* deflated.h - how well data compress: their size under zlib's level 6. */
#ifndef VF_DEFLATED_H
#define VF_DEFLATED_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

struct deflated { /* zero it before the first use; it is reused by later calls */
	struct z_stream_s *z;
};

/* Sets *size, in bytes. */
int deflated_size(struct deflated *d, const void *data, size_t len, uint64_t *size, struct fail *f);
void deflated_free(struct deflated *d);

#endif

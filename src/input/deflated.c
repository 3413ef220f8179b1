#include "input/deflated.h"

#include <stdlib.h>
#include <zlib.h>

int deflated_size(struct deflated *d, const void *data, size_t len, uint64_t *size, struct fail *f)
{
	unsigned char out[4096];
	const unsigned char *p = data;
	if (!d->z) {
		d->z = calloc(1, sizeof *d->z);
		if (!d->z || deflateInit(d->z, 6) != Z_OK) {
			free(d->z);
			d->z = NULL;
			return fail_memory(f);
		}
	}
	deflateReset(d->z);
	*size = 0;
	d->z->avail_in = 0;
	for (int end = Z_OK; end != Z_STREAM_END;) {
		if (d->z->avail_in == 0 && len) {
			uInt n = len > (1u << 30) ? 1u << 30 : (uInt)len;
			d->z->next_in = (unsigned char *)p; /* zlib does not write there */
			d->z->avail_in = n;
			p += n;
			len -= n;
		}
		d->z->next_out = out;
		d->z->avail_out = sizeof out;
		end = deflate(d->z, len ? Z_NO_FLUSH : Z_FINISH);
		if (end == Z_STREAM_ERROR)
			return fail_set(f, "cannot compress");
		*size += sizeof out - d->z->avail_out;
	}
	return 0;
}

void deflated_free(struct deflated *d)
{
	if (d->z)
		deflateEnd(d->z);
	free(d->z);
	d->z = NULL;
}

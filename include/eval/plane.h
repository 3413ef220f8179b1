/* plane.h - records whose payload is a point in the plane: an .npy of two numbers. Memory: 24 bytes a record. */
#ifndef VF_PLANE_H
#define VF_PLANE_H

#include <stdint.h>

#include "stream/record.h"

enum { PLANE_MAX_TESTS = 100 };

struct plane {
	const char *class_name; /* set by the caller: see class_of(); NULL: no classes */
	struct plane_point {
		double x, y; /* NAN: the payload is no point */
		int16_t cls; /* in cls; -1: none */
	} *v; /* [n] by position */
	size_t n, cap, without; /* without: records whose payload is no point */
	char **cls; /* [ncls], in the order of the stream */
	size_t ncls;
	struct plane_point test[PLANE_MAX_TESTS]; /* [ntests]: the first test records */
	size_t ntests;
};

/* extensions: of the payload. */
int plane_add(struct plane *p, struct record *r, const char *extensions, struct fail *f);
/* Adds a test record; it is an error if it is no point. */
int plane_add_test(struct plane *p, struct record *r, const char *extensions, struct fail *f);
/* Fails where no record is a point. */
int plane_check(const struct plane *p, struct fail *f);
void plane_free(struct plane *p);

#endif

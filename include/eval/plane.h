/* plane.h - records whose payload is a point in the plane: an .npy of two numbers. Memory: 24 bytes a record. */
#ifndef VF_PLANE_H
#define VF_PLANE_H

#include <stdint.h>

#include "eval/classes.h"

enum { PLANE_MAX_TESTS = 100 };

struct plane {
	struct class_check of_class; /* its name is set by the caller; NULL: no classes */
	struct plane_point {
		double x, y; /* NAN: the payload is not a point */
		int16_t cls; /* index into plane.classes; -1: none */
	} *v; /* [n] by position */
	size_t n, cap, without; /* without: number of records whose payload is not a point */
	struct class_list classes; /* in the order of the stream */
	struct plane_point test[PLANE_MAX_TESTS]; /* [ntests]: the first test records */
	size_t ntests;
};

/* Adds a record. extensions: those of the payload. -1 with a message. */
int plane_add(struct plane *p, struct record *r, const char *extensions, struct fail *f);
/* Adds a test record. Fails if its payload is not a point. */
int plane_add_test(struct plane *p, struct record *r, const char *extensions, struct fail *f);
/* Fails if no record is a point, or none has a class. */
int plane_check(const struct plane *p, struct fail *f);
void plane_free(struct plane *p);

#endif

/* infile.h - reads a file, plain or gzip, from its beginning to its end. */
#ifndef VF_INFILE_H
#define VF_INFILE_H

#include <stddef.h>

#include "base/fail.h"

struct infile;

/* path "-": standard input. */
struct infile *infile_open(const char *path, struct fail *f);
/* Reads n bytes of the uncompressed file; *got is less only at its end. */
int infile_read(struct infile *x, void *to, size_t n, size_t *got, struct fail *f);
/* The path, or "standard input". */
const char *infile_name(const struct infile *x);
void infile_close(struct infile *x);

#endif

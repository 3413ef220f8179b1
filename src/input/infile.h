/* infile.h - a file, plain or gzip, read from its beginning on; "-" is standard input. */
#ifndef VF_INFILE_H
#define VF_INFILE_H

#include <stddef.h>

#include "base/fail.h"

struct infile;
struct infile *infile_open(const char *path, struct fail *f);
/* Up to n bytes of the uncompressed file; fewer only at its end. */
int infile_read(struct infile *x, void *to, size_t n, size_t *got, struct fail *f);
const char *infile_name(const struct infile *x);
void infile_close(struct infile *x);

#endif

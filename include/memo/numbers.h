/* numbers.h - the file that a task leaves: numbers in rows and columns, with what they belong to.
 *
 * A line of text, `vae-memo 1 PLAN MODEL ROWS COLUMNS CHECKSUM`, filled up with spaces to NUMBERS_HEADER bytes, and float64 [rows][columns],
 * little endian. PLAN is a hash of data and settings, CHECKSUM XXH3-64 of the line before it and of the numbers.
 */
#ifndef VF_NUMBERS_H
#define VF_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

enum { NUMBERS_HEADER = 128, NUMBERS_OUT = 4 };

struct numbers {
	char plan[17]; /* hash of data and settings */
	int model;     /* which of them */
	size_t rows;
	int columns;
	int fd;        /* of an opened file */
};

/* The columns of a record. With logp: log p(x) and its standard error at every checkpoint, and with out NUMBERS_OUT scores of the last one, loss,
 * recon, kl and selfinf (NAN for records that the model saw). Without: 1, the loss of a test record. */
int numbers_columns(int logp, int checkpoints, int out);
/* The file appears whole or not at all. */
int numbers_write(const char *path, const struct numbers *n, const double *values, struct fail *f);
/* Opens a file and verifies its checksum, in constant memory. 1; 0 when there is no such file; -1 with the reason. */
int numbers_open(struct numbers *n, const char *path, struct fail *f);
/* out [count][columns]: rows from `first` on. */
int numbers_read(const struct numbers *n, size_t first, size_t count, double *out, struct fail *f);
void numbers_close(struct numbers *n);

#endif

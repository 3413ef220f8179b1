/* csv.h - reads CSV (RFC 4180, with any separator), plain or gzip, row by row. Blank lines and a byte order mark are
 * skipped. Other formats (UTF-16, xlsx), lines that end in \r alone, and NUL bytes are errors that say so. A line ends in \n
 * or \r\n. A row has at most 65536 cells and 64 MiB. */
#ifndef VF_CSV_H
#define VF_CSV_H

#include <stddef.h>

#include "base/fail.h"

struct csv;

/* path "-": standard input. separator: a character. */
struct csv *csv_open(const char *path, int separator, struct fail *f);
/* Reads the next row: 1, 0 at the end, -1. */
int csv_next(struct csv *c, struct fail *f);
/* The number of cells in the row. */
int csv_cells(const struct csv *c);
/* Cell i without its quotes, followed by a NUL; valid until the next row. */
const char *csv_cell(const struct csv *c, int i, size_t *len);
/* The line on which the row begins, from 1. */
size_t csv_line(const struct csv *c);
void csv_close(struct csv *c);

#endif

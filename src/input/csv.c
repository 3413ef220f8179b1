#include "input/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/grow.h"
#include "input/infile.h"

enum { MAX_CELLS = 65536, MAX_ROW = 1 << 26 };

struct csv {
	struct infile *in;
	char block[1 << 16];
	size_t at, len;
	int separator, at_end;
	struct buf text; /* the cells of the row, each followed by a NUL */
	size_t *cell;    /* [n + 1]: their offsets in text */
	int n;
	size_t cap;
	size_t line, next_line;
};

/* What the first bytes say of a file that is no CSV in UTF-8. */
static const char *other_format(const char *p, size_t n)
{
	static const struct { const char *bytes, *what; size_t n; } known[] = {
		{"\xff\xfe", "UTF-16: convert it with iconv -f UTF-16 -t UTF-8", 2},
		{"\xfe\xff", "UTF-16: convert it with iconv -f UTF-16 -t UTF-8", 2},
		{"PK\3\4", "a zip file, as .xlsx and .ods are: save the sheet as CSV", 4},
		{"PAR1", "a Parquet file: convert it to CSV", 4},
		{"\x93NUMPY", "an npy file: --format npy reads it", 6},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (n >= known[i].n && memcmp(p, known[i].bytes, known[i].n) == 0)
			return known[i].what;
	const char *cr = memchr(p, '\r', n);
	return cr && cr + 1 < p + n && !memchr(p, '\n', n) ? "its lines end in CR alone: convert them with tr '\\r' '\\n'" : NULL;
}

struct csv *csv_open(const char *path, int separator, struct fail *f)
{
	struct csv *c = calloc(1, sizeof *c);
	if (!c) {
		fail_memory_for(f, "a CSV file");
		return NULL;
	}
	c->next_line = 1;
	c->separator = separator;
	c->in = infile_open(path, f);
	if (c->in && !infile_read(c->in, c->block, sizeof c->block, &c->len, f)) {
		const char *other = other_format(c->block, c->len);
		if (other) {
			fail_set(f, "%s: %s", infile_name(c->in), other);
			csv_close(c);
			return NULL;
		}
		c->at = c->len >= 3 && memcmp(c->block, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte order mark */
		return c;
	}
	csv_close(c);
	return NULL;
}

/* The next byte, which stays the next: 0..255, -1 at the end, -2 on error. */
static int peek(struct csv *c, struct fail *f)
{
	if (c->at == c->len) {
		c->at = 0;
		if (infile_read(c->in, c->block, sizeof c->block, &c->len, f))
			return -2;
		if (!c->len)
			return -1;
	}
	return (unsigned char)c->block[c->at];
}

static int add_byte(struct csv *c, int byte, struct fail *f)
{
	char one = (char)byte;
	if (c->text.len >= MAX_ROW)
		return fail_set(f, "%s: line %zu: the row has more than %d bytes", infile_name(c->in), c->line, MAX_ROW);
	if (c->text.len + 1 >= c->text.cap || !c->text.p)
		return buf_add(&c->text, &one, 1, f);
	c->text.p[c->text.len++] = one;
	return 0;
}

/* Adds a byte of the file. */
static int add_text(struct csv *c, int byte, struct fail *f)
{
	if (byte)
		return add_byte(c, byte, f);
	return fail_set(f, "%s: line %zu, column %d: a NUL byte: not text, or UTF-16 (iconv -f UTF-16LE -t UTF-8 converts it)", infile_name(c->in), c->line, c->n);
}

static int begin_cell(struct csv *c, struct fail *f)
{
	if (c->n == MAX_CELLS)
		return fail_set(f, "%s: line %zu: the row has more than %d cells", infile_name(c->in), c->line, MAX_CELLS);
	if (grow(&c->cell, &c->cap, (size_t)c->n + 2, "cells", f))
		return -1;
	c->cell[c->n++] = c->text.len;
	return 0;
}

/* Reads up to the closing quote; the opening one has been read. */
static int read_quoted(struct csv *c, struct fail *f)
{
	for (;;) {
		int b = peek(c, f);
		if (b < 0)
			return b == -2 ? -1 : fail_set(f, "%s: line %zu: column %d has no closing quote", infile_name(c->in), c->line, c->n);
		c->at++;
		c->next_line += b == '\n';
		if (b == '"') {
			if ((b = peek(c, f)) == -2)
				return -1;
			if (b != '"')
				return 0;
			c->at++;
		}
		if (add_text(c, b, f))
			return -1;
	}
}

/* Reads a cell and the character that ends it, which it returns: the separator, '\n', -1 at the end of the file; -2 on
 * error. */
static int read_cell(struct csv *c, struct fail *f)
{
	int b = begin_cell(c, f) ? -2 : peek(c, f), closed = b == '"';
	if (closed) {
		c->at++;
		b = read_quoted(c, f) ? -2 : peek(c, f);
	}
	for (; b >= 0; b = peek(c, f)) {
		c->at++;
		if (b == '\r') {
			int next = peek(c, f);
			if (next < 0)
				return next == -2 || add_byte(c, 0, f) ? -2 : -1;
			c->at += next == '\n';
			b = next == '\n' ? '\n' : b; /* without \n it is part of the cell */
		}
		if (b == c->separator || b == '\n')
			break;
		if (closed) {
			fail_set(f, "%s: line %zu: column %d has text after its closing quote", infile_name(c->in), c->line, c->n);
			return -2;
		}
		if (add_text(c, b, f))
			return -2;
	}
	return b != -2 && add_byte(c, 0, f) ? -2 : b;
}

int csv_next(struct csv *c, struct fail *f)
{
	int b, first;
	do {
		c->n = 0;
		c->text.len = 0;
		c->line = c->next_line++;
		if (c->at_end || (first = peek(c, f)) == -1)
			return 0;
		if (first == -2)
			return -1;
		while ((b = read_cell(c, f)) == c->separator)
			;
		if (b == -2)
			return -1;
		c->at_end = b == -1;
	} while (c->n == 1 && first != '"' && c->text.len == 1 && !c->text.p[0]); /* skip a blank line; "" is an empty cell */
	c->cell[c->n] = c->text.len;
	return 1;
}

int csv_cells(const struct csv *c) { return c->n; }
size_t csv_line(const struct csv *c) { return c->line; }

const char *csv_cell(const struct csv *c, int i, size_t *len)
{
	*len = c->cell[i + 1] - c->cell[i] - 1;
	return c->text.p + c->cell[i];
}

void csv_close(struct csv *c)
{
	if (!c)
		return;
	infile_close(c->in);
	buf_free(&c->text);
	free(c->cell);
	free(c);
}

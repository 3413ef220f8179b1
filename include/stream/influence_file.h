/* influence_file.h - the files that --influence of vae-testinf and vae-density writes, and vae-eval, vae-report and vae-testinf --merge read: a line
 * for each test record, a JSON object with `test`, its key, and with the lists `proponents` and `opponents` of objects with `key` and
 * `influence`; or with `error` if it could not be read. vae-testinf(1) has the other names.
 */
#ifndef VF_INFLUENCE_FILE_H
#define VF_INFLUENCE_FILE_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/json.h"
#include "stream/keyset.h"

enum influence_kind { INFLUENCE_PROPONENTS, INFLUENCE_OPPONENTS, INFLUENCE_KINDS };
extern const char *const influence_kind_name[INFLUENCE_KINDS];
/* Bytes of a line, with its newline. */
#define INFLUENCE_MAX_LINE (64u << 20)

struct influence_line {
	json_t *object;
	const char *test;
	const json_t *list[INFLUENCE_KINDS]; /* arrays; NULL: not in the line */
};
/* To be freed with influence_line_free(). Fails unless it is JSON, has a test, and its lists are lists. */
int influence_line_parse(struct influence_line *l, const char *text, size_t len, struct fail *f);
void influence_line_free(struct influence_line *l);

struct influence_entry {
	const json_t *object;
	const char *key; /* escaped */
	double influence;
};
/* Entry i of a list. Fails without a key and an influence. */
int influence_line_entry(const struct influence_line *l, enum influence_kind kind, size_t i, struct influence_entry *out, struct fail *f);

struct influence_file {
	const char *path;           /* borrowed */
	struct influence_line line; /* after influence_file_next(); its object is NULL after the last one */
	uint64_t number;            /* of the line, from 1 */
	struct keyset tests;        /* of the lines before: their tests and methods */
	struct buf key;             /* scratch */
	FILE *in;
	char *text;
	size_t size;
};
/* Close it after a failure too. */
int influence_file_open(struct influence_file *l, const char *path, struct fail *f);
/* Reads the next line. Returns 1, 0 after the last one, or -1, also when its test record has a line of the same method before. */
int influence_file_next(struct influence_file *l, struct fail *f);
/* Puts the file and the number of the line before the message; -1. */
int influence_file_fail(const struct influence_file *l, struct fail *f);
void influence_file_close(struct influence_file *l);

/* Writes a line. Fails if it is longer than what is read. */
int influence_line_write(const struct buf *line, int fd, struct fail *f);

#endif

/* fields.h - the scores of a record: one flat JSON object, kept as the text it came as.
 *
 * A stage adds its names behind what the stage before it wrote; numbers that it does not touch
 * keep their digits. Values are numbers, strings, true, false or null; nested ones are refused.
 */
#ifndef VF_FIELDS_H
#define VF_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/fail.h"

struct field { /* offsets into the text; a string's quotes are not counted, its escapes are left */
	uint32_t name, name_len, value, value_len;
	char type; /* 'n' number, 's' string, 't' true, 'f' false, '0' null */
};

struct fields {
	struct buf text;
	struct field *v;
	size_t n, cap;
};

/* The extension of the member that holds the fields of a record. */
#define FIELDS_EXT "vae.json"
#define FIELDS_MAX_BYTES (1u << 20)
#define FIELDS_MAX 1000

void fields_clear(struct fields *s); /* empty, memory kept */
void fields_free(struct fields *s);

/* Reads an object: 0, or -1 with what is wrong at which byte (then s is empty). */
int fields_parse(struct fields *s, const char *text, size_t len, struct fail *f);
/* Appends the object and a newline. */
int fields_write(const struct fields *s, struct buf *out, struct fail *f);

const struct field *fields_find(const struct fields *s, const char *name);
/* 1 and *value, or 0 when there is no such field or it is no number. */
int fields_number(const struct fields *s, const char *name, double *value);
/* A string field unescaped (or any other value as its text), appended to out: 1, 0 when missing, -1. */
int fields_string(const struct fields *s, const char *name, struct buf *out, struct fail *f);

/* Set or replace. Reals get 9 significant digits; NaN and Inf are refused. */
int fields_set_real(struct fields *s, const char *name, double value, struct fail *f);
int fields_set_int(struct fields *s, const char *name, int64_t value, struct fail *f);
int fields_set_string(struct fields *s, const char *name, const char *value, struct fail *f);
void fields_remove(struct fields *s, const char *name);
void fields_remove_prefix(struct fields *s, const char *prefix);
void fields_remove_numbered(struct fields *s, const char *prefix); /* the prefix and digits */
int fields_keep(struct fields *s, const char *name); /* removes all others; 1 when it was there */

/* Appends a string as JSON, quotes included; bytes that are not UTF-8 as name_escape() has them. */
int json_quote(struct buf *out, const char *p, size_t n, struct fail *f);

#endif

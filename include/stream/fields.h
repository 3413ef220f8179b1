/* fields.h - the fields of a record: the flat JSON object in its member KEY.vae.json.
 *
 * Each tool appends its fields after those of earlier tools, and values it does not set keep their text, digit by digit.
 * Values are numbers, strings, true, false and null; arrays and objects are refused.
 */
#ifndef VF_FIELDS_H
#define VF_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "stream/json_text.h"

/* The extension of the member that holds the fields of a record. */
#define FIELDS_EXT "vae.json"
#define FIELDS_MAX_BYTES (1u << 20)
#define FIELDS_MAX 1000

struct field { /* offsets and lengths in the text; of strings without their quotes */
	uint32_t name, name_len;           /* escapes decoded */
	uint32_t written, written_len;     /* the name as it was written */
	uint32_t value, value_len;         /* a string's escapes are not decoded */
	char type; /* 'n' number, 's' string, 't' true, 'f' false, '0' null */
};

struct fields { /* zeros: no fields */
	struct buf text;
	struct field *v; /* [n], in order */
	size_t n, cap;
};

void fields_clear(struct fields *s); /* removes all, keeps the memory */
void fields_free(struct fields *s);

/* Parses an object; -1 with a message that gives the byte, and s is empty. */
int fields_parse(struct fields *s, const char *text, size_t len, struct fail *f);
/* Appends the object and a newline to `out`. Fails above FIELDS_MAX_BYTES, which fields_parse() would refuse. */
int fields_write(const struct fields *s, struct buf *out, struct fail *f);

/* The field of this name, or NULL. */
const struct field *fields_find(const struct fields *s, const char *name);
/* 1 and *value, or 0 if there is no such field or it is not a finite number. */
int fields_number(const struct fields *s, const char *name, double *value);
/* Appends the decoded string, or the text of another value, to `out`: 1, 0 if there is no such field, -1. */
int fields_string(const struct fields *s, const char *name, struct buf *out, struct fail *f);

/* Set a field or replace its value. Reals get 9 significant digits; NaN and infinities are refused. */
int fields_set_real(struct fields *s, const char *name, double value, struct fail *f);
int fields_set_int(struct fields *s, const char *name, int64_t value, struct fail *f);
int fields_set_string(struct fields *s, const char *name, const char *value, struct fail *f);
void fields_remove(struct fields *s, const char *name);
/* Removes the fields whose name begins with prefix. */
void fields_remove_prefix(struct fields *s, const char *prefix);
/* Removes the fields whose name is the prefix followed by digits alone. */
void fields_remove_numbered(struct fields *s, const char *prefix);
/* Removes all fields but this one; 1 if it exists, else 0. */
int fields_keep(struct fields *s, const char *name);

#endif

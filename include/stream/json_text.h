/* json_text.h - JSON strings (RFC 8259): writes and reads their text.
 */
#ifndef VF_JSON_TEXT_H
#define VF_JSON_TEXT_H

#include "base/buf.h"

/* Appends a string, with its quotes; bytes that are not UTF-8 are escaped as name_escape() does. */
int json_quote(struct buf *out, const char *p, size_t n, struct fail *f);
/* Appends "name":"text" behind a prefix: "{" or ",". */
int json_text(struct buf *out, const char *prefix, const char *name, const char *text, struct fail *f);
/* Appends what a valid string means. p [n]: its text without the quotes. Half a surrogate pair becomes U+FFFD. */
int json_unquote(struct buf *out, const char *p, size_t n, struct fail *f);
/* The number of four hexadecimal digits, or -1. n: bytes at p. */
int json_hex4(const char *p, size_t n);

#endif

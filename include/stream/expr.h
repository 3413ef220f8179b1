/* expr.h - conditions on a record's fields: `cls > 100`, `selfinf >= 2e5 && !(key == "a/1")`.
 *
 *   or := and { "||" and }     and := not { "&&" not }     not := "!" not | "(" or ")" | compare
 *   compare := value [ (== != < <= > >=) value | (~ !~) "pattern" ]           value := number | "string" | name
 *
 * A name is a field, `key`, `cls` or `json.NAME` (stream/metadata.h). Two numbers are compared as numbers; all other values, and always a
 * quoted "string", as text, byte by byte. A value alone is true unless it is 0, false, null or empty. `~` is true if the pattern matches
 * the whole text: `*` is any text, `?` one character, [a-z] and [!a-z] one byte in or not in the set.
 *
 * The logic has three values (Kleene 1938). A comparison with a missing field is unknown, and so is its negation. `&&` and
 * `||` are known where one side decides. Only what is true matches, so a missing field never matches, even under negation.
 * A name alone, as `error` in `z > 5 || error`, asks whether it is there and true: that it is missing is reported apart.
 */
#ifndef VF_EXPR_H
#define VF_EXPR_H

#include "stream/record.h"

struct expr;

enum expr_missing { EXPR_COMPARED = 1 /* a comparison or a negation lacks a name */, EXPR_ALONE = 2 /* only a name alone is missing */ };

/* NULL with a message that gives the column. */
struct expr *expr_parse(const char *text, struct fail *f);
/* 1 if the condition is true of the record, 0 if it is false or unknown, -1 if the fields cannot be parsed. If it is unknown, sets *missing
 * to an enum expr_missing; else leaves it as it is. */
int expr_match(const struct expr *e, struct record *r, int *missing, struct fail *f);
/* Whether the pattern of ~ matches the whole text [n]. */
int expr_like(const char *pattern, const char *text, size_t n);
void expr_free(struct expr *e);

#endif

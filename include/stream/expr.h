/* expr.h - conditions on a record's fields: `cls > 100`, `selfinf >= 2e5 && !(key == "a/1")`.
 *
 *   or := and { "||" and }     and := not { "&&" not }     not := "!" not | "(" or ")" | compare
 *   compare := value [ (== != < <= > >=) value ]           value := number | "string" | name
 *
 * A name is a field, `key` or `cls`. Two numbers are compared as numbers; all other values, and always a quoted "string", as
 * text, byte by byte. A value alone is true unless it is 0, false, null or empty.
 *
 * The logic has three values (Kleene 1938). A comparison with a missing field is unknown, and so is its negation. `&&` and
 * `||` are known where one side decides. Only what is true matches, so a missing field never matches, even under negation.
 */
#ifndef VF_EXPR_H
#define VF_EXPR_H

#include "stream/record.h"

struct expr;

/* NULL with a message that gives the column. */
struct expr *expr_parse(const char *text, struct fail *f);
/* 1 if the condition is true of the record, 0 if it is false or unknown, -1 if the fields cannot be parsed. Sets *missing
 * to 1 if it is unknown. */
int expr_match(const struct expr *e, struct record *r, int *missing, struct fail *f);
void expr_free(struct expr *e);

#endif

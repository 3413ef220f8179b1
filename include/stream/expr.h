/* expr.h - conditions over a record's fields: `cls > 100`, `selfinf >= 2e5 && !(key == "a/1")`.
 *
 *   or := and { "||" and }     and := not { "&&" not }     not := "!" not | "(" or ")" | compare
 *   compare := value [ (== != < <= > >=) value ]           value := number | "string" | name
 *
 * A name is a field, `key` or `cls`. Two numbers compare as numbers, anything else as text, and so does
 * a "string" always. A value alone is true when it is neither 0, false, null nor empty. What a missing
 * name is part of is unknown, and so is its negation; `&&` and `||` are known where the other side
 * decides (Kleene 1938). Only what is known to be true matches: a missing field never does.
 */
#ifndef VF_EXPR_H
#define VF_EXPR_H

#include "stream/record.h"

struct expr;

/* NULL with the column of what is wrong. */
struct expr *expr_parse(const char *text, struct fail *f);
/* 1 true, 0 false or unknown, -1 when the fields cannot be read; *missing is set to 1 when it is
 * unknown, for a name was missing. */
int expr_match(const struct expr *e, struct record *r, int *missing, struct fail *f);
void expr_free(struct expr *e);

#endif

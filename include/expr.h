/* expr.h - conditions over a record's fields: `cls > 100`, `selfinf >= 2e5 && !(key == "a/1")`.
 *
 *   or := and { "||" and }     and := not { "&&" not }     not := "!" not | "(" or ")" | compare
 *   compare := value [ (== != < <= > >=) value ]           value := number | "string" | name
 *
 * A name is a field, `key` or `cls`. Two numbers compare as numbers, else both as text. A comparison
 * with a missing name is false (also under !=), and the whole record counts as missing something.
 * A value alone is true when it is there and neither 0, false, null nor empty.
 */
#ifndef VF_EXPR_H
#define VF_EXPR_H

#include "record.h"

struct expr;

/* NULL with the column of what is wrong. */
struct expr *expr_parse(const char *text, struct fail *f);
/* 1 true, 0 false, -1 when the fields cannot be read; *missing is set to 1 when a name was missing. */
int expr_match(const struct expr *e, struct record *r, int *missing, struct fail *f);
void expr_free(struct expr *e);

#endif

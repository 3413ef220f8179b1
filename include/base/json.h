/* json.h - JSON texts, by jansson, also where memory runs out.
 *
 * jansson (2.14) goes on after a failed allocation: it leaves values out, or writes behind a buffer that did not grow. Here parsing ends
 * with the allocation. What it had built until then is lost: the tool ends.
 */
#ifndef VF_JSON_H
#define VF_JSON_H

#include <jansson.h>

/* json_loadb(). NULL where the text has a fault or memory is out: json_error_code(e) distinguishes them. */
json_t *json_parse(const char *text, size_t len, size_t flags, json_error_t *e);

#endif

/* json.h - JSON texts, by jansson, also where memory runs out.
 *
 * jansson (2.14) goes on after a failed allocation: it leaves values out, or writes behind a buffer that did not grow. Here parsing ends
 * with the failed allocation. What jansson had allocated until then is not freed, because the tool ends.
 */
#ifndef VF_JSON_H
#define VF_JSON_H

#include <jansson.h>

/* json_loadb(): flags are jansson's, and the caller frees the value by json_decref(). NULL if the text has a fault or memory is out:
 * json_error_code(e) distinguishes them. */
json_t *json_parse(const char *text, size_t len, size_t flags, json_error_t *e);

#endif

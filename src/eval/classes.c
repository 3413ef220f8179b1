#include "eval/classes.h"

#include <string.h>

#include "stream/name.h"

int class_of_key(const char *key, size_t len, struct buf *out, struct fail *f)
{
	while (len && key[len - 1] != '/')
		len--;
	if (!len)
		return 0;
	return buf_add(out, key, len - 1, f) ? -1 : 1;
}

int class_of(struct record *r, const char *name, struct buf *out, struct fail *f)
{
	if (!name || strcmp(name, CLASS_OF_KEY) != 0)
		return record_value(r, name ? name : "cls", out, f);
	struct buf key = {0};
	int got = name_escape(&key, r->key.p, r->key.len, f) ? -1 : class_of_key(key.p, key.len, out, f);
	buf_free(&key);
	return got;
}

#include "stream/influence_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "stream/name.h"

const char *const influence_kind_name[INFLUENCE_KINDS] = {"proponents", "opponents"};

/* --- a line --- */

static int read_names(struct influence_line *l, struct fail *f)
{
	l->test = json_string_value(json_object_get(l->object, "test"));
	if (!l->test)
		return fail_set(f, "no \"test\" with the key of a test record");
	for (int kind = 0; kind < INFLUENCE_KINDS; kind++) {
		l->list[kind] = json_object_get(l->object, influence_kind_name[kind]);
		if (l->list[kind] && !json_is_array(l->list[kind]))
			return fail_set(f, "\"%s\" is not a list", influence_kind_name[kind]);
	}
	return 0;
}

int influence_line_parse(struct influence_line *l, const char *text, size_t len, struct fail *f)
{
	json_error_t e;
	*l = (struct influence_line){.object = json_parse(text, len, 0, &e)};
	if (!l->object && json_error_code(&e) == json_error_out_of_memory)
		return fail_memory_for(f, "a line of %zu bytes", len);
	if (!l->object)
		return fail_set(f, "not JSON: %.200s", e.text);
	if (!read_names(l, f))
		return 0;
	influence_line_free(l);
	return -1;
}

void influence_line_free(struct influence_line *l)
{
	json_decref(l->object);
	*l = (struct influence_line){.object = NULL};
}

int influence_line_entry(const struct influence_line *l, enum influence_kind kind, size_t i, struct influence_entry *out, struct fail *f)
{
	const json_t *o = json_array_get(l->list[kind], i), *key = json_object_get(o, "key"), *value = json_object_get(o, "influence");
	if (!json_is_string(key) || !json_is_number(value))
		return fail_set(f, "\"%s\", entry %zu: requires a \"key\" (text) and an \"influence\" (number)", influence_kind_name[kind], i + 1);
	*out = (struct influence_entry){o, json_string_value(key), json_number_value(value)};
	return 0;
}

int influence_line_write(const struct buf *line, int fd, struct fail *f)
{
	if (line->len > INFLUENCE_MAX_LINE)
		return fail_set(f, "the line of a test record has %zu bytes, more than the limit of %u: use a smaller --top", line->len, INFLUENCE_MAX_LINE);
	return write_all(fd, line->p, line->len, f);
}

/* --- a file --- */

int influence_file_open(struct influence_file *l, const char *path, struct fail *f)
{
	*l = (struct influence_file){.path = path, .in = fopen(path, "re")};
	return l->in ? 0 : fail_errno(f, "%s", path);
}

/* A file that was appended to itself, or to another one, would count its test records twice. */
static int add_test(struct influence_file *l, struct fail *f)
{
	char shown[200];
	const char *method = json_string_value(json_object_get(l->line.object, "method"));
	l->key.len = 0;
	if (buf_add(&l->key, l->line.test, strlen(l->line.test) + 1, f) || (method && buf_add(&l->key, method, strlen(method), f)))
		return -1;
	int added = keyset_add(&l->tests, l->key.p, l->key.len, f);
	return added ? (added < 0 ? -1 : 0) : fail_set(f, "the test record '%s' has a line before this one", name_show(shown, sizeof shown, l->line.test));
}

int influence_file_next(struct influence_file *l, struct fail *f)
{
	influence_line_free(&l->line);
	l->number++;
	ssize_t len = getline(&l->text, &l->size, l->in);
	if (len < 0 && feof(l->in))
		return 0;
	if (len < 0) /* getline() does not set the stream's error when memory runs out */
		return fail_errno(f, "%s", l->path);
	if ((size_t)len > INFLUENCE_MAX_LINE)
		fail_set(f, "longer than %u bytes", INFLUENCE_MAX_LINE);
	else if (!influence_line_parse(&l->line, l->text, (size_t)len, f) && !add_test(l, f))
		return 1;
	return influence_file_fail(l, f);
}

int influence_file_fail(const struct influence_file *l, struct fail *f) { return fail_add(f, "%s: line %" PRIu64, l->path, l->number); }

void influence_file_close(struct influence_file *l)
{
	influence_line_free(&l->line);
	keyset_free(&l->tests);
	buf_free(&l->key);
	free(l->text);
	if (l->in)
		fclose(l->in);
	*l = (struct influence_file){.in = NULL};
}

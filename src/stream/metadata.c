#include "stream/metadata.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "stream/fields.h"

enum { NOT_READ, READ, BAD }; /* metadata.state */

static const char prefix[] = "json.";

int metadata_is_name(const char *name) { return strncmp(name, prefix, sizeof prefix - 1) == 0; }

int metadata_is_bad(const struct metadata *m) { return m->state == BAD; }

void metadata_clear(struct metadata *m)
{
	json_decref(m->root);
	*m = (struct metadata){0};
}

/* Appends the text with an exponent behind each integer that 64 bits do not hold, which makes it a real number; others stay as they are. */
static int exponents(struct buf *out, const struct buf *text, struct fail *f)
{
	int quoted = 0;
	size_t done = 0, len = text->len;
	const char *p = text->p;
	for (size_t i = 0, end; i < len; i = end) {
		end = i + 1;
		if (quoted)
			end += p[i] == '\\';
		quoted ^= p[i] == '"';
		if (quoted || !(p[i] == '-' || (p[i] >= '0' && p[i] <= '9')))
			continue;
		while (end < len && p[end] >= '0' && p[end] <= '9')
			end++;
		errno = 0;
		(void)strtoll(p + i, NULL, 10); /* a NUL follows the text */
		if (errno != ERANGE || (end < len && strchr(".eE", p[end])))
			end += end < len && strchr(".eE", p[end]) ? strspn(p + end, ".eE+-0123456789") : 0;
		else if (buf_add(out, p + done, end - done, f) || buf_add(out, "e0", 2, f))
			return -1;
		else
			done = end;
	}
	return buf_add(out, p + done, len - done, f);
}

static int parse(struct metadata *m, const struct buf *member, struct fail *f)
{
	json_error_t error;
	m->state = member ? BAD : READ;
	if (!member || !member->len || member->len > METADATA_MAX_BYTES)
		return 0;
	json_t *root = json_parse(member->p, member->len, JSON_ALLOW_NUL, &error);
	if (!root && json_error_code(&error) == json_error_numeric_overflow) { /* an integer above 2^63 */
		struct buf text = {0};
		if (exponents(&text, member, f)) {
			buf_free(&text);
			return -1;
		}
		root = json_parse(text.p, text.len, JSON_ALLOW_NUL, &error);
		buf_free(&text);
	}
	if (!root && json_error_code(&error) == json_error_out_of_memory)
		return fail_memory_for(f, "the member json");
	if (!json_is_object(root)) {
		json_decref(root);
		return 0;
	}
	m->root = root;
	m->state = READ;
	return 0;
}

/* The value that the path names, or NULL. */
static const json_t *find(const json_t *v, const char *path)
{
	const json_t *found = json_object_get(v, path);
	while (!found && v && *path) {
		size_t len = strcspn(path, ".");
		if (json_is_array(v)) {
			char *end = NULL;
			unsigned long i = *path >= '0' && *path <= '9' ? strtoul(path, &end, 10) : 0;
			v = end == path + len ? json_array_get(v, i) : NULL;
		} else {
			v = json_object_getn(v, path, len);
		}
		if (!path[len])
			return v;
		path += len + 1;
	}
	return found;
}

/* Parses the member if that was not done: 1 and *v, 0 if the value is missing, -1. */
static int get(struct metadata *m, const struct buf *member, const char *name, const json_t **v, struct fail *f)
{
	if (!metadata_is_name(name))
		return 0;
	if (m->state == NOT_READ && parse(m, member, f))
		return -1;
	*v = find(m->root, name + sizeof prefix - 1);
	return json_is_string(*v) || json_is_boolean(*v) || (json_is_number(*v) && isfinite(json_number_value(*v)));
}

/* The shortest decimal that is read back as the same number; 0 for -0, which as JSON is the integer 0. */
static int add_real(struct buf *out, double value, struct fail *f)
{
	char t[40];
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(t, sizeof t, "%.*g", digits, value + 0.0);
		if (strtod(t, NULL) == value) /* NOLINT(clang-analyzer-*) equal, not near */
			break;
	}
	return buf_add(out, t, strlen(t), f);
}

static int add_scalar(struct buf *out, const json_t *v, struct fail *f)
{
	if (json_is_integer(v))
		return buf_addf(out, f, "%lld", (long long)json_integer_value(v));
	if (json_is_real(v))
		return add_real(out, json_real_value(v), f);
	return buf_addf(out, f, "%s", json_is_true(v) ? "true" : "false");
}

int metadata_text(struct metadata *m, const struct buf *member, const char *name, struct buf *out, struct fail *f)
{
	const json_t *v = NULL;
	int got = get(m, member, name, &v, f);
	if (got <= 0)
		return got;
	int bad = json_is_string(v) ? buf_add(out, json_string_value(v), json_string_length(v), f) : add_scalar(out, v, f);
	return bad ? -1 : 1;
}

int metadata_json(struct metadata *m, const struct buf *member, const char *name, struct buf *out, struct fail *f)
{
	const json_t *v = NULL;
	int got = get(m, member, name, &v, f);
	if (got <= 0)
		return got;
	int bad = json_is_string(v) ? json_quote(out, json_string_value(v), json_string_length(v), f) : add_scalar(out, v, f);
	return bad ? -1 : 1;
}

int metadata_number(struct metadata *m, const struct buf *member, const char *name, double *value, struct fail *f)
{
	const json_t *v = NULL;
	int got = get(m, member, name, &v, f);
	if (got <= 0 || !json_is_number(v))
		return got < 0 ? -1 : 0;
	*value = json_number_value(v);
	return 1;
}

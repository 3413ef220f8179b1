#include "rank/provenance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/name.h"

enum { MAX_PREFIX = 256 };

/* The length of the longest prefix P of the field for which the record has Psuffix; -1 if there is none. */
static int longest_prefix(const struct fields *s, const char *field, const char *suffix)
{
	size_t most = strlen(field), k = strlen(suffix);
	int longest = -1;
	for (size_t i = 0; i < s->n; i++) {
		const struct field *v = &s->v[i];
		const char *name = s->text.p + v->name;
		size_t n = v->name_len - k;
		if (v->name_len >= k && n <= most && n <= MAX_PREFIX && (int)n > longest && memcmp(name + n, suffix, k) == 0 && memcmp(name, field, n) == 0)
			longest = (int)n;
	}
	return longest;
}

/* Model and options of a field; the caller frees them. NULL: the record has none. */
static int read_provenance(const struct fields *s, const char *field, char **model, char **options, struct fail *f)
{
	static const char *const suffix[] = {"model", "options"};
	int prefix[2] = {longest_prefix(s, field, suffix[0]), longest_prefix(s, field, suffix[1])};
	*model = *options = NULL;
	for (int i = 0; i < 2; i++) {
		char name[300];
		struct buf b = {0};
		if (prefix[i] < 0 || prefix[i] < prefix[!i]) /* not written together with the other */
			continue;
		snprintf(name, sizeof name, "%.*s%s", prefix[i], field, suffix[i]);
		if (fields_string(s, name, &b, f) < 0 || buf_add(&b, "", 0, f)) { /* allocates the NUL of an empty string */
			buf_free(&b);
			return -1;
		}
		*(i ? options : model) = b.p;
	}
	return 0;
}

int provenance_same(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static int check_text(const struct provenance *o, const char *field, const char *what, const char *got, const char *expected, struct fail *f)
{
	char a[80], b[80], name[80];
	if (provenance_same(got, expected))
		return 0;
	return fail_set(f, "the field '%s' has %s '%s', and %s '%s'", name_show(name, sizeof name, field), what,
	                got ? name_show(a, sizeof a, got) : "(none)", o->holder, expected ? name_show(b, sizeof b, expected) : "(none)");
}

int provenance_check(struct provenance *o, const struct criterion *c, const struct fields *s, struct fail *f)
{
	for (int i = 0; i < c->joint.p; i++) {
		char *model, *options;
		if (isnan(c->v[i])) /* the record does not have this field */
			continue;
		if (read_provenance(s, c->field[i], &model, &options, f)) {
			free(model);
			return -1;
		}
		if (!o->known[i]) {
			o->model[i] = model;
			o->options[i] = options;
			o->known[i] = 1;
			continue;
		}
		int bad = check_text(o, c->field[i], "model", model, o->model[i], f) || check_text(o, c->field[i], "options", options, o->options[i], f);
		free(model);
		free(options);
		if (bad)
			return -1;
	}
	return 0;
}

void provenance_free(struct provenance *o)
{
	for (int i = 0; i < JOINT_MAX_FIELDS; i++) {
		free(o->model[i]);
		free(o->options[i]);
		o->model[i] = o->options[i] = NULL;
	}
}

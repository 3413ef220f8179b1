#include "rank/reference.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "stream/name.h"

#define FORMAT "vae-rank reference 1"
#define MAX_FILE (64u << 20)
#define MAX_RECORDS 1000000000000 /* ranks times kept values fit 64 bits */

/* the file's end: these, 16 hexadecimal digits, and the rest */
static const char hash_name[] = "\"hash\":\"", hash_end[] = "\"}\n";
enum { HASH_DIGITS = 16, HASH_TAIL = sizeof hash_name - 1 + HASH_DIGITS + sizeof hash_end - 1 };

/* --- where scores come from --- */

/* The longest P that the field begins with and the record has a P`what`: its length, -1 where there is none. */
static int nearest(const struct fields *s, const char *field, const char *what)
{
	size_t most = strlen(field), k = strlen(what);
	int longest = -1;
	for (size_t i = 0; i < s->n; i++) {
		const struct field *v = &s->v[i];
		const char *name = s->text.p + v->name;
		size_t n = v->name_len - k;
		if (v->name_len >= k && n <= most && n <= 256 && (int)n > longest && memcmp(name + n, what, k) == 0 && memcmp(name, field, n) == 0)
			longest = (int)n;
	}
	return longest;
}

/* Model and options of a field, owned by the caller; NULL where there are none. */
static int origin_of(const struct fields *s, const char *field, char **model, char **options, struct fail *f)
{
	static const char *const what[] = {"model", "options"};
	int at[2] = {nearest(s, field, what[0]), nearest(s, field, what[1])};
	*model = *options = NULL;
	for (int i = 0; i < 2; i++) {
		char name[300];
		struct buf b = {0};
		if (at[i] < 0 || at[i] < at[!i])
			continue;
		snprintf(name, sizeof name, "%.*s%s", at[i], field, what[i]);
		if (fields_string(s, name, &b, f) < 0 || buf_add(&b, "", 0, f)) { /* an empty string has its NUL too */
			buf_free(&b);
			return -1;
		}
		*(i ? options : model) = b.p;
	}
	return 0;
}

static int equal(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static int differs(const char *whose, const char *field, const char *what, const char *theirs, const char *ours, struct fail *f)
{
	char a[80], b[80], name[80];
	return fail_set(f, "the field '%s' has %s '%s', and %s '%s'", name_show(name, sizeof name, field), what,
	                theirs ? name_show(a, sizeof a, theirs) : "(none)", whose, ours ? name_show(b, sizeof b, ours) : "(none)");
}

int provenance_check(struct provenance *o, const struct criterion *b, const struct fields *s, struct fail *f)
{
	for (int i = 0; i < b->joint.p; i++) {
		char *model, *options;
		if (origin_of(s, b->field[i], &model, &options, f)) {
			free(model);
			return -1;
		}
		if (!o->known) {
			o->model[i] = model;
			o->options[i] = options;
			continue;
		}
		int r = 0;
		if (!equal(model, o->model[i]))
			r = differs(o->whose, b->field[i], "model", model, o->model[i], f);
		else if (!equal(options, o->options[i]))
			r = differs(o->whose, b->field[i], "options", options, o->options[i], f);
		free(model);
		free(options);
		if (r)
			return r;
	}
	o->known = 1;
	return 0;
}

void provenance_free(struct provenance *o, int p)
{
	for (int i = 0; i < p; i++) {
		free(o->model[i]);
		free(o->options[i]);
		o->model[i] = o->options[i] = NULL;
	}
}

/* --- writing --- */

static int add_text(struct buf *b, const char *s, struct fail *f)
{
	return s ? json_quote(b, s, strlen(s), f) : buf_addf(b, f, "null");
}

static int add_texts(struct buf *b, const char *name, char *const *v, int n, struct fail *f)
{
	int r = buf_addf(b, f, "\"%s\":[", name);
	for (int i = 0; i < n && !r; i++)
		r = buf_addf(b, f, i ? "," : "") || add_text(b, v[i], f);
	return r || buf_addf(b, f, "],\n") ? -1 : 0;
}

static int add_numbers(struct buf *b, const char *name, const double *v, int n, struct fail *f)
{
	int r = buf_addf(b, f, "\"%s\":[", name);
	for (int i = 0; i < n && !r; i++)
		r = buf_addf(b, f, i ? ",%.17g" : "%.17g", v[i]);
	return r || buf_addf(b, f, "]") ? -1 : 0;
}

static int add_values(struct buf *b, const struct quantiles *q, struct fail *f)
{
	int r = buf_addf(b, f, "[");
	for (size_t i = 0; i < q->n && !r; i++)
		r = buf_addf(b, f, i ? ",\n%.17g" : "%.17g", q->value[i]);
	return r || buf_addf(b, f, "]") ? -1 : 0;
}

static int add_mcd(struct buf *b, const struct mcd *m, struct fail *f)
{
	int r = buf_addf(b, f, "\"axes\":[");
	for (int i = 0; i < m->p && !r; i++)
		r = buf_addf(b, f, "%s{\"form\":\"%s\",\"unit\":%.17g,\"median\":%.17g,\"spread\":%.17g}", i ? ",\n" : "",
		             m->axis[i].form == MCD_LOG ? "log" : "asinh", m->axis[i].unit, m->axis[i].median, m->axis[i].spread);
	return r || buf_addf(b, f, "],\n") || add_numbers(b, "centre", m->centre, m->used, f) || buf_addf(b, f, ",\n") ||
	                       add_numbers(b, "scatter", m->scatter, m->used * m->used, f) ? -1 : 0;
}

static int add_tails(struct buf *b, const struct joint *j, struct fail *f)
{
	int r = buf_addf(b, f, "\"fields\":[");
	for (int i = 0; i < j->p && !r; i++)
		r = buf_addf(b, f, i ? ",\n" : "") || add_values(b, &j->tail[i], f);
	return r || buf_addf(b, f, "]") ? -1 : 0;
}

static int add_joint(struct buf *b, const struct joint *j, struct fail *f)
{
	int r = buf_addf(b, f, "\"joint\":{\"kind\":\"%s\",\n", joint_names[j->kind]) ||
	        (j->kind == JOINT_TAILS ? add_tails(b, j, f) : add_mcd(b, &j->mcd, f));
	return r || buf_addf(b, f, "},\n") ? -1 : 0;
}

int reference_write(const struct ranking *r, const struct criterion *b, const struct provenance *o, struct atomic_file *to, struct fail *f)
{
	struct buf t = {0};
	struct quantiles q = {.n = quantiles_size(r->scored), .records = r->scored};
	if (!q.n)
		return fail_set(f, "there are no records to make a reference of");
	q.value = malloc(q.n * sizeof *q.value);
	if (!q.value)
		return fail_memory(f);
	for (size_t i = 0; i < q.n; i++)
		q.value[i] = r->v[r->scored - 1 - quantiles_rank(&q, i)].value;
	int bad = buf_addf(&t, f, "{\"format\":\"%s\",\n\"rank_by\":", FORMAT) || add_text(&t, b->text, f) ||
	          buf_addf(&t, f, ",\n") || add_texts(&t, "model", o->model, b->joint.p, f) ||
	          add_texts(&t, "options", o->options, b->joint.p, f) ||
	          (b->joint.p > 1 && add_joint(&t, &b->joint, f)) ||
	          buf_addf(&t, f, "\"records\":%zu,\n\"median\":%.17g,\n\"spread\":%.17g,\n\"values\":", r->scored, r->median, r->spread) ||
	          add_values(&t, &q, f) || buf_addf(&t, f, ",\n");
	free(q.value);
	if (!bad)
		bad = buf_addf(&t, f, "%s%016" PRIx64 "%s", hash_name, (uint64_t)XXH3_64bits(t.p, t.len), hash_end) ||
		      write_all(to->fd, t.p, t.len, f);
	buf_free(&t);
	return bad ? -1 : 0;
}

/* --- reading --- */

static int number(const json_t *o, const char *name, double *v, struct fail *f)
{
	const json_t *t = json_object_get(o, name);
	*v = json_number_value(t);
	return json_is_number(t) ? 0 : fail_set(f, "'%s' is no number", name);
}

static int numbers(const json_t *a, const char *name, double *v, size_t n, struct fail *f)
{
	if (json_array_size(a) != n || !json_is_array(a))
		return fail_set(f, "'%s' has %zu numbers, not %zu", name, json_array_size(a), n);
	for (size_t i = 0; i < n; i++) {
		v[i] = json_number_value(json_array_get(a, i));
		if (!json_is_number(json_array_get(a, i)))
			return fail_set(f, "'%s' holds what is no number", name);
	}
	return 0;
}

static int texts(const json_t *o, const char *name, char **v, size_t n, struct fail *f)
{
	const json_t *a = json_object_get(o, name);
	if (json_array_size(a) != n || !json_is_array(a))
		return fail_set(f, "'%s' has %zu entries, not %zu", name, json_array_size(a), n);
	for (size_t i = 0; i < n; i++) {
		const json_t *t = json_array_get(a, i);
		if (!json_is_string(t) && !json_is_null(t))
			return fail_set(f, "'%s' holds what is no string", name);
		v[i] = json_is_string(t) ? strdup(json_string_value(t)) : NULL;
		if (json_is_string(t) && !v[i])
			return fail_memory(f);
	}
	return 0;
}

static int read_axis(const json_t *o, struct mcd_axis *a, struct fail *f)
{
	const char *form = json_string_value(json_object_get(o, "form"));
	if (!form || (strcmp(form, "log") != 0 && strcmp(form, "asinh") != 0))
		return fail_set(f, "'form' is not log or asinh");
	a->form = *form == 'l' ? MCD_LOG : MCD_ASINH;
	if (number(o, "unit", &a->unit, f) || number(o, "median", &a->median, f) || number(o, "spread", &a->spread, f))
		return -1;
	return a->unit > 0 && a->spread >= 0 ? 0 : fail_set(f, "'unit' or 'spread' is negative, or 'unit' 0");
}

static int read_mcd(const json_t *o, struct mcd *m, struct fail *f)
{
	const json_t *axes = json_object_get(o, "axes");
	if (!json_is_array(axes) || json_array_size(axes) != (size_t)m->p)
		return fail_set(f, "'axes' has %zu entries, not %d", json_array_size(axes), m->p);
	for (int i = 0; i < m->p; i++) {
		if (read_axis(json_array_get(axes, (size_t)i), &m->axis[i], f))
			return -1;
		m->used += m->axis[i].spread > 0;
	}
	size_t n = (size_t)m->used;
	if (!n)
		return fail_set(f, "no axis has a 'spread'");
	if (numbers(json_object_get(o, "centre"), "centre", m->centre, n, f) || numbers(json_object_get(o, "scatter"), "scatter", m->scatter, n * n, f))
		return -1;
	for (size_t i = 0; i < n * n; i++)
		if (m->scatter[i] != m->scatter[i % n * n + i / n])
			return fail_set(f, "'scatter' is not symmetric");
	return mcd_factor(m, f);
}

/* An array of values, for so many records. */
static int read_values(const json_t *a, const char *name, struct quantiles *q, uint64_t records, struct fail *f)
{
	q->records = records;
	q->n = quantiles_size(records);
	q->value = malloc(q->n * sizeof *q->value);
	if (!q->value)
		return fail_memory(f);
	if (numbers(a, name, q->value, q->n, f))
		return -1;
	for (size_t i = 1; i < q->n; i++)
		if (q->value[i] < q->value[i - 1])
			return fail_set(f, "'%s' do not rise", name);
	return 0;
}

static int read_joint(const json_t *o, struct joint *j, uint64_t records, struct fail *f)
{
	const json_t *fields = json_object_get(o, "fields");
	j->kind = joint_kind_of(json_string_value(json_object_get(o, "kind")));
	if (j->kind == JOINT_KINDS)
		return fail_set(f, "'kind' is not tails or mahalanobis");
	if (j->kind == JOINT_MAHALANOBIS) {
		j->mcd.p = j->p;
		return read_mcd(o, &j->mcd, f);
	}
	if (!json_is_array(fields) || json_array_size(fields) != (size_t)j->p)
		return fail_set(f, "'fields' has %zu entries, not %d", json_array_size(fields), j->p);
	for (int i = 0; i < j->p; i++)
		if (read_values(json_array_get(fields, (size_t)i), "fields", &j->tail[i], records, f))
			return -1;
	return 0;
}

static int read_scores(const json_t *o, struct reference *ref, struct fail *f)
{
	json_int_t records = json_integer_value(json_object_get(o, "records"));
	if (records < 1 || records > MAX_RECORDS)
		return fail_set(f, "'records' is no count");
	if (number(o, "median", &ref->median, f) || number(o, "spread", &ref->spread, f) ||
	    read_values(json_object_get(o, "values"), "values", &ref->score, (uint64_t)records, f))
		return -1;
	return ref->spread >= 0 ? 0 : fail_set(f, "'spread' is negative");
}

static int read_all(const json_t *o, struct reference *ref, struct fail *f)
{
	const char *format = json_string_value(json_object_get(o, "format")), *by = json_string_value(json_object_get(o, "rank_by"));
	if (!format || strcmp(format, FORMAT) != 0)
		return fail_set(f, "not a " FORMAT);
	if (!by)
		return fail_set(f, "'rank_by' is no string");
	if (criterion_open(&ref->by, by, JOINT_TAILS, f))
		return -1;
	int p = ref->by.joint.p;
	ref->origin = (struct provenance){.whose = "the reference has", .known = 1};
	if (texts(o, "model", ref->origin.model, (size_t)p, f) || texts(o, "options", ref->origin.options, (size_t)p, f) || read_scores(o, ref, f))
		return -1;
	return p > 1 ? read_joint(json_object_get(o, "joint"), &ref->by.joint, ref->score.records, f) : 0;
}

static int check_hash(const struct buf *t, struct fail *f)
{
	char tail[HASH_TAIL + 1];
	if (t->len < HASH_TAIL)
		return fail_set(f, "not a " FORMAT ", or cut");
	snprintf(tail, sizeof tail, "%s%016" PRIx64 "%s", hash_name, (uint64_t)XXH3_64bits(t->p, t->len - HASH_TAIL), hash_end);
	if (memcmp(t->p + t->len - HASH_TAIL, tail, sizeof hash_name - 1) != 0)
		return fail_set(f, "not a " FORMAT ", or cut");
	return memcmp(t->p + t->len - HASH_TAIL, tail, HASH_TAIL) == 0 ? 0 : fail_set(f, "damaged, or changed by hand: its hash does not fit");
}

static int parse(struct reference *ref, const struct buf *t, struct fail *f)
{
	json_error_t e;
	if (check_hash(t, f))
		return -1;
	json_t *o = json_loadb(t->p, t->len, JSON_REJECT_DUPLICATES, &e);
	int r = json_is_object(o) ? read_all(o, ref, f) : fail_set(f, "not JSON at line %d", e.line);
	json_decref(o);
	return r;
}

int reference_read(struct reference *ref, const char *path, struct fail *f)
{
	struct buf t = {0};
	*ref = (struct reference){.spread = 0};
	int r = buf_read_file(&t, path, MAX_FILE, f);
	if (!r && parse(ref, &t, f))
		r = fail_add(f, "%s", path);
	buf_free(&t);
	return r;
}

/* --- asking --- */

double reference_pct(const struct reference *ref, double value)
{
	return 100 * quantiles_count_le(&ref->score, value) / (double)ref->score.records;
}

double reference_z(const struct reference *ref, double value)
{
	return ranking_z(&(struct ranking){.median = ref->median, .spread = ref->spread}, value);
}

void reference_free(struct reference *ref)
{
	provenance_free(&ref->origin, ref->by.joint.p);
	criterion_free(&ref->by);
	free(ref->score.value);
	*ref = (struct reference){.spread = 0};
}

#include "rank/reference.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#define FORMAT "vae-rank reference 1"
#define MAX_RECORDS 1000000000000 /* times QUANTILES_MAX fits 64 bits */

/* the file ends in hash_name, 16 hexadecimal digits, hash_end */
static const char hash_name[] = "\"hash\":\"", hash_end[] = "\"}\n";
enum { HASH_DIGITS = 16, HASH_TAIL = sizeof hash_name - 1 + HASH_DIGITS + sizeof hash_end - 1 };

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

/* JSON has no infinities, and the reader takes none. */
static int add_number(struct buf *b, const char *before, double v, struct fail *f)
{
	if (!isfinite(v))
		return fail_set(f, "the scores are so large that a number of the reference is not finite");
	return buf_addf(b, f, "%s%.17g", before, v);
}

static int add_numbers(struct buf *b, const char *name, const double *v, int n, struct fail *f)
{
	int r = buf_addf(b, f, "\"%s\":[", name);
	for (int i = 0; i < n && !r; i++)
		r = add_number(b, i ? "," : "", v[i], f);
	return r || buf_addf(b, f, "]") ? -1 : 0;
}

static int add_values(struct buf *b, const struct quantiles *q, struct fail *f)
{
	int r = buf_addf(b, f, "[");
	for (size_t i = 0; i < q->n && !r; i++)
		r = add_number(b, i ? ",\n" : "", q->value[i], f);
	return r || buf_addf(b, f, "]") ? -1 : 0;
}

static int add_mcd(struct buf *b, const struct mcd *m, struct fail *f)
{
	int r = buf_addf(b, f, "\"axes\":[");
	for (int i = 0; i < m->p && !r; i++)
		r = buf_addf(b, f, "%s{\"form\":\"%s\"", i ? ",\n" : "", m->axis[i].transform == MCD_LOG ? "log" : "asinh") ||
		    add_number(b, ",\"unit\":", m->axis[i].unit, f) || add_number(b, ",\"median\":", m->axis[i].median, f) ||
		    add_number(b, ",\"spread\":", m->axis[i].spread, f) || buf_addf(b, f, "}");
	return r || buf_addf(b, f, "],\n") || add_numbers(b, "centre", m->centre, m->dim, f) || buf_addf(b, f, ",\n") ||
	                       add_numbers(b, "scatter", m->scatter, m->dim * m->dim, f) ? -1 : 0;
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

int reference_write(const struct ranking *r, const struct criterion *c, const struct provenance *o, struct atomic_file *to, struct fail *f)
{
	struct buf t = {0};
	struct quantiles q = {.n = quantiles_size(r->scored), .records = r->scored};
	if (!q.n)
		return fail_set(f, "there are no records to make a reference from");
	q.value = malloc(q.n * sizeof *q.value);
	if (!q.value)
		return fail_memory(f);
	for (size_t i = 0; i < q.n; i++)
		q.value[i] = r->v[r->scored - 1 - quantiles_rank(&q, i)].value;
	int bad = buf_addf(&t, f, "{\"format\":\"%s\",\n\"rank_by\":", FORMAT) || add_text(&t, c->list, f) ||
	          buf_addf(&t, f, ",\n") || add_texts(&t, "model", o->model, c->joint.p, f) ||
	          add_texts(&t, "options", o->options, c->joint.p, f) ||
	          (c->joint.p > 1 && add_joint(&t, &c->joint, f)) ||
	          buf_addf(&t, f, "\"records\":%zu", r->scored) || add_number(&t, ",\n\"median\":", r->median, f) ||
	          add_number(&t, ",\n\"spread\":", r->spread, f) || buf_addf(&t, f, ",\n\"values\":") ||
	          add_values(&t, &q, f) || buf_addf(&t, f, ",\n");
	free(q.value);
	if (!bad && t.len + HASH_TAIL > REFERENCE_MAX_BYTES)
		bad = fail_set(f, "the reference would have %zu bytes, more than the limit of %u", t.len + HASH_TAIL, REFERENCE_MAX_BYTES);
	if (!bad)
		bad = buf_addf(&t, f, "%s%016" PRIx64 "%s", hash_name, (uint64_t)XXH3_64bits(t.p, t.len), hash_end) ||
		      write_all(to->fd, t.p, t.len, f);
	buf_free(&t);
	return bad ? -1 : 0;
}

/* --- reading --- */

static int read_number(const json_t *o, const char *name, double *v, struct fail *f)
{
	const json_t *t = json_object_get(o, name);
	*v = json_number_value(t);
	return json_is_number(t) ? 0 : fail_set(f, "'%s' is not a number", name);
}

static int read_numbers(const json_t *a, const char *name, double *v, size_t n, struct fail *f)
{
	if (json_array_size(a) != n || !json_is_array(a))
		return fail_set(f, "'%s' has %zu numbers, not %zu", name, json_array_size(a), n);
	for (size_t i = 0; i < n; i++) {
		v[i] = json_number_value(json_array_get(a, i));
		if (!json_is_number(json_array_get(a, i)))
			return fail_set(f, "'%s' has an entry that is not a number", name);
	}
	return 0;
}

static int read_texts(const json_t *o, const char *name, char **v, size_t n, struct fail *f)
{
	const json_t *a = json_object_get(o, name);
	if (json_array_size(a) != n || !json_is_array(a))
		return fail_set(f, "'%s' has %zu entries, not %zu", name, json_array_size(a), n);
	for (size_t i = 0; i < n; i++) {
		const json_t *t = json_array_get(a, i);
		if (!json_is_string(t) && !json_is_null(t))
			return fail_set(f, "'%s' has an entry that is not a string", name);
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
	a->transform = *form == 'l' ? MCD_LOG : MCD_ASINH;
	if (read_number(o, "unit", &a->unit, f) || read_number(o, "median", &a->median, f) || read_number(o, "spread", &a->spread, f))
		return -1;
	return a->unit > 0 && a->spread >= 0 ? 0 : fail_set(f, "'unit' must be above 0, 'spread' at least 0");
}

static int read_mcd(const json_t *o, struct mcd *m, struct fail *f)
{
	const json_t *axes = json_object_get(o, "axes");
	if (!json_is_array(axes) || json_array_size(axes) != (size_t)m->p)
		return fail_set(f, "'axes' has %zu entries, not %d", json_array_size(axes), m->p);
	for (int i = 0; i < m->p; i++) {
		if (read_axis(json_array_get(axes, (size_t)i), &m->axis[i], f))
			return -1;
		m->dim += m->axis[i].spread > 0;
	}
	size_t n = (size_t)m->dim;
	if (!n)
		return fail_set(f, "no axis has a 'spread'");
	if (read_numbers(json_object_get(o, "centre"), "centre", m->centre, n, f) || read_numbers(json_object_get(o, "scatter"), "scatter", m->scatter, n * n, f))
		return -1;
	for (size_t i = 0; i < n * n; i++)
		if (m->scatter[i] != m->scatter[i % n * n + i / n])
			return fail_set(f, "'scatter' is not symmetric");
	return mcd_factor(m, f);
}

/* Reads the order statistics of this many records. */
static int read_values(const json_t *a, const char *name, struct quantiles *q, uint64_t records, struct fail *f)
{
	q->records = records;
	q->n = quantiles_size(records);
	q->value = malloc(q->n * sizeof *q->value);
	if (!q->value)
		return fail_memory(f);
	if (read_numbers(a, name, q->value, q->n, f))
		return -1;
	for (size_t i = 1; i < q->n; i++)
		if (q->value[i] < q->value[i - 1])
			return fail_set(f, "'%s' are not in ascending order", name);
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
		return fail_set(f, "'records' is not a number of records");
	if (read_number(o, "median", &ref->median, f) || read_number(o, "spread", &ref->spread, f) ||
	    read_values(json_object_get(o, "values"), "values", &ref->score, (uint64_t)records, f))
		return -1;
	return ref->spread >= 0 ? 0 : fail_set(f, "'spread' is negative");
}

static int read_reference(const json_t *o, struct reference *ref, struct fail *f)
{
	const char *format = json_string_value(json_object_get(o, "format")), *by = json_string_value(json_object_get(o, "rank_by"));
	if (!format || strcmp(format, FORMAT) != 0)
		return fail_set(f, "not a " FORMAT);
	if (!by)
		return fail_set(f, "'rank_by' is not a string");
	if (criterion_open(&ref->criterion, by, JOINT_TAILS, f))
		return -1;
	int p = ref->criterion.joint.p;
	ref->provenance = (struct provenance){.holder = "the reference has", .known = 1};
	if (read_texts(o, "model", ref->provenance.model, (size_t)p, f) || read_texts(o, "options", ref->provenance.options, (size_t)p, f) || read_scores(o, ref, f))
		return -1;
	return p > 1 ? read_joint(json_object_get(o, "joint"), &ref->criterion.joint, ref->score.records, f) : 0;
}

static int check_hash(const struct buf *t, struct fail *f)
{
	char tail[HASH_TAIL + 1];
	if (t->len < HASH_TAIL)
		return fail_set(f, "not a " FORMAT ", or truncated");
	snprintf(tail, sizeof tail, "%s%016" PRIx64 "%s", hash_name, (uint64_t)XXH3_64bits(t->p, t->len - HASH_TAIL), hash_end);
	if (memcmp(t->p + t->len - HASH_TAIL, tail, sizeof hash_name - 1) != 0)
		return fail_set(f, "not a " FORMAT ", or truncated");
	return memcmp(t->p + t->len - HASH_TAIL, tail, HASH_TAIL) == 0 ? 0 : fail_set(f, "damaged or edited: the hash does not match");
}

static int parse_file(struct reference *ref, const struct buf *t, struct fail *f)
{
	json_error_t e;
	if (check_hash(t, f))
		return -1;
	json_t *o = json_loadb(t->p, t->len, JSON_REJECT_DUPLICATES, &e);
	int r = json_is_object(o) ? read_reference(o, ref, f) : fail_set(f, "not JSON at line %d", e.line);
	json_decref(o);
	return r;
}

int reference_read(struct reference *ref, const char *path, struct fail *f)
{
	struct buf t = {0};
	*ref = (struct reference){.spread = 0};
	int r = buf_read_file(&t, path, REFERENCE_MAX_BYTES, f);
	if (!r && parse_file(ref, &t, f))
		r = fail_add(f, "%s", path);
	buf_free(&t);
	return r;
}

static int same_text(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

int reference_check_replace(const char *path, const struct ranking *r, const struct criterion *c, const struct provenance *o, struct fail *f)
{
	struct stat st;
	struct reference old;
	struct fail unread = {{0}};
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	int bad = 0, same = !reference_read(&old, path, &unread) && strcmp(old.criterion.list, c->list) == 0;
	for (int i = 0; same && i < c->joint.p; i++)
		same = same_text(old.provenance.model[i], o->model[i]) && same_text(old.provenance.options[i], o->options[i]);
	if (unread.memory)
		bad = fail_memory(f);
	else if (same && old.score.records > r->scored)
		bad = fail_set(f, "%s is a reference of %" PRIu64 " records, and this stream has %zu: remove it first, or name another file", path,
		               old.score.records, r->scored);
	reference_free(&old);
	return bad;
}

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
	provenance_free(&ref->provenance, ref->criterion.joint.p);
	criterion_free(&ref->criterion);
	free(ref->score.value);
	*ref = (struct reference){.spread = 0};
}

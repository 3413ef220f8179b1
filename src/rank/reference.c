#include "rank/reference.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "base/json.h"
#include "rank/reference_format.h"

#define MAX_RECORDS 1000000000000 /* times QUANTILES_MAX fits 64 bits */

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

static int read_axes(const json_t *o, struct mcd_axis *a, int n, struct fail *f)
{
	const json_t *axes = json_object_get(o, "axes");
	if (!json_is_array(axes) || json_array_size(axes) != (size_t)n)
		return fail_set(f, "'axes' has %zu entries, not %d", json_array_size(axes), n);
	for (int i = 0; i < n; i++)
		if (read_axis(json_array_get(axes, (size_t)i), &a[i], f))
			return -1;
	return 0;
}

static int read_mcd(const json_t *o, struct mcd *m, struct fail *f)
{
	if (read_axes(o, m->axis, m->p, f))
		return -1;
	for (int i = 0; i < m->p; i++)
		m->dim += m->axis[i].spread > 0;
	size_t n = (size_t)m->dim;
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
	if (json_array_size(a) > q->n) /* merged from several references */
		q->n = records < QUANTILES_MERGED_MAX ? (size_t)records : QUANTILES_MERGED_MAX;
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

static int read_count(const json_t *t, const char *name, uint64_t *n, struct fail *f)
{
	json_int_t v = json_integer_value(t);
	*n = (uint64_t)v;
	return v >= 1 && v <= MAX_RECORDS ? 0 : fail_set(f, "'%s' is not a number of records", name);
}

/* Reads n distributions. In version 1 each is of all records. */
static int read_distributions(const json_t *o, const char *name, struct quantiles *q, int n, uint64_t records, int version, struct fail *f)
{
	char counts_name[40];
	snprintf(counts_name, sizeof counts_name, "%s_records", name);
	const json_t *a = json_object_get(o, name), *counts = json_object_get(o, counts_name);
	if (!json_is_array(a) || json_array_size(a) != (size_t)n)
		return fail_set(f, "'%s' has %zu entries, not %d", name, json_array_size(a), n);
	if (version > 1 && (!json_is_array(counts) || json_array_size(counts) != (size_t)n))
		return fail_set(f, "'%s' has %zu entries, not %d", counts_name, json_array_size(counts), n);
	for (int i = 0; i < n; i++) {
		uint64_t count = records;
		if ((version > 1 && read_count(json_array_get(counts, (size_t)i), counts_name, &count, f)) || read_values(json_array_get(a, (size_t)i), name, &q[i], count, f))
			return -1;
		if (count > records)
			return fail_set(f, "'%s' has more records than there are", counts_name);
	}
	return 0;
}

static int read_use(const json_t *o, struct joint *j, struct fail *f)
{
	const json_t *use = json_object_get(o, "use");
	int all = 0;
	if (!json_is_array(use) || json_array_size(use) != (size_t)j->p)
		return fail_set(f, "'use' has %zu entries, not %d", json_array_size(use), j->p);
	for (int i = 0; i < j->p; i++) {
		json_int_t v = json_integer_value(json_array_get(use, (size_t)i));
		if (v < 1 || v > (JOINT_HARDER | JOINT_UNLIKE | JOINT_FAR))
			return fail_set(f, "'use' has an entry that is not 1 to 7");
		j->use[i] = (unsigned char)v;
		all |= j->use[i];
	}
	return all & JOINT_HARDER && all > JOINT_HARDER ? 0 : fail_set(f, "'use' has no field for one of the questions");
}

static int read_joint(const json_t *o, struct joint *j, uint64_t records, int version, struct fail *f)
{
	j->kind = joint_kind_of(json_string_value(json_object_get(o, "kind")));
	if (j->kind == JOINT_KINDS || (version == 1 && j->kind == JOINT_BOTH))
		return fail_set(f, "'kind' is not tails, mahalanobis or both");
	if ((version > 1 || j->kind == JOINT_TAILS) && read_distributions(o, "fields", j->tail, j->p, records, version, f))
		return -1;
	if (j->kind == JOINT_BOTH && (read_use(o, j, f) || read_distributions(o, "parts", j->part, JOINT_QUESTIONS, records, version, f)))
		return -1;
	for (int i = 0; i < j->p; i++) {
		j->mcd.p += joint_uses(j, i, JOINT_UNLIKE) != 0;
		j->far.p += joint_uses(j, i, JOINT_FAR) != 0;
	}
	if (j->kind == JOINT_TAILS)
		return 0;
	if (read_mcd(o, &j->mcd, f))
		return -1;
	if (j->kind == JOINT_BOTH)
		return read_mcd(json_object_get(o, "far_distance"), &j->far, f);
	return j->mcd.dim ? 0 : fail_set(f, "no axis has a 'spread'");
}

static int read_learn(const json_t *o, struct learn *l, int p, uint64_t records, struct fail *f)
{
	*l = (struct learn){.p = p, .auroc = NAN, .error = NAN, .joint_auroc = NAN};
	if (read_axes(o, l->axis, p, f) || read_numbers(json_object_get(o, "weights"), "weights", l->weight, 2 * (size_t)p + 1, f))
		return -1;
	return read_distributions(o, "joint", &l->joint, 1, records, REFERENCE_VERSION, f);
}

static int read_scores(const json_t *o, struct reference *ref, struct fail *f)
{
	uint64_t records;
	if (read_count(json_object_get(o, "records"), "records", &records, f) ||
	    read_number(o, "median", &ref->median, f) || read_number(o, "spread", &ref->spread, f) ||
	    read_values(json_object_get(o, "values"), "values", &ref->score, records, f))
		return -1;
	return ref->spread >= 0 ? 0 : fail_set(f, "'spread' is negative");
}

/* The version in "vae-rank reference 2", or 0. */
static int read_version(const char *format)
{
	static const char *const versions[] = {REFERENCE_FORMAT " 1", REFERENCE_FORMAT " 2"};
	for (int i = 0; i < REFERENCE_VERSION; i++)
		if (format && strcmp(format, versions[i]) == 0)
			return i + 1;
	return 0;
}

/* The names of the fields that patterns stood for: the list of names is replaced by them, and stays as the label. */
static int read_names(const json_t *joint, struct reference *ref, const char *by, struct fail *f)
{
	const json_t *names = json_object_get(joint, "names"), *unlike = json_object_get(joint, "unlike"), *far = json_object_get(joint, "far");
	struct criterion_lists lists = {by, json_string_value(unlike), json_string_value(far)};
	struct criterion *c = &ref->criterion;
	enum joint_kind kind = joint_kind_of(json_string_value(json_object_get(joint, "kind")));
	if ((unlike && !json_is_string(unlike) && !json_is_null(unlike)) || (far && !json_is_string(far) && !json_is_null(far)))
		return fail_set(f, "'unlike' or 'far' is not a string");
	if (criterion_open(c, &lists, kind == JOINT_KINDS ? JOINT_TAILS : kind, f))
		return -1;
	if (!names)
		return c->patterns ? fail_set(f, "'names' are missing") : 0;
	if (!json_is_array(names) || json_array_size(names) < 1 || json_array_size(names) > JOINT_MAX_FIELDS)
		return fail_set(f, "'names' has %zu entries", json_array_size(names));
	for (size_t i = 0; i < json_array_size(names); i++) {
		const char *name = json_string_value(json_array_get(names, i));
		if (!name)
			return fail_set(f, "'names' has an entry that is not a string");
		if (criterion_add_field(c, name, f))
			return -1;
	}
	return c->joint.p == (int)json_array_size(names) ? 0 : fail_set(f, "'names' are not the fields of 'rank_by'");
}

static int read_reference(const json_t *o, struct reference *ref, struct fail *f)
{
	const char *by = json_string_value(json_object_get(o, "rank_by"));
	const json_t *joint = json_object_get(o, "joint");
	int version = read_version(json_string_value(json_object_get(o, "format")));
	if (!version)
		return fail_set(f, "not a " REFERENCE_FORMAT " of version 1 to %d", REFERENCE_VERSION);
	if (!by)
		return fail_set(f, "'rank_by' is not a string");
	if (read_names(joint, ref, by, f))
		return -1;
	struct criterion *c = &ref->criterion;
	int p = c->joint.p;
	ref->provenance = (struct provenance){.holder = "the reference has"};
	memset(ref->provenance.known, 1, sizeof ref->provenance.known);
	if (read_texts(o, "model", ref->provenance.model, (size_t)p, f) || read_texts(o, "options", ref->provenance.options, (size_t)p, f) || read_scores(o, ref, f))
		return -1;
	const json_t *learned = json_object_get(o, "learned");
	c->joint_wanted |= learned != NULL;
	if (c->joint_wanted && read_joint(joint, &c->joint, ref->score.records, version, f))
		return -1;
	return learned && (read_learn(learned, &c->learn, p, ref->score.records, f) || criterion_label_learned(c, f)) ? -1 : 0;
}

static int check_hash(const struct buf *t, struct fail *f)
{
	char tail[REFERENCE_HASH_TAIL + 1];
	if (t->len < REFERENCE_HASH_TAIL)
		return fail_set(f, "not a " REFERENCE_FORMAT ", or truncated: vae-rank --save-ref makes one");
	snprintf(tail, sizeof tail, REFERENCE_HASH, (uint64_t)XXH3_64bits(t->p, t->len - REFERENCE_HASH_TAIL));
	if (memcmp(t->p + t->len - REFERENCE_HASH_TAIL, tail, REFERENCE_HASH_NAME) != 0)
		return fail_set(f, "not a " REFERENCE_FORMAT ", or truncated: vae-rank --save-ref makes one");
	return memcmp(t->p + t->len - REFERENCE_HASH_TAIL, tail, REFERENCE_HASH_TAIL) == 0 ? 0 : fail_set(f, "damaged or edited: the hash does not match: make it again with vae-rank --save-ref");
}

static int parse_file(struct reference *ref, const struct buf *t, struct fail *f)
{
	json_error_t e;
	if (check_hash(t, f))
		return -1;
	json_t *o = json_parse(t->p, t->len, JSON_REJECT_DUPLICATES, &e);
	if (!o && json_error_code(&e) == json_error_out_of_memory)
		return fail_memory_for(f, "the reference");
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

int reference_check_replace(const char *path, const struct ranking *r, const struct criterion *c, const struct provenance *o, struct fail *f)
{
	struct stat st;
	struct reference old;
	struct fail unread = {{0}};
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	int bad = 0, same = !reference_read(&old, path, &unread) && strcmp(old.criterion.label, c->label) == 0 && old.criterion.joint.p == c->joint.p;
	for (int i = 0; same && i < c->joint.p; i++)
		same = provenance_same(old.provenance.model[i], o->model[i]) && provenance_same(old.provenance.options[i], o->options[i]);
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
	provenance_free(&ref->provenance);
	criterion_free(&ref->criterion);
	free(ref->score.value);
	*ref = (struct reference){.spread = 0};
}

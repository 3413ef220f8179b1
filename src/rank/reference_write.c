/* Writes references, as JSON with all digits (vae-records(5)). */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "rank/reference.h"
#include "rank/reference_format.h"

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

static int add_axes(struct buf *b, const struct mcd_axis *a, int n, struct fail *f)
{
	int r = buf_addf(b, f, "\"axes\":[");
	for (int i = 0; i < n && !r; i++)
		r = buf_addf(b, f, "%s{\"form\":\"%s\"", i ? ",\n" : "", a[i].transform == MCD_LOG ? "log" : "asinh") ||
		    add_number(b, ",\"unit\":", a[i].unit, f) || add_number(b, ",\"median\":", a[i].median, f) ||
		    add_number(b, ",\"spread\":", a[i].spread, f) || buf_addf(b, f, "}");
	return r || buf_addf(b, f, "]") ? -1 : 0;
}

static int add_mcd(struct buf *b, const struct mcd *m, struct fail *f)
{
	return add_axes(b, m->axis, m->p, f) || buf_addf(b, f, ",\n") || add_numbers(b, "centre", m->centre, m->dim, f) || buf_addf(b, f, ",\n") ||
	                       add_numbers(b, "scatter", m->scatter, m->dim * m->dim, f) ? -1 : 0;
}

static int add_distributions(struct buf *b, const char *name, const struct quantiles *q, int n, struct fail *f)
{
	int r = buf_addf(b, f, "\"%s_records\":[", name);
	for (int i = 0; i < n && !r; i++)
		r = buf_addf(b, f, "%s%" PRIu64, i ? "," : "", q[i].records);
	r = r || buf_addf(b, f, "],\n\"%s\":[", name);
	for (int i = 0; i < n && !r; i++)
		r = buf_addf(b, f, i ? ",\n" : "") || add_values(b, &q[i], f);
	return r || buf_addf(b, f, "]") ? -1 : 0;
}

static int add_use(struct buf *b, const struct joint *j, struct fail *f)
{
	int r = buf_addf(b, f, ",\n\"use\":[");
	for (int i = 0; i < j->p && !r; i++)
		r = buf_addf(b, f, "%s%d", i ? "," : "", j->use[i]);
	return r || buf_addf(b, f, "]") ? -1 : 0;
}

static int add_joint(struct buf *b, const struct criterion *c, struct fail *f)
{
	const struct joint *j = &c->joint;
	return buf_addf(b, f, "\"joint\":{\"kind\":\"%s\",\n\"unlike\":", joint_names[j->kind]) || add_text(b, c->unlike, f) ||
	                       buf_addf(b, f, ",\n\"far\":") || add_text(b, c->far, f) || buf_addf(b, f, ",\n") ||
	                       add_texts(b, "names", c->field, j->p, f) || add_distributions(b, "fields", j->tail, j->p, f) ||
	                       (j->kind != JOINT_TAILS && (buf_addf(b, f, ",\n") || add_mcd(b, &j->mcd, f))) ||
	                       (j->kind == JOINT_BOTH && (add_use(b, j, f) || buf_addf(b, f, ",\n\"far_distance\":{") || add_mcd(b, &j->far, f) || buf_addf(b, f, "},\n") ||
	                                                  add_distributions(b, "parts", j->part, JOINT_QUESTIONS, f))) ||
	                       buf_addf(b, f, "},\n")
	               ? -1 : 0;
}

static int add_learn(struct buf *b, const struct learn *l, struct fail *f)
{
	int r = buf_addf(b, f, "\"learned\":{") || add_axes(b, l->axis, l->p, f) || buf_addf(b, f, ",\n") ||
	        add_numbers(b, "weights", l->weight, 2 * l->p + 1, f) || buf_addf(b, f, ",\n") || add_distributions(b, "joint", &l->joint, 1, f);
	return r || buf_addf(b, f, "},\n") ? -1 : 0;
}

int reference_save(const struct reference *ref, struct atomic_file *to, struct fail *f)
{
	const struct criterion *c = &ref->criterion;
	const struct provenance *o = &ref->provenance;
	struct buf t = {0};
	int bad = buf_addf(&t, f, "{\"format\":\"%s %d\",\n\"rank_by\":", REFERENCE_FORMAT, REFERENCE_VERSION) || add_text(&t, c->list, f) ||
	          buf_addf(&t, f, ",\n") || add_texts(&t, "model", o->model, c->joint.p, f) ||
	          add_texts(&t, "options", o->options, c->joint.p, f) ||
	          (c->joint_wanted && add_joint(&t, c, f)) || (c->learn.p && add_learn(&t, &c->learn, f)) ||
	          buf_addf(&t, f, "\"records\":%" PRIu64, ref->score.records) || add_number(&t, ",\n\"median\":", ref->median, f) ||
	          add_number(&t, ",\n\"spread\":", ref->spread, f) || buf_addf(&t, f, ",\n\"values\":") ||
	          add_values(&t, &ref->score, f) || buf_addf(&t, f, ",\n");
	if (!bad && t.len + REFERENCE_HASH_TAIL > REFERENCE_MAX_BYTES)
		bad = fail_set(f, "the reference would have %zu bytes, more than the limit of %u", t.len + REFERENCE_HASH_TAIL, REFERENCE_MAX_BYTES);
	if (!bad)
		bad = buf_addf(&t, f, REFERENCE_HASH, (uint64_t)XXH3_64bits(t.p, t.len)) ||
		      write_all(to->fd, t.p, t.len, f);
	buf_free(&t);
	return bad ? -1 : 0;
}

int reference_write(const struct ranking *r, const struct criterion *c, const struct provenance *o, struct atomic_file *to, struct fail *f)
{
	if (!r->scored)
		return fail_set(f, "there are no records to make a reference from");
	/* borrows all but the values */
	struct reference ref = {.criterion = *c, .provenance = *o, .median = r->median, .spread = r->spread};
	ref.score = (struct quantiles){.n = quantiles_size(r->scored), .records = r->scored};
	ref.score.value = malloc(ref.score.n * sizeof *ref.score.value);
	if (!ref.score.value)
		return fail_memory(f);
	for (size_t i = 0; i < ref.score.n; i++)
		ref.score.value[i] = r->v[r->scored - 1 - quantiles_rank(&ref.score, i)].value;
	int bad = reference_save(&ref, to, f);
	free(ref.score.value);
	return bad;
}

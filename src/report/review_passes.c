/* The suspects of a stream: the first and the second pass. review_reason.c says why they are suspects, review_likeness.c compares them. */
#include "report/review.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/review_likeness.h"
#include "report/review_reason.h"
#include "stream/expr.h"
#include "stream/name.h"

int review_open(struct review *v, struct fail *f)
{
	struct report *r = v->report;
	r->max_fields = EVAL_MAX_FIELDS;
	v->v = calloc(v->top + REVIEW_MAX_FAILED + 1, sizeof(struct suspect *));
	v->failed = calloc(REVIEW_MAX_FAILED, sizeof(struct suspect *));
	if (!v->v || !v->failed)
		return fail_memory(f);
	if (v->decisions_path && keylist_read_decisions(&v->decisions, v->decisions_path, f))
		return fail_add(f, "--decisions");
	if (report_open(r, f))
		return -1;
	struct collect *c = &v->points;
	if (r->model) {
		c->cfg = r->model->cfg;
		c->model = c->cfg.input_kind == VECTOR_INPUT ? NULL : r->model; /* columns are compared, not latent means */
	} else {
		config_defaults(&c->cfg);
	}
	c->shape_known = config_input_size(&c->cfg) > 0;
	c->max_side = REVIEW_SIDE;
	c->keep_keys = 1;
	return 0;
}

/* --- the first pass --- */

static void suspect_free(struct suspect *s)
{
	if (!s)
		return;
	thumbnail_free(&s->t);
	free(s->key);
	free(s->reason);
	free(s->error);
	free(s->dup_of);
	free(s->joint_reason);
	for (int i = 0; i < s->ntexts; i++) {
		free(s->text[i][0]);
		free(s->text[i][1]);
	}
	free(s);
}

/* A copy of a field's text, or of the key, as a table shows it: 1, 0 if it is missing, -1. */
static int copy_text(struct record *rec, const char *name, size_t max, char **out, struct fail *f)
{
	struct buf scratch = {0}, text = {0};
	int got = record_text(rec, name, &scratch, &text, f);
	if (got > 0) {
		*out = strndup(text.p ? text.p : "", text.len < max ? text.len : max);
		got = *out ? 1 : fail_memory(f);
	}
	buf_free(&scratch);
	buf_free(&text);
	return got;
}

/* The fields that are strings, without those that say how the scores were made. */
static int take_texts(struct suspect *s, struct record *rec, struct fail *f)
{
	static const char *const skipped[] = {"key", "key_prefix", "reason", "error", "model", "options", "rank_by"};
	enum { PREFIXED = 4 }; /* from here on under any prefix */
	enum { LONGEST = 300 };
	for (size_t i = 0; i < rec->fields.n && s->ntexts < REVIEW_TEXTS; i++) {
		const struct field *d = &rec->fields.v[i];
		char name[64];
		int skip = d->type != 's' || d->name_len >= sizeof name || !d->name_len;
		if (!skip) {
			memcpy(name, rec->fields.text.p + d->name, d->name_len);
			name[d->name_len] = 0;
			skip = strlen(name) != d->name_len;
		}
		for (size_t k = 0; k < sizeof skipped / sizeof *skipped && !skip; k++) {
			size_t m = strlen(skipped[k]), from = k < PREFIXED || d->name_len < m ? 0 : d->name_len - m;
			skip = strcmp(name + from, skipped[k]) == 0;
		}
		if (skip)
			continue;
		char **text = s->text[s->ntexts];
		if (copy_text(rec, name, LONGEST, &text[1], f) < 0)
			return -1;
		text[0] = strdup(name);
		s->ntexts++;
		if (!text[0] || !text[1])
			return fail_memory(f);
	}
	return 0;
}

/* The ranks that vae-rank wrote are those of the whole stream, of which this may be a part. */
static int take_rank(struct suspect *s, const struct review *v, struct record *rec, struct fail *f)
{
	char *by = NULL;
	const char *lead = v->report->eval.field[0].name;
	s->rank = s->rank_n = s->z = NAN;
	int got = copy_text(rec, "rank_by", SIZE_MAX, &by, f);
	if (got > 0 && (strcmp(by, lead) == 0 || (strcmp(lead, "joint") == 0 && strpbrk(by, ",;*?"))) && fields_number(&rec->fields, "rank", &s->rank)) {
		fields_number(&rec->fields, "rank_n", &s->rank_n);
		fields_number(&rec->fields, "z", &s->z);
	}
	free(by);
	return got < 0 ? -1 : 0;
}

static int take_suspect(struct suspect **out, const struct review *v, struct record *rec, double score, int positive, struct fail *f)
{
	const struct eval *e = &v->report->eval;
	struct suspect *s = calloc(1, sizeof *s);
	*out = s;
	if (!s)
		return fail_memory(f);
	if (thumbnail_take(&s->t, rec, e->extensions, score, e->records - 1, positive, f) || copy_text(rec, "key", SIZE_MAX, &s->key, f) < 0)
		return -1;
	if (copy_text(rec, "reason", 100, &s->reason, f) < 0 || copy_text(rec, "error", 300, &s->error, f) < 0 || copy_text(rec, "dup_of", 100, &s->dup_of, f) < 0 ||
	    (review_is_joint(e->field[0].name) && copy_text(rec, "joint_reason", 300, &s->joint_reason, f) < 0) || take_texts(s, rec, f) || take_rank(s, v, rec, f))
		return -1;
	for (int i = 0; i < e->nrequested; i++) {
		int got = record_number(rec, e->field[i].name, &s->value[i], f);
		if (got < 0)
			return -1;
		s->value[i] = got ? s->value[i] : NAN;
	}
	return 0;
}

/* Whether a comes before b in the page. */
static int precedes(double score, uint64_t position, const struct thumbnail *b)
{
	return score != b->score ? score > b->score : position < b->position;
}

/* v[0] is the root of a heap: the suspect that is the first to be replaced. */
static void sift_down(struct suspect **h, size_t n)
{
	for (size_t i = 0, last;; i = last) {
		last = i;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < n; k++)
			if (precedes(h[last]->t.score, h[last]->t.position, &h[k]->t))
				last = k;
		if (last == i)
			return;
		struct suspect *s = h[i];
		h[i] = h[last];
		h[last] = s;
	}
}

static void sift_up(struct suspect **h, size_t i)
{
	while (i && precedes(h[(i - 1) / 2]->t.score, h[(i - 1) / 2]->t.position, &h[i]->t)) {
		struct suspect *s = h[i];
		h[i] = h[(i - 1) / 2];
		h[(i - 1) / 2] = s;
		i = (i - 1) / 2;
	}
}

static int add_scored(struct review *v, struct record *rec, double score, int positive, struct fail *f)
{
	uint64_t position = v->report->eval.records - 1;
	struct suspect *s;
	if (!v->top || (v->n == v->top && !precedes(score, position, &v->v[0]->t)))
		return 0;
	if (take_suspect(&s, v, rec, score, positive, f)) {
		suspect_free(s);
		return -1;
	}
	if (v->n < v->top) {
		v->v[v->n] = s;
		sift_up(v->v, v->n++);
	} else {
		suspect_free(v->v[0]);
		v->v[0] = s;
		sift_down(v->v, v->n);
	}
	return 0;
}

static int add_failed(struct review *v, struct record *rec, int positive, struct fail *f)
{
	const struct fields *s = &rec->fields;
	if (v->nfailed == REVIEW_MAX_FAILED || v->nfailed == v->top || (!v->only && !fields_find(s, "error") && !fields_find(s, "reason") && !fields_find(s, "dropped_by")))
		return 0;
	return take_suspect(&v->failed[v->nfailed++], v, rec, NAN, positive, f);
}

int review_record(struct review *v, struct record *rec, struct fail *f)
{
	struct report *r = v->report;
	double score;
	int positive = report_record(r, rec, f);
	if (positive < 0)
		return -1;
	if (!v->rank_by && copy_text(rec, "rank_by", SIZE_MAX, &v->rank_by, f) < 0)
		return -1;
	int missing = 0, chosen = v->only ? expr_match(v->only, rec, &missing, f) : 1;
	if (chosen <= 0)
		return chosen;
	int got = record_number(rec, r->eval.field[0].name, &score, f);
	return got < 0 ? -1 : got ? add_scored(v, rec, score, positive, f) : add_failed(v, rec, positive, f);
}

/* --- between the passes --- */

static int by_score(const void *a, const void *b)
{
	const struct suspect *s = *(struct suspect *const *)a, *t = *(struct suspect *const *)b;
	return precedes(s->t.score, s->t.position, &t->t) ? -1 : 1;
}

static int by_thumbnail_key(const void *a, const void *b) { return strcmp((*(struct suspect *const *)a)->t.key, (*(struct suspect *const *)b)->t.key); }

static int by_key(const void *a, const void *b) { return strcmp((*(struct suspect *const *)a)->key, (*(struct suspect *const *)b)->key); }

long review_find(const struct review *v, const char *key)
{
	size_t low = 0, high = v->n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(v->by_key[middle]->t.key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < v->n && strcmp(v->by_key[low]->t.key, key) == 0 ? (long)v->by_key[low]->at : -1;
}

/* Sorts the suspects, leaves those beyond the percentage out, and appends the records without a score. */
static int sort_suspects(struct review *v, struct fail *f)
{
	qsort(v->v, v->n, sizeof(struct suspect *), by_score);
	v->requested = v->n;
	if (!isnan(v->percent)) {
		double n = (double)v->report->eval.field[0].detection.rank.scored;
		v->requested = (size_t)floor(v->percent / 100 * n * (1 + 1e-12));
		while (v->n > v->requested)
			suspect_free(v->v[--v->n]);
	}
	v->nscored = v->n;
	for (size_t i = 0; i < v->nfailed; i++)
		v->v[v->n++] = v->failed[i];
	v->nfailed = 0;
	v->by_key = malloc((v->n + 1) * sizeof(struct suspect *));
	if (!v->by_key)
		return fail_memory(f);
	for (size_t i = 0; i < v->n; i++) {
		v->v[i]->at = i;
		v->by_key[i] = v->v[i];
	}
	qsort(v->by_key, v->n, sizeof(struct suspect *), by_key);
	for (size_t i = 1; i < v->n; i++)
		if (strcmp(v->by_key[i - 1]->key, v->by_key[i]->key) == 0)
			return fail_set(f, "two suspects have the key '%.300s': a decision on one would be one on both; --keys-per-file or --key-prefix makes keys differ", v->by_key[i]->key);
	qsort(v->by_key, v->n, sizeof(struct suspect *), by_thumbnail_key);
	return 0;
}

static void decide(struct review *v)
{
	for (size_t i = 0; v->decisions.slot && i < v->n; i++)
		v->v[i]->decision = keylist_decision(&v->decisions, v->v[i]->key, strlen(v->v[i]->key));
}

/* Only the lines of suspects are kept. */
static int is_suspect(void *ctx, const char *test) { return review_find(ctx, test) >= 0; }

static int read_influences(struct review *v, struct fail *f)
{
	if (v->influence_path && test_influences_select(&v->influences, v->influence_path, v->n, is_suspect, v, f))
		return fail_add(f, "--influence");
	for (size_t i = 0; i < v->influences.n; i++) {
		long at = review_find(v, v->influences.v[i].test);
		if (at >= 0 && !v->v[at]->influence)
			v->v[at]->influence = &v->influences.v[i];
	}
	return 0;
}

static int show(struct review *v, const char *key, struct fail *f) { return review_find(v, key) < 0 && thumbnail_index_add(&v->shown, key, f) ? -1 : 0; }

static int list_shown(struct review *v, struct fail *f)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct suspect *s = v->v[i];
		for (int k = 0; k < s->nnearest; k++)
			if (show(v, string_list_get(&v->points.key, s->nearest[k].point), f))
				return -1;
		for (int w = 0; w < 2 && s->influence; w++)
			for (int k = 0; k < s->influence->n[w]; k++)
				if (show(v, s->influence->item[w][k].key, f))
					return -1;
	}
	thumbnail_index_sort(&v->shown);
	return 0;
}

int review_finish(struct review *v, const struct exec *exec, struct fail *f)
{
	if (eval_finish(&v->report->eval, f) || sort_suspects(v, f))
		return -1;
	decide(v);
	for (size_t i = 0; i < v->n; i++)
		v->part |= v->v[i]->rank_n > (double)v->report->eval.field[0].detection.rank.scored;
	for (size_t i = 0; i < v->n; i++) {
		if (review_explain(v, v->v[i], f) || thumbnail_render(&v->v[i]->t, f))
			return -1;
	}
	return review_compare(v, exec, f) || read_influences(v, f) || list_shown(v, f) ? -1 : 0;
}

int review_show_record(struct review *v, struct record *rec, struct fail *f)
{
	return thumbnail_index_fill(&v->shown, rec, v->report->eval.extensions, NAN, v->position++, f);
}

void review_free(struct review *v)
{
	for (size_t i = 0; v->v && i < v->n; i++)
		suspect_free(v->v[i]);
	for (size_t i = 0; v->failed && i < v->nfailed; i++)
		suspect_free(v->failed[i]);
	free(v->v);
	free(v->failed);
	free(v->by_key);
	expr_free(v->only);
	free(v->rank_by);
	free(v->scaled);
	for (size_t i = 0; i < v->ncategories; i++)
		free(v->category[i]);
	collect_free(&v->points);
	test_influences_free(&v->influences);
	thumbnail_index_free(&v->shown);
	keylist_free(&v->decisions);
}

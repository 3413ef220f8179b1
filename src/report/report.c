#include "report/report.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/reader.h"

/* --- the model --- */

static int read_model(struct report *r, struct fail *f)
{
	static const struct assignments none;
	struct model *all;
	int n;
	if (models_open(&r->model, &n, r->model_path, "last", &none, f))
		return -1;
	models_id(r->model, 1, r->model_id);
	strcpy(r->eval.extensions, r->model->cfg.input_field);
	if (models_open(&all, &r->checkpoints, r->model_path, "all", &none, f))
		return -1;
	models_id(all, r->checkpoints, r->all_id);
	models_free(all, r->checkpoints);
	return training_read(&r->curve, r->model_path, f);
}

static int read_influences(struct report *r, struct fail *f)
{
	if (test_influences_read(&r->influences, r->influence_path, (size_t)r->max_tests, f))
		return fail_add(f, "--influence");
	for (size_t i = 0; i < r->influences.n; i++) {
		const struct test_influence *t = &r->influences.v[i];
		if (thumbnail_index_add(&r->tests, t->test, f))
			return -1;
		for (int w = 0; w < 2; w++)
			for (int k = 0; k < t->n[w]; k++)
				if (thumbnail_index_add(&r->influential, t->item[w][k].key, f))
					return -1;
	}
	thumbnail_index_sort(&r->tests);
	thumbnail_index_sort(&r->influential);
	return 0;
}

int report_open(struct report *r, struct fail *f)
{
	const size_t middle = r->middle < 0 ? REPORT_MIDDLE : (size_t)r->middle;
	if (extremes_open(&r->middle_of, middle * REPORT_SAMPLE, 1, 0, f) || extremes_open(&r->high, (size_t)r->top, 1, 0, f) || extremes_open(&r->low, (size_t)r->top, -1, 0, f) ||
	    extremes_open(&r->quarantined, (size_t)r->top, 1, 1, f))
		return -1;
	r->high.label = r->low.label = r->middle_of.label = r->quarantined.label = r->influential.label = r->tests.label = r->of_class.name;
	if (r->model_path && read_model(r, f))
		return fail_add(f, "-m");
	return r->influence_path ? read_influences(r, f) : 0;
}

/* --- the stream --- */

/* Counts a text, or a pair of texts (b not NULL); at most max different ones, then others. */
static int count(struct text_counts *c, int max, const char *a, const char *b, struct fail *f)
{
	struct text_count *t = c->v;
	for (; t < c->v + c->n; t++)
		if (strcmp(t->text[0], a) == 0 && (!b || strcmp(t->text[1], b) == 0)) {
			t->n++;
			return 0;
		}
	if (c->n == max) {
		c->others++;
		return 0;
	}
	*t = (struct text_count){{strdup(a), b ? strdup(b) : NULL}, 1};
	if (!t->text[0] || (b && !t->text[1])) {
		free(t->text[0]);
		return fail_memory(f);
	}
	c->n++;
	return 0;
}

static void text_counts_free(struct text_counts *c)
{
	for (int i = 0; i < c->n; i++) {
		free(c->v[i].text[0]);
		free(c->v[i].text[1]);
	}
}

/* Whether a number is not a score: what vae-rank appends, under any prefix, the loss, standard errors and others. */
static int is_bookkeeping(const struct fields *s, const char *name)
{
	static const char *const rank_names[] = {"rank", "rank_n", "pct", "z", NULL};
	size_t n = strlen(name);
	for (int i = 0; rank_names[i]; i++) {
		char rank_by[80];
		size_t k = strlen(rank_names[i]);
		if (strcmp(name, rank_names[i]) == 0)
			return 1;
		if (n > k && strcmp(name + n - k, rank_names[i]) == 0) {
			snprintf(rank_by, sizeof rank_by, "%.*srank_by", (int)(n - k), name);
			if (fields_find(s, rank_by))
				return 1;
		}
	}
	size_t end = n;
	while (end && name[end - 1] >= '0' && name[end - 1] <= '9')
		end--;
	if (end < n && end > 1 && name[end - 1] == '_') { /* of one checkpoint */
		char whole[64];
		snprintf(whole, sizeof whole, "%.*s", (int)end - 1, name);
		if (fields_find(s, whole))
			return 1;
	}
	return strcmp(name, "loss") == 0 || strcmp(name, "fold") == 0 || strcmp(name, "cls") == 0 || strcmp(name, "dropped_threshold") == 0 ||
	       (n > 3 && strcmp(name + n - 3, "_se") == 0);
}

/* Copies the name of a field that may be a score; otherwise name becomes "". */
static const char *score_name(const struct fields *s, const struct field *v, char name[64])
{
	snprintf(name, 64, "%.*s", (int)(v->name_len < 64 ? v->name_len : 0), s->text.p + v->name);
	if (v->type != 'n' || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-") != v->name_len || is_bookkeeping(s, name))
		name[0] = 0;
	return name;
}

/* How well a field is suited to rank by: what vae-rank ranked by (or NULL), joint scores, then self influence. */
static int preference(const char *name, const char *rank_by)
{
	return rank_by && strcmp(name, rank_by) == 0 ? 4 : strcmp(name, "joint") == 0 ? 3 : strcmp(name, "selfinf") == 0 ? 2 : strcmp(name, "memo") == 0 || strstr(name, "selfinf") != NULL;
}

/* Without -k, takes the scores of the first record that has any, and ranks by the preferred one. */
static int choose_fields(struct report *r, struct record *rec, struct fail *f)
{
	const int max = r->max_fields ? r->max_fields : 8;
	struct buf list = {0}, by = {0};
	const struct fields *s = &rec->fields;
	char name[64], first[64] = "";
	if (fields_string(s, "rank_by", &by, f) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++)
		if (*score_name(s, &s->v[i], name) && (!first[0] || preference(name, by.p) > preference(first, by.p)))
			strcpy(first, name);
	buf_free(&by);
	if (!first[0])
		return 0;
	int n = 1, bad = buf_addf(&list, f, "%s", first);
	for (size_t i = 0; i < s->n && n < max && !bad; i++) {
		if (!*score_name(s, &s->v[i], name) || strcmp(name, first) == 0)
			continue;
		bad = buf_addf(&list, f, ",%s", name);
		n++;
	}
	if (!bad)
		bad = eval_set_fields(&r->eval, list.p, f);
	buf_free(&list);
	r->fields_chosen = 1;
	return bad ? -1 : 0;
}

/* As record_value(), but with NULs escaped, so that out is a string. */
static int text_of(struct record *rec, const char *name, struct buf *out, struct fail *f)
{
	struct buf raw = {0};
	int got = record_value(rec, name, &raw, f);
	for (size_t i = 0; i < raw.len && got > 0;) {
		size_t n = strlen(raw.p + i);
		if (buf_add(out, raw.p + i, n, f) || (i + n < raw.len && buf_addf(out, f, "\\x00")))
			got = -1;
		i += n + 1;
	}
	buf_free(&raw);
	return got;
}

/* Counts model and options, and takes note of an error. */
static int read_origin(struct report *r, struct record *rec, struct fail *f)
{
	struct buf model = {0}, options = {0}, error = {0};
	int a = text_of(rec, "model", &model, f), b = text_of(rec, "options", &options, f), e = text_of(rec, "error", &error, f);
	int bad = a < 0 || b < 0 || e < 0;
	if (!bad && a && model.p)
		bad = count(&r->origins, REPORT_MAX_ORIGINS, model.p, b && options.p ? options.p : "", f);
	if (!bad && e) {
		r->unscored++;
		if (r->nfailed < REPORT_MAX_FAILED) {
			struct thumbnail *t = &r->failed[r->nfailed++];
			bad = thumbnail_take(t, rec, "", NAN, r->eval.records, 0, f);
			snprintf(t->why, sizeof t->why, "%.150s", error.p ? error.p : "");
		}
	}
	buf_free(&model);
	buf_free(&options);
	buf_free(&error);
	return bad ? -1 : 0;
}

/* The number of records near the median to show. */
static int middle_of(const struct report *r) { return r->middle >= 0 ? r->middle : course_memo_prefix(r->eval.field[0].name) >= 0 ? REPORT_MIDDLE : 0; }

int report_record(struct report *r, struct record *rec, struct fail *f)
{
	double score = NAN;
	uint64_t position = r->eval.records;
	if (record_fields(rec, f) || class_check_record(&r->of_class, rec, f) || (!r->fields && !r->fields_chosen && choose_fields(r, rec, f)))
		return -1;
	int positive = eval_add(&r->eval, rec, f);
	if (positive < 0)
		return -1;
	if (record_number(rec, r->eval.field[0].name, &score, f) < 0)
		return -1;
	const char *extensions = r->eval.extensions;
	int bad = read_origin(r, rec, f) || extremes_add(&r->high, rec, extensions, score, position, positive, f) ||
	          extremes_add(&r->low, rec, extensions, score, position, positive, f) ||
	          (middle_of(r) && extremes_sample(&r->middle_of, rec, extensions, score, position, positive, f)) ||
	          thumbnail_index_fill(&r->influential, rec, extensions, score, position, f);
	return bad ? -1 : positive;
}

/* --- test records and the quarantine --- */

static int read_file(struct report *r, const char *path, int (*each)(struct report *, struct record *, struct fail *), struct fail *f)
{
	char *paths[] = {(char *)path};
	struct record rec = {.fields_member = -1};
	struct reader *in = reader_open(paths, 1, r->keys_per_file ? READER_KEYS_PER_FILE : 0, f);
	int got = in ? 1 : -1;
	if (in)
		reader_limit(in, &r->limits);
	while (got > 0 && (got = reader_next(in, &rec, f)) > 0)
		if (got == READER_RECORD && each(r, &rec, f))
			got = -1;
	record_free(&rec);
	reader_close(in);
	return got;
}

static int add_test(struct report *r, struct record *rec, struct fail *f)
{
	return class_check_record(&r->of_class, rec, f) || thumbnail_index_fill(&r->tests, rec, r->eval.extensions, NAN, 0, f) ? -1 : 0;
}

static int add_quarantined(struct report *r, struct record *rec, struct fail *f)
{
	enum { MAX_REASON = 300 };
	struct buf why = {0};
	double score = NAN;
	int missing = 0, has = text_of(rec, "dropped_by", &why, f);
	if (has == 0)
		has = text_of(rec, "error", &why, f);
	int positive = r->eval.positive ? expr_match(r->eval.positive, rec, &missing, f) : 0;
	int bad = has < 0 || positive < 0;
	if (!bad) {
		if (why.len > MAX_REASON)
			why.p[why.len = MAX_REASON] = 0;
		bad = record_number(rec, r->eval.field[0].name, &score, f) < 0 ||
		      count(&r->reasons, TEXT_COUNTS_MAX, has && why.p ? why.p : "no reason given", NULL, f) ||
		      extremes_add(&r->quarantined, rec, r->eval.extensions, score, r->nquarantined++, positive, f);
	}
	buf_free(&why);
	return bad ? -1 : 0;
}

int report_finish(struct report *r, struct fail *f)
{
	if (r->tests_path && read_file(r, r->tests_path, add_test, f))
		return fail_add(f, "-t");
	if (r->quarantine_path && read_file(r, r->quarantine_path, add_quarantined, f))
		return fail_add(f, "--quarantine");
	if (class_check_end(&r->of_class, f) || eval_finish(&r->eval, f))
		return -1;
	r->sampled = r->middle_of.n < r->eval.field[0].detection.rank.scored;
	extremes_nearest(&r->middle_of, r->eval.field[0].detection.rank.median, (size_t)middle_of(r));
	return extremes_finish(&r->middle_of, f) || extremes_finish(&r->high, f) || extremes_finish(&r->low, f) || extremes_finish(&r->quarantined, f) ? -1 : 0;
}

void report_free(struct report *r)
{
	eval_free(&r->eval);
	class_check_free(&r->of_class);
	for (int i = 0; i < r->nfailed; i++)
		thumbnail_free(&r->failed[i]);
	text_counts_free(&r->origins);
	text_counts_free(&r->reasons);
	extremes_free(&r->high);
	extremes_free(&r->low);
	extremes_free(&r->middle_of);
	extremes_free(&r->quarantined);
	test_influences_free(&r->influences);
	thumbnail_index_free(&r->influential);
	thumbnail_index_free(&r->tests);
	if (r->model)
		models_free(r->model, 1);
	training_free(&r->curve);
}

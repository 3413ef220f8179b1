/* What the script of the review page reads: a JSON object in a script element that is no script. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "report/html.h"
#include "report/picture_code.h"
#include "report/put.h"
#include "report/review.h"
#include "stream/name.h"

/* --- JSON inside of HTML --- */

/* Any character that could end the element, or that a viewer of the source could be misled by, is an escape. */
static int is_plain(uint32_t u)
{
	static const char special[] = "\"\\<>&'\x7f";
	return u < 0x80 ? u >= 0x20 && !strchr(special, (int)(u & 0x7f)) : !html_is_format(u);
}

static void put_json_bytes(struct page *p, const char *s, size_t n)
{
	size_t from = 0, i = 0;
	put(p, "\"");
	while (i < n && !p->bad) {
		int len = utf8_length(s + i, n - i);
		uint32_t u = len < 2 ? (unsigned char)s[i] : (unsigned char)s[i] & (0x7fu >> len);
		for (int k = 1; k < len; k++)
			u = u << 6 | ((unsigned char)s[i + (size_t)k] & 0x3f);
		if (len && is_plain(u)) {
			i += (size_t)len;
			continue;
		}
		if (buf_add(p->out, s + from, i - from, p->f))
			p->bad = 1;
		if (!len)
			put(p, "\\\\x%02x", u); /* a byte that is not UTF-8, as text */
		else if (u >= 0x10000)
			put(p, "\\u%04x\\u%04x", 0xd800 + ((u - 0x10000) >> 10), 0xdc00 + ((u - 0x10000) & 0x3ff));
		else
			put(p, "\\u%04x", u);
		i += len ? (size_t)len : 1;
		from = i;
	}
	if (!p->bad && buf_add(p->out, s + from, i - from, p->f))
		p->bad = 1;
	put(p, "\"");
}

static void put_json(struct page *p, const char *s) { put_json_bytes(p, s, strlen(s)); }

static void put_value(struct page *p, double v)
{
	if (isfinite(v))
		put(p, "%.6g", v);
	else
		put(p, "null");
}

/* Appends "name": and a text, behind a comma. */
static void put_member(struct page *p, const char *name, const char *text)
{
	put(p, ",\"%s\":", name);
	put_json(p, text);
}

/* --- hashes --- */

/* Of the suspects and their scores: decisions that a browser kept belong to a page with this hash. */
static int hash_page(const struct review *v, uint64_t *hash, struct fail *f)
{
	struct buf b = {0};
	int bad = buf_addf(&b, f, "%s\n", v->report->eval.field[0].name);
	for (size_t i = 0; i < v->n && !bad; i++)
		bad = buf_addf(&b, f, "%s\n%.9g\n", v->v[i]->key, v->v[i]->t.score);
	*hash = bad ? 0 : XXH3_64bits(b.p, b.len);
	buf_free(&b);
	return bad ? -1 : 0;
}

static uint64_t hash_decisions(const struct review *v)
{
	uint64_t hash = 0;
	enum decision d;
	size_t i = 0;
	for (const char *key; v->decisions.slot && (key = keylist_next(&v->decisions, &i, &d)) != NULL;)
		hash += XXH3_64bits_withSeed(key, strlen(key), (uint64_t)d);
	return hash;
}

/* --- suspects --- */

static void put_scores(struct page *p, const struct review *v, const struct suspect *s)
{
	const struct eval *e = &v->report->eval;
	put(p, ",\"s\":[");
	for (int i = 0; i < e->nrequested; i++) {
		put(p, "%s", i ? "," : "");
		put_value(p, s->value[i]);
	}
	put(p, "],\"z\":[");
	for (int i = 0; i < e->nrequested; i++) {
		put(p, "%s", i ? "," : "");
		put_value(p, isnan(s->value[i]) || (i && v->part) ? NAN : i == 0 && !isnan(s->z) ? s->z : ranking_z(&e->field[i].detection.rank, s->value[i]));
	}
	put(p, "],\"q\":[");
	for (int i = 0; i < e->nrequested; i++) {
		put(p, "%s", i ? "," : "");
		put_value(p, isnan(s->value[i]) || (i && v->part) ? NAN : i == 0 && !isnan(s->rank_n) ? s->rank : (double)ranking_count_above(&e->field[i].detection.rank, s->value[i]));
	}
	put(p, "]");
	if (!isnan(s->rank_n))
		put(p, ",\"rn\":%.15g", s->rank_n);
}

/* A record that is shown: -1 - i for suspect i, else its position among the others. */
static long reference(const struct review *v, const char *key)
{
	long at = review_find(v, key);
	if (at >= 0)
		return -1 - at;
	size_t low = 0, high = v->shown.n;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(v->shown.v[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return (long)low;
}

static void put_nearest(struct page *p, const struct review *v, const struct suspect *s)
{
	if (!s->nnearest)
		return;
	put(p, ",\"near\":[");
	for (int k = 0; k < s->nnearest; k++)
		put(p, "%s[%ld,%.4g]", k ? "," : "", reference(v, string_list_get(&v->points.key, s->nearest[k].point)), s->nearest[k].distance);
	put(p, "]");
}

static void put_influential(struct page *p, const struct review *v, const struct suspect *s)
{
	static const char *const name[2] = {"pro", "opp"};
	for (int w = 0; w < 2 && s->influence; w++) {
		if (!s->influence->n[w])
			continue;
		put(p, ",\"%s\":[", name[w]);
		for (int k = 0; k < s->influence->n[w]; k++) {
			put(p, "%s[%ld,", k ? "," : "", reference(v, s->influence->item[w][k].key));
			put_value(p, s->influence->item[w][k].influence);
			put(p, "]");
		}
		put(p, "]");
	}
}

static void put_columns(struct page *p, const struct suspect *s)
{
	for (int k = 0; k < s->ncolumns; k++)
		put(p, "%s[%u,%.6g,%.6g,%.4g]", k ? "," : ",\"col\":[", s->column[k].column + 1, s->column[k].value, s->column[k].median, s->column[k].z);
	put(p, "%s", s->ncolumns ? "]" : "");
}

static void put_suspect(struct page *p, const struct review *v, const struct suspect *s)
{
	static const char letter[] = " kdu";
	put(p, "{\"g\":%d,\"r\":%zu", s->group, s->category);
	put_member(p, "k", s->key);
	if (s->decision)
		put(p, ",\"d\":\"%c\"", letter[s->decision]);
	if (s->t.label && s->t.label[0])
		put_member(p, "c", s->t.label);
	if (s->error)
		put_member(p, "e", s->error);
	if (s->at < v->nscored)
		put_scores(p, v, s);
	if (s->why >= 0)
		put(p, ",\"f\":%d,\"low\":%d,\"named\":%d", s->why, s->low, s->reason || s->dup_of);
	put_columns(p, s);
	put_nearest(p, v, s);
	put_influential(p, v, s);
	for (int k = 0; k < s->ntexts; k++) {
		put(p, "%s", k ? ",[" : ",\"t\":[[");
		put_json(p, s->text[k][0]);
		put(p, ",");
		put_json(p, s->text[k][1]);
		put(p, "]");
	}
	put(p, "%s}", s->ntexts ? "]" : "");
}

static void put_other(struct page *p, const struct review *v, const struct thumbnail *t)
{
	put(p, "{\"k\":");
	put_json(p, t->key);
	if (t->label && t->label[0])
		put_member(p, "c", t->label);
	if (t->kind == THUMBNAIL_PICTURE && p->max_tests) {
		put(p, ",\"x\":%d,\"p\":\"", t->picture.width <= PICTURE_SMALL && t->picture.height <= PICTURE_SMALL);
		review_picture(p, t);
		put(p, "\"");
	} else if (t->kind == THUMBNAIL_VECTOR && v->scaled && review_point(v, t->position) != SIZE_MAX) {
		put(p, ",\"v\":\"");
		review_curve(p, v, review_point(v, t->position));
		put(p, "\"");
	} else if (t->kind == THUMBNAIL_NONE && t->why[0]) {
		put_member(p, "w", t->why);
	}
	put(p, "}");
}

static int by_key(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Decisions on records that the page does not show: its export keeps them. */
static void put_carried(struct page *p, const struct review *v)
{
	char **key = malloc((v->n + 1) * sizeof *key);
	const char *next;
	enum decision d;
	size_t at = 0, n = 0;
	if (!key) {
		fail_put_memory(p->f);
		p->bad = 1;
		return;
	}
	for (size_t i = 0; i < v->n; i++)
		key[i] = v->v[i]->key;
	qsort(key, v->n, sizeof *key, by_key);
	put(p, "],\n\"carried\":[");
	while (v->decisions.slot && (next = keylist_next(&v->decisions, &at, &d)) != NULL) {
		if (v->n && bsearch(&next, key, v->n, sizeof *key, by_key))
			continue;
		put(p, "%s[", n++ ? "," : "");
		put_json(p, next);
		put(p, ",\"%s\"]", decision_words[d]);
	}
	free(key);
}

void review_data(struct page *p, const struct review *v)
{
	const struct eval *e = &v->report->eval;
	uint64_t hash;
	if (hash_page(v, &hash, p->f))
		p->bad = 1;
	put(p, "{\"hash\":\"%016llx\",\"base\":\"%016llx\",\"groups\":%d,\n\"fields\":[", (unsigned long long)hash, (unsigned long long)hash_decisions(v), v->ngroups);
	for (int i = 0; i < e->nrequested; i++) {
		put(p, "%s{\"n\":%zu", i ? "," : "", e->field[i].detection.rank.scored);
		put_member(p, "name", e->field[i].name);
		put(p, "}");
	}
	put(p, "],\n\"reasons\":[");
	for (size_t i = 0; i < v->ncategories; i++) {
		put(p, "%s", i ? "," : "");
		put_json(p, v->category[i]);
	}
	put(p, "],\n\"columns\":[");
	for (size_t i = 0, len; v->columns && v->scaled && i < (size_t)v->points.d; i++) {
		const char *name = review_column(v, i, &len);
		put(p, "%s", i ? "," : "");
		put_json_bytes(p, name ? name : "", len);
	}
	put(p, "],\n\"suspects\":[");
	for (size_t i = 0; i < v->n; i++) {
		put(p, "%s", i ? ",\n" : "");
		put_suspect(p, v, v->v[i]);
	}
	put(p, "],\n\"others\":[");
	for (size_t i = 0; i < v->shown.n && p->out->len <= p->limit; i++) {
		put(p, "%s", i ? ",\n" : "");
		put_other(p, v, v->shown.v[i]);
	}
	put_carried(p, v);
	put(p, "]}");
}

#include "rank/selection.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/atomic.h"
#include "base/grow.h"
#include "base/sort.h"
#include "stream/expr.h"
#include "stream/metadata.h"

enum { BINDINGS_MAX_BYTES = 256 << 20 };

struct pass {
	struct selection *s;
	int file;           /* the one that is read */
	uint64_t *sum;      /* [files], of the first pass */
	struct buf bindings;
	size_t bindings_at;
	uint64_t *hash;     /* of all keys, until they are compared */
	size_t hashes, cap;
	size_t *from;       /* [files + 1]: the first record of each */
	int column[JOINT_MAX_FIELDS]; /* of a field of the criterion: its column in this file, or -1 */
	uint64_t twin;      /* the hash that is looked for, in hash_twice() */
	struct buf seen;    /* the lines "FILE KEY" with it */
	size_t scored;      /* records with a score before this one */
	double *score;      /* [scored] in stream order, borrowed from the criterion */
	size_t ties;        /* records that equal the threshold and are still to be selected */
	unsigned char *selected; /* a bit for each record of this file */
	size_t row, key;
	struct buf list;
};

/* --- the first pass: headers, hashes of the keys --- */

static int check_binding(struct pass *p, const struct columns *h, struct fail *f)
{
	if (!p->s->bindings)
		return 0;
	const char *line = p->bindings.p + p->bindings_at, *end = memchr(line, '\n', p->bindings.len - p->bindings_at);
	if (!end)
		return fail_set(f, "--bindings has no line for it: one for each FILE is required");
	size_t n = (size_t)(end - line);
	p->bindings_at += n + 1;
	if (strlen(h->bind) != n || memcmp(h->bind, line, n) != 0)
		return fail_set(f, "bound to '%.100s', not to '%.*s': it was made of other data, or with another model or options; make it again", h->bind, (int)(n < 100 ? n : 100), line);
	return 0;
}

/* Whether a list, which has commas, has an entry, or a pattern that stands for it. */
static int list_has(const char *list, const struct criterion_name *entry)
{
	int field = !entry->pattern && !metadata_is_name(entry->text); /* patterns stand for fields alone */
	char one[256];
	while (list) {
		size_t n = strcspn(list, ",");
		snprintf(one, sizeof one, "%.*s", (int)n, list);
		if (strcmp(one, entry->text) == 0 || (field && strpbrk(one, "*?") && expr_like(one, entry->text, strlen(entry->text))))
			return 1;
		list = list[n] ? list + n + 1 : NULL;
	}
	return 0;
}

static int first_header(void *ctx, const struct columns *h, struct fail *f)
{
	struct pass *p = ctx;
	struct criterion *c = p->s->criterion;
	if (check_binding(p, h, f))
		return -1;
	for (int k = 0; k < c->names; k++)
		if (!list_has(h->list, &c->name[k]))
			return fail_set(f, "made without '%.200s' (its fields are '%.200s'): make it again, with vae-cut --columns -k", c->name[k].text, h->list);
	for (int i = 0; i < h->p; i++)
		if (criterion_add_column(c, h->name[i], f))
			return -1;
	p->from[p->file + 1] = p->from[p->file] + h->records;
	return 0;
}

static int first_key(void *ctx, const char *key, size_t len, uint64_t hash, struct fail *f)
{
	struct pass *p = ctx;
	if (grow(&p->hash, &p->cap, p->hashes + 1, "keys", f))
		return -1;
	p->hash[p->hashes++] = hash;
	return 0;
}

/* A key with the hash that is looked for: fails if it is the second with this text. */
static int look_for_twin(void *ctx, const char *key, size_t len, uint64_t hash, struct fail *f)
{
	struct pass *p = ctx;
	char shown[300];
	if (hash != p->twin)
		return 0;
	for (size_t at = 0; at < p->seen.len;) {
		char *end;
		long file = strtol(p->seen.p + at, &end, 10);
		const char *there = end + 1, *stop = strchr(there, '\n');
		if ((size_t)(stop - there) == len && memcmp(there, key, len) == 0 && (file == p->file || !p->s->keys_per_file)) {
			snprintf(shown, sizeof shown, "%.*s", (int)len, key);
			return file == p->file ? fail_set(f, "the key '%s' comes twice", shown)
			                       : fail_set(f, "the key '%s' is in %.300s too: if shards may have keys in common, give --keys-per-file", shown, p->s->path[file]);
		}
		at = (size_t)(stop - p->seen.p) + 1;
	}
	return buf_addf(&p->seen, f, "%d %.*s\n", p->file, (int)len, key);
}

static int read_all(struct pass *p, const struct columns_visitor *v, int first, struct fail *f)
{
	for (p->file = 0; p->file < p->s->files; p->file++) {
		uint64_t sum;
		if (columns_read(p->s->path[p->file], v, &sum, f))
			return -1;
		if (!first && sum != p->sum[p->file])
			return fail_set(f, "%s: changed between two passes: run it again", p->s->path[p->file]);
		p->sum[p->file] = sum;
	}
	return 0;
}

/* Fails if two of these hashes are of one key. */
static int check_twins(struct pass *p, size_t from, size_t to, struct fail *f)
{
	const struct columns_visitor v = {.ctx = p, .key = look_for_twin};
	if (!p->hash || to - from < 2)
		return 0;
	sort_words(p->hash + from, to - from);
	for (size_t i = from + 1; i < to; i++) {
		if (p->hash[i] != p->hash[i - 1] || (i > from + 1 && p->hash[i] == p->hash[i - 2]))
			continue;
		p->twin = p->hash[i];
		p->seen.len = 0;
		if (read_all(p, &v, 0, f))
			return -1;
	}
	return 0;
}

static int first_pass(struct pass *p, struct fail *f)
{
	const struct columns_visitor v = {.ctx = p, .header = first_header, .key = first_key};
	if (read_all(p, &v, 1, f))
		return -1;
	if (p->bindings_at < p->bindings.len)
		return fail_set(f, "--bindings has more lines than there are FILEs");
	int r = 0;
	if (!p->s->keys_per_file)
		r = check_twins(p, 0, p->hashes, f);
	for (int i = 0; i < p->s->files && p->s->keys_per_file && !r; i++)
		r = check_twins(p, p->from[i], p->from[i + 1], f);
	free(p->hash);
	p->hash = NULL;
	return r;
}

/* --- the second pass: values --- */

static int map_columns(void *ctx, const struct columns *h, struct fail *f)
{
	struct pass *p = ctx;
	const struct criterion *c = p->s->criterion;
	if (h->records != p->from[p->file + 1] - p->from[p->file])
		return fail_set(f, "changed between two passes: run it again");
	p->row = p->key = 0;
	for (int i = 0; i < JOINT_MAX_FIELDS; i++)
		p->column[i] = -1;
	for (int i = 0; i < h->p; i++) {
		int field = criterion_field(c, h->name[i]);
		if (field >= 0)
			p->column[field] = i;
	}
	return 0;
}

/* The values of the criterion's fields: how many there are. */
static int pick_values(const struct pass *p, const double *row, double v[JOINT_MAX_FIELDS])
{
	int found = 0;
	for (int i = 0; i < p->s->criterion->joint.p; i++) {
		v[i] = p->column[i] < 0 ? NAN : row[p->column[i]];
		found += !isnan(v[i]);
	}
	return found;
}

static int second_row(void *ctx, const double *row, struct fail *f)
{
	struct pass *p = ctx;
	double v[JOINT_MAX_FIELDS];
	pick_values(p, row, v);
	return criterion_add_values(p->s->criterion, v, f) < 0 ? -1 : 0;
}

static int choose(struct pass *p, struct fail *f)
{
	struct selection *s = p->s;
	struct criterion *c = s->criterion;
	size_t n = c->n;
	s->scored = n;
	s->threshold = NAN;
	if (!n && s->records)
		return fail_set(f, "none of %llu records has a number in the fields '%s'", (unsigned long long)s->records, c->label);
	if (criterion_fit_values(c, f))
		return -1;
	double most = quota_records(&s->top, (double)n);
	s->selected = most < (double)n ? (uint64_t)most : n;
	p->score = c->x;
	if (!s->selected)
		return 0;
	double *copy = calloc(n + 1, sizeof *copy);
	if (!copy)
		return fail_memory_for(f, "%zu scores", n);
	memcpy(copy, p->score, n * sizeof *copy);
	s->threshold = select_double(copy, n, n - s->selected);
	free(copy);
	p->ties = s->selected;
	for (size_t i = 0; i < n; i++)
		p->ties -= p->score[i] > s->threshold;
	return 0;
}

static int second_pass(struct pass *p, struct fail *f)
{
	const struct columns_visitor v = {.ctx = p, .header = map_columns, .row = second_row};
	p->s->records = p->from[p->s->files];
	return criterion_reserve(p->s->criterion, p->s->records, f) || read_all(p, &v, 0, f) || choose(p, f) ? -1 : 0;
}

/* --- the third pass: lists --- */

static int third_row(void *ctx, const double *row, struct fail *f)
{
	struct pass *p = ctx;
	double v[JOINT_MAX_FIELDS];
	size_t i = p->row++;
	if (!p->s->selected || !pick_values(p, row, v))
		return 0;
	if (p->scored == p->s->scored)
		return fail_set(f, "changed between two passes: run it again");
	double score = p->score[p->scored++];
	int tied = score == p->s->threshold && p->ties;
	if (score > p->s->threshold || tied)
		p->selected[i / 8] |= (unsigned char)(1 << i % 8);
	p->ties -= (size_t)tied;
	return 0;
}

static int third_key(void *ctx, const char *key, size_t len, uint64_t hash, struct fail *f)
{
	struct pass *p = ctx;
	size_t i = p->key++;
	if (!(p->selected[i / 8] >> i % 8 & 1))
		return 0;
	return buf_add(&p->list, key, len, f) || buf_add(&p->list, "\n", 1, f) ? -1 : 0;
}

/* The path of the list of a file. */
static int list_path(const struct selection *s, int file, struct buf *b, struct fail *f)
{
	const char *base = strrchr(s->path[file], '/');
	base = base ? base + 1 : s->path[file];
	size_t n = strlen(base);
	n -= n > 4 && strcmp(base + n - 4, ".col") == 0 ? 4 : 0;
	b->len = 0;
	return buf_addf(b, f, "%s/%.*s.keys", s->lists, (int)n, base);
}

static int write_list(struct pass *p, struct fail *f)
{
	const struct columns_visitor v = {.ctx = p, .header = map_columns, .row = third_row, .key = third_key};
	struct selection *s = p->s;
	uint64_t sum = 0;
	struct buf path = {0};
	p->list.len = 0;
	p->selected = calloc((p->from[p->file + 1] - p->from[p->file]) / 8 + 1, 1);
	int r = p->selected ? columns_read(s->path[p->file], &v, &sum, f) : fail_memory(f);
	if (!r && sum != p->sum[p->file])
		r = fail_set(f, "%s: changed between two passes: run it again", s->path[p->file]);
	r = r || list_path(s, p->file, &path, f) || atomic_write(path.p, p->list.len ? p->list.p : "", p->list.len, f) ? -1 : 0;
	free(p->selected);
	p->selected = NULL;
	buf_free(&path);
	return r;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Two lists may not have one name. */
static int check_lists(const struct selection *s, struct fail *f)
{
	struct buf b = {0};
	char **name = calloc((size_t)s->files + 1, sizeof *name);
	int r = name ? 0 : fail_memory(f);
	for (int i = 0; i < s->files && !r; i++)
		r = list_path(s, i, &b, f) || !(name[i] = strdup(b.p)) ? fail_memory(f) : 0;
	if (!r)
		qsort(name, (size_t)s->files, sizeof *name, by_text);
	for (int i = 1; i < s->files && !r; i++)
		if (strcmp(name[i], name[i - 1]) == 0)
			r = fail_set(f, "two files would have the list %.500s: give them different names", name[i]);
	for (int i = 0; i < s->files && name; i++)
		free(name[i]);
	free(name);
	buf_free(&b);
	return r;
}

int selection_run(struct selection *s, struct fail *f)
{
	struct pass p = {.s = s};
	p.sum = calloc((size_t)s->files + 1, sizeof *p.sum);
	p.from = calloc((size_t)s->files + 1, sizeof *p.from);
	int r = p.sum && p.from ? 0 : fail_memory(f);
	if (!r && s->bindings)
		r = buf_read_file(&p.bindings, s->bindings, BINDINGS_MAX_BYTES, f) ? fail_add(f, "--bindings") : 0;
	r = r || check_lists(s, f) || first_pass(&p, f) || second_pass(&p, f) ? -1 : 0;
	if (!r && mkdir(s->lists, 0777) && errno != EEXIST)
		r = fail_errno(f, "%s", s->lists);
	for (p.file = 0; p.file < s->files && !r; p.file++)
		r = write_list(&p, f);
	free(p.sum);
	free(p.from);
	free(p.hash);
	buf_free(&p.bindings);
	buf_free(&p.seen);
	buf_free(&p.list);
	return r;
}

/* Merges the parts of knn_parts.h. */
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "density/knn_parts.h"

enum { MAX_HEADER = 2048, MAX_DIMENSIONS = 1 << 22 };

struct near_row {
	double d2;
	uint64_t hash;
	uint32_t copies;
};

struct part_file {
	const char *path;
	FILE *in;
	XXH3_state_t *state;
	struct knn_part of;
	uint64_t records; /* read so far */
};

struct knn_parts {
	struct part_file *file; /* [n] */
	int n;
	char *paths;
	struct knn_part whole;
	uint64_t most_rows;     /* of a block */
	struct near_row *row;   /* of the record: those of all parts */
	size_t nrows, cap;
};

static int damaged(const struct part_file *p, const char *what, struct fail *f) { return fail_set(f, "%s: %s: make the part again", p->path, what); }

static int get(struct part_file *p, void *to, size_t n, struct fail *f)
{
	if (fread(to, 1, n, p->in) != n)
		return ferror(p->in) ? fail_errno(f, "%s: cannot read", p->path) : damaged(p, "truncated", f);
	XXH3_64bits_update(p->state, to, n);
	return 0;
}

/* --- headers --- */

/* Reads `before` and a number of at most `most` at *at, and moves *at behind it. */
static int parse_number(char **at, const char *before, int base, uint64_t most, uint64_t *to)
{
	size_t n = strlen(before);
	if (strncmp(*at, before, n) != 0 || !isxdigit((unsigned char)(*at)[n]))
		return -1;
	errno = 0;
	*to = strtoull(*at + n, at, base);
	return errno || *to > most ? -1 : 0;
}

static int parse_header(struct part_file *p, char *text)
{
	struct knn_part *h = &p->of;
	char *options = text + sizeof "vae-knn 1\n" - 1, *end = strchr(options, '\n');
	uint64_t number[4];
	if (strncmp(options, "options ", 8) != 0 || (size_t)(end - options) - 8 >= sizeof h->options)
		return -1;
	memcpy(h->options, options + 8, (size_t)(end - options) - 8);
	end++;
	if (parse_number(&end, "shape ", 10, 1, &number[0]) || parse_number(&end, " ", 10, MAX_DIMENSIONS, &number[1]) ||
	    parse_number(&end, " ", 10, MAX_DIMENSIONS, &number[2]) || parse_number(&end, " ", 10, MAX_DIMENSIONS, &number[3]) ||
	    parse_number(&end, "\nreference ", 10, UINT32_MAX - 1, &h->records) || parse_number(&end, " ", 10, UINT32_MAX - 1, &h->rows) ||
	    parse_number(&end, " ", 16, UINT64_MAX, &h->hash) || strcmp(end, "\n") != 0)
		return -1;
	h->kind = (int)number[0];
	uint64_t size = 1;
	for (int i = 0; i < 3; i++) {
		h->shape[i] = (int)number[1 + i];
		size *= number[1 + i];
		if (size < 1 || size > MAX_DIMENSIONS)
			return -1;
	}
	return h->rows >= 1 && h->rows <= h->records ? 0 : -1;
}

static int read_header(struct part_file *p, struct fail *f)
{
	static const char magic[] = "vae-knn 1\n";
	char text[MAX_HEADER + 1];
	size_t n = 0, lines = 0;
	for (int c; lines < 4 && n < MAX_HEADER && (c = getc(p->in)) != EOF && c;) {
		text[n++] = (char)c;
		lines += c == '\n';
		if (lines == 1 && c == '\n' && (n != sizeof magic - 1 || memcmp(text, magic, n) != 0))
			break;
	}
	text[n] = 0;
	if (ferror(p->in))
		return fail_errno(f, "%s: cannot read", p->path);
	if (n < sizeof magic - 1 || memcmp(text, magic, sizeof magic - 1) != 0)
		return fail_set(f, "%s: not a part: vae-density --part makes them", p->path);
	if (lines < 4 || parse_header(p, text))
		return damaged(p, "truncated or damaged in its header", f);
	XXH3_64bits_update(p->state, text, n);
	return 0;
}

static int check_alike(const struct part_file *a, const struct part_file *b, struct fail *f)
{
	const int *s = a->of.shape, *t = b->of.shape;
	if (strcmp(a->of.options, b->of.options) != 0)
		return fail_set(f, "%s: made with '%.200s', and %s with '%.200s': make all parts with the same options", b->path, b->of.options, a->path, a->of.options);
	if (a->of.kind != b->of.kind || memcmp(s, t, 3 * sizeof *s) != 0)
		return fail_set(f, "%s: its points have the shape [%d,%d,%d], and those of %s [%d,%d,%d]: give --set input.shape=[c,h,w] for all parts", b->path, t[0], t[1], t[2],
		                a->path, s[0], s[1], s[2]);
	if (a->of.records == b->of.records && a->of.hash == b->of.hash)
		return fail_set(f, "%s and %s are of the same reference records: give one part for each block", a->path, b->path);
	return 0;
}

static int open_part(struct knn_parts *p, struct part_file *q, struct fail *f)
{
	q->in = fopen(q->path, "re");
	if (!q->in)
		return fail_errno(f, "%s", q->path);
	q->state = XXH3_createState();
	if (!q->state)
		return fail_memory(f);
	XXH3_64bits_reset(q->state);
	if (read_header(q, f))
		return -1;
	for (struct part_file *o = p->file; o < q; o++)
		if (check_alike(o, q, f))
			return -1;
	if (q == p->file) {
		p->whole = q->of;
		p->whole.records = p->whole.hash = p->whole.rows = 0;
	}
	p->whole.records += q->of.records;
	p->whole.hash += q->of.hash;
	p->most_rows = q->of.rows > p->most_rows ? q->of.rows : p->most_rows;
	return 0;
}

static int open_all(struct knn_parts *p, const char *list, struct fail *f)
{
	size_t n = 1;
	for (const char *c = list; *c; c++)
		n += *c == ',';
	p->paths = strdup(list);
	p->file = calloc(n, sizeof *p->file);
	if (!p->paths || !p->file)
		return fail_memory(f);
	for (char *path = p->paths, *next; path; path = next) {
		next = strchr(path, ',');
		if (next)
			*next++ = 0;
		struct part_file *q = &p->file[p->n++];
		q->path = path;
		if (open_part(p, q, f))
			return -1;
	}
	return 0;
}

struct knn_parts *knn_parts_open(const char *list, struct fail *f)
{
	struct knn_parts *p = calloc(1, sizeof *p);
	if (!p) {
		fail_memory(f);
		return NULL;
	}
	if (open_all(p, list, f)) {
		knn_parts_free(p);
		return NULL;
	}
	return p;
}

const struct knn_part *knn_parts_whole(const struct knn_parts *p) { return &p->whole; }

void knn_parts_free(struct knn_parts *p)
{
	for (int i = 0; p && i < p->n; i++) {
		if (p->file[i].in)
			fclose(p->file[i].in);
		XXH3_freeState(p->file[i].state);
	}
	if (p) {
		free(p->file);
		free(p->paths);
		free(p->row);
	}
	free(p);
}

/* --- records --- */

static int get_head(struct part_file *p, uint64_t *a, uint32_t *b, struct fail *f)
{
	char head[12];
	if (get(p, head, sizeof head, f))
		return -1;
	memcpy(a, head, 8);
	memcpy(b, head + 8, 4);
	*a = le64toh(*a);
	*b = le32toh(*b);
	return 0;
}

static int get_row(struct part_file *p, struct near_row *to, struct fail *f)
{
	char row[KNN_ROW_BYTES];
	uint64_t bits;
	if (get(p, row, sizeof row, f))
		return -1;
	memcpy(&bits, row, 8);
	bits = le64toh(bits);
	memcpy(&to->d2, &bits, 8);
	memcpy(&to->hash, row + 8, 8);
	memcpy(&to->copies, row + 16, 4);
	to->hash = le64toh(to->hash);
	to->copies = le32toh(to->copies);
	return isfinite(to->d2) && to->d2 >= 0 && to->copies >= 1 && to->copies <= p->of.records ? 0 : damaged(p, "damaged", f);
}

/* The rows of the next record in one part. most: the largest k. */
static int read_rows(struct knn_parts *p, struct part_file *q, uint64_t id, uint64_t most, struct fail *f)
{
	uint64_t own;
	uint32_t n;
	if (get_head(q, &own, &n, f))
		return -1;
	if (n == UINT32_MAX)
		return fail_set(f, "%s: it has only %" PRIu64 " records: make all parts of the stream that is scored", q->path, q->records);
	if (own != id)
		return fail_set(f, "%s: record %" PRIu64 " of the part is another one: make all parts of the stream that is scored", q->path, q->records + 1);
	if (n > q->of.rows || n < (most < q->of.rows ? most : q->of.rows))
		return damaged(q, "damaged", f);
	q->records++;
	for (uint32_t i = 0; i < n; i++)
		if (grow(&p->row, &p->cap, p->nrows + 1, "neighbours of a record", f) || get_row(q, &p->row[p->nrows++], f))
			return -1;
	return 0;
}

static int by_row(const void *pa, const void *pb)
{
	const struct near_row *a = pa, *b = pb;
	return a->d2 != b->d2 ? (a->d2 > b->d2) - (a->d2 < b->d2) : (a->hash > b->hash) - (a->hash < b->hash);
}

/* Of equally distant rows, those with fewer copies come first, as in one search. */
static int by_distance(const void *pa, const void *pb)
{
	const struct near_row *a = pa, *b = pb;
	return a->d2 != b->d2 ? (a->d2 > b->d2) - (a->d2 < b->d2) : (a->copies > b->copies) - (a->copies < b->copies);
}

/* One row for each that several blocks hold, and then the order of one search. */
static int join_rows(struct knn_parts *p, struct fail *f)
{
	size_t n = 0;
	qsort(p->row, p->nrows, sizeof *p->row, by_row);
	for (size_t i = 0; i < p->nrows; i++) {
		const struct near_row *v = &p->row[i];
		struct near_row *same = n && by_row(&p->row[n - 1], v) == 0 ? &p->row[n - 1] : NULL;
		if (same && (uint64_t)same->copies + v->copies > UINT32_MAX)
			return fail_set(f, "more than %u copies of a record", UINT32_MAX);
		if (same)
			same->copies += v->copies;
		else
			p->row[n++] = *v;
	}
	p->nrows = n;
	qsort(p->row, n, sizeof *p->row, by_distance);
	return 0;
}

int knn_parts_next(struct knn_parts *p, uint64_t id, const int *k, int nk, struct knn_ball *balls, struct fail *f)
{
	uint64_t most = 0;
	for (int q = 0; q < nk; q++)
		most = (uint64_t)k[q] > most ? (uint64_t)k[q] : most;
	p->nrows = 0;
	for (int i = 0; i < p->n; i++)
		if (read_rows(p, &p->file[i], id, most, f))
			return -1;
	if (join_rows(p, f))
		return -1;
	/* with no more than k rows in each block, the parts list all rows */
	if (p->most_rows <= most && p->nrows <= most && !(most == 2 && p->nrows == 2))
		return fail_set(f, "%" PRIu64 " neighbours: the reference has only %zu different records: make the parts with a smaller --neighbors", most, p->nrows);
	if (p->nrows < most) /* rows of a block that are not different */
		return damaged(&p->file[0], "this part or another one is damaged", f);
	for (int q = 0; q < nk; q++) {
		balls[q] = (struct knn_ball){.r = sqrt(p->row[k[q] - 1].d2), .next_r = INFINITY};
		for (int i = 0; i < k[q]; i++)
			balls[q].records += p->row[i].copies;
	}
	return 0;
}

int knn_parts_end(struct knn_parts *p, struct fail *f)
{
	for (int i = 0; i < p->n; i++) {
		struct part_file *q = &p->file[i];
		uint64_t records, sum;
		uint32_t mark;
		if (get_head(q, &records, &mark, f))
			return -1;
		if (mark != UINT32_MAX)
			return fail_set(f, "%s: it has more than %" PRIu64 " records: make all parts of the stream that is scored", q->path, q->records);
		uint64_t want = XXH3_64bits_digest(q->state);
		if (get(q, &sum, sizeof sum, f))
			return -1;
		if (records != q->records || le64toh(sum) != want || getc(q->in) != EOF)
			return damaged(q, "damaged or edited: the hash does not match", f);
	}
	return 0;
}

#include "tool/memo_truth.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "stream/reader.h"
#include "train/dataset_read.h"

int memo_truth_open(struct memo_truth *t, struct fail *f)
{
	if (!t->leave)
		return 0;
	if (keylist_read(&t->list, t->leave, f))
		return fail_add(f, "--leave");
	return t->list.n ? 0 : fail_set(f, "--leave: %s lists no keys", strcmp(t->leave, "-") == 0 ? "standard input" : t->leave);
}

/* Writes the record's key to t->text, as tables print it. */
static int read_key(struct memo_truth *t, struct record *r, struct fail *f)
{
	t->text.len = 0;
	return record_text(r, "key", &t->scratch, &t->text, f) < 0 ? -1 : 0;
}

/* Appends t->text to list [*n], of capacity *cap. */
static int add_key(const struct memo_truth *t, struct buf **list, size_t *cap, size_t *n, struct fail *f)
{
	if (grow(list, cap, *n + 1, "keys", f))
		return -1;
	struct buf *key = &(*list)[(*n)++];
	*key = (struct buf){0};
	return buf_add(key, t->text.p, t->text.len, f);
}

int memo_truth_find(struct memo_truth *t, struct record *r, size_t position, struct fail *f)
{
	if (read_key(t, r, f))
		return -1;
	if (!keylist_has(&t->list, t->text.p, t->text.len))
		return 0;
	if (grow(&t->left, &t->left_cap, t->nleft + 1, "records left out", f))
		return -1;
	t->left[t->nleft] = (uint32_t)position;
	return add_key(t, &t->left_key, &t->left_key_cap, &t->nleft, f);
}

static int add_test(void *ctx, struct record *r, struct fail *f)
{
	struct memo_truth *t = ctx;
	return read_key(t, r, f) || add_key(t, &t->key, &t->key_cap, &t->nkeys, f) ? -1 : 0;
}

static int refuse(void *ctx, struct record *r, uint64_t position, const char *why, struct fail *f)
{
	(void)ctx, (void)position;
	fail_set(f, "%s", why);
	return record_fail(r, f);
}

static void ignore(void *ctx, uint64_t records) { (void)ctx, (void)records; }

int memo_truth_read(struct memo_truth *t, struct config *cfg, const struct cli *c, size_t mem, struct fail *f)
{
	size_t i = 0;
	const char *missing = t->leave ? keylist_next_unseen(&t->list, &i) : NULL;
	if (missing)
		return fail_set(f, "--leave: no record that can be decoded has the key '%.200s'", missing);
	if (!t->tests)
		return 0;
	char *path = (char *)(uintptr_t)t->tests;
	struct reader *in = reader_open(&path, 1, 0, f);
	struct dataset_read d = {.data = &t->data, .cfg = cfg, .workers = (int)c->jobs, .unreadable = refuse, .added = add_test, .progress = ignore, .ctx = t};
	if (!in)
		return -1;
	t->data.limit = mem;
	reader_limit(in, &c->limits);
	int bad = dataset_read(&d, in, f);
	reader_close(in);
	if (!bad && !t->data.n)
		bad = fail_set(f, "%s: no test records", t->tests);
	return bad || dataset_seal(&t->data, f) ? -1 : 0;
}

/* loss [models][tests] */
static int read_losses(const struct retrain *r, double *loss, struct fail *f)
{
	int models = subsets_models(&r->subsets);
	size_t tests = retrain_rows(r);
	for (int i = 0; i < models; i++) {
		struct numbers n;
		int got = retrain_numbers(r, i, &n, f);
		if (got <= 0)
			return got < 0 ? -1 : retrain_fail_missing(r->dir, i, models, f);
		int bad = numbers_read(&n, 0, tests, loss + (size_t)i * tests, f);
		numbers_close(&n);
		if (bad)
			return -1;
	}
	return 0;
}

/* loss [repeats][1 + nleft][tests]: of each repeat first the model of all records. */
static int add_line(const struct memo_truth *t, size_t left, size_t test, const double *loss, size_t repeats, struct buf *out, struct fail *f)
{
	size_t each = 1 + t->nleft, tests = t->data.n;
	double mean = 0, squares = 0;
	for (size_t r = 0; r < repeats; r++) {
		double change = loss[(r * each + 1 + left) * tests + test] - loss[r * each * tests + test];
		mean += change / (double)repeats;
		squares += change * change / (double)repeats;
	}
	return buf_addf(out, f, "%s\t%s\t%.9g", t->left_key[left].p, t->key[test].p, mean) ||
	       (repeats > 1 && buf_addf(out, f, "\t%.9g", sqrt(fmax(squares - mean * mean, 0) / (double)(repeats - 1)))) || buf_add(out, "\n", 1, f) ? -1 : 0;
}

int memo_truth_table(const struct memo_truth *t, const struct retrain *r, struct buf *out, struct fail *f)
{
	size_t tests = t->data.n;
	double *loss = calloc((size_t)subsets_models(&r->subsets) * tests, sizeof *loss);
	int bad = !loss ? fail_memory(f) : read_losses(r, loss, f);
	for (size_t k = 0; !bad && k < t->nleft * tests; k++)
		bad = add_line(t, k / tests, k % tests, loss, (size_t)r->subsets.repeats, out, f);
	free(loss);
	return bad;
}

void memo_truth_free(struct memo_truth *t)
{
	for (size_t i = 0; i < t->nkeys; i++)
		buf_free(&t->key[i]);
	for (size_t i = 0; i < t->nleft; i++)
		buf_free(&t->left_key[i]);
	buf_free(&t->text);
	buf_free(&t->scratch);
	free(t->key);
	free(t->left_key);
	free(t->left);
	keylist_free(&t->list);
	dataset_free(&t->data);
}

#include "influence/test_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/atomic.h"
#include "base/grow.h"
#include "gemm/mat.h"
#include "influence/gradients.h"
#include "model/batch.h"
#include "stream/name.h"

enum { PAGE = 1 << 16 }; /* a multiple of every machine's page size, for the offset of a mapping */

struct batch_reader { /* one batch at a time */
	struct test_set *t;
	struct influence *influence;
	struct batch batch;
	struct score *score;  /* [rows] */
	float *x, *eps, *mu;  /* [rows][input], [rows][draws][latent] or NULL, [rows][latent] */
	int count;            /* records of the batch that become test records */
};

/* --- blocks --- */

static struct test_block *block_at(const struct test_set *t, size_t block, int checkpoint)
{
	return &t->block[block * (size_t)t->nmodels + (size_t)checkpoint];
}

/* Moves a block to the spool; frees p. */
static int spool_block(struct test_set *t, struct test_block *b, float *p, size_t bytes, struct fail *f)
{
	static const char zeros[PAGE];
	size_t whole = (bytes + PAGE - 1) / PAGE * PAGE;
	int r = 0;
	if (t->fd < 0 && (t->fd = open_spool(f)) < 0)
		r = -1;
	if (!r && (write_all(t->fd, p, bytes, f) || write_all(t->fd, zeros, whole - bytes, f)))
		r = fail_add(f, "gradients of test records in $TMPDIR");
	free(p);
	if (r)
		return -1;
	void *at = mmap(NULL, whole, PROT_READ, MAP_SHARED, t->fd, (off_t)t->spool_size);
	if (at == MAP_FAILED)
		return fail_errno(f, "cannot map gradients of test records");
	*b = (struct test_block){at, whole};
	t->spool_size += whole;
	return 0;
}

/* Keeps gradients in memory, or in the spool beyond the budget. Takes over p, also after a failure. */
static int keep_block(struct test_set *t, struct test_block *b, float *p, size_t floats, struct fail *f)
{
	size_t bytes = floats * sizeof *p;
	if (bytes > t->budget || t->memory_used > t->budget - bytes)
		return spool_block(t, b, p, bytes, f);
	t->memory_used += bytes;
	b->gradients = p;
	return 0;
}

static float *alloc_gradients(const struct influence *s, size_t records, struct fail *f)
{
	float *p = mat_floats(records * gradients_size(s));
	if (!p)
		fail_memory_for(f, "the gradients of %zu test records", records);
	return p;
}

/* Keeps the gradients of the batch at a checkpoint. */
static int on_checkpoint(void *ctx, int checkpoint, struct fail *f)
{
	struct batch_reader *g = ctx;
	struct test_set *t = g->t;
	gradients_choose(g->influence, g->count);
	size_t n = (size_t)g->count;
	float *p = alloc_gradients(g->influence, n, f);
	if (!p)
		return -1;
	gradients_copy(g->influence, g->count, p);
	return keep_block(t, block_at(t, t->nblocks, checkpoint), p, n * gradients_size(g->influence), f);
}

/* Allocates one more block. */
static int grow_blocks(struct test_set *t, struct fail *f)
{
	size_t n = (size_t)t->nmodels;
	if (grow(&t->block, &t->block_cap, (t->nblocks + 1) * n, "blocks of test records", f) ||
	    grow(&t->block_from, &t->block_from_cap, t->nblocks + 2, "blocks of test records", f))
		return -1;
	memset(t->block + t->nblocks * n, 0, n * sizeof *t->block);
	t->block_from[t->nblocks] = t->n;
	return 0;
}

size_t test_set_block_of(const struct test_set *t, size_t q)
{
	size_t low = 0, high = t->nblocks;
	while (high - low > 1) {
		size_t middle = (low + high) / 2;
		if (t->block_from[middle] <= q)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const float *test_set_gradients(const struct test_set *t, size_t block, int checkpoint)
{
	return block_at(t, block, checkpoint)->gradients;
}

/* --- records --- */

static char *take_text(struct buf *b)
{
	char *s = b->p ? b->p : strdup("");
	*b = (struct buf){.p = NULL};
	return s;
}

static int reserve_record(struct test_set *t, size_t latent, struct fail *f)
{
	if (grow(&t->mu, &t->mu_cap, (t->n + 1) * latent, "latent means", f))
		return -1;
	return grow(&t->record, &t->cap, t->n + 1, "test records", f);
}

/* Sets why if a record that was decoded has no gradient to work with. */
static void check_gradient(const struct test_set *t, double norm2, struct fail *why)
{
	if (why->msg[0])
		return;
	if (!isfinite(norm2))
		fail_unscored(why, "its gradient is not finite");
	else if (t->need_direction && !(norm2 > 0))
		fail_unscored(why, "its gradient is 0 and has no direction");
}

static int add_record(struct batch_reader *g, struct record *r, int row, struct fail *f)
{
	struct test_set *t = g->t;
	size_t latent = (size_t)t->models[0].cfg.latent;
	const uint64_t *id = &g->batch.id[row];
	struct fail *why = &g->batch.why[row];
	struct buf key = {0}, cls = {0};
	if (reserve_record(t, latent, f))
		return -1;
	memcpy(t->mu + t->n * latent, g->mu + (size_t)row * latent, latent * sizeof *t->mu);
	struct test_record *v = &t->record[t->n++];
	*v = (struct test_record){.norm2 = g->score[row].selfinf};
	t->hash = XXH3_64bits_withSeed(id, sizeof *id, t->hash);
	check_gradient(t, v->norm2, why);
	int has_cls = name_escape(&key, r->key.p, r->key.len, f) ? -1 : record_value(r, "cls", &cls, f);
	v->key = take_text(&key);
	v->cls = has_cls > 0 ? take_text(&cls) : NULL;
	buf_free(&cls);
	v->why = why->msg[0] ? strdup(why->msg) : NULL;
	t->unreadable += why->msg[0] != 0;
	if (has_cls < 0)
		return record_fail(r, f);
	return v->key && (!has_cls || v->cls) && (!why->msg[0] || v->why) ? 0 : fail_memory(f);
}

static int score_batch(struct batch_reader *g, struct fail *f)
{
	struct test_set *t = g->t;
	struct batch *b = &g->batch;
	const struct model *last = &t->models[t->nmodels - 1];
	uint64_t left = t->max_records - t->n;
	g->count = (uint64_t)b->nrows < left ? b->nrows : (int)left;
	t->records_read += (uint64_t)b->nrows;
	if (!g->count)
		return 0;
	if (batch_decode(b, &last->cfg, f))
		return -1;
	batch_floats(b, &last->standard, g->x);
	if (g->eps && noise_copy(t->noise, "test records", t->n, g->count, b->rows, g->eps, f))
		return -1;
	if (grow_blocks(t, f))
		return -1;
	int r = influence_each_checkpoint(g->influence, g->x, b->id, g->eps, g->score, on_checkpoint, g, f);
	t->nblocks++; /* to be freed also after a failure */
	if (r)
		return -1;
	influence_latent_means(g->influence, g->mu);
	for (int i = 0; i < b->nitems; i++)
		if (b->row[i] >= 0 && b->row[i] < g->count && add_record(g, &b->item[i], b->row[i], f))
			return -1;
	t->block_from[t->nblocks] = t->n;
	return 0;
}

static int batch_reader_open(struct batch_reader *g, const struct model *last, struct fail *f)
{
	const int flags = INFLUENCE_GRADIENTS | INFLUENCE_TESTS;
	size_t rows = (size_t)influence_batch_size(last, flags), latent = (size_t)last->cfg.latent;
	int use_eps = g->t->noise->path != NULL;
	if (batch_open(&g->batch, (int)rows, &last->cfg, f))
		return -1;
	g->influence = influence_open(g->t->models, g->t->nmodels, (int)rows, flags, f);
	g->t->forms = calloc((size_t)g->t->nmodels, sizeof *g->t->forms);
	if (!g->t->forms)
		return fail_memory(f);
	if (!g->influence || (g->t->whitening && influence_whiten(g->influence, g->t->whitening, f)) || influence_use_forms(g->influence, g->t->forms, f))
		return -1;
	g->score = calloc(rows, sizeof *g->score);
	g->x = malloc(rows * (size_t)config_input_size(&last->cfg) * sizeof *g->x);
	g->mu = malloc(rows * latent * sizeof *g->mu);
	g->eps = use_eps ? malloc(rows * (size_t)last->cfg.score.draws * latent * sizeof *g->eps) : NULL;
	return g->score && g->x && g->mu && (!use_eps || g->eps) ? 0 : fail_memory(f);
}

int test_set_read(struct test_set *t, struct reader *in, struct fail *f)
{
	struct batch_reader g = {.t = t};
	int r = batch_reader_open(&g, &t->models[t->nmodels - 1], f), filled = 1;
	while (!r && filled > 0 && t->n < t->max_records) {
		filled = batch_fill(&g.batch, in, f);
		r = filled < 0 ? -1 : filled > 0 ? score_batch(&g, f) : 0;
	}
	influence_close(g.influence);
	batch_free(&g.batch);
	free(g.score);
	free(g.x);
	free(g.mu);
	free(g.eps);
	return r;
}

int test_set_read_first(struct test_set *t, struct reader *in, uint64_t *records, struct fail *f)
{
	struct record r = {.fields_member = -1};
	int got = test_set_read(t, in, f) ? -1 : 1;
	*records = t->records_read;
	while (got > 0) {
		got = reader_next(in, &r, f);
		*records += got == READER_RECORD;
	}
	record_free(&r);
	return got;
}

int test_set_check(const struct test_set *t, const char *name, struct fail *warning, struct fail *f)
{
	const struct test_record *first = t->record;
	warning->msg[0] = 0;
	if (!t->n)
		return fail_set(f, "%s: no test records", name);
	if (!t->unreadable)
		return 0;
	while (!first->why)
		first++;
	if (t->unreadable == t->n)
		return fail_set(f, "%s: none of %zu test records could be read; the first: '%s': %s", name, t->n, first->key, first->why);
	fail_set(warning, "%zu of %zu test records could not be read; the first: '%s': %s", t->unreadable, t->n, first->key, first->why);
	return 0;
}

static int reduce_block(struct test_set *few, const struct test_set *t, size_t block, int checkpoint, const struct influence *s,
                        const struct influence *few_influence, struct fail *f)
{
	size_t n = t->block_from[block + 1] - t->block_from[block];
	float *p = alloc_gradients(few_influence, n, f);
	if (!p)
		return -1;
	if (gradients_low_rank(s, few_influence, (size_t)checkpoint, n, test_set_gradients(t, block, checkpoint), p, f)) {
		free(p);
		return -1;
	}
	return keep_block(few, block_at(few, block, checkpoint), p, n * gradients_size(few_influence), f);
}

int test_set_low_rank(struct test_set *few, const struct test_set *t, const struct model *few_models, const struct influence *s,
                      const struct influence *few_influence, struct fail *f)
{
	*few = *t; /* with memory_used, so that the budget is for both */
	few->models = few_models;
	few->fd = -1;
	few->spool_size = 0;
	few->block = calloc(t->nblocks * (size_t)t->nmodels + 1, sizeof *few->block);
	if (!few->block)
		return fail_memory(f);
	for (size_t block = 0; block < t->nblocks; block++)
		for (int c = 0; c < t->nmodels; c++)
			if (reduce_block(few, t, block, c, s, few_influence, f))
				return -1;
	return 0;
}

void test_set_free_blocks(struct test_set *t)
{
	for (size_t i = 0; t->block && i < t->nblocks * (size_t)t->nmodels; i++)
		if (t->block[i].mapped)
			munmap(t->block[i].gradients, t->block[i].mapped);
		else
			free(t->block[i].gradients);
	if (t->fd >= 0)
		close(t->fd);
	free(t->block);
	t->block = NULL;
	t->fd = -1;
}

void test_set_free(struct test_set *t)
{
	test_set_free_blocks(t);
	for (size_t i = 0; i < t->n; i++) {
		free(t->record[i].key);
		free(t->record[i].cls);
		free(t->record[i].why);
	}
	free(t->record);
	free(t->mu);
	free(t->forms);
	free(t->block_from);
	*t = (struct test_set){.fd = -1};
}

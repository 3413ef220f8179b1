#include "influence/test_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/atomic.h"
#include "model/batch.h"
#include "influence/gradients.h"
#include "gemm/mat.h"
#include "stream/name.h"

enum { PAGE = 1 << 16 }; /* a multiple of every machine's, for offsets of a mapping */

struct reading {
	struct test_set *t;
	struct influence *influence;
	struct batch batch;
	struct score *score;
	float *x, *eps, *mu;
	int count; /* records of the batch that are taken */
};

/* --- blocks --- */

/* Takes p over. */
static int spill(struct test_set *t, struct test_block *b, float *p, size_t bytes, struct fail *f)
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
	void *at = mmap(NULL, whole, PROT_READ, MAP_SHARED, t->fd, (off_t)t->end);
	if (at == MAP_FAILED)
		return fail_errno(f, "cannot map gradients of test records");
	*b = (struct test_block){at, whole};
	t->end += whole;
	return 0;
}

static int on_checkpoint(void *ctx, int c, struct fail *f)
{
	struct reading *g = ctx;
	struct test_set *t = g->t;
	size_t floats = (size_t)g->count * gradients_size(g->influence), bytes = floats * sizeof(float);
	struct test_block *b = &t->block[t->nblocks * (size_t)t->nmodels + (size_t)c];
	float *p = mat_floats(floats);
	if (!p)
		return fail_memory_for(f, "the gradients of %d test records", g->count);
	gradients_copy(g->influence, g->count, p);
	if (bytes > t->budget || t->used > t->budget - bytes)
		return spill(t, b, p, bytes, f);
	t->used += bytes;
	b->p = p;
	return 0;
}

static int more_blocks(struct test_set *t, struct fail *f)
{
	size_t n = (size_t)t->nmodels;
	struct test_block *b = realloc(t->block, (t->nblocks + 1) * n * sizeof *b);
	if (!b)
		return fail_memory(f);
	t->block = b;
	memset(b + t->nblocks * n, 0, n * sizeof *b);
	size_t *from = realloc(t->block_from, (t->nblocks + 2) * sizeof *from);
	if (!from)
		return fail_memory(f);
	t->block_from = from;
	from[t->nblocks] = t->n;
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

const float *test_set_gradients(const struct test_set *t, size_t b, int checkpoint) { return t->block[b * (size_t)t->nmodels + (size_t)checkpoint].p; }

/* --- records --- */

static char *text_of(struct buf *b)
{
	char *s = b->p ? b->p : strdup("");
	*b = (struct buf){.p = NULL};
	return s;
}

static int grow(struct test_set *t, size_t latent, struct fail *f)
{
	size_t cap = t->capacity ? 2 * t->capacity : 256;
	struct test_record *v = realloc(t->record, cap * sizeof *v);
	if (v)
		t->record = v;
	float *mu = v ? realloc(t->mu, cap * latent * sizeof *mu) : NULL;
	if (!mu)
		return fail_memory_for(f, "%zu test records", cap);
	t->mu = mu;
	t->capacity = cap;
	return 0;
}

static int add_test(struct reading *g, struct record *r, int row, struct fail *f)
{
	struct test_set *t = g->t;
	size_t latent = (size_t)t->models[0].cfg.latent;
	const struct score *s = &g->score[row];
	struct buf key = {0}, cls = {0};
	struct fail *why = &g->batch.why[row];
	if (t->n == t->capacity && grow(t, latent, f))
		return -1;
	struct test_record *v = &t->record[t->n++];
	*v = (struct test_record){.norm2 = s->selfinf};
	memcpy(t->mu + (t->n - 1) * latent, g->mu + (size_t)row * latent, latent * sizeof *t->mu);
	t->hash = XXH3_64bits_withSeed(&g->batch.id[row], sizeof g->batch.id[row], t->hash);
	if (!why->msg[0] && !isfinite(s->selfinf))
		fail_set(why, "its gradient is not finite");
	else if (!why->msg[0] && t->cosine && !(s->selfinf > 0))
		fail_set(why, "its gradient is 0 and has no direction");
	int has = name_escape(&key, r->key.p, r->key.len, f) ? -1 : record_value(r, "cls", &cls, f);
	v->key = text_of(&key);
	v->cls = has > 0 ? text_of(&cls) : NULL;
	buf_free(&cls);
	v->why = why->msg[0] ? strdup(why->msg) : NULL;
	t->unreadable += why->msg[0] != 0;
	if (has < 0)
		return record_fail(r, f);
	return v->key && (!has || v->cls) && (!why->msg[0] || v->why) ? 0 : fail_memory(f);
}

static int read_batch(struct reading *g, struct fail *f)
{
	struct test_set *t = g->t;
	struct batch *b = &g->batch;
	uint64_t left = t->max_records - t->n;
	g->count = (uint64_t)b->nrows < left ? b->nrows : (int)left;
	t->records_read += (uint64_t)b->nrows;
	if (!g->count)
		return 0;
	if (batch_decode(b, &t->models[t->nmodels - 1].cfg, f))
		return -1;
	batch_floats(b, &t->models[t->nmodels - 1].standard, g->x);
	if (g->eps && noise_copy(t->noise, "test records", t->n, g->count, b->rows, g->eps, f))
		return -1;
	if (more_blocks(t, f))
		return -1;
	int r = influence_each_checkpoint(g->influence, g->x, b->id, g->eps, g->score, on_checkpoint, g, f);
	t->nblocks++;
	if (r)
		return -1;
	influence_latent_means(g->influence, NULL, g->mu);
	for (int i = 0; i < b->nitems; i++)
		if (b->row[i] >= 0 && b->row[i] < g->count && add_test(g, &b->item[i], b->row[i], f))
			return -1;
	t->block_from[t->nblocks] = t->n;
	return 0;
}

int test_set_read(struct test_set *t, struct reader *in, struct fail *f)
{
	const struct model *m = &t->models[t->nmodels - 1];
	struct reading g = {.t = t};
	t->fd = -1;
	const int flags = INFLUENCE_GRADIENTS | INFLUENCE_TESTS;
	size_t rows = (size_t)influence_batch_size(m, flags), noise = rows * (size_t)m->cfg.score.draws * (size_t)m->cfg.latent;
	int r = batch_open(&g.batch, (int)rows, &m->cfg, f), got = 1;
	if (!r)
		g.influence = influence_open(t->models, t->nmodels, (int)rows, flags, f);
	g.score = calloc(rows, sizeof *g.score);
	g.x = malloc(rows * (size_t)config_input_size(&m->cfg) * sizeof *g.x);
	g.mu = malloc(rows * (size_t)m->cfg.latent * sizeof *g.mu);
	g.eps = t->noise->path ? malloc(noise * sizeof *g.eps) : NULL;
	if (!r && !g.influence)
		r = -1;
	if (!r && (!g.score || !g.x || !g.mu || (t->noise->path && !g.eps)))
		r = fail_memory(f);
	while (!r && got > 0 && t->n < t->max_records) {
		got = batch_fill(&g.batch, in, f);
		r = got < 0 ? -1 : got > 0 ? read_batch(&g, f) : 0;
	}
	influence_close(g.influence);
	batch_free(&g.batch);
	free(g.score);
	free(g.x);
	free(g.mu);
	free(g.eps);
	return r;
}

void test_set_free(struct test_set *t)
{
	for (size_t i = 0; i < t->nblocks * (size_t)t->nmodels; i++)
		if (t->block[i].mapped)
			munmap(t->block[i].p, t->block[i].mapped);
		else
			free(t->block[i].p);
	for (size_t i = 0; i < t->n; i++) {
		free(t->record[i].key);
		free(t->record[i].cls);
		free(t->record[i].why);
	}
	if (t->end)
		close(t->fd);
	free(t->record);
	free(t->mu);
	free(t->block);
	free(t->block_from);
	*t = (struct test_set){.fd = -1};
}

#include "fit.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "train.h"

int dataset_add(struct dataset *d, const uint8_t *x, uint64_t id, struct fail *f)
{
	if (d->n == UINT32_MAX)
		return fail_set(f, "more than %u records", UINT32_MAX);
	if (d->n == d->cap) {
		size_t cap = d->cap ? d->cap + d->cap / 2 : 1024;
		uint8_t *more = realloc(d->x, cap * d->size);
		if (more)
			d->x = more;
		uint64_t *ids = more ? realloc(d->id, cap * sizeof *ids) : NULL;
		if (!ids)
			return fail_set(f, "out of memory for %zu records of %zu bytes", cap, d->size);
		d->id = ids;
		d->cap = cap;
	}
	memcpy(d->x + d->n * d->size, x, d->size);
	d->id[d->n++] = id;
	return 0;
}

int dataset_split(struct dataset *d, double share, uint64_t seed, struct fail *f)
{
	d->train = malloc((d->n + 1) * sizeof *d->train);
	d->held = malloc((d->n + 1) * sizeof *d->held);
	if (!d->train || !d->held)
		return fail_set(f, "out of memory");
	for (size_t i = 0; i < d->n; i++) {
		uint32_t w;
		rng_words(&w, 1, seed, ROLE_HOLDOUT, 0, d->id[i], 0);
		if ((double)w * 0x1p-32 < share)
			d->held[d->nheld++] = (uint32_t)i;
		else
			d->train[d->ntrain++] = (uint32_t)i;
	}
	return d->ntrain ? 0 : fail_set(f, "no record is left to train on (%zu read, %zu held out)", d->n, d->nheld);
}

void dataset_free(struct dataset *d)
{
	free(d->x);
	free(d->id);
	free(d->train);
	free(d->held);
	*d = (struct dataset){.x = NULL};
}

/* --- batches --- */

struct feed { /* one batch, rows filled in parallel */
	const struct dataset *d;
	uint32_t *row; /* positions of its records */
	float *x, *eps;
	int batch, latent;
	uint64_t seed, step;
	enum rng_role role;
};

static void fill_row(void *ctx, int r)
{
	struct feed *b = ctx;
	const uint8_t *from = b->d->x + (size_t)b->row[r] * b->d->size;
	float *to = b->x + (size_t)r * b->d->size;
	for (size_t i = 0; i < b->d->size; i++)
		to[i] = (float)from[i] / 255.0f;
	rng_normal(b->eps + (size_t)r * (size_t)b->latent, b->latent, b->seed, b->role, b->step, (uint64_t)r, 0);
}

struct epochs { /* an endless stream of positions: one shuffle of the training set after another */
	uint32_t *order;
	size_t n, at;
	uint64_t epoch, seed;
};

static uint32_t next_position(struct epochs *e)
{
	if (e->at == e->n) {
		e->at = 0;
		e->epoch++;
	}
	if (e->at == 0) /* Fisher-Yates, from the order that the epoch before left */
		for (size_t i = e->n - 1; i > 0; i--) {
			uint32_t k = rng_below((uint32_t)i + 1, e->seed, ROLE_SHUFFLE, e->epoch, i), t = e->order[i];
			e->order[i] = e->order[k];
			e->order[k] = t;
		}
	return e->order[e->at++];
}

/* --- the log and the checkpoints --- */

struct run {
	struct fit *t;
	struct trainer *trainer;
	struct feed feed;
	struct epochs epochs;
	FILE *log;
	struct train_stats sum; /* since the last line of the log */
	int64_t counted, last_checkpoint;
	double checkpoint_sum, holdout;
	int64_t checkpoint_counted;
	double started;
};

/* The mean loss over the held-out records, at most 2048 of them; the same noise every time. */
static double holdout_loss(struct run *r)
{
	const struct dataset *d = r->t->data;
	size_t n = d->nheld < 2048 ? d->nheld : 2048, batch = (size_t)r->feed.batch, chunks = (n + batch - 1) / batch;
	double loss = 0;
	if (!n)
		return NAN;
	for (size_t c = 0; c < chunks; c++) {
		struct train_stats s;
		for (size_t i = 0; i < batch; i++) /* the last chunk begins again at the first record */
			r->feed.row[i] = d->held[(c * batch + i) % n];
		r->feed.role = ROLE_HOLDOUT;
		r->feed.step = c;
		pool_run(r->t->pool, r->feed.batch, fill_row, &r->feed);
		trainer_loss(r->trainer, r->feed.x, r->feed.eps, &s);
		loss += s.loss / (double)chunks;
	}
	return loss;
}

static int log_line(struct run *r, int64_t step, int with_holdout, struct fail *f)
{
	double n = (double)r->counted;
	fprintf(r->log, "{\"step\":%" PRId64 ",\"loss\":%.9g,\"recon\":%.9g,\"kl\":%.9g,", step, r->sum.loss / n, r->sum.recon / n, r->sum.kl / n);
	if (with_holdout && isfinite(r->holdout))
		fprintf(r->log, "\"holdout_loss\":%.9g,", r->holdout);
	fprintf(r->log, "\"seconds\":%.3f}\n", seconds_now() - r->started);
	r->sum = (struct train_stats){.recon = 0};
	r->counted = 0;
	return fflush(r->log) || ferror(r->log) ? fail_errno(f, "%s/train.jsonl", r->t->dir->work) : 0;
}

static int checkpoint(struct run *r, int64_t step, struct fail *f)
{
	struct model *m = r->t->m;
	char path[700];
	r->holdout = holdout_loss(r);
	m->step = step;
	m->since = step - r->last_checkpoint;
	m->records = (int64_t)r->t->data->ntrain;
	m->loss = r->checkpoint_sum / (double)r->checkpoint_counted;
	m->holdout_loss = r->holdout;
	r->last_checkpoint = step;
	r->checkpoint_sum = 0;
	r->checkpoint_counted = 0;
	checkpoint_path(path, sizeof path, r->t->dir->work, step);
	return model_write(m, path, f);
}

static int steps(struct run *r, struct fail *f)
{
	struct fit *t = r->t;
	const struct config *cfg = &t->m->cfg;
	int64_t total = cfg->train.steps, count = cfg->train.checkpoints, written = 0, every = total / 200 + 1;
	for (int64_t step = 1; step <= total; step++) {
		struct train_stats s;
		for (int i = 0; i < r->feed.batch; i++)
			r->feed.row[i] = next_position(&r->epochs);
		r->feed.role = ROLE_TRAINING;
		r->feed.step = (uint64_t)step;
		pool_run(t->pool, r->feed.batch, fill_row, &r->feed);
		if (trainer_step(r->trainer, r->feed.x, r->feed.eps, 0, &s, f))
			return fail_add(f, "step %" PRId64 " of %" PRId64 " (learning rate %.9g)", step, total, cfg->train.lr);
		r->sum.loss += s.loss;
		r->sum.recon += s.recon;
		r->sum.kl += s.kl;
		r->counted++;
		r->checkpoint_sum += s.loss;
		r->checkpoint_counted++;
		double mean = r->sum.loss / (double)r->counted;
		int at_checkpoint = step == total * (written + 1) / count;
		if (at_checkpoint) {
			written++;
			if (checkpoint(r, step, f))
				return -1;
		}
		if ((at_checkpoint || step % every == 0) && log_line(r, step, at_checkpoint, f))
			return -1;
		if (t->tick)
			t->tick(t->ctx, step, mean, r->holdout);
	}
	return 0;
}

int fit_run(struct fit *t, struct fail *f)
{
	const struct config *cfg = &t->m->cfg;
	struct run r = {.t = t, .holdout = NAN, .started = seconds_now()};
	size_t batch = (size_t)cfg->train.batch;
	char path[700];
	r.feed = (struct feed){.d = t->data, .batch = (int)batch, .latent = cfg->latent, .seed = (uint64_t)cfg->train.seed};
	r.feed.row = malloc(batch * sizeof *r.feed.row);
	r.feed.x = malloc(batch * t->data->size * sizeof *r.feed.x);
	r.feed.eps = malloc(batch * (size_t)cfg->latent * sizeof *r.feed.eps);
	r.epochs = (struct epochs){.n = t->data->ntrain, .seed = r.feed.seed, .order = t->data->train};
	snprintf(path, sizeof path, "%s/train.jsonl", t->dir->work);
	r.log = fopen(path, "we");
	int bad = !r.feed.row || !r.feed.x || !r.feed.eps ? fail_set(f, "out of memory") : !r.log ? fail_errno(f, "%s", path) : 0;
	if (!bad) {
		r.trainer = trainer_open(t->m, t->pool, f);
		bad = r.trainer ? steps(&r, f) : -1;
	}
	if (r.log && fclose(r.log) && !bad)
		bad = fail_errno(f, "%s", path);
	trainer_close(r.trainer);
	free(r.feed.row);
	free(r.feed.x);
	free(r.feed.eps);
	return bad;
}

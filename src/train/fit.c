#include "train/fit.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "model/checkpoints.h"
#include "train/state.h"
#include "train/trainer.h"

/* --- batches --- */

struct feed { /* one batch, rows filled in parallel */
	const struct dataset *d;
	const struct standardisation *standard;
	uint32_t *row; /* positions of its records */
	float *x, *eps;
	int batch, latent;
	uint64_t seed, step;
	enum rng_role role;
};

static void fill_row(void *ctx, int r)
{
	struct feed *b = ctx;
	dataset_floats(b->d, b->standard, b->row[r], b->x + (size_t)r * b->d->size);
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
	if (e->at == 0) /* Fisher-Yates, from the order of the epoch before */
		for (size_t i = e->n - 1; i > 0; i--) {
			uint32_t k = rng_below((uint32_t)i + 1, e->seed, ROLE_SHUFFLE, e->epoch, i), t = e->order[i];
			e->order[i] = e->order[k];
			e->order[k] = t;
		}
	return e->order[e->at++];
}

/* --- log, checkpoints and state --- */

struct run {
	struct fit *t;
	struct trainer *trainer;
	struct feed feed;
	struct epochs epochs;
	FILE *log;
	struct state s;
	double started, saved; /* seconds of the clock */
};

/* The mean loss over the held-out records, at most 2048 of them; the same noise every time. */
static double holdout_loss(struct run *r)
{
	const struct dataset *d = r->t->data;
	size_t n = d->nheld_out < 2048 ? d->nheld_out : 2048, batch = (size_t)r->feed.batch, chunks = (n + batch - 1) / batch;
	double loss = 0;
	if (!n)
		return NAN;
	for (size_t c = 0; c < chunks; c++) {
		struct train_stats s;
		for (size_t i = 0; i < batch; i++) /* the last chunk is filled up with the first records */
			r->feed.row[i] = d->held_out[(c * batch + i) % n];
		r->feed.role = ROLE_HOLDOUT;
		r->feed.step = c;
		pool_run(r->t->pool, r->feed.batch, fill_row, &r->feed);
		trainer_loss(r->trainer, r->feed.x, r->feed.eps, &s);
		loss += s.loss / (double)chunks;
	}
	return loss;
}

static int write_log(struct run *r, int with_holdout, struct fail *f)
{
	struct state *s = &r->s;
	double n = (double)s->counted;
	fprintf(r->log, "{\"step\":%" PRId64 ",\"loss\":%.9g,\"recon\":%.9g,\"kl\":%.9g,", s->step, s->sum.loss / n, s->sum.recon / n, s->sum.kl / n);
	if (with_holdout && isfinite(s->holdout))
		fprintf(r->log, "\"holdout_loss\":%.9g,", s->holdout);
	fprintf(r->log, "\"seconds\":%.3f}\n", seconds_now() - r->started);
	s->sum = (struct train_stats){.recon = 0};
	s->counted = 0;
	return fflush(r->log) || ferror(r->log) ? fail_errno(f, "%s/train.jsonl", r->t->dir->work) : 0;
}

static int write_checkpoint(struct run *r, struct fail *f)
{
	struct model *m = r->t->m;
	struct state *s = &r->s;
	char path[700];
	s->holdout = holdout_loss(r);
	s->loss = s->checkpoint_sum / (double)s->checkpoint_counted;
	m->step = s->step;
	m->since = s->step - s->last_checkpoint;
	m->records = (int64_t)r->t->data->ntrain;
	m->loss = s->loss;
	m->holdout_loss = s->holdout;
	s->last_checkpoint = s->step;
	s->checkpoint_sum = 0;
	s->checkpoint_counted = 0;
	checkpoint_path(path, sizeof path, r->t->dir->work, s->step);
	return model_write(m, path, f);
}

/* Writes the state, after the checkpoint and the log that it refers to: after a kill in between, training resumes from the state before
 * and writes the same bytes again. */
static int save_state(struct run *r, struct fail *f)
{
	r->saved = seconds_now();
	r->s.seconds = r->saved - r->started;
	r->s.log_bytes = (int64_t)ftello(r->log);
	if (r->s.log_bytes < 0 || fflush(r->log) || (fsync(fileno(r->log)) && errno != EINVAL && errno != ENOSYS))
		return fail_errno(f, "%s/train.jsonl", r->t->dir->work);
	return state_write(r->t->dir->work, &r->s, r->t->m, r->trainer, f);
}

static void next_batch(struct run *r)
{
	for (int i = 0; i < r->feed.batch; i++)
		r->feed.row[i] = next_position(&r->epochs);
}

static int steps(struct run *r, struct fail *f)
{
	struct fit *t = r->t;
	struct state *s = &r->s;
	const struct config *cfg = &t->m->cfg;
	int64_t total = cfg->train.steps, count = cfg->train.checkpoints, written = 0, every = total / 200 + 1;
	while (written < count && total * (written + 1) / count <= s->step)
		written++;
	while (s->step < total) {
		struct train_stats now;
		s->step++;
		next_batch(r);
		r->feed.role = ROLE_TRAINING;
		r->feed.step = (uint64_t)s->step;
		pool_run(t->pool, r->feed.batch, fill_row, &r->feed);
		if (t->watch && t->watch(t->ctx, 0, s->step, r->feed.row, r->feed.eps, f))
			return -1;
		if (trainer_step(r->trainer, r->feed.x, r->feed.eps, 0, &now, f))
			return fail_add(f, "step %" PRId64 " of %" PRId64 " (learning rate %.9g)", s->step, total, cfg->train.lr);
		if (t->watch && t->watch(t->ctx, 1, s->step, r->feed.row, r->feed.eps, f))
			return -1;
		s->sum.loss += now.loss;
		s->sum.recon += now.recon;
		s->sum.kl += now.kl;
		s->counted++;
		s->checkpoint_sum += now.loss;
		s->checkpoint_counted++;
		double mean = s->sum.loss / (double)s->counted;
		int at_checkpoint = s->step == total * (written + 1) / count;
		written += at_checkpoint;
		if (at_checkpoint && write_checkpoint(r, f))
			return -1;
		if ((at_checkpoint || s->step % every == 0) && write_log(r, at_checkpoint, f))
			return -1;
		if ((at_checkpoint || (t->save_every > 0 && seconds_now() - r->saved >= t->save_every)) && save_state(r, f))
			return -1;
		if (t->progress)
			t->progress(t->ctx, s->step, mean, s->holdout);
	}
	return 0;
}

/* --- starting and resuming --- */

static int open_log(struct run *r, struct fail *f)
{
	char path[700];
	struct stat st;
	snprintf(path, sizeof path, "%s/train.jsonl", r->t->dir->work);
	r->log = fopen(path, r->s.log_bytes ? "r+e" : "we");
	if (!r->log || fstat(fileno(r->log), &st))
		return fail_errno(f, "%s", path);
	if (st.st_size < r->s.log_bytes)
		return fail_set(f, "%s: shorter than when the state was written; --replace starts again", path);
	/* lines after the state belong to steps that will be repeated */
	if (ftruncate(fileno(r->log), r->s.log_bytes) || fseeko(r->log, r->s.log_bytes, SEEK_SET))
		return fail_errno(f, "%s", path);
	return 0;
}

/* Restores the run as it was after the state's step. */
static int resume(struct run *r, struct fail *f)
{
	struct fit *t = r->t;
	const struct dataset *d = t->data;
	const char *dir = t->dir->path;
	if (r->s.records != (int64_t)d->n || r->s.data != d->hash)
		return fail_set(f, "%s: its training started with other records, or in another order (%" PRId64 " then, %zu now); --replace starts again", dir,
		                r->s.records, d->n);
	if (t->dir->finished && r->s.step < t->m->cfg.train.steps && model_dir_reopen(t->dir, f))
		return -1;
	for (int64_t i = 0; i < r->s.step && r->s.step < t->m->cfg.train.steps; i++)
		next_batch(r); /* every shuffle depends on the one before */
	t->resumed_from = t->m->step = r->s.step;
	t->m->loss = r->s.loss;
	t->m->holdout_loss = r->s.holdout;
	r->started -= r->s.seconds;
	return 0;
}

static int start(struct run *r, struct fail *f)
{
	struct fit *t = r->t;
	int got = t->dir->resumed ? state_read(t->dir->path, &r->s, t->m, r->trainer, f) : 0;
	if (got < 0)
		return -1;
	if (!got) /* is saved at once: a directory with a checkpoint always has a state */
		r->s = (struct state){.records = (int64_t)t->data->n, .data = t->data->hash, .loss = NAN, .holdout = NAN};
	if (got && resume(r, f))
		return -1;
	if (r->s.step == t->m->cfg.train.steps)
		return 0;
	return open_log(r, f) || (!got && save_state(r, f)) ? -1 : 0;
}

int fit_model(struct model *m, const struct config *cfg, const struct dataset *d, struct fail *f)
{
	if (model_build(m, cfg, f))
		return -1;
	model_init(m, (uint64_t)cfg->train.seed);
	if (d->vector && (model_alloc_standard(m, f) || dataset_statistics(d, m->standard.mean, m->standard.deviation, f))) {
		model_free(m);
		return -1;
	}
	return 0;
}

int fit_run(struct fit *t, struct fail *f)
{
	const struct config *cfg = &t->m->cfg;
	struct run r = {.t = t, .started = seconds_now()};
	size_t batch = (size_t)cfg->train.batch;
	r.saved = r.started;
	r.feed = (struct feed){.d = t->data, .standard = &t->m->standard, .batch = (int)batch, .latent = cfg->latent, .seed = (uint64_t)cfg->train.seed};
	r.feed.row = malloc(batch * sizeof *r.feed.row);
	r.feed.x = malloc(batch * t->data->size * sizeof *r.feed.x);
	r.feed.eps = malloc(batch * (size_t)cfg->latent * sizeof *r.feed.eps);
	r.epochs = (struct epochs){.n = t->data->ntrain, .seed = r.feed.seed, .order = t->data->train};
	int bad = !r.feed.row || !r.feed.x || !r.feed.eps ? fail_memory(f) : 0;
	if (!bad) {
		r.trainer = trainer_open(t->m, t->pool, f);
		bad = !r.trainer || start(&r, f) || steps(&r, f) ? -1 : 0;
	}
	if (r.log && fclose(r.log) && !bad)
		bad = fail_errno(f, "%s/train.jsonl", t->dir->work);
	trainer_close(r.trainer);
	free(r.feed.row);
	free(r.feed.x);
	free(r.feed.eps);
	return bad;
}

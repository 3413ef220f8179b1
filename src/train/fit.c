#include "train/fit.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/clock.h"
#include "base/rng.h"
#include "model/checkpoints.h"
#include "train/log.h"
#include "train/state.h"
#include "train/trainer.h"

/* --- batches --- */

struct feed { /* one batch, rows filled in parallel */
	const struct dataset *d;
	const struct standardisation *standard;
	uint32_t *row; /* positions of its records */
	float *x, *eps;
	int batch, latent;
	uint64_t seed, step, first; /* first: index of its first row in the whole batch */
	enum rng_role role;
};

static void fill_row(void *ctx, int r)
{
	struct feed *b = ctx;
	dataset_floats(b->d, b->standard, b->row[r], b->x + (size_t)r * b->d->size);
	rng_normal(b->eps + (size_t)r * (size_t)b->latent, b->latent, b->seed, b->role, b->step, b->first + (uint64_t)r, 0);
}

struct epochs { /* an endless stream of a worker's positions: its training records, shuffled anew for every epoch */
	uint32_t *order;
	size_t n, at;
	uint64_t epoch, seed, worker;
};

static uint32_t next_position(struct epochs *e)
{
	if (e->at == e->n) {
		e->at = 0;
		e->epoch++;
	}
	if (e->at == 0) /* Fisher-Yates, from the order of the epoch before */
		for (size_t i = e->n - 1; i > 0; i--) {
			uint32_t k = rng_below((uint32_t)i + 1, e->seed, ROLE_SHUFFLE, e->epoch, e->worker << 32 | i), t = e->order[i];
			e->order[i] = e->order[k];
			e->order[k] = t;
		}
	return e->order[e->at++];
}

/* --- log, checkpoints and state --- */

struct run {
	struct fit *t;
	const struct team *team;
	struct trainer *trainer;
	struct feed feed;       /* of one worker at a time */
	struct epochs *epochs;  /* [workers of this rank] */
	struct team_tree gradients, losses;
	FILE *log;
	struct train_log checks; /* of its lines */
	struct state s;
	double started, saved;  /* seconds of the clock */
};

static int writes(const struct run *r) { return r->team->rank == 0; }

static void feed(struct run *r, int worker, enum rng_role role, uint64_t step)
{
	r->feed.first = (uint64_t)worker * (uint64_t)r->feed.batch;
	r->feed.role = role;
	r->feed.step = step;
	pool_run(r->t->pool, r->feed.batch, fill_row, &r->feed);
}

/* Sets the mean loss over at most `most` held-out records of a worker, with the same noise every time. Returns their number. */
static size_t worker_holdout(struct run *r, int worker, size_t most, double *loss)
{
	size_t n = r->t->shares->counts[worker].nheld_out, batch = (size_t)r->feed.batch;
	n = n < most ? n : most;
	*loss = 0;
	for (size_t c = 0, chunks = (n + batch - 1) / batch; c < chunks; c++) {
		struct train_stats s;
		for (size_t i = 0; i < batch; i++) /* the last chunk is filled up with the first records */
			r->feed.row[i] = r->t->shares->share[worker].held_out[(c * batch + i) % n];
		feed(r, worker, ROLE_HOLDOUT, c);
		trainer_loss(r->trainer, r->feed.x, r->feed.eps, &s);
		*loss += s.loss / (double)chunks;
	}
	return n;
}

enum { MOST_HELD_OUT = 2048 };

static void holdout_leaf(void *ctx, int worker, struct team_sum *out)
{
	double loss;
	size_t workers = (size_t)((const struct run *)ctx)->team->workers, n = worker_holdout(ctx, worker, (MOST_HELD_OUT + workers - 1) / workers, &loss);
	*out = (struct team_sum){.sum = {loss * (double)n, (double)n}, .v = out->v};
}

static double holdout_loss(struct run *r)
{
	double loss;
	if (r->team->workers == 1)
		return worker_holdout(r, 0, MOST_HELD_OUT, &loss) ? loss : NAN;
	const double *sum = team_tree_run(&r->losses)->sum;
	return sum[1] > 0 ? sum[0] / sum[1] : NAN;
}

static int write_log(struct run *r, int with_holdout, struct fail *f)
{
	struct state *s = &r->s;
	double n = (double)s->counted;
	const struct train_stats mean = {.loss = s->sum.loss / n, .recon = s->sum.recon / n, .kl = s->sum.kl / n};
	s->sum = (struct train_stats){.recon = 0};
	s->counted = 0;
	if (!writes(r))
		return 0;
	struct buf line = {0};
	int bad = buf_addf(&line, f, "{\"step\":%" PRId64 ",\"loss\":%.9g,\"recon\":%.9g,\"kl\":%.9g", s->step, mean.loss, mean.recon, mean.kl) ||
	          (with_holdout && isfinite(s->holdout) && buf_addf(&line, f, ",\"holdout_loss\":%.9g", s->holdout)) ||
	          train_log_finish(&r->checks, &line, seconds_now() - r->started, f) ? -1 : 0;
	if (!bad && (fwrite(line.p, 1, line.len, r->log) != line.len || fflush(r->log)))
		bad = fail_errno(f, "%s/train.jsonl", r->t->dir->work);
	buf_free(&line);
	return bad;
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
	m->records = (int64_t)r->t->shares->all.ntrain;
	m->subset = r->t->shares->data->marks ? r->t->shares->all.hash : 0;
	m->loss = s->loss;
	m->holdout_loss = s->holdout;
	s->last_checkpoint = s->step;
	s->checkpoint_sum = 0;
	s->checkpoint_counted = 0;
	if (!writes(r))
		return 0;
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

static void next_batch(struct run *r, int worker)
{
	for (int i = 0; i < r->feed.batch; i++)
		r->feed.row[i] = next_position(&r->epochs[worker - r->team->first]);
}

static void gradient_leaf(void *ctx, int worker, struct team_sum *out)
{
	struct run *r = ctx;
	struct train_stats s;
	next_batch(r, worker);
	feed(r, worker, ROLE_TRAINING, (uint64_t)r->s.step);
	trainer_gradient(r->trainer, r->feed.x, r->feed.eps, out->v, &s);
	out->sum[0] = s.loss;
	out->sum[1] = s.recon;
	out->sum[2] = s.kl;
}

/* A step of one worker on its batch. */
static int step_alone(struct run *r, struct train_stats *now, struct fail *f)
{
	const struct fit *t = r->t;
	next_batch(r, 0);
	feed(r, 0, ROLE_TRAINING, (uint64_t)r->s.step);
	if (t->watch && t->watch(t->ctx, 0, r->s.step, r->feed.row, r->feed.eps, f))
		return -1;
	if (trainer_step(r->trainer, r->feed.x, r->feed.eps, now, f))
		return fail_add(f, "step %" PRId64 " of %d (learning rate %.9g)", r->s.step, t->m->cfg.train.steps, t->m->cfg.train.lr);
	return t->watch ? t->watch(t->ctx, 1, r->s.step, r->feed.row, r->feed.eps, f) : 0;
}

/* A step on the batch of all workers. */
static int step(struct run *r, struct train_stats *now, struct fail *f)
{
	if (r->team->workers == 1)
		return step_alone(r, now, f);
	struct team_sum *all = team_tree_run(&r->gradients);
	double n = r->team->workers;
	*now = (struct train_stats){.loss = all->sum[0] / n, .recon = all->sum[1] / n, .kl = all->sum[2] / n};
	if (!isfinite(now->loss))
		return fail_set(f, "step %" PRId64 " of %d (learning rate %.9g): the loss is not finite (recon %g, kl %g): use a smaller train.lr", r->s.step, r->t->m->cfg.train.steps,
		                r->t->m->cfg.train.lr, now->recon, now->kl);
	trainer_apply(r->trainer, all->v, (float)(1 / n));
	return 0;
}

/* Checks that all ranks have computed the same weights; they differ if processors or libraries differ. */
static int check_ranks(const struct run *r, struct fail *f)
{
	const struct team *t = r->team;
	const struct model *m = r->t->m;
	uint64_t own = XXH3_64bits(m->params, m->nparams * sizeof *m->params), first = own;
	team_share(t, &first, sizeof first);
	return team_agree(t, own == first ? 0 : fail_set(f, "the weights of process %d differ from those of process 0: run all on one kind of processor, with one build", t->rank), f);
}

/* What is written after a step. */
static int after_step(struct run *r, int at_checkpoint, struct fail *f)
{
	int64_t every = r->t->m->cfg.train.steps / 200 + 1;
	if (at_checkpoint && (check_ranks(r, f) || write_checkpoint(r, f)))
		return -1;
	if ((at_checkpoint || r->s.step % every == 0) && write_log(r, at_checkpoint, f))
		return -1;
	int save = at_checkpoint || (r->t->save_every > 0 && seconds_now() - r->saved >= r->t->save_every);
	return writes(r) && save ? save_state(r, f) : 0;
}

static int steps(struct run *r, struct fail *f)
{
	struct fit *t = r->t;
	struct state *s = &r->s;
	const struct config *cfg = &t->m->cfg;
	int64_t total = cfg->train.steps, count = cfg->train.checkpoints, written = 0;
	while (written < count && total * (written + 1) / count <= s->step)
		written++;
	while (s->step < total) {
		struct train_stats now;
		s->step++;
		if (step(r, &now, f))
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
		if (team_follow(r->team, after_step(r, at_checkpoint, f), f))
			return -1;
		if (t->progress)
			t->progress(t->ctx, s->step, mean, s->holdout);
	}
	return 0;
}

/* --- starting and resuming --- */

/* Verifies the lines that were written before the state. */
static int verify_log(struct run *r, const char *path, struct fail *f)
{
	char *line = NULL;
	size_t size = 0;
	int64_t left = r->s.log_bytes;
	int bad = 0;
	while (left > 0 && !bad) {
		ssize_t n = getline(&line, &size, r->log);
		if (n < 0)
			bad = feof(r->log) ? fail_set(f, "%s: shorter than when the state was written", path) : fail_errno(f, "%s", path);
		else if (n > left)
			bad = fail_set(f, "%s: a line ends elsewhere than when the state was written", path);
		else if (train_log_verify(&r->checks, line, (size_t)n, f))
			bad = fail_add(f, "%s: damaged", path);
		left -= n;
	}
	free(line);
	return bad ? fail_advise(f, "%s", r->t->dir->again) : 0;
}

/* Opens the log, and verifies it. That of a finished training may be gone: nothing is added to it. */
static int open_log(struct run *r, struct fail *f)
{
	char path[700];
	int done = r->s.step == r->t->m->cfg.train.steps;
	snprintf(path, sizeof path, "%s/train.jsonl", r->t->dir->work);
	if (check_regular(path, f))
		return fail_advise(f, "%s", r->t->dir->again);
	r->log = fopen(path, done ? "re" : r->s.log_bytes ? "r+e" : "we");
	if (!r->log && done && errno == ENOENT)
		return 0;
	if (!r->log) {
		fail_errno(f, "%s", path);
		return fail_advise(f, "%s", r->t->dir->again);
	}
	if (verify_log(r, path, f))
		return -1;
	if (done)
		return 0;
	/* lines after the state belong to steps that will be repeated */
	if (ftruncate(fileno(r->log), r->s.log_bytes) || fseeko(r->log, r->s.log_bytes, SEEK_SET))
		return fail_errno(f, "%s", path);
	return 0;
}

/* Checks the state that was read, and reopens a finished directory. */
static int check_state(struct run *r, struct fail *f)
{
	struct fit *t = r->t;
	const struct share_counts *all = &t->shares->all;
	if (r->s.records != (int64_t)all->records)
		return fail_set(f, "%s: its training started with other records (%" PRId64 " then, %" PRIu64 " now); %s", t->dir->path, r->s.records, all->records, t->dir->again);
	if (t->shares->data->marks && r->s.data == t->shares->data->hash)
		return fail_set(f, "%s: it does not say which records it left out, as one of an older version; %s", t->dir->path, t->dir->again);
	if (r->s.data != all->hash)
		return fail_set(f, "%s: its training started with other records, or %s; %s", t->dir->path, t->shares->data->marks ? "left others out" : "in another order", t->dir->again);
	return t->dir->finished && r->s.step < t->m->cfg.train.steps ? model_dir_reopen(t->dir, f) : 0;
}

/* Sends the state that rank 0 has read to all ranks. */
static void share_state(struct run *r)
{
	struct model *m = r->t->m;
	struct optimizer_state o = trainer_state(r->trainer);
	size_t bytes = m->nparams * sizeof(float);
	team_share(r->team, &r->s, sizeof r->s);
	team_share(r->team, m->params, bytes);
	if (o.m) {
		team_share(r->team, o.m, bytes);
		team_share(r->team, o.v, bytes);
	}
	trainer_resume(r->trainer, (long)r->s.step);
}

/* Restores the run as it was after the state's step. */
static void resume(struct run *r)
{
	struct fit *t = r->t;
	for (int w = r->team->first; w < r->team->end; w++)
		for (int64_t i = 0; i < r->s.step && r->s.step < t->m->cfg.train.steps; i++)
			next_batch(r, w); /* every shuffle depends on the one before */
	t->resumed_from = t->m->step = r->s.step;
	t->m->loss = r->s.loss;
	t->m->holdout_loss = r->s.holdout;
	r->started -= r->s.seconds;
}

static int start(struct run *r, struct fail *f)
{
	struct fit *t = r->t;
	const struct share_counts *all = &t->shares->all;
	int got = writes(r) && t->dir->resumed ? state_read(t->dir, &r->s, t->m, r->trainer, f) : 0;
	if (team_follow(r->team, got < 0 || (got && check_state(r, f)), f))
		return -1;
	team_share(r->team, &got, sizeof got);
	if (got) {
		if (r->team->ranks > 1)
			share_state(r);
		resume(r);
	} else { /* is saved at once: a directory with a checkpoint always has a state */
		r->s = (struct state){.records = (int64_t)all->records, .data = all->hash, .loss = NAN, .holdout = NAN};
	}
	return team_follow(r->team, writes(r) && (open_log(r, f) || (!got && save_state(r, f))), f);
}

int fit_model(struct model *m, const struct config *cfg, const struct shares *s, struct fail *f)
{
	if (team_agree(s->team, model_build(m, cfg, f), f))
		return -1;
	model_init(m, (uint64_t)cfg->train.seed);
	int bad = s->data->vector ? team_agree(s->team, model_alloc_standard(m, f), f) : 0;
	if (bad || (s->data->vector && shares_statistics(s, m->standard.mean, m->standard.deviation, f))) {
		model_free(m);
		return -1;
	}
	return 0;
}

static int open_run(struct run *r, struct fail *f)
{
	struct fit *t = r->t;
	const struct config *cfg = &t->m->cfg;
	const struct dataset *d = t->shares->data;
	size_t batch = (size_t)(cfg->train.batch / r->team->workers), own = (size_t)(r->team->end - r->team->first);
	r->feed = (struct feed){.d = d, .standard = &t->m->standard, .batch = (int)batch, .latent = cfg->latent, .seed = (uint64_t)cfg->train.seed};
	r->feed.row = malloc(batch * sizeof *r->feed.row);
	r->feed.x = malloc(batch * d->size * sizeof *r->feed.x);
	r->feed.eps = malloc(batch * (size_t)cfg->latent * sizeof *r->feed.eps);
	r->epochs = calloc(own, sizeof *r->epochs);
	if (!r->feed.row || !r->feed.x || !r->feed.eps || !r->epochs)
		return fail_memory(f);
	for (size_t i = 0; i < own; i++) {
		size_t w = (size_t)r->team->first + i;
		r->epochs[i] = (struct epochs){.n = t->shares->counts[w].ntrain, .seed = r->feed.seed, .order = t->shares->share[w].train, .worker = w};
	}
	r->trainer = trainer_open(t->m, t->pool, f);
	if (!r->trainer)
		return -1;
	if (r->team->workers == 1)
		return 0;
	if (team_tree_open(&r->gradients, r->team, t->pool, t->m->nparams, f) || team_tree_open(&r->losses, r->team, t->pool, 0, f))
		return -1;
	r->gradients.leaf = gradient_leaf;
	r->losses.leaf = holdout_leaf;
	r->gradients.ctx = r->losses.ctx = r;
	return 0;
}

int fit_run(struct fit *t, struct fail *f)
{
	struct run r = {.t = t, .team = t->shares->team, .started = seconds_now()};
	r.saved = r.started;
	int bad = team_agree(r.team, open_run(&r, f), f) || start(&r, f) || steps(&r, f) ? -1 : 0;
	if (r.log && fclose(r.log) && !bad)
		bad = fail_errno(f, "%s/train.jsonl", t->dir->work);
	trainer_close(r.trainer);
	team_tree_close(&r.gradients);
	team_tree_close(&r.losses);
	free(r.epochs);
	free(r.feed.row);
	free(r.feed.x);
	free(r.feed.eps);
	return bad;
}

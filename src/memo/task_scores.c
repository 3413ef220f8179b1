#include "memo/task_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pipeline.h"
#include "gemm/mat.h"
#include "memo/logp.h"
#include "model/draws.h"

enum { ROWS = 32 }; /* of a batch: rounding depends on it */

struct worker {
	struct logp *logp;
	struct draws *draws; /* for losses */
	float *x;            /* [ROWS][input] */
	uint64_t id[ROWS];
	double *result;      /* logp [ROWS][checkpoints], its errors, then [ROWS][TASK_OUT] */
};

struct run {
	const struct task_scores *s;
	const struct model *last;
	int columns;
	double *values;
	size_t next;
	struct worker *worker;
};

struct slot {
	size_t first;
};

/* --- loss, recon and kl --- */

struct column {
	const struct config *cfg;
	double *out; /* [ROWS][TASK_OUT] */
};

static void add_draw(void *ctx, const struct draw *d)
{
	const struct column *c = ctx;
	double *o = c->out + (size_t)d->record * TASK_OUT, beta = c->cfg->score.beta;
	if (d->index == 0) {
		o[1] = 0;
		o[2] = loss_kl(d->head, c->cfg->latent);
	}
	o[1] += loss_recon((enum likelihood)c->cfg->score.likelihood, d->logits, d->x, config_input_size(c->cfg), NULL) / c->cfg->score.draws;
	o[0] = beta * o[2] + o[1];
}

/* --- the pipeline --- */

static int fill(void *ctx, void *slot, struct fail *f)
{
	struct run *r = ctx;
	(void)f;
	if (r->next >= r->s->data->n)
		return 0;
	((struct slot *)slot)->first = r->next;
	r->next += ROWS;
	return 1;
}

/* The values of row i of a batch. */
static void write_row(const struct run *r, const struct worker *w, size_t i, int marked, double *to)
{
	size_t checkpoints = (size_t)r->s->checkpoints;
	const double *se = w->result + checkpoints * ROWS, *out = se + checkpoints * ROWS + i * TASK_OUT;
	if (!w->logp) {
		*to = out[0];
		return;
	}
	for (size_t c = 0; c < checkpoints; c++) {
		*to++ = w->result[i * checkpoints + c];
		*to++ = se[i * checkpoints + c];
	}
	for (int k = 0; w->draws && k < TASK_OUT; k++)
		*to++ = marked ? out[k] : NAN;
}

/* Writes rows of r->values that no other batch writes. */
static int work(void *ctx, int number, void *slot, struct fail *f)
{
	struct run *r = ctx;
	const struct dataset *d = r->s->data;
	struct worker *w = &r->worker[number];
	size_t first = ((struct slot *)slot)->first, n = d->n - first < ROWS ? d->n - first : ROWS, size = d->size;
	double *se = w->result + (size_t)r->s->checkpoints * ROWS, *out = se + (size_t)r->s->checkpoints * ROWS;
	(void)f;
	mat_thread_init();
	memset(w->x, 0, ROWS * size * sizeof *w->x);
	memset(w->id, 0, sizeof w->id);
	for (size_t i = 0; i < n; i++) {
		dataset_floats(d, &r->last->standard, first + i, w->x + i * size);
		w->id[i] = d->id[first + i];
	}
	if (w->logp)
		logp_score(w->logp, w->x, w->id, w->result, se);
	if (w->draws)
		draws_run(w->draws, r->s->checkpoints - 1, w->x, w->id, add_draw, &(struct column){&r->last->cfg, out});
	for (size_t i = 0; i < n; i++)
		write_row(r, w, i, r->s->left_out && r->s->left_out[first + i], r->values + (first + i) * (size_t)r->columns);
	return 0;
}

static int consume(void *ctx, void *slot, struct fail *f)
{
	const struct run *r = ctx;
	(void)f;
	if (r->s->progress)
		r->s->progress(r->s->ctx, (double)((const struct slot *)slot)->first / (double)r->s->data->n);
	return 0;
}

static int open_slot(void *ctx, void *slot, struct fail *f)
{
	(void)ctx, (void)slot, (void)f;
	return 0;
}

static void close_slot(void *slot) { (void)slot; }

static void stop(void *ctx) { (void)ctx; }

static int open_workers(struct run *r, struct fail *f)
{
	const struct task_scores *s = r->s;
	const struct config *cfg = &r->last->cfg;
	r->worker = calloc((size_t)s->workers, sizeof *r->worker);
	for (int i = 0; r->worker && i < s->workers; i++) {
		struct worker *w = &r->worker[i];
		w->x = mat_floats(ROWS * s->data->size);
		w->result = malloc(ROWS * (2 * (size_t)s->checkpoints + TASK_OUT) * sizeof *w->result);
		if (!w->x || !w->result)
			return fail_memory_for(f, "a batch of %d records", ROWS);
		if (s->draws && !(w->logp = logp_open(s->models, s->checkpoints, ROWS, s->draws, f)))
			return -1;
		if ((!s->draws || s->left_out) && !(w->draws = draws_open(s->models, s->checkpoints, ROWS, cfg->score.draws, (uint64_t)cfg->score.seed, f)))
			return -1;
	}
	return r->worker ? 0 : fail_memory(f);
}

int task_columns(const struct task_scores *s) { return s->draws ? 2 * s->checkpoints + (s->left_out ? TASK_OUT : 0) : 1; }

int task_scores_run(const struct task_scores *s, double *values, struct fail *f)
{
	struct run r = {.s = s, .last = &s->models[s->checkpoints - 1], .columns = task_columns(s), .values = values};
	const struct pipeline p = {.ctx = &r, .workers = s->workers, .slot_size = sizeof(struct slot), .open = open_slot, .close = close_slot, .fill = fill, .work = work, .consume = consume, .stop = stop};
	int failed = open_workers(&r, f) || pipeline_run(&p, f) ? -1 : 0;
	for (int i = 0; r.worker && i < s->workers; i++) {
		logp_close(r.worker[i].logp);
		draws_close(r.worker[i].draws);
		free(r.worker[i].x);
		free(r.worker[i].result);
	}
	free(r.worker);
	return failed;
}

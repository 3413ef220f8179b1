#include "memo/task_scores.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pipeline.h"
#include "gemm/mat.h"
#include "influence/influence.h"
#include "influence/losses.h"
#include "memo/logp.h"

enum { ROWS = 32 }; /* of a batch: rounding depends on it */

struct worker {
	struct logp *logp;
	struct losses *losses;       /* of the last checkpoint, without draws of log p(x) */
	struct influence *influence; /* of the last checkpoint, for records that are left out */
	float *x, *left;             /* [ROWS][input]: a batch; those of its records that are left out */
	uint64_t id[ROWS], left_id[ROWS];
	struct score score[ROWS];    /* of those */
	double *result;              /* logp [ROWS][checkpoints] and its errors, or loss [ROWS] */
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

/* Scores the records of the batch that are left out, side by side. */
static void score_left_out(const struct run *r, struct worker *w, size_t first, size_t n)
{
	size_t size = r->s->data->size;
	int count = 0;
	for (size_t i = 0; i < n; i++) {
		if (!r->s->left_out[first + i])
			continue;
		memcpy(w->left + (size_t)count * size, w->x + i * size, size * sizeof *w->x);
		w->left_id[count++] = w->id[i];
	}
	memset(w->left + (size_t)count * size, 0, (ROWS - (size_t)count) * size * sizeof *w->left);
	if (count)
		influence_score(w->influence, count, w->left, w->left_id, NULL, w->score, NULL);
}

/* The values of row i of a batch. out: the scores of the record, if it is left out. */
static void write_row(const struct run *r, const struct worker *w, size_t i, const struct score *out, double *to)
{
	size_t checkpoints = (size_t)r->s->checkpoints;
	const double *se = w->result + checkpoints * ROWS;
	if (w->losses) {
		*to = w->result[i];
		return;
	}
	for (size_t c = 0; c < checkpoints; c++) {
		*to++ = w->result[i * checkpoints + c];
		*to++ = se[i * checkpoints + c];
	}
	if (!w->influence)
		return;
	const double scores[NUMBERS_OUT] = {out ? out->loss : NAN, out ? out->recon : NAN, out ? out->kl : NAN, out ? out->selfinf : NAN};
	memcpy(to, scores, sizeof scores);
}

/* Writes rows of r->values that no other batch writes. */
static int work(void *ctx, int number, void *slot, struct fail *f)
{
	struct run *r = ctx;
	const struct dataset *d = r->s->data;
	struct worker *w = &r->worker[number];
	size_t first = ((struct slot *)slot)->first, n = d->n - first < ROWS ? d->n - first : ROWS, size = d->size;
	(void)f;
	mat_thread_init();
	memset(w->x, 0, ROWS * size * sizeof *w->x);
	memset(w->id, 0, sizeof w->id);
	for (size_t i = 0; i < n; i++) {
		dataset_floats(d, &r->last->standard, first + i, w->x + i * size);
		w->id[i] = d->id[first + i];
	}
	if (w->logp)
		logp_score(w->logp, w->x, w->id, w->result, w->result + (size_t)r->s->checkpoints * ROWS);
	else
		losses_score(w->losses, w->x, w->id, w->result);
	if (w->influence)
		score_left_out(r, w, first, n);
	const struct score *out = w->score;
	for (size_t i = 0; i < n; i++)
		write_row(r, w, i, w->influence && r->s->left_out[first + i] ? out++ : NULL, r->values + (first + i) * (size_t)r->columns);
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

static int open_worker(struct worker *w, const struct run *r, struct fail *f)
{
	const struct task_scores *s = r->s;
	w->x = mat_floats(ROWS * s->data->size);
	w->left = mat_floats(ROWS * s->data->size);
	w->result = malloc(ROWS * 2 * (size_t)s->checkpoints * sizeof *w->result);
	if (!w->x || !w->left || !w->result)
		return fail_memory_for(f, "a batch of %d records", ROWS);
	if (s->draws)
		w->logp = logp_open(s->models, s->checkpoints, ROWS, s->draws, f);
	else
		w->losses = losses_open(r->last, 1, ROWS, f);
	if (s->left_out && (w->logp || w->losses) && !(w->influence = influence_open(r->last, 1, ROWS, 0, f)))
		return -1;
	return w->logp || w->losses ? 0 : -1;
}

int task_scores_run(const struct task_scores *s, double *values, struct fail *f)
{
	struct run r = {.s = s, .last = &s->models[s->checkpoints - 1], .columns = numbers_columns(s->draws, s->checkpoints, s->left_out != NULL), .values = values};
	const struct pipeline p = {.ctx = &r, .workers = s->workers, .slot_size = sizeof(struct slot), .open = open_slot, .close = close_slot, .fill = fill, .work = work, .consume = consume, .stop = stop};
	int failed = 0;
	r.worker = calloc((size_t)s->workers, sizeof *r.worker);
	if (!r.worker)
		return fail_memory(f);
	for (int i = 0; i < s->workers && !failed; i++)
		failed = open_worker(&r.worker[i], &r, f);
	failed = failed || pipeline_run(&p, f) ? -1 : 0;
	for (int i = 0; i < s->workers; i++) {
		logp_close(r.worker[i].logp);
		losses_close(r.worker[i].losses);
		influence_close(r.worker[i].influence);
		free(r.worker[i].x);
		free(r.worker[i].left);
		free(r.worker[i].result);
	}
	free(r.worker);
	return failed;
}

/* vae-ckpt logp: a filter that appends log p(x) of every record, by importance sampling. */
#include <stdlib.h>

#include "ckpt.h"
#include "gemm/mat.h"
#include "memo/logp.h"
#include "tool/scoring.h"

enum { ROWS = 32, DRAWS = 128 }; /* of a batch; by default */

struct logp_tool {
	struct scoring frame;
	struct logp **logp; /* [workers] */
};

static const char *const claims[] = {"logp", "logp_se", "model", "options", NULL};
static const char *const clears[] = {"logp", "logp_se", "model", "options", "error", NULL};

/* The results of a batch: logp [rows], then its standard errors. */
static int score(void *tool, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	logp_score(((struct logp_tool *)tool)->logp[worker], x, b->id, result, (double *)result + ROWS);
	return 0;
}

static int fields(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	struct scoring *w = &((struct logp_tool *)tool)->frame;
	const double *logp = (const double *)result + row;
	char name[256];
	if (!why->msg[0] && (fields_set_real(&r->fields, cli_field(w->flow.cli, name, claims[0]), logp[0], why) ||
	                     fields_set_real(&r->fields, cli_field(w->flow.cli, name, claims[1]), logp[ROWS], why) || scoring_set_origin(w, r, why)))
		flow_clear(&w->flow, r, clears);
	return 0;
}

/* --- open, run, close --- */

static int open_workers(struct logp_tool *t, int draws, struct fail *f)
{
	struct scoring *w = &t->frame;
	w->rows = ROWS;
	w->result_size = 2 * ROWS * sizeof(double);
	t->logp = calloc((size_t)w->workers, sizeof(struct logp *));
	if (!t->logp)
		return fail_memory(f);
	for (int i = 0; i < w->workers; i++)
		if (!(t->logp[i] = logp_open(w->models, w->nmodels, ROWS, draws, f)))
			return -1;
	return 0;
}

static int run(struct logp_tool *t, struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct scoring *w = &t->frame;
	struct buf more = {0};
	mat_flush_denormals();
	w->workers = cli_workers(c, f);
	if (w->workers < 0 || scoring_open(w, o->model, o->which ? o->which : "last", f))
		return -1;
	if (w->nmodels > 1)
		return fail_set(f, "%s: logp takes one checkpoint, and --checkpoints %s names %d", o->model, o->which, w->nmodels);
	int draws = o->draws ? scoring_model(w)->cfg.score.draws : DRAWS;
	int r = buf_addf(&more, f, "logp of %d draws", draws) || models_options_hash(w->models, 1, &more, w->options, f) || open_workers(t, draws, f) ? -1 : 0;
	buf_free(&more);
	return r || flow_open(&w->flow, c, 0, f) || scoring_run(w, f) || scoring_count(w, f) ? -1 : 0;
}

int ckpt_logp(struct cli *c, const struct ckpt *o)
{
	struct logp_tool t = {.logp = NULL};
	struct fail f = {{0}};
	t.frame = (struct scoring){.flow.cli = c, .tool = &t, .claims = claims, .clears = clears, .score = score, .fields = fields};
	int r = run(&t, c, o, &f);
	int status = flow_finish(&t.frame.flow, r, &f);
	for (int i = 0; t.logp && i < t.frame.workers; i++)
		logp_close(t.logp[i]);
	free(t.logp);
	scoring_close(&t.frame);
	return status;
}

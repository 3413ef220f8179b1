/* vae-ckpt eval: a filter that appends the loss of every record at every checkpoint, and the curvature of the loss in the input. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ckpt.h"
#include "gemm/mat.h"
#include "influence/influence.h"
#include "influence/input_curvature.h"
#include "influence/losses.h"
#include "tool/scoring.h"

struct losses_tool {
	struct scoring frame;
	struct losses **losses; /* [workers] */
	struct input_curvature **curvature; /* [workers], or NULL */
	char (*name)[40];       /* [nmodels]: loss_STEP */
	const char **claims;    /* these, and the other fields that it sets */
};

static const char *const clears[] = {"loss_#", "input_curvature", "model", "options", "error", NULL};

/* The results of a batch: double [rows][nmodels], then [rows] curvatures. */
static int score(void *tool, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	struct losses_tool *e = tool;
	losses_score(e->losses[worker], x, b->id, result);
	if (e->curvature)
		input_curvature_score(e->curvature[worker], x, b->id, (double *)result + e->frame.rows * e->frame.nmodels);
	return 0;
}

static int set_fields(const struct losses_tool *e, struct record *r, const double *loss, const double *curvature, struct fail *f)
{
	char name[256];
	for (int i = 0; i < e->frame.nmodels; i++)
		if (fields_set_real(&r->fields, cli_field(e->frame.flow.cli, name, e->name[i]), loss[i], f))
			return -1;
	if (curvature && fields_set_real(&r->fields, cli_field(e->frame.flow.cli, name, "input_curvature"), *curvature, f))
		return -1;
	return scoring_set_origin(&e->frame, r, f);
}

static int fields(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	struct losses_tool *e = tool;
	const double *loss = result;
	const int n = e->frame.nmodels;
	if (!why->msg[0] && set_fields(e, r, loss + row * n, e->curvature ? loss + e->frame.rows * n + row : NULL, why))
		flow_clear(&e->frame.flow, r, clears);
	return 0;
}

/* --- open, run, close --- */

/* Before the models are read. */
static int check_number(const struct ckpt *o, const char *which, struct fail *f)
{
	struct checkpoints c;
	if (checkpoints_select(&c, o->model, which, f))
		return -1;
	int n = c.n, most = FIELDS_MAX - 2 - (o->directions > 0); /* model and options; a record with losses has no error */
	checkpoints_free(&c);
	return n > most ? fail_set(f, "%s: a record holds the losses of %d checkpoints at most, and these are %d: --checkpoints selects some", o->model, most, n) : 0;
}

static int name_fields(struct losses_tool *e, struct fail *f)
{
	size_t n = (size_t)e->frame.nmodels;
	e->name = calloc(n, sizeof *e->name);
	e->claims = calloc(n + 5, sizeof *e->claims);
	if (!e->name || !e->claims)
		return fail_memory(f);
	for (size_t i = 0; i < n; i++) {
		snprintf(e->name[i], sizeof e->name[i], "loss_%" PRId64, e->frame.models[i].step);
		e->claims[i] = e->name[i];
	}
	for (size_t i = e->curvature ? 1 : 2; clears[i]; i++)
		e->claims[n++] = clears[i];
	e->frame.claims = e->claims;
	return 0;
}

static int open_workers(struct losses_tool *e, int directions, struct fail *f)
{
	struct scoring *w = &e->frame;
	w->rows = influence_batch_size(scoring_model(w), 0);
	w->result_size = (size_t)w->rows * ((size_t)w->nmodels + 1) * sizeof(double);
	e->losses = calloc((size_t)w->workers, sizeof(struct losses *));
	if (!e->losses)
		return fail_memory(f);
	for (int i = 0; i < w->workers; i++)
		if (!(e->losses[i] = losses_open(w->models, w->nmodels, w->rows, f)))
			return -1;
	if (directions > 0 && !(e->curvature = calloc((size_t)w->workers, sizeof(struct input_curvature *))))
		return fail_memory(f);
	for (int i = 0; directions > 0 && i < w->workers; i++)
		if (!(e->curvature[i] = input_curvature_open(w->models, w->nmodels, w->rows, directions, f)))
			return -1;
	return 0;
}

static int run(struct losses_tool *e, struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct scoring *w = &e->frame;
	const char *which = o->which ? o->which : "all";
	struct buf more = {0};
	mat_flush_denormals();
	w->workers = cli_workers(c, f);
	if (w->workers < 0 || check_number(o, which, f) || scoring_open(w, o->model, which, f))
		return -1;
	int r = (o->directions > 0 && buf_addf(&more, f, "input curvature in %ld directions", o->directions)) || models_options_hash(w->models, w->nmodels, &more, w->options, f) ? -1 : 0;
	buf_free(&more);
	return r || open_workers(e, (int)o->directions, f) || name_fields(e, f) || flow_open(&w->flow, c, 0, f) || scoring_run(w, f) || scoring_count(w, f) ? -1 : 0;
}

int ckpt_eval(struct cli *c, const struct ckpt *o)
{
	struct losses_tool e = {.losses = NULL};
	struct fail f = {{0}};
	e.frame = (struct scoring){.flow.cli = c, .tool = &e, .clears = clears, .score = score, .fields = fields};
	int r = run(&e, c, o, &f);
	int status = flow_finish(&e.frame.flow, r, &f);
	for (int i = 0; e.losses && i < e.frame.workers; i++)
		losses_close(e.losses[i]);
	for (int i = 0; e.curvature && i < e.frame.workers; i++)
		input_curvature_close(e.curvature[i]);
	free(e.losses);
	free(e.curvature);
	free(e.claims);
	free(e.name);
	scoring_close(&e.frame);
	return status;
}

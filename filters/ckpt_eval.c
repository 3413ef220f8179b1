/* vae-ckpt eval: a filter that appends the loss of every record at every checkpoint. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/batch.h"
#include "ckpt.h"
#include "tool/flow.h"
#include "influence/influence.h"
#include "influence/losses.h"
#include "gemm/mat.h"
#include "base/pipeline.h"

struct slot {
	struct batch batch;
	double *loss; /* [rows][n] */
};

struct worker {
	struct losses *losses;
	float *x;
	int ready;
};

struct eval {
	struct flow flow;
	struct model *models;
	int n, rows;
	struct worker *worker;
	char id[17], options[17];
	const char **names; /* loss_STEP of every checkpoint, and the others it writes */
	char (*text)[40];
};

static int on_open(void *ctx, void *slot, struct fail *f)
{
	const struct eval *e = ctx;
	struct slot *p = slot;
	if (batch_open(&p->batch, e->rows, &e->models[0].cfg, f))
		return -1;
	p->loss = calloc((size_t)e->rows * (size_t)e->n, sizeof *p->loss);
	return p->loss ? 0 : fail_memory(f);
}

static void on_close(void *slot)
{
	batch_free(&((struct slot *)slot)->batch);
	free(((struct slot *)slot)->loss);
}

static int on_fill(void *ctx, void *slot, struct fail *f)
{
	return batch_fill(&((struct slot *)slot)->batch, ((struct eval *)ctx)->flow.in, f);
}

static void on_stop(void *ctx) { reader_stop(((struct eval *)ctx)->flow.in); }

static int on_work(void *ctx, int worker, void *slot, struct fail *f)
{
	struct eval *e = ctx;
	struct slot *p = slot;
	struct worker *w = &e->worker[worker];
	if (!w->ready++)
		mat_thread_init();
	if (batch_decode(&p->batch, &e->models[e->n - 1].cfg, f))
		return -1;
	batch_floats(&p->batch, &e->models[e->n - 1].standard, w->x);
	losses_score(w->losses, w->x, p->batch.id, p->loss);
	return 0;
}

/* 0, or -1 with the reason: a loss that is not finite. */
static int set_fields(struct eval *e, struct record *r, const double *loss, struct fail *f)
{
	const struct cli *c = e->flow.cli;
	char name[256];
	for (int i = 0; i < e->n; i++)
		if (fields_set_real(&r->fields, cli_field(c, name, e->names[i]), loss[i], f))
			return -1;
	if (fields_set_string(&r->fields, cli_field(c, name, "model"), e->id, f) ||
	    fields_set_string(&r->fields, cli_field(c, name, "options"), e->options, f))
		return -1;
	return 0;
}

/* Takes away what an earlier run left, at whatever checkpoints. */
static void clear(const struct eval *e, struct record *r)
{
	char name[256];
	fields_remove_numbered(&r->fields, cli_field(e->flow.cli, name, "loss_"));
	flow_clear(&e->flow, r, e->names);
	r->fields_changed = 1;
}

static int one_record(struct eval *e, struct record *r, const double *loss, struct fail *why, struct fail *f)
{
	if (flow_claim(&e->flow, r, e->names, f))
		return -1;
	clear(e, r);
	if (!why->msg[0])
		set_fields(e, r, loss, why);
	if (!why->msg[0])
		return flow_pass(&e->flow, r, f);
	if (why->memory) { /* a field that could not be set */
		*f = *why;
		return -1;
	}
	clear(e, r);
	return flow_unscored(&e->flow, r, why->msg, f);
}

static int on_consume(void *ctx, void *slot, struct fail *f)
{
	struct eval *e = ctx;
	struct slot *p = slot;
	struct batch *b = &p->batch;
	struct flow *w = &e->flow;
	for (int i = 0; i < b->nitems; i++) {
		int row = b->row[i];
		w->records += row >= 0;
		if (row < 0 ? writer_record(w->out, &b->item[i], WRITER_ALL, f) : one_record(e, &b->item[i], p->loss + row * e->n, &b->why[row], f))
			return -1;
	}
	progress_show(&w->progress, (double)reader_bytes(w->in), (double)reader_total(w->in), (double)w->records, NULL);
	return 0;
}

static const char *const more[] = {"model", "options", "error"};

/* Before the models are read. */
static int check_number(const struct ckpt *o, const char *which, struct fail *f)
{
	struct checkpoints c;
	if (checkpoints_select(&c, o->model, which, f))
		return -1;
	int n = c.n, most = FIELDS_MAX - 2; /* a record has no error beside its losses */
	checkpoints_free(&c);
	return n > most ? fail_set(f, "%s: a record holds the losses of %d checkpoints at most, and these are %d: --checkpoints chooses", o->model, most, n) : 0;
}

static int name_fields(struct eval *e, struct fail *f)
{
	size_t n = (size_t)e->n;
	e->text = calloc(n, sizeof *e->text);
	e->names = calloc(n + 4, sizeof *e->names);
	if (!e->text || !e->names)
		return fail_memory(f);
	for (size_t i = 0; i < n; i++) {
		snprintf(e->text[i], sizeof e->text[i], "loss_%" PRId64, e->models[i].step);
		e->names[i] = e->text[i];
	}
	for (size_t i = 0; i < 3; i++)
		e->names[n + i] = more[i];
	return 0;
}

static int set_up(struct eval *e, int workers, struct fail *f)
{
	const struct model *last = &e->models[e->n - 1];
	models_id(e->models, e->n, e->id);
	const struct buf none = {0};
	if (models_options(e->models, e->n, &none, e->options, f) || name_fields(e, f))
		return -1;
	e->rows = influence_batch_size(last, 0);
	e->worker = calloc((size_t)workers, sizeof *e->worker);
	if (!e->worker)
		return fail_memory(f);
	for (int i = 0; i < workers; i++) {
		struct worker *w = &e->worker[i];
		w->losses = losses_open(e->models, e->n, e->rows, f);
		if (!w->losses)
			return -1;
		w->x = malloc((size_t)e->rows * (size_t)config_input_size(&last->cfg) * sizeof *w->x);
		if (!w->x)
			return fail_memory(f);
	}
	return 0;
}

static void tear_down(struct eval *e, int workers)
{
	for (int i = 0; e->worker && i < workers; i++) {
		losses_close(e->worker[i].losses);
		free(e->worker[i].x);
	}
	free(e->worker);
	free(e->names);
	free(e->text);
	if (e->models)
		models_free(e->models, e->n);
}

int ckpt_eval(struct cli *c, const struct ckpt *o)
{
	struct eval e = {.flow = {.cli = c}};
	struct fail f = {{0}};
	mat_flush_denormals();
	int workers = mat_thread_init() > 1 ? (int)c->jobs : 1;
	const char *which = o->which ? o->which : "all";
	int r = check_number(o, which, &f);
	if (!r)
		r = models_open(&e.models, &e.n, o->model, which, &c->set, &f);
	if (!r)
		r = set_up(&e, workers, &f);
	if (!r)
		r = flow_open(&e.flow, c, 0, &f);
	const struct pipeline p = {&e, workers, sizeof(struct slot), on_open, on_close, on_fill, on_work, on_consume, on_stop};
	if (!r)
		r = pipeline_run(&p, &f);
	if (!r)
		r = fields_set_string(&c->counts, "model", e.id, &f) || fields_set_string(&c->counts, "options", e.options, &f) ||
		    fields_set_int(&c->counts, "checkpoints", e.n, &f) ? -1 : 0;
	int status = flow_finish(&e.flow, r, &f);
	tear_down(&e, workers);
	return status;
}

/* vae-selfinf: VAE-TracIn self influence of every record. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/flow.h"
#include "gemm/mat.h"
#include "base/pipeline.h"
#include "influence/scorer.h"

struct slot {
	struct batch batch;
	struct score *score;
	double *part;
};

struct selfinf {
	struct flow flow;
	struct model *models;
	int nmodels, rows, parts;
	struct scorer *scorer;
	struct noise noise;
	char id[17], options[17];
	const char **claims; /* the names of the fields it writes */
};

static const struct model *last(const struct selfinf *s) { return &s->models[s->nmodels - 1]; }

/* --- the pipeline --- */

static int on_open(void *ctx, void *slot, struct fail *f)
{
	const struct selfinf *s = ctx;
	struct slot *p = slot;
	if (batch_open(&p->batch, s->rows, &last(s)->cfg, f))
		return -1;
	p->score = calloc((size_t)s->rows, sizeof *p->score);
	p->part = s->parts ? calloc((size_t)s->rows * (size_t)last(s)->ntensors, sizeof *p->part) : NULL;
	return p->score && (!s->parts || p->part) ? 0 : fail_memory(f);
}

static void on_close(void *slot)
{
	struct slot *p = slot;
	batch_free(&p->batch);
	free(p->score);
	free(p->part);
}

static int on_fill(void *ctx, void *slot, struct fail *f)
{
	return batch_fill(&((struct slot *)slot)->batch, ((struct selfinf *)ctx)->flow.in, f);
}

static void on_stop(void *ctx) { reader_stop(((struct selfinf *)ctx)->flow.in); }

static int on_work(void *ctx, int worker, void *slot, struct fail *f)
{
	struct selfinf *s = ctx;
	struct slot *p = slot;
	struct scorer *w = &s->scorer[worker];
	if (scorer_read(w, &p->batch, last(s), &s->noise, f))
		return -1;
	influence_score(w->influence, p->batch.nrows, w->x, p->batch.id, w->eps, p->score, p->part);
	return 0;
}

static int set_part(struct selfinf *s, struct record *r, const double *part, struct fail *f)
{
	const struct model *m = last(s);
	char base[160], name[256];
	for (int i = 0; i < m->ntensors; i += 2) { /* weight and bias of a layer */
		snprintf(base, sizeof base, "selfinf_%.*s", (int)(strrchr(m->tensor[i].name, '.') - m->tensor[i].name), m->tensor[i].name);
		if (fields_set_real(&r->fields, cli_field(s->flow.cli, name, base), part[i] + part[i + 1], f))
			return -1;
	}
	return 0;
}

/* 0 done; -1 with the reason: a value that is not finite. */
static int set_fields(struct selfinf *s, struct record *r, const struct score *v, const double *part, struct fail *f)
{
	const struct cli *c = s->flow.cli;
	const struct { const char *name; double value; } reals[] = {
		{"selfinf", v->selfinf}, {"selfinf_se", v->selfinf_se}, {"loss", v->loss}, {"recon", v->recon},
		{"nll", v->nll}, {"kl", v->kl}, {"mu_norm", v->mu_norm}, {"sigma_norm", v->sigma_norm},
	};
	char name[256];
	if (!part) { /* parts of an earlier run; what is set anew keeps its place, so that twice is as once */
		fields_remove_prefix(&r->fields, cli_field(c, name, "selfinf_encoder."));
		fields_remove_prefix(&r->fields, cli_field(c, name, "selfinf_decoder."));
	}
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
		if (i == 1 && last(s)->cfg.score.draws < 2) { /* one draw has no spread */
			fields_remove(&r->fields, cli_field(c, name, reals[i].name));
			continue;
		}
		if (fields_set_real(&r->fields, cli_field(c, name, reals[i].name), reals[i].value, f))
			return -1;
	}
	if (part && set_part(s, r, part, f))
		return -1;
	if (fields_set_string(&r->fields, cli_field(c, name, "model"), s->id, f) ||
	    fields_set_string(&r->fields, cli_field(c, name, "options"), s->options, f))
		return -1;
	fields_remove(&r->fields, cli_field(c, name, "error"));
	r->fields_changed = 1;
	return 0;
}

/* Takes away what an earlier run wrote, the parts of layers too. */
static void drop_fields(const struct selfinf *s, struct record *r)
{
	char name[256];
	fields_remove_prefix(&r->fields, cli_field(s->flow.cli, name, "selfinf_encoder."));
	fields_remove_prefix(&r->fields, cli_field(s->flow.cli, name, "selfinf_decoder."));
	flow_clear(&s->flow, r, s->claims);
}

static int on_consume(void *ctx, void *slot, struct fail *f)
{
	struct selfinf *s = ctx;
	struct slot *p = slot;
	struct batch *b = &p->batch;
	struct flow *w = &s->flow;
	for (int i = 0; i < b->nitems; i++) {
		struct record *r = &b->item[i];
		int row = b->row[i];
		if (row < 0) {
			if (writer_record(w->out, r, WRITER_ALL, f))
				return -1;
			continue;
		}
		w->records++;
		if (flow_claim(w, r, s->claims, f))
			return -1;
		struct fail *why = &b->why[row];
		if (!why->msg[0])
			set_fields(s, r, &p->score[row], p->part ? p->part + row * last(s)->ntensors : NULL, why);
		if (why->msg[0])
			drop_fields(s, r);
		if (why->msg[0] && why->memory) { /* a field that could not be set */
			*f = *why;
			return -1;
		}
		if (why->msg[0] ? flow_unscored(w, r, why->msg, f) : flow_pass(w, r, f))
			return -1;
	}
	progress_show(&w->progress, (double)reader_bytes(w->in), (double)reader_total(w->in), (double)w->records, NULL);
	return 0;
}

/* --- setting up --- */

static int list_claims(struct selfinf *s, struct fail *f)
{
	static const char *const base[] = {"selfinf", "selfinf_se", "loss", "recon", "nll", "kl", "mu_norm", "sigma_norm", "model", "options", "error"};
	size_t n = sizeof base / sizeof *base;
	s->claims = calloc(n + 1, sizeof *s->claims);
	if (!s->claims)
		return fail_memory(f);
	memcpy(s->claims, base, sizeof base);
	return 0;
}

static int set_up(struct selfinf *s, const struct cli *c, int workers, struct fail *f)
{
	const struct config *cfg = &last(s)->cfg;
	if (noise_read(&s->noise, cfg->score.draws, cfg->latent, f))
		return -1;
	if (cfg->score.weights == WEIGHTS_LR && cfg->train.optimizer != SGD)
		cli_note(c, "--weights lr is TracIn's weight for plain sgd; this model was trained with adam");
	models_id(s->models, s->nmodels, s->id);
	if (models_options(s->models, s->nmodels, &s->noise.file, s->options, f) || list_claims(s, f))
		return -1;
	s->rows = influence_batch_size(last(s), 0);
	s->scorer = scorers_open(s->models, s->nmodels, workers, 0, &s->noise, f);
	return s->scorer ? 0 : -1;
}

static void tear_down(struct selfinf *s, int workers)
{
	scorers_close(s->scorer, workers);
	free(s->claims);
	noise_free(&s->noise);
	if (s->models)
		models_free(s->models, s->nmodels);
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct selfinf s = {.rows = 0};
	const char *model = NULL, *which = "last";
	const struct cli_opt opts[] = {
		{'m', "model", "NAME.vae", CLI_TEXT, &model, "the model: a directory of vae-train, or one checkpoint of it"},
		{0, "checkpoints", "WHICH", CLI_TEXT, &which, "last (default), all, or steps such as 5000,10000: summed over"},
		{'d', "draws", "M", CLI_KEY, NULL, "noise draws a record (default: the model's, mostly 16)", .key = "score.draws"},
		{0, "estimator", "WHICH", CLI_KEY, NULL, "plugin: square of one mean; cross: two halves, unbiased", .key = "score.estimator"},
		{0, "gradient", "WHICH", CLI_KEY, NULL, "pathwise (default) or score (score function)", .key = "score.gradient"},
		{0, "layers", "LIST", CLI_KEY, NULL, "all, encoder, decoder, or layers such as decoder.4,decoder.6", .key = "score.layers"},
		{0, "weights", "WHICH", CLI_KEY, NULL, "of checkpoints: one, or lr (learning rate x steps / records)", .key = "score.weights"},
		{0, "seed", "N", CLI_KEY, NULL, "of the noise (--set score.seed=N)", .key = "score.seed"},
		{0, "eps", "FILE.npy", CLI_TEXT, &s.noise.path, "take the noise from FILE: float32 [record, draw, latent]"},
		{0, "parts", NULL, CLI_FLAG, &s.parts, "also append selfinf_LAYER, the part of every layer"},
		CLI_SET(&c),
		CLI_ON_ERROR(&c),
		CLI_NAMES(&c),
		CLI_JOBS(&c),
		CLI_OUTPUT(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-selfinf", "[FILE ...]", "Appends the VAE-TracIn self influence of every record.", opts, argc, argv) ||
	    (!model && !cli_usage(&c, "-m NAME.vae is required")) || !cli_check_model(&c, model) || !cli_check_overwrite(&c, "--eps", s.noise.path))
		return c.status;
	struct fail f = {{0}};
	cli_wait_input(&c);
	s.flow.cli = &c;
	mat_flush_denormals();
	int workers = mat_thread_init() > 1 ? (int)c.jobs : 1;
	int r = models_open(&s.models, &s.nmodels, model, which, &c.set, &f);
	if (!r)
		r = set_up(&s, &c, workers, &f);
	if (!r)
		r = flow_open(&s.flow, &c, 0, &f);
	const struct pipeline p = {&s, workers, sizeof(struct slot), on_open, on_close, on_fill, on_work, on_consume, on_stop};
	if (!r)
		r = pipeline_run(&p, &f);
	if (!r)
		r = fields_set_string(&c.counts, "model", s.id, &f) || fields_set_string(&c.counts, "options", s.options, &f) ||
		    fields_set_int(&c.counts, "checkpoints", s.nmodels, &f);
	int status = flow_finish(&s.flow, r, &f);
	tear_down(&s, workers);
	return status;
}

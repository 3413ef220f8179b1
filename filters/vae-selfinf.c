/* vae-selfinf: appends the VAE-TracIn self influence of every record. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gemm/mat.h"
#include "influence/scorer.h"
#include "influence/sparse_decoder.h"
#include "tool/curvature_options.h"
#include "tool/scoring.h"

struct selfinf {
	struct scoring frame;
	const char *model, *checkpoints;
	int parts, profile;
	struct curvature_options curvature;
	struct whitening *whitening; /* [nmodels], or NULL */
	struct noise noise;
	struct scorer *scorer; /* [workers] */
	const char *unset[8];  /* fields that are not set with these options, to be removed */
};

static const char *const claims[] = {"selfinf", "selfinf_se", "loss", "recon", "nll", "kl", "mu_norm", "sigma_norm", "model", "options", "error", NULL};
static const char *const clears[] = {"selfinf_encoder.*", "selfinf_decoder.*", "profile_encoder.*", "profile_decoder.*", "selfinf", "selfinf_se", "loss", "recon", "nll", "kl", "mu_norm",
                                     "sigma_norm", "model", "options", "error", NULL};
static const char *const error[] = {"error", NULL};

/* The results of a batch: struct score [rows], then with --parts double [rows][ntensors]. */
static double *parts_of(const struct selfinf *s, const void *result) { return s->parts || s->profile ? (double *)((struct score *)result + s->frame.rows) : NULL; }

static int score(void *tool, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	struct selfinf *s = tool;
	return scorer_score(&s->scorer[worker], b, x, result, parts_of(s, result), f);
}

static int set_parts(const struct selfinf *s, struct record *r, const char *what, const double *part, struct fail *f)
{
	const struct model *m = scoring_model(&s->frame);
	char base[160], name[256];
	for (int i = 0; i + 1 < m->ntensors; i += 2) { /* weight and bias of a layer; a learnt variance has no part */
		snprintf(base, sizeof base, "%s_%.*s", what, (int)(strrchr(m->tensor[i].name, '.') - m->tensor[i].name), m->tensor[i].name);
		if (fields_set_real(&r->fields, cli_field(s->frame.flow.cli, name, base), part[i] + part[i + 1], f))
			return -1;
	}
	return 0;
}

/* Fields keep the places that they have, so that scoring twice gives the bytes of scoring once. */
static int set_fields(const struct selfinf *s, struct record *r, const struct score *v, const double *part, struct fail *f)
{
	const struct flow *w = &s->frame.flow;
	const double values[] = {v->selfinf, v->selfinf_se, v->loss, v->recon, v->nll, v->kl, v->mu_norm, v->sigma_norm}; /* as claims */
	int one_draw = scoring_model(&s->frame)->cfg.score.draws < 2; /* which has no standard error */
	char name[256];
	flow_clear(w, r, s->unset);
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (!(i == 1 && one_draw) && fields_set_real(&r->fields, cli_field(w->cli, name, claims[i]), values[i], f))
			return -1;
	if ((s->parts && set_parts(s, r, "selfinf", part, f)) || (s->profile && set_parts(s, r, "profile", part, f)) || scoring_set_origin(&s->frame, r, f))
		return -1;
	flow_clear(w, r, error);
	return 0;
}

static int fields(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	struct selfinf *s = tool;
	const struct score *v = (const struct score *)result + row;
	const double *part = parts_of(s, result) ? parts_of(s, result) + row * scoring_model(&s->frame)->ntensors : NULL;
	if (!why->msg[0] && set_fields(s, r, v, part, why))
		flow_clear(&s->frame.flow, r, clears);
	return 0;
}

/* --- open, run, close --- */

/* And the hash of the options. */
static int open_curvature(struct selfinf *s, struct fail *f)
{
	struct scoring *w = &s->frame;
	struct buf options = {0};
	int r = s->noise.file.len ? buf_add(&options, s->noise.file.p, s->noise.file.len, f) : 0;
	r = r || curvature_options_open(&s->curvature, w->flow.cli, w->models, w->nmodels, &s->whitening, &options, f) ||
	    models_options_hash(w->models, w->nmodels, &options, w->options, f) ? -1 : 0;
	buf_free(&options);
	return r;
}

static int open_scorers(struct selfinf *s, struct fail *f)
{
	struct scoring *w = &s->frame;
	int n = 0;
	if (scoring_open(w, s->model, s->checkpoints, f) || sparse_decoders_choose(w->models, w->nmodels, f))
		return -1;
	const struct model *m = scoring_model(w);
	if (noise_read(&s->noise, m->cfg.score.draws, m->cfg.latent, f))
		return -1;
	scoring_warn_weights(w);
	if (s->profile && m->cfg.score.estimator == CROSS)
		return fail_set(f, "--profile is for logarithms of the parts, and parts of --estimator cross may be negative: use plugin");
	if (open_curvature(s, f))
		return -1;
	if (m->cfg.score.draws < 2)
		s->unset[n++] = "selfinf_se";
	if (!s->parts) {
		s->unset[n++] = "selfinf_encoder.*";
		s->unset[n++] = "selfinf_decoder.*";
	}
	if (!s->profile) {
		s->unset[n++] = "profile_encoder.*";
		s->unset[n++] = "profile_decoder.*";
	}
	w->rows = influence_batch_size(m, 0);
	w->result_size = (size_t)w->rows * (sizeof(struct score) + (s->parts || s->profile ? (size_t)m->ntensors * sizeof(double) : 0));
	s->scorer = scorers_open(w->models, w->nmodels, w->workers, 0, &s->noise, s->whitening, f);
	return s->scorer ? 0 : -1;
}

static int run(struct selfinf *s, struct cli *c, struct fail *f)
{
	cli_wait_input(c);
	mat_flush_denormals();
	s->frame.workers = cli_workers(c, f);
	return s->frame.workers < 0 || open_scorers(s, f) || flow_open(&s->frame.flow, c, 0, f) || scoring_run(&s->frame, f) || scoring_count(&s->frame, f) ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct selfinf s = {.checkpoints = "last", .curvature = CURVATURE_OPTIONS_INIT};
	const struct cli_opt opts[] = {
		{'m', "model", "NAME.vae", CLI_TEXT, &s.model, "the model: a directory of vae-train, or one of its checkpoints"},
		{0, "checkpoints", "WHICH", CLI_TEXT, &s.checkpoints, "last (default), all, or steps such as 5000,10000; their influences are added"},
		{'d', "draws", "M", CLI_KEY, NULL, "noise draws for each record (default: the model's, usually 16)", .key = "score.draws"},
		{0, "estimator", "WHICH", CLI_KEY, NULL, "plugin: square of one mean; cross: product of two halves, unbiased", .key = "score.estimator"},
		CLI_GRADIENT,
		{0, "seed", "N", CLI_KEY, NULL, "seed of the noise (--set score.seed=N)", .key = "score.seed"},
		{0, "eps", "FILE.npy", CLI_TEXT, &s.noise.path, "read the noise from FILE: float32 [record, draw, latent]"},
		{0, "parts", NULL, CLI_FLAG, &s.parts, "also append selfinf_LAYER, the part of each layer"},
		CLI_CURVATURE(&s.curvature),
		{0, "profile", NULL, CLI_FLAG, &s.profile, "also append profile_LAYER, the same parts under names for vae-rank"},
		CLI_SET(&c),
		CLI_SCORING(&c),
		CLI_IN_FLIGHT(&c),
		CLI_BASE(&c),
	};
	s.frame = (struct scoring){.flow.cli = &c, .tool = &s, .claims = claims, .clears = clears, .keep_places = 1, .score = score, .fields = fields};
	if (!cli_begin(&c, "vae-selfinf", "[FILE ...]", "Appends the VAE-TracIn self influence of every record.", opts, argc, argv) ||
	    !cli_require(&c, s.model, "-m NAME.vae") || !curvature_options_check(&c, &s.curvature) || !cli_check_model(&c, s.model) || !cli_check_overwrite(&c, "--eps", s.noise.path))
		return c.status;
	struct fail f = {{0}};
	int r = run(&s, &c, &f);
	int status = flow_finish(&s.frame.flow, r, &f);
	scorers_close(s.scorer, s.frame.workers);
	whitenings_close(s.whitening, s.frame.nmodels);
	noise_free(&s.noise);
	scoring_close(&s.frame);
	return status;
}

#include "memo/retrain.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/atomic.h"
#include "memo/task_scores.h"
#include "model/checkpoints.h"
#include "model/model_dir.h"
#include "train/fit.h"

enum { PLAN_BYTES = 1 << 20 }; /* of NAME.memo/plan, which holds a configuration and a few lines */

int retrain_checkpoints(const struct retrain *r) { return r->every_checkpoint ? r->cfg->train.checkpoints : 1; }

int retrain_columns(const struct retrain *r) { return numbers_columns(r->subsets.kind == SUBSETS_FOLDS, retrain_checkpoints(r), r->out_scores); }

int64_t retrain_step(const struct retrain *r, int checkpoint)
{
	return r->every_checkpoint ? (int64_t)r->cfg->train.steps * (checkpoint + 1) / r->cfg->train.checkpoints : r->cfg->train.steps;
}

size_t retrain_rows(const struct retrain *r) { return r->tests ? r->tests->n : r->data->n; }

/* --- the plan: lines `name value`, then the configuration --- */

static int write_plan(const struct retrain *r, struct buf *out, struct fail *f)
{
	const struct subsets *s = &r->subsets;
	uint64_t leave = XXH3_64bits(s->leave, s->nleave * sizeof *s->leave);
	return buf_addf(out, f, "format 1\nkind %s\nrecords %zu\nseed %" PRIu64 "\ndata %016" PRIx64 "\n", subsets_words[s->kind], s->records, s->seed, r->data->hash) ||
	       (s->kind == SUBSETS_HALVES ? buf_addf(out, f, "halves %d\n", s->halves) : buf_addf(out, f, "repeats %d\n", s->repeats)) ||
	       (s->kind == SUBSETS_FOLDS && buf_addf(out, f, "folds %d\ndraws %d\nevery_checkpoint %d\nout_scores %d\n", s->folds, r->draws, r->every_checkpoint, r->out_scores)) ||
	       (s->kind == SUBSETS_LEAVE && buf_addf(out, f, "leave %zu %016" PRIx64 "\n", s->nleave, leave)) ||
	       (r->tests && buf_addf(out, f, "tests %zu %016" PRIx64 "\n", r->tests->n, r->tests->hash)) || config_write(r->cfg, out, f) ? -1 : 0;
}

/* The text after `name ` in the line of a plan that begins with it; "" if there is none. */
static const char *plan_value(const char *text, const char *name)
{
	size_t n = strlen(name);
	for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, name, n) == 0 && line[n] == ' ')
			return line + n + 1;
	return "";
}

static unsigned long long plan_number(const char *text, const char *name) { return strtoull(plan_value(text, name), NULL, 10); }

static int read_plan(struct buf *text, const char *path, struct fail *f)
{
	return check_regular(path, f) || buf_read_file(text, path, PLAN_BYTES, f) ? -1 : 0;
}

int retrain_read_halves(const char *dir, struct subsets *s, size_t *tests, char plan[17], uint64_t payloads[2], struct fail *f)
{
	static const char head[] = "format 1\nkind halves\n";
	char path[600];
	struct buf text = {0};
	snprintf(path, sizeof path, "%s/plan", dir);
	if (read_plan(&text, path, f))
		return -1;
	const char *p = text.p ? text.p : "";
	*s = (struct subsets){.kind = SUBSETS_HALVES, .records = plan_number(p, "records"), .seed = plan_number(p, "seed"), .halves = (int)plan_number(p, "halves")};
	*tests = plan_number(p, "tests");
	const char *tests_hash = strchr(plan_value(p, "tests"), ' ');
	payloads[0] = strtoull(plan_value(p, "data"), NULL, 16);
	payloads[1] = tests_hash ? strtoull(tests_hash, NULL, 16) : 0;
	int bad = strncmp(p, head, sizeof head - 1) != 0 || !*tests || *tests > SIZE_MAX / sizeof(double) / SUBSETS_MOST || s->records > UINT32_MAX
	              ? fail_set(f, "%s: not the plan of vae-memo --halves, or damaged: name the directory that vae-memo --halves made", path) : 0;
	bad = bad || subsets_check(s, f) ? -1 : 0;
	snprintf(plan, 17, "%016" PRIx64, (uint64_t)XXH3_64bits(p, text.len));
	buf_free(&text);
	return bad;
}

/* Names the first line that differs. */
static int check_plan(const char *there, const char *expected, const char *path, struct fail *f)
{
	while (*there || *expected) {
		size_t a = strcspn(there, "\n"), b = strcspn(expected, "\n");
		if (a != b || memcmp(there, expected, a) != 0)
			return fail_set(f, "%s: its models have other data or settings: '%.*s' there, '%.*s' now; name another directory, or use the same settings", path,
			                (int)(a < 200 ? a : 200), there, (int)(b < 200 ? b : 200), expected);
		there += a + (there[a] != 0);
		expected += b + (expected[b] != 0);
	}
	return 0;
}

/* Whether the name is one of a directory of models, or of a temporary file of one. */
static int is_own(const char *name) { return *name == '.' || strncmp(name, "plan", 4) == 0 || strncmp(name, "model-", 6) == 0; }

/* Refuses a directory without a plan that holds other files: it is the directory of something else. */
static int check_own(const char *dir, struct fail *f)
{
	int files;
	return dir_holds_only(dir, is_own, "which is not a file of vae-memo; name another directory", &files, f);
}

int retrain_open(struct retrain *r, struct fail *f)
{
	char path[600];
	struct buf expected = {0}, there = {0};
	snprintf(path, sizeof path, "%s/plan", r->dir);
	if (subsets_check(&r->subsets, f))
		return -1;
	if (mkdir(r->dir, 0777) && errno != EEXIST)
		return fail_errno(f, "%s", r->dir);
	int bad = write_plan(r, &expected, f);
	if (!bad && access(path, F_OK) == 0)
		bad = read_plan(&there, path, f) || check_plan(there.p ? there.p : "", expected.p, path, f) ? -1 : 0;
	else if (!bad)
		bad = check_own(r->dir, f) || atomic_write(path, expected.p, expected.len, f) ? -1 : 0;
	if (!bad)
		snprintf(r->plan, sizeof r->plan, "%016" PRIx64, (uint64_t)XXH3_64bits(expected.p, expected.len));
	buf_free(&expected);
	buf_free(&there);
	return bad;
}

/* --- one model --- */

static void numbers_path(char out[600], const char *dir, int model) { snprintf(out, 600, "%s/model-%06d.numbers", dir, model); }

int retrain_open_numbers(const char *dir, const char *plan, int model, size_t rows, int columns, struct numbers *n, struct fail *f)
{
	char path[600];
	numbers_path(path, dir, model);
	int got = numbers_open(n, path, f);
	if (got == 1 && (strcmp(n->plan, plan) != 0 || n->model != model || n->rows != rows || n->columns != columns)) {
		numbers_close(n);
		return fail_set(f, "%s: of other data or settings than %s/plan; remove it, and run again", path, dir);
	}
	return got;
}

int retrain_numbers(const struct retrain *r, int model, struct numbers *n, struct fail *f)
{
	return retrain_open_numbers(r->dir, r->plan, model, retrain_rows(r), retrain_columns(r), n, f);
}

int retrain_fail_missing(const char *dir, int model, int models, struct fail *f)
{
	return fail_set(f, "%s: model %d of %d is missing: its task has not run; vae-memo without --task trains what is missing", dir, model + 1, models);
}

struct watch {
	const struct retrain *r;
	int model;
};

static void show_step(void *ctx, int64_t step, double loss, double holdout)
{
	const struct watch *w = ctx;
	(void)holdout;
	if (w->r->progress)
		w->r->progress(w->r->ctx, w->model, (double)step, loss);
}

static void show_share(void *ctx, double share)
{
	const struct watch *w = ctx;
	if (w->r->progress)
		w->r->progress(w->r->ctx, w->model, share, NAN);
}

/* subset: what its checkpoints must say of the records and of those left out. */
static int train(const struct retrain *r, const struct config *cfg, struct model_dir *dir, int model, uint64_t *subset, struct fail *f)
{
	struct model m;
	struct fail warning = {{0}};
	struct watch w = {r, model};
	struct shares shares;
	if (shares_open(&shares, &team_alone, r->data, f) || fit_model(&m, cfg, &shares, f)) {
		shares_close(&shares);
		return -1;
	}
	struct fit fit = {.m = &m, .shares = &shares, .pool = r->pool, .dir = dir, .save_every = r->save_every, .progress = show_step, .ctx = &w};
	int bad = fit_run(&fit, f) || model_dir_finish(dir, cfg, &warning, f) ? -1 : 0;
	*subset = shares.all.hash;
	model_free(&m);
	shares_close(&shares);
	return bad;
}

/* Refuses checkpoints that are not those of this training: lost ones, and files of another model. */
static int check_models(const struct retrain *r, const struct config *cfg, const char *dir, uint64_t subset, const struct model *models, int n, struct fail *f)
{
	if (n != retrain_checkpoints(r))
		return fail_set(f, "%s has %d of its %d checkpoints", dir, n, retrain_checkpoints(r));
	for (int i = 0; i < n; i++) {
		const char *key;
		if (config_first_difference(&models[i].cfg, cfg, &key, f))
			return -1;
		if (key || models[i].step != retrain_step(r, i))
			return fail_set(f, "%s is of another model, with another value of %s", models[i].path, key ? key : "the step");
		if (models[i].subset != subset)
			return fail_set(f, "%s is of another model, which was trained on other records", models[i].path);
	}
	return 0;
}

static int score(const struct retrain *r, const struct config *cfg, const struct model_dir *dir, int model, uint64_t subset, const uint8_t *left_out, struct fail *f)
{
	char path[600];
	struct model *models;
	struct watch w = {r, model};
	int n;
	struct numbers header = {.model = model, .rows = retrain_rows(r), .columns = retrain_columns(r), .fd = -1};
	if (models_open(&models, &n, dir->path, r->every_checkpoint ? "all" : "last", NULL, f))
		return fail_advise(f, "%s", dir->again);
	if (check_models(r, cfg, dir->path, subset, models, n, f)) {
		models_free(models, n);
		return fail_advise(f, "%s", dir->again);
	}
	const int folds = r->subsets.kind == SUBSETS_FOLDS;
	const struct task_scores s = {.data = r->tests ? r->tests : r->data, .models = models, .checkpoints = n, .workers = r->workers, .draws = folds ? r->draws : 0,
	                              .left_out = r->out_scores ? left_out : NULL, .progress = show_share, .ctx = &w};
	double *values = malloc((header.rows * (size_t)header.columns + 1) * sizeof *values);
	int bad = !values ? fail_memory_for(f, "%zu records", header.rows) : task_scores_run(&s, values, f);
	memcpy(header.plan, r->plan, sizeof header.plan);
	numbers_path(path, r->dir, model);
	bad = bad || numbers_write(path, &header, values, f) ? -1 : 0;
	free(values);
	models_free(models, n);
	return bad;
}

/* Removes a model whose numbers are there: a kill came before the end of its removal. */
static int remove_model(const struct retrain *r, const char *path, struct fail *f)
{
	struct model_dir dir;
	if (r->keep_models || access(path, F_OK) != 0)
		return 0;
	if (model_dir_begin(&dir, path, MODEL_DIR_KEPT, f))
		return -1;
	model_dir_remove(path);
	model_dir_unlock(&dir);
	return 0;
}

int retrain_model(struct retrain *r, int model, struct fail *f)
{
	char path[600];
	struct numbers there;
	struct model_dir dir;
	struct config cfg = *r->cfg;
	/* the models of a repeat of --leave differ by the record alone */
	const int seed = r->subsets.kind == SUBSETS_LEAVE ? model / (int)(1 + r->subsets.nleave) : model;
	cfg.train.seed = fmod(cfg.train.seed + seed, 9007199254740992.0); /* 2^53, as config.c has it */
	snprintf(path, sizeof path, "%s/model-%06d.vae", r->dir, model);
	int got = retrain_numbers(r, model, &there, f);
	if (got < 0)
		return -1;
	if (got) {
		numbers_close(&there);
		return remove_model(r, path, f);
	}
	uint64_t subset = 0;
	uint8_t *left_out = malloc(r->data->n);
	if (!left_out)
		return fail_memory_for(f, "%zu records", r->data->n);
	if (subsets_left_out(&r->subsets, model, left_out, f) || dataset_hold_out(r->data, left_out, f) || model_dir_begin(&dir, path, MODEL_DIR_KEPT, f)) {
		free(left_out);
		return fail_add(f, "model %d of %d", model + 1, subsets_models(&r->subsets));
	}
	int bad = train(r, &cfg, &dir, model, &subset, f);
	if (bad)
		model_dir_abort(&dir);
	bad = bad || score(r, &cfg, &dir, model, subset, left_out, f) ? -1 : 0;
	free(left_out);
	if (!bad && !r->keep_models)
		model_dir_remove(path);
	model_dir_unlock(&dir);
	return bad ? fail_add(f, "model %d of %d", model + 1, subsets_models(&r->subsets)) : 1;
}

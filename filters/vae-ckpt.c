/* vae-ckpt: looks into models, thins them, brings them in from elsewhere, and scores their checkpoints. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ckpt.h"
#include "stream/writer.h"

static void print_loss(double v)
{
	if (isfinite(v))
		printf("\t%.6g", v);
	else
		printf("\t");
}

static int list(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct model *m;
	int n;
	if (models_open(&m, &n, o->model, o->which, &c->set, f))
		return -1;
	printf("step\tid\tloss\tholdout_loss\tlr\trecords\n");
	for (int i = 0; i < n; i++) {
		printf("%" PRId64 "\t%s", m[i].step, m[i].id);
		print_loss(m[i].loss);
		print_loss(m[i].holdout_loss);
		printf("\t%.9g\t%" PRId64 "\n", m[i].lr, m[i].records);
	}
	models_free(m, n);
	return 0;
}

/* The step a file is of: its metadata's, or what its name says last, or its place in the list. */
static int64_t step_of(const struct safetensors *s, const char *path, int place)
{
	const char *meta = safetensors_metadata(s, "step"), *slash = strrchr(path, '/'), *p = slash ? slash + 1 : path;
	int64_t step = place;
	if (meta)
		return strtoll(meta, NULL, 10);
	while (*p)
		if (*p >= '0' && *p <= '9')
			step = strtoll(p, (char **)&p, 10);
		else
			p++;
	return step;
}

static int import_file(struct cli *c, const struct config *cfg, const struct model_dir *dir, int place, int64_t *last, struct fail *f)
{
	const char *path = c->files[place];
	struct safetensors s;
	struct model m;
	char to[700];
	if (safetensors_read(&s, path, f))
		return -1;
	int64_t step = step_of(&s, path, place + 1);
	int r = model_build(&m, cfg, f) ? -1 : 0;
	if (!r) {
		r = model_import(&m, &s, f) ? fail_add(f, "%s", path) : 0;
		if (!r && step <= *last)
			r = fail_set(f, "%s: step %" PRId64 " does not come behind %" PRId64 "; name the files in order of their steps", path, step, *last);
		m.step = step;
		m.since = step - (*last > 0 ? *last : 0);
		*last = step;
		checkpoint_path(to, sizeof to, dir->work, step);
		r = r ? r : model_write(&m, to, f);
		model_free(&m);
	}
	safetensors_free(&s);
	return r;
}

static int import(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct config cfg;
	struct model_dir dir;
	int64_t last = -1;
	config_defaults(&cfg);
	if (config_load(&cfg, o->config, f) || config_assign(&cfg, &c->set, f))
		return -1;
	if (config_check(&cfg, f))
		return fail_add(f, "%s", o->config);
	if (model_dir_begin(&dir, c->output, c->replace ? MODEL_DIR_REPLACE : MODEL_DIR_NEW, f))
		return -1;
	int r = 0;
	for (int i = 0; i < c->nfiles && !r; i++)
		r = import_file(c, &cfg, &dir, i, &last, f);
	struct fail warning = {{0}};
	r = r ? r : model_dir_finish(&dir, &cfg, &warning, f);
	if (warning.msg[0])
		cli_note(c, "%s", warning.msg);
	if (r)
		model_dir_discard(&dir);
	return r;
}

static int export(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct model *m;
	int n;
	if (models_open(&m, &n, o->model, o->which ? o->which : "last", &c->set, f))
		return -1;
	int r = n > 1 ? fail_set(f, "export writes one checkpoint; --checkpoints names %d", n)
	        : !c->output && isatty(1) ? fail_set(f, "standard output is a terminal: redirect it, or give -o FILE")
	        : model_export(m, c->output, f);
	models_free(m, n);
	return r;
}

/* The options that are not for every verb. */
enum {
	MODEL = 1 << 0,
	CHECKPOINTS = 1 << 1,
	KEEP = 1 << 2,
	BY = 1 << 3,
	DRY_RUN = 1 << 4,
	CONFIG = 1 << 5,
	OUTPUT = 1 << 6,
	REPLACE = 1 << 7,
	SET = 1 << 8,
	EVAL = 1 << 9, /* all that only eval has */
};

static const struct verb {
	const char *name;
	int (*run)(struct cli *, const struct ckpt *, struct fail *);
	int wants, takes; /* options */
	int files;        /* 1: wanted, 2: may be given */
} verbs[] = {
	{"list", list, MODEL, CHECKPOINTS, 0},
	{"show", ckpt_show, MODEL, CHECKPOINTS, 0},
	{"verify", ckpt_verify, MODEL, CHECKPOINTS, 0},
	{"thin", ckpt_thin, MODEL | KEEP, BY | DRY_RUN, 0},
	{"import", import, CONFIG | OUTPUT, REPLACE | SET, 1},
	{"export", export, MODEL | OUTPUT, CHECKPOINTS, 0},
	{"eval", NULL, MODEL, CHECKPOINTS | OUTPUT | REPLACE | SET | EVAL, 2},
};

static const struct verb *find_verb(const struct cli *c)
{
	for (size_t i = 0; c->verb && i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].name, c->verb) == 0)
			return &verbs[i];
	return NULL;
}

/* Every option that is given is one of the verb's. */
static bool check_options(struct cli *c, const struct ckpt *o, const struct verb *v)
{
	const struct {
		int option, given;
		const char *name, *arg;
	} all[] = {
		{MODEL, o->model != NULL, "-m", " NAME.vae"},
		{CONFIG, o->config != NULL, "-c", " NAME"},
		{OUTPUT, c->output || c->output_stdout, "-o", ""},
		{KEEP, o->keep != NULL, "--keep", " N"},
		{CHECKPOINTS, o->which != NULL, "--checkpoints", ""},
		{BY, o->by != NULL, "--by", ""},
		{DRY_RUN, c->dry_run, "-n", ""},
		{REPLACE, c->replace, "--replace", ""},
		{EVAL, c->rejects != NULL, "-r", ""},
		{EVAL, c->on_error != ON_ERROR_PASS, "--on-error", ""},
		{EVAL, o->draws != NULL, "-d", ""},
		{EVAL, o->seed != NULL, "--seed", ""},
		{SET, c->set.n, "--set", ""}, /* also by -d and --seed */
		{EVAL, *c->prefix, "--prefix", ""},
		{EVAL, c->level != WRITER_BY_NAME, "-z", ""},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (!all[i].given && (v->wants & all[i].option))
			return cli_usage(c, "%s requires %s%s", v->name, all[i].name, all[i].arg);
		if (all[i].given && !((v->wants | v->takes) & all[i].option))
			return cli_usage(c, "%s takes no %s", v->name, all[i].name);
	}
	return true;
}

static bool check(struct cli *c, const struct ckpt *o, const struct verb *v)
{
	if (!v)
		return cli_usage(c, "list, show, verify, thin, import, export or eval is required%s%s", c->verb ? ", not " : "", c->verb ? c->verb : "");
	if (!check_options(c, o, v))
		return false;
	if (v->run == import && c->output_stdout)
		return cli_usage(c, "import makes a directory, and '-' is standard output: -o NAME.vae is required");
	if (v->files < 2 && v->files != (c->nfiles > 0))
		return cli_usage(c, v->files ? "%s requires the files to import" : "%s takes no files", v->name);
	char *end;
	long keep = o->keep ? strtol(o->keep, &end, 10) : 1;
	if (o->keep && (*end || end == o->keep || keep < 1 || keep > 1000000000))
		return cli_usage(c, "--keep takes a number of checkpoints, at least 1, not '%s'", o->keep);
	if (o->by && strcmp(o->by, "even") != 0 && strcmp(o->by, "loss") != 0)
		return cli_usage(c, "--by is even or loss, not '%s'", o->by);
	return cli_check_model(c, o->model);
}

int main(int argc, char **argv)
{
	struct cli c = {.has_verb = 1};
	struct ckpt o = {.model = NULL};
	const struct cli_opt opts[] = {
		{'m', "model", "NAME.vae", CLI_TEXT, &o.model, "the model, or one checkpoint of it (all but import)"},
		{0, "checkpoints", "WHICH", CLI_TEXT, &o.which, "last, all, or steps (default: last for show and export, else all)"},
		{0, "keep", "N", CLI_TEXT, &o.keep, "how many checkpoints stay (thin)"},
		{0, "by", "WHAT", CLI_TEXT, &o.by, "even: evenly over the steps (default); loss: where it fell most (thin)"},
		{'n', "dry-run", NULL, CLI_FLAG, &c.dry_run, "remove nothing, only say what would go (thin)"},
		{'c', "config", "NAME", CLI_TEXT, &o.config, "the preset or YAML file whose network the tensors fit (import)"},
		{'d', "draws", "M", CLI_KEY, &o.draws, "noise draws a record (eval; default: the model's, mostly 16)", .key = "score.draws"},
		{0, "seed", "N", CLI_KEY, &o.seed, "of the noise (eval)", .key = "score.seed"},
		CLI_ON_ERROR(&c),
		{0, "replace", NULL, CLI_FLAG, &c.replace, "replace the directory (import), or fields that are there (eval)"},
		{0, "prefix", "P", CLI_TEXT, &c.prefix, "put P before the names of the fields (eval)"},
		CLI_JOBS(&c),
		CLI_OUTPUT(&c),
		CLI_SET(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-ckpt", "list | show | verify | thin | import FILE ... | export | eval [FILE ...]",
	               "Looks into checkpoints, verifies, thins, imports and exports them, or scores records with them.", opts, argc, argv))
		return c.status;
	const struct verb *v = find_verb(&c);
	if (!check(&c, &o, v))
		return c.status;
	struct fail f = {{0}};
	if (!v->run)
		return ckpt_eval(&c, &o);
	int r = v->run(&c, &o, &f);
	if (r)
		cli_failed(&c, &f);
	return cli_end(&c, r ? EXIT_FAILED : EXIT_OK);
}

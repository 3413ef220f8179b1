/* vae-ckpt: looks into models and brings them in from elsewhere. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mat.h"
#include "model.h"

struct options {
	const char *model, *config, *which;
};

static void print_loss(double v)
{
	if (isfinite(v))
		printf("\t%.6g", v);
	else
		printf("\t");
}

static int list(struct cli *c, const struct options *o, struct fail *f)
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

static int show(struct cli *c, const struct options *o, struct fail *f)
{
	struct model *m;
	struct buf text = {0};
	int n;
	if (models_open(&m, &n, o->model, o->which ? o->which : "last", &c->set, f))
		return -1;
	int r = config_write(&m[n - 1].cfg, &text, f);
	if (!r)
		printf("# %s, step %" PRId64 ", id %s, %zu parameters\n%s", m[n - 1].path, m[n - 1].step, m[n - 1].id, m[n - 1].nparams, text.p);
	const float *at = m[n - 1].params;
	for (int i = 0; i < m[n - 1].ntensors && !r; i++) {
		const struct tensor *t = &m[n - 1].tensor[i];
		double q = 0;
		for (size_t k = 0; k < t->count; k += 4096)
			q += dot(at + k, at + k, (int)(t->count - k < 4096 ? t->count - k : 4096));
		printf("# %s\t[%zu", t->name, t->shape[0]);
		for (int k = 1; k < t->ndim; k++)
			printf(", %zu", t->shape[k]);
		printf("]\tnorm %.6g\n", sqrt(q));
		at += t->count;
	}
	buf_free(&text);
	models_free(m, n);
	return r;
}

/* The step a file is of: its metadata's, or what its name says last, or its place in the list. */
static int64_t step_of(const struct safetensors *s, const char *path, int place)
{
	const char *meta = safetensors_meta(s, "step"), *slash = strrchr(path, '/'), *p = slash ? slash + 1 : path;
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
	int64_t step = step_of(&s, path, place);
	int r = model_build(&m, cfg, f) ? -1 : 0;
	if (!r) {
		r = model_fill(&m, &s, f) ? fail_add(f, "%s", path) : 0;
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

static int import(struct cli *c, const struct options *o, struct fail *f)
{
	struct config cfg;
	struct model_dir dir;
	int64_t last = -1;
	config_defaults(&cfg);
	if (config_load(&cfg, o->config, f))
		return -1;
	for (int i = 0; i < c->set.n; i++)
		if (config_set(&cfg, c->set.v[i], f))
			return -1;
	if (config_check(&cfg, f))
		return fail_add(f, "%s", o->config);
	if (model_dir_begin(&dir, c->output, c->replace ? MODEL_DIR_REPLACE : MODEL_DIR_NEW, f))
		return -1;
	int r = 0;
	for (int i = 1; i < c->nfiles && !r; i++)
		r = import_file(c, &cfg, &dir, i, &last, f);
	r = r ? r : model_dir_finish(&dir, &cfg, f);
	if (r)
		model_dir_discard(&dir);
	return r;
}

static int export(struct cli *c, const struct options *o, struct fail *f)
{
	struct model *m;
	int n;
	if (models_open(&m, &n, o->model, o->which ? o->which : "last", &c->set, f))
		return -1;
	int r = n == 1 ? model_export(m, c->output, f)
	               : fail_set(f, "export writes one checkpoint; --checkpoints names %d", n);
	models_free(m, n);
	return r;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *verb;
		int (*run)(struct cli *, const struct options *, struct fail *);
		int model, config, output, files;
	} verbs[] = {
		{"list", list, 1, 0, 0, 0}, {"show", show, 1, 0, 0, 0}, {"import", import, 0, 1, 1, 1}, {"export", export, 1, 0, 1, 0},
	};
	struct cli c = {.tool = NULL};
	struct options o = {.model = NULL};
	const struct cli_opt opts[] = {
		{'m', "model", "NAME.vae", CLI_TEXT, &o.model, "the model, or one checkpoint of it (list, show, export)"},
		{0, "checkpoints", "WHICH", CLI_TEXT, &o.which, "last, all, or steps (default: all for list, last for the others)"},
		{'c', "config", "NAME", CLI_TEXT, &o.config, "the preset or YAML file whose network the tensors fit (import)"},
		{'o', "output", "OUT", CLI_TEXT, &c.output, "the directory to make (import), the file to write (export)"},
		{0, "replace", NULL, CLI_FLAG, &c.replace, "replace the directory (import)"},
		CLI_SET(&c),
		CLI_BASE(&c),
	};
	int status = cli_begin(&c, "vae-ckpt", "list | show | import FILE ... | export",
	                       "Lists and shows checkpoints; imports and exports safetensors.", opts, argc, argv);
	if (status >= 0)
		return status;
	size_t i = 0, count = sizeof verbs / sizeof *verbs;
	while (c.nfiles && i < count && strcmp(verbs[i].verb, c.files[0]) != 0)
		i++;
	if (!c.nfiles || i == count)
		return cli_usage(&c, "list, show, import or export is wanted%s%s", c.nfiles ? ", not " : "", c.nfiles ? c.files[0] : "");
	if (verbs[i].model && !o.model)
		return cli_usage(&c, "%s wants -m NAME.vae", verbs[i].verb);
	if (verbs[i].config && !o.config)
		return cli_usage(&c, "%s wants -c NAME", verbs[i].verb);
	if (verbs[i].output && !c.output)
		return cli_usage(&c, "%s wants -o", verbs[i].verb);
	if (verbs[i].files != (c.nfiles > 1))
		return cli_usage(&c, verbs[i].files ? "%s wants the files to bring in" : "%s takes no files", verbs[i].verb);
	struct fail f = {{0}};
	if (config_try(&c.set, &f))
		return cli_refused(&c, &f);
	int r = verbs[i].run(&c, &o, &f);
	if (r)
		cli_failed(&c, &f);
	return cli_end(&c, r ? EXIT_FAILED : EXIT_OK);
}

/* vae-ckpt import and export. */
#include <unistd.h>

#include "ckpt.h"
#include "model/import.h"
#include "model/model_dir.h"

int ckpt_import(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct config cfg;
	struct model_dir dir;
	struct fail warning = {{0}};
	config_defaults(&cfg);
	if (config_load(&cfg, o->config, f) || config_assign(&cfg, &c->set, f))
		return -1;
	if (config_check(&cfg, f))
		return fail_add(f, "%s", o->config);
	if (model_dir_begin(&dir, c->output, c->replace ? MODEL_DIR_REPLACE : MODEL_DIR_NEW, f))
		return -1;
	int r = models_import(&cfg, c->files, c->nfiles, dir.work, f) || model_dir_finish(&dir, &cfg, &warning, f) ? -1 : 0;
	if (warning.msg[0])
		cli_note(c, "%s", warning.msg);
	if (r)
		model_dir_discard(&dir);
	return r;
}

int ckpt_export(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct model *m;
	int n;
	if (models_open(&m, &n, o->model, o->which ? o->which : "last", &c->set, f))
		return -1;
	int r = n > 1 ? fail_set(f, "export writes one checkpoint, but --checkpoints names %d", n)
	        : !c->output && isatty(1) ? fail_set(f, "standard output is a terminal: redirect it, or give -o FILE")
	        : model_export(m, c->output, f);
	models_free(m, n);
	return r;
}

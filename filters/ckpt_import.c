/* vae-ckpt import and export. */
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "ckpt.h"
#include "model/import.h"
#include "model/model_dir.h"

/* The directory that is replaced may not hold what is imported. */
static int check_inputs(const struct cli *c, struct fail *f)
{
	struct stat output, in;
	char dir[1024];
	for (int i = 0; i < c->nfiles && stat(c->output, &output) == 0; i++)
		if (checkpoint_dir(c->files[i], dir, sizeof dir) && stat(dir, &in) == 0 && same_inode(&in, &output))
			return fail_set(f, "-o would replace the directory of '%s': name another one", c->files[i]);
	return 0;
}

int ckpt_import(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct config cfg;
	struct model_dir dir;
	struct fail warning = {{0}};
	struct import import = {.renames = &o->renames, .eps = isnan(o->norm_eps) ? IMPORT_EPS : o->norm_eps};
	if (check_inputs(c, f))
		return -1;
	config_defaults(&cfg);
	if (config_load(&cfg, o->config, f) || config_assign(&cfg, &c->set, f))
		return -1;
	if (config_check(&cfg, f))
		return fail_add(f, "%s", o->config);
	if (model_dir_begin(&dir, c->output, c->replace ? MODEL_DIR_REPLACE : MODEL_DIR_NEW, f))
		return -1;
	int r = models_import(&import, &cfg, c->files, c->nfiles, dir.work, f) || model_dir_finish(&dir, &cfg, &warning, f) ? -1 : 0;
	if (warning.msg[0])
		cli_note(c, "%s", warning.msg);
	if (r) {
		model_dir_discard(&dir);
		return -1;
	}
	cli_note_count(c, (uint64_t)import.converted, "tensor of F16, BF16 or F64 converted to F32", "tensors of F16, BF16 or F64 converted to F32");
	cli_note_count(c, (uint64_t)import.folded, "BatchNorm layer is folded into the layer beside it, with eps %g",
	               "BatchNorm layers are each folded into the layer beside it, with eps %g", import.eps);
	return fields_set_int(&c->counts, "checkpoints", c->nfiles, f) || fields_set_int(&c->counts, "converted", import.converted, f) ||
	       fields_set_int(&c->counts, "folded", import.folded, f) ? -1 : 0;
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

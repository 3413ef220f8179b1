/* vae-ckpt list, show, verify and thin. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ckpt.h"
#include "gemm/mat.h"
#include "influence/curvature.h"
#include "model/thin.h"

const char *const thin_words[] = {"even", "loss", NULL};

static void print_loss(double v)
{
	if (isfinite(v))
		printf("\t%.6g", v);
	else
		printf("\t");
}

/* The number of records of its curvature, if it has one; bad if it cannot be read. */
static void print_curvature(const struct model *m)
{
	char path[600];
	int64_t records;
	struct fail ignored;
	curvature_beside(path, sizeof path, m);
	if (access(path, F_OK))
		printf("\n");
	else if (curvature_records(path, &records, &ignored))
		printf("bad\n");
	else
		printf("%" PRId64 "\n", records);
}

int ckpt_list(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct model *m;
	int n;
	if (models_open(&m, &n, o->model, o->which, &c->set, f))
		return -1;
	printf("step\tid\tloss\tholdout_loss\tlr\trecords\tcurvature\n");
	for (int i = 0; i < n; i++) {
		printf("%" PRId64 "\t%s", m[i].step, m[i].id);
		print_loss(m[i].loss);
		print_loss(m[i].holdout_loss);
		printf("\t%.9g\t%" PRId64 "\t", m[i].lr, m[i].records);
		print_curvature(&m[i]);
	}
	models_free(m, n);
	return 0;
}

/* The norm of the finite values, and how many there are. */
static double norm(const float *v, size_t n, size_t *finite)
{
	double q = 0;
	*finite = 0;
	for (size_t k = 0; k < n; k += 4096) {
		size_t some = n - k < 4096 ? n - k : 4096, ok = 0;
		for (size_t i = 0; i < some; i++)
			ok += isfinite(v[k + i]) != 0;
		*finite += ok;
		if (ok == some)
			q += dot(v + k, v + k, (int)some);
		else
			for (size_t i = 0; i < some; i++)
				q += isfinite(v[k + i]) ? (double)v[k + i] * (double)v[k + i] : 0;
	}
	return sqrt(q);
}

static void show_loss(const char *name, double v)
{
	if (isfinite(v))
		printf(", %s %.6g", name, v);
}

static void show_one(const struct model *m)
{
	const float *at = m->params;
	size_t finite;
	printf("# %s, step %" PRId64 ", id %s, %zu parameters\n", m->path, m->step, m->id, m->nparams);
	printf("# %" PRId64 " steps since the checkpoint before, lr %.9g, %" PRId64 " records", m->since, m->lr, m->records);
	show_loss("loss", m->loss);
	show_loss("holdout_loss", m->holdout_loss);
	printf("\n");
	for (int i = 0; i < m->ntensors; at += m->tensor[i++].count) {
		const struct tensor *t = &m->tensor[i];
		printf("# %s\t[%zu", t->name, t->shape[0]);
		for (int k = 1; k < t->ndim; k++)
			printf(", %zu", t->shape[k]);
		printf("]\tnorm %.6g", norm(at, t->count, &finite));
		printf("\tfinite %zu of %zu\n", finite, t->count);
	}
}

int ckpt_show(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct checkpoints all;
	struct buf text = {0};
	char path[1024];
	(void)c;
	if (checkpoints_select(&all, o->model, o->which ? o->which : "last", f))
		return -1;
	int r = 0;
	for (int i = 0; i < all.n && !r; i++) {
		struct model m;
		checkpoint_path(path, sizeof path, o->model, all.step[i]);
		r = model_inspect(&m, path, f); /* shows also what tools refuse to score with */
		if (r)
			break;
		m.since = all.since[i] < 0 ? m.since : all.since[i];
		show_one(&m);
		text.len = 0;
		r = i == all.n - 1 ? config_write(&m.cfg, &text, f) : 0;
		model_free(&m);
	}
	if (!r)
		fputs(text.p, stdout);
	buf_free(&text);
	checkpoints_free(&all);
	return r;
}

/* Verifies one file against its checksums, the step in its name, and model.yaml. */
static int verify_one(const char *path, int64_t step, const struct config *cfg, int *checked, struct fail *f)
{
	struct model m, expected = {.params = NULL};
	if (model_read(&m, path, NULL, f))
		return -1;
	int r = 0;
	*checked = m.checked;
	if (step >= 0 && m.step != step)
		r = fail_set(f, "%s: the step in it is %" PRId64 ", not that of its name: rename it", path, m.step);
	if (!r && cfg && model_build(&expected, cfg, f))
		r = -1;
	for (int i = 0; !r && cfg && i < (expected.ntensors > m.ntensors ? expected.ntensors : m.ntensors); i++) {
		const struct tensor *a = &m.tensor[i], *b = &expected.tensor[i];
		if (strcmp(a->name, b->name) != 0 || memcmp(a->shape, b->shape, sizeof a->shape) != 0)
			r = fail_set(f, "%s: tensor '%s' does not match model.yaml: it belongs to another model, move it away", path, a->name[0] ? a->name : b->name);
	}
	model_free(&expected);
	model_free(&m);
	return r;
}

/* The same for the curvature of a checkpoint, if it has one, which is counted. */
static int verify_curvature(const char *checkpoint, int *files, struct fail *f)
{
	struct model m;
	char path[600];
	if (model_read(&m, checkpoint, NULL, f))
		return -1;
	curvature_beside(path, sizeof path, &m);
	int there = access(path, F_OK) == 0, r = there ? curvature_verify(&m, path, f) : 0;
	if (there && !(r && f->memory))
		printf("%s\t%s\n", path, r ? "bad" : "ok");
	*files += there;
	model_free(&m);
	return r;
}

/* The directory's model.yaml: 1; 0 when there is none; -1. */
static int read_yaml(struct config *cfg, const char *dir, struct fail *f)
{
	char path[1024];
	struct buf text = {0};
	snprintf(path, sizeof path, "%s/model.yaml", dir);
	if (access(path, F_OK))
		return 0;
	if (check_regular(path, f) || buf_read_file(&text, path, CONFIG_MAX_BYTES, f)) {
		buf_free(&text);
		return -1;
	}
	config_defaults(cfg);
	int r = config_parse(cfg, text.p, text.len, f) || config_check(cfg, f) ? fail_add(f, "%s", path) : 1;
	buf_free(&text);
	return r;
}

int ckpt_verify(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct checkpoints all;
	struct config cfg;
	struct fail first = {{0}};
	char path[1024];
	int bad = 0, unchecked = 0, files = 0;
	if (checkpoints_select(&all, o->model, o->which, f))
		return -1;
	int yaml = all.step[0] < 0 ? 0 : read_yaml(&cfg, o->model, f);
	for (int i = 0; i < all.n && yaml >= 0; i++) {
		struct fail why = {{0}};
		int checked = 0;
		checkpoint_path(path, sizeof path, o->model, all.step[i]);
		int wrong = verify_one(path, all.step[i], yaml ? &cfg : NULL, &checked, &why);
		if (wrong && why.memory) { /* not a fault of the file */
			checkpoints_free(&all);
			*f = why;
			return -1;
		}
		printf("%s\t%s\n", path, wrong ? "bad" : checked ? "ok" : "ok, but without checksums");
		if (wrong && !bad++)
			first = why;
		unchecked += !wrong && !checked;
		why = (struct fail){{0}};
		int faulty = wrong ? 0 : verify_curvature(path, &files, &why);
		if (faulty && why.memory) {
			checkpoints_free(&all);
			*f = why;
			return -1;
		}
		if (faulty && !bad++)
			first = why;
	}
	int n = all.n, whole = all.step[0] < 0 || yaml > 0;
	checkpoints_free(&all);
	if (yaml < 0)
		return -1;
	if (bad)
		return bad == 1 ? fail_set(f, "%s", first.msg) : fail_set(f, "%.900s (and %d more of %d files)", first.msg, bad - 1, n + files);
	if (unchecked)
		cli_note(c, "%d of %d checkpoints have no checksums", unchecked, n);
	if (!whole)
		cli_note(c, "%s: its training has not finished (no model.yaml)", o->model);
	return 0;
}

int ckpt_thin(struct cli *c, const struct ckpt *o, struct fail *f)
{
	struct thinning t;
	int removed = 0;
	if (thin_choose(&t, o->model, (int)strtol(o->keep, NULL, 10), o->by < 0 ? THIN_EVEN : (enum thin_by)o->by, f))
		return -1;
	int r = c->dry_run ? 0 : thin_apply(&t, o->model, f);
	for (int i = 0; i < t.c.n && !r; i++) {
		printf("%" PRId64 "\t%s\n", t.c.step[i], t.keep[i] ? "kept" : "removed");
		removed += !t.keep[i];
	}
	if (!r && c->dry_run)
		cli_note(c, "would remove %d of %d checkpoints", removed, t.c.n);
	if (!r)
		r = fields_set_int(&c->counts, "kept", t.c.n - removed, f) || fields_set_int(&c->counts, "removed", removed, f) ? -1 : 0;
	thin_free(&t);
	return r;
}

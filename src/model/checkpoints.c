#include "model/checkpoints.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/grow.h"

#define STEP_FORMAT "step-%09" PRId64 ".safetensors"
#define CURVATURE_FORMAT "curvature-%09" PRId64 ".safetensors"

void checkpoint_path(char *out, size_t capacity, const char *dir, int64_t step)
{
	if (step < 0)
		snprintf(out, capacity, "%s", dir);
	else
		snprintf(out, capacity, "%s/" STEP_FORMAT, dir, step);
}

int64_t checkpoint_step(const char *name)
{
	char again[64];
	int64_t step = strncmp(name, "step-", 5) == 0 ? strtoll(name + 5, NULL, 10) : -1;
	snprintf(again, sizeof again, STEP_FORMAT, step);
	return strcmp(again, name) == 0 ? step : -1;
}

void curvature_path(char *out, size_t capacity, const char *dir, int64_t step) { snprintf(out, capacity, "%s/" CURVATURE_FORMAT, dir, step); }

int64_t curvature_step(const char *name)
{
	char again[64];
	int64_t step = strncmp(name, "curvature-", 10) == 0 ? strtoll(name + 10, NULL, 10) : -1;
	snprintf(again, sizeof again, CURVATURE_FORMAT, step);
	return strcmp(again, name) == 0 ? step : -1;
}

static int by_step(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int add_step(struct checkpoints *c, int64_t step, struct fail *f)
{
	size_t n = (size_t)c->n + 1, cap = c->cap;
	if (grow(&c->step, &cap, n, "checkpoints", f) || grow(&c->since, &c->cap, n, "checkpoints", f))
		return -1;
	c->since[c->n] = -1;
	c->step[c->n++] = step;
	return 0;
}

int checkpoints_list(struct checkpoints *c, const char *dir, struct fail *f)
{
	*c = (struct checkpoints){.step = NULL};
	DIR *d = opendir(dir);
	if (!d)
		return fail_errno(f, "%s", dir);
	struct dirent *e;
	while (errno = 0, (e = readdir(d))) {
		char path[1024];
		int64_t step = checkpoint_step(e->d_name);
		if (step < 0)
			continue;
		checkpoint_path(path, sizeof path, dir, step);
		if (check_regular(path, f) || add_step(c, step, f)) {
			closedir(d);
			checkpoints_free(c);
			return -1;
		}
	}
	int bad = errno ? fail_errno(f, "%s", dir) : 0; /* of readdir(): a checkpoint may be missing */
	closedir(d);
	if (bad)
		checkpoints_free(c);
	else if (c->n)
		qsort(c->step, (size_t)c->n, sizeof *c->step, by_step);
	for (int i = 0; i < c->n; i++)
		c->since[i] = c->step[i] - (i ? c->step[i - 1] : 0);
	return bad;
}

void checkpoints_free(struct checkpoints *c)
{
	free(c->step);
	free(c->since);
	*c = (struct checkpoints){.step = NULL};
}

/* Keeps only the checkpoints of c that `which` names. */
static int keep_named(struct checkpoints *c, const char *dir, const char *which, struct fail *f)
{
	if (strcmp(which, "all") == 0)
		return 0;
	if (strcmp(which, "last") == 0) {
		c->step[0] = c->step[c->n - 1];
		c->since[0] = c->since[c->n - 1];
		c->n = 1;
		return 0;
	}
	int kept = 0;
	int64_t last = -1;
	for (const char *p = which; *p;) {
		char *end;
		int64_t step = strtoll(p, &end, 10);
		int i = kept;
		if (end == p || (*end && *end != ','))
			return fail_set(f, "--checkpoints must be last, all or a list of steps, not '%.60s'", which);
		if (step <= last)
			return fail_set(f, "--checkpoints must list its steps in increasing order, each once");
		while (i < c->n && c->step[i] != step)
			i++;
		if (i == c->n)
			return fail_set(f, "%s has no checkpoint of step %" PRId64 ": vae-ckpt list prints the steps", dir, step);
		last = step;
		c->since[kept] = c->since[i];
		c->step[kept++] = step;
		p = end + (*end == ',');
	}
	c->n = kept;
	return kept ? 0 : fail_set(f, "--checkpoints lists no step");
}

static int same_network(const struct model *a, const struct model *b)
{
	int same = a->ntensors == b->ntensors && a->cfg.latent == b->cfg.latent && a->enc.in == b->enc.in;
	for (int i = 0; same && i < a->ntensors; i++)
		same = strcmp(a->tensor[i].name, b->tensor[i].name) == 0 &&
		       memcmp(a->tensor[i].shape, b->tensor[i].shape, sizeof a->tensor[i].shape) == 0;
	same &= a->cfg.input_kind == b->cfg.input_kind && !a->standard.mean == !b->standard.mean;
	if (same && a->standard.mean) {
		size_t bytes = (size_t)a->enc.in * sizeof(double);
		same = memcmp(a->standard.mean, b->standard.mean, bytes) == 0 && memcmp(a->standard.deviation, b->standard.deviation, bytes) == 0;
	}
	return same;
}

int checkpoints_select(struct checkpoints *c, const char *path, const char *which, struct fail *f)
{
	struct stat st;
	char file[1024];
	*c = (struct checkpoints){.step = NULL};
	if (stat(path, &st))
		return fail_errno(f, "%s", path);
	/* in an unfinished training `last' and `all' would name other checkpoints tomorrow; steps stay the same */
	int may_be_unfinished = !which || (strcmp(which, "last") != 0 && strcmp(which, "all") != 0);
	which = which ? which : "all";
	if (!S_ISDIR(st.st_mode)) {
		if (strcmp(which, "last") != 0 && strcmp(which, "all") != 0)
			return fail_set(f, "%s is one checkpoint file: --checkpoints selects from a directory", path);
		if (!add_step(c, -1, f))
			return 0;
		checkpoints_free(c);
		return -1;
	}
	if (checkpoints_list(c, path, f))
		return -1;
	snprintf(file, sizeof file, "%s/model.yaml", path);
	int r = 0;
	if (c->n == 0)
		r = fail_set(f, "%s: not a model: there is no checkpoint in it: name one that vae-train or vae-ckpt import made", path);
	else if (!may_be_unfinished && access(file, F_OK))
		r = fail_set(f, "%s: its training has not finished (no model.yaml); --checkpoints STEP or -m %s/step-... uses a checkpoint that is there", path, path);
	if (r || keep_named(c, path, which, f)) {
		checkpoints_free(c);
		return -1;
	}
	return 0;
}

int models_open(struct model **out, int *n, const char *path, const char *which, const struct assignments *sets, struct fail *f)
{
	struct checkpoints c;
	char file[1024];
	if (checkpoints_select(&c, path, which, f))
		return -1;
	struct model *m = calloc((size_t)c.n, sizeof *m);
	int r = m ? 0 : fail_memory(f);
	for (int i = 0; i < c.n && !r; i++) {
		checkpoint_path(file, sizeof file, path, c.step[i]);
		r = model_read(&m[i], file, sets, f);
		if (!r && c.since[i] >= 0)
			m[i].since = c.since[i]; /* the file may say otherwise, after a killed vae-ckpt thin or a removal by hand */
		if (!r && !same_network(&m[i], &m[0]))
			r = fail_set(f, "%s: not the same network as the checkpoint before it: it belongs to another model, move it away", file);
	}
	*n = c.n;
	checkpoints_free(&c);
	if (r) {
		if (m)
			models_free(m, *n);
		return -1;
	}
	*out = m;
	return 0;
}

/* --- several models --- */

void models_free(struct model *m, int n)
{
	for (int i = 0; i < n; i++)
		model_free(&m[i]);
	free(m);
}

float **models_reorder(const struct model *m, int n)
{
	float **reordered = calloc((size_t)n, sizeof *reordered);
	for (int c = 0; reordered && c < n; c++) {
		reordered[c] = m[c].params;
		if (!m[c].enc.has_convolution && !m[c].dec.has_convolution) /* nothing to reorder */
			continue;
		reordered[c] = mat_floats(m[c].nparams);
		if (!reordered[c]) {
			models_reorder_free(reordered, m, n);
			return NULL;
		}
		network_reorder(&m[c].enc, m[c].params, reordered[c]);
		network_reorder(&m[c].dec, m[c].params, reordered[c]);
	}
	return reordered;
}

void models_reorder_free(float **reordered, const struct model *m, int n)
{
	for (int c = 0; reordered && c < n; c++)
		if (reordered[c] != m[c].params)
			free(reordered[c]);
	free(reordered);
}

void models_id(const struct model *m, int n, char id[17])
{
	XXH64_hash_t h = 0;
	memcpy(id, m[0].id, 17);
	for (int i = 0; i < n; i++)
		h = XXH3_64bits_withSeed(m[i].id, 16, h);
	if (n > 1)
		snprintf(id, 17, "%016" PRIx64, (uint64_t)h);
}

double checkpoint_weight(const struct model *m)
{
	if (m->cfg.score.weights == WEIGHTS_ONE)
		return 1;
	return m->lr * (double)m->since / (double)(m->records > 0 ? m->records : 1);
}

int models_options_hash(const struct model *m, int n, const struct buf *more, char hash[17], struct fail *f)
{
	struct buf text = {0};
	int r = config_write(&m[n - 1].cfg, &text, f) || (more->len && buf_add(&text, more->p, more->len, f));
	for (int i = 0; i < n && !r; i++) {
		r = buf_addf(&text, f, "checkpoint: %" PRId64 "\n", m[i].step);
		if (!r && m[i].cfg.score.weights == WEIGHTS_LR) /* which depend on the other checkpoints of the directory */
			r = buf_addf(&text, f, "weight: %.9g\n", checkpoint_weight(&m[i]));
	}
	if (!r)
		snprintf(hash, 17, "%012" PRIx64, (uint64_t)XXH3_64bits(text.p, text.len) >> 16);
	buf_free(&text);
	return r ? -1 : 0;
}

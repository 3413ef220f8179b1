#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic.h"
#include "model.h"
#include "name.h"

#define STEP_FORMAT "step-%09" PRId64 ".safetensors"

void checkpoint_path(char *out, size_t room, const char *dir, int64_t step)
{
	if (step < 0)
		snprintf(out, room, "%s", dir);
	else
		snprintf(out, room, "%s/" STEP_FORMAT, dir, step);
}

/* The step in a checkpoint's name, or -1. */
static int64_t step_of(const char *name)
{
	char again[64];
	int64_t step = strncmp(name, "step-", 5) == 0 ? strtoll(name + 5, NULL, 10) : -1;
	snprintf(again, sizeof again, STEP_FORMAT, step);
	return strcmp(again, name) == 0 ? step : -1;
}

static int by_step(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int add_step(struct checkpoints *c, int64_t step, struct fail *f)
{
	size_t n = (size_t)c->n + 1;
	int64_t *more = realloc(c->step, n * sizeof *more), *since = NULL;
	if (more)
		c->step = more;
	since = realloc(c->since, n * sizeof *since);
	if (since)
		c->since = since;
	if (!more || !since)
		return fail_set(f, "out of memory");
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
	while ((e = readdir(d))) {
		int64_t step = step_of(e->d_name);
		if (step < 0)
			continue;
		if (add_step(c, step, f)) {
			closedir(d);
			checkpoints_free(c);
			return -1;
		}
	}
	closedir(d);
	if (c->n)
		qsort(c->step, (size_t)c->n, sizeof *c->step, by_step);
	for (int i = 0; i < c->n; i++)
		c->since[i] = c->step[i] - (i ? c->step[i - 1] : 0);
	return 0;
}

void checkpoints_free(struct checkpoints *c)
{
	free(c->step);
	free(c->since);
	*c = (struct checkpoints){.step = NULL};
}

/* Keeps of c what `which` names. */
static int choose(struct checkpoints *c, const char *dir, const char *which, struct fail *f)
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
			return fail_set(f, "--checkpoints wants last, all or a list of steps, not '%.60s'", which);
		if (step <= last)
			return fail_set(f, "--checkpoints wants its steps in increasing order, each once");
		while (i < c->n && c->step[i] != step)
			i++;
		if (i == c->n)
			return fail_set(f, "%s has no checkpoint of step %" PRId64, dir, step);
		last = step;
		c->since[kept] = c->since[i];
		c->step[kept++] = step;
		p = end + (*end == ',');
	}
	c->n = kept;
	return kept ? 0 : fail_set(f, "--checkpoints names no step");
}

static int same_network(const struct model *a, const struct model *b)
{
	int same = a->ntensors == b->ntensors && a->cfg.latent == b->cfg.latent && a->enc.in == b->enc.in;
	for (int i = 0; same && i < a->ntensors; i++)
		same = strcmp(a->tensor[i].name, b->tensor[i].name) == 0 &&
		       memcmp(a->tensor[i].shape, b->tensor[i].shape, sizeof a->tensor[i].shape) == 0;
	return same;
}

int checkpoints_choose(struct checkpoints *c, const char *path, const char *which, struct fail *f)
{
	struct stat st;
	char file[1024];
	*c = (struct checkpoints){.step = NULL};
	if (stat(path, &st))
		return fail_errno(f, "%s", path);
	int unfinished = !which;
	which = which ? which : "all";
	if (!S_ISDIR(st.st_mode)) {
		if (strcmp(which, "last") != 0 && strcmp(which, "all") != 0)
			return fail_set(f, "%s is one checkpoint: --checkpoints chooses from a directory", path);
		return add_step(c, -1, f);
	}
	if (checkpoints_list(c, path, f))
		return -1;
	snprintf(file, sizeof file, "%s/model.yaml", path);
	int r = 0;
	if (c->n == 0)
		r = fail_set(f, "%s: is no model: it holds no checkpoint", path);
	else if (!unfinished && access(file, F_OK))
		r = fail_set(f, "%s: its training has not finished (no model.yaml); -m %s/step-... uses one checkpoint as it is", path, path);
	if (r || choose(c, path, which, f)) {
		checkpoints_free(c);
		return -1;
	}
	return 0;
}

int models_open(struct model **out, int *n, const char *path, const char *which, const struct cli_list *sets, struct fail *f)
{
	struct checkpoints c;
	char file[1024];
	if (checkpoints_choose(&c, path, which, f))
		return -1;
	struct model *m = calloc((size_t)c.n, sizeof *m);
	int r = m ? 0 : fail_set(f, "out of memory");
	for (int i = 0; i < c.n && !r; i++) {
		checkpoint_path(file, sizeof file, path, c.step[i]);
		r = model_read(&m[i], file, sets, f);
		if (!r && c.since[i] >= 0)
			m[i].since = c.since[i]; /* also where vae-ckpt thin was killed, or files were removed by hand */
		if (!r && !same_network(&m[i], &m[0]))
			r = fail_set(f, "%s: not of the same network as the checkpoint before it", file);
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

static const char *const dir_files[] = {"model.yaml", "train.jsonl"}; /* beside the checkpoints */

/* Removes a model directory: only the files that vae-train writes, then the directory itself. */
static int remove_dir(const char *dir)
{
	char file[1200];
	struct checkpoints c;
	struct fail ignored = {{0}};
	for (size_t i = 0; i < sizeof dir_files / sizeof *dir_files; i++) {
		snprintf(file, sizeof file, "%s/%s", dir, dir_files[i]);
		unlink(file);
	}
	if (checkpoints_list(&c, dir, &ignored))
		return -1;
	for (int i = 0; i < c.n; i++) {
		checkpoint_path(file, sizeof file, dir, c.step[i]);
		unlink(file);
	}
	checkpoints_free(&c);
	return rmdir(dir);
}

/* Only what a training leaves is ever replaced or removed: 0 when dir holds that and nothing else. */
static int check_replaceable(const char *dir, struct fail *f)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int ours = 0, r = d ? 0 : fail_errno(f, "%s", dir);
	while (!r && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		char shown[200];
		int known = step_of(e->d_name) >= 0;
		for (size_t i = 0; i < sizeof dir_files / sizeof *dir_files; i++)
			known |= strcmp(e->d_name, dir_files[i]) == 0;
		ours += known;
		if (!known)
			r = fail_set(f, "%s: holds '%s', which is no part of a model: not replaced", dir, name_show(shown, sizeof shown, e->d_name));
	}
	if (d)
		closedir(d);
	return r ? r : ours ? 0 : fail_set(f, "%s: is there and is no model directory", dir);
}

static int begin(struct model_dir *d, const char *path, int replace, struct fail *f)
{
	struct stat st;
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= sizeof d->path)
		return fail_set(f, "%.100s...: too long", path);
	snprintf(d->path, sizeof d->path, "%.*s", (int)n, path);
	strcpy(d->work, d->path);
	int there = lstat(d->path, &st) == 0;
	if (there && !S_ISDIR(st.st_mode))
		return fail_set(f, "%s: is there and is no model directory", d->path);
	if (there && check_replaceable(d->path, f))
		return -1;
	if (there && !replace) {
		char yaml[600];
		snprintf(yaml, sizeof yaml, "%s/model.yaml", d->path);
		return fail_set(f, "%s: %s; --replace makes it anew", d->path,
		                access(yaml, F_OK) ? "an unfinished training is there" : "this model is there");
	}
	if (there)
		snprintf(d->work, sizeof d->work, "%s.tmp%ld", d->path, (long)getpid());
	return mkdir(d->work, 0777) ? fail_errno(f, "%s", d->work) : 0;
}

int model_dir_begin(struct model_dir *d, const char *path, int replace, struct fail *f)
{
	int r = begin(d, path, replace, f);
	if (r)
		d->work[0] = 0; /* what is there is not ours to remove */
	return r;
}

int model_dir_finish(struct model_dir *d, const struct config *cfg, struct fail *f)
{
	struct buf text = {0};
	char file[600];
	snprintf(file, sizeof file, "%s/model.yaml", d->work);
	int r = config_write(cfg, &text, f) || atomic_write(file, text.p, text.len, f) ? -1 : 0;
	buf_free(&text);
	if (r || strcmp(d->work, d->path) == 0)
		return r;
	if (renameat2(AT_FDCWD, d->work, AT_FDCWD, d->path, RENAME_EXCHANGE)) {
		/* a file system without exchange: the old one steps aside for a moment */
		char old[600];
		snprintf(old, sizeof old, "%s.old%ld", d->path, (long)getpid());
		if (rename(d->path, old) || rename(d->work, d->path))
			return fail_errno(f, "%s: cannot put the new model in its place; it lies in %s", d->path, d->work);
		snprintf(d->work, sizeof d->work, "%.550s", old);
	}
	if (remove_dir(d->work))
		return fail_errno(f, "%s: the old model is kept there, for it cannot be removed", d->work);
	return sync_parent(d->path, f);
}

void model_dir_abort(struct model_dir *d)
{
	struct checkpoints c;
	struct fail ignored = {{0}};
	int aside = strcmp(d->work, d->path) != 0;
	if (!d->work[0] || checkpoints_list(&c, d->work, &ignored))
		return;
	if (aside || c.n == 0)
		remove_dir(d->work);
	checkpoints_free(&c);
}

void model_dir_discard(struct model_dir *d)
{
	if (d->work[0])
		remove_dir(d->work);
}

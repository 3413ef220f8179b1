#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "model/model.h"
#include "stream/name.h"

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
		return fail_memory(f);
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
		int64_t step = step_of(e->d_name);
		if (step < 0)
			continue;
		if (add_step(c, step, f)) {
			closedir(d);
			checkpoints_free(c);
			return -1;
		}
	}
	int bad = errno ? fail_errno(f, "%s", dir) : 0; /* else a checkpoint could be missed */
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
	/* who names steps has looked: only `last' and `all' would be others tomorrow */
	int unfinished = !which || (strcmp(which, "last") != 0 && strcmp(which, "all") != 0);
	which = which ? which : "all";
	if (!S_ISDIR(st.st_mode)) {
		if (strcmp(which, "last") != 0 && strcmp(which, "all") != 0)
			return fail_set(f, "%s is one checkpoint: --checkpoints chooses from a directory", path);
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
		r = fail_set(f, "%s: is no model: it holds no checkpoint", path);
	else if (!unfinished && access(file, F_OK))
		r = fail_set(f, "%s: its training has not finished (no model.yaml); --checkpoints STEP, or -m %s/step-..., uses what is there", path, path);
	if (r || choose(c, path, which, f)) {
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

static const char *const dir_files[] = {"model.yaml", "train.jsonl", "state"}; /* beside the checkpoints */

int checkpoint_dir(const char *path, char *dir, size_t capacity)
{
	char file[1100];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	if (step_of(name) < 0)
		return 0;
	snprintf(dir, capacity, "%.*s.", (int)(name - path), path);
	for (size_t i = 0; i < sizeof dir_files / sizeof *dir_files; i++) {
		snprintf(file, sizeof file, "%s/%s", dir, dir_files[i]);
		if (access(file, F_OK) == 0)
			return 1;
	}
	return 0;
}

/* Whether the file is a part of a model, or what a kill left of one that was being written. */
static int is_part(const char *name, int *temporary)
{
	char base[64];
	const char *tmp = strstr(name, ".tmp");
	size_t n = tmp ? (size_t)(tmp - name) : strlen(name);
	*temporary = tmp != NULL;
	if (n >= sizeof base || (tmp && tmp[4 + strspn(tmp + 4, "0123456789-")]))
		return 0;
	memcpy(base, name, n);
	base[n] = 0;
	int known = step_of(base) >= 0;
	for (size_t i = 0; i < sizeof dir_files / sizeof *dir_files; i++)
		known |= strcmp(base, dir_files[i]) == 0;
	return known;
}

/* Removes the files that vae-train writes, or of them only what a kill left. -1 with errno: not all of them. */
static int clean_dir(const char *dir, int only_temporary)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int temporary, why = 0;
	if (!d)
		return -1;
	while (errno = 0, (e = readdir(d)))
		if (is_part(e->d_name, &temporary) && (temporary || !only_temporary) && unlinkat(dirfd(d), e->d_name, 0) && errno != ENOENT && !why)
			why = errno;
	if (errno) /* else some could stay unseen */
		why = errno;
	closedir(d);
	errno = why;
	return why ? -1 : 0;
}

static int remove_dir(const char *dir) { return clean_dir(dir, 0) ? -1 : rmdir(dir); }

/* Only what a training leaves is ever replaced, removed or gone on with: 0 when dir holds that and nothing else. */
static int check_ours(const char *dir, int *parts, struct fail *f)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int temporary, r = d ? 0 : fail_errno(f, "%s", dir);
	*parts = 0;
	while (!r && (errno = 0, e = readdir(d))) {
		char shown[200];
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		++*parts;
		if (!is_part(e->d_name, &temporary))
			r = fail_set(f, "%s: holds '%s', which is no part of a model: not touched", dir, name_show(shown, sizeof shown, e->d_name));
	}
	if (!r && errno)
		r = fail_errno(f, "%s", dir);
	if (d)
		closedir(d);
	return r;
}

/* Holds the directory until the process ends: two trainings in it would undo each other. A file system that
 * cannot lock is taken as it is. */
static int lock(struct model_dir *d, const char *dir, struct fail *f)
{
	d->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock < 0)
		return fail_errno(f, "%s", dir);
	return flock(d->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK ? fail_set(f, "%s: a training is running there", dir) : 0;
}

static int begin_there(struct model_dir *d, enum model_dir_mode mode, struct fail *f)
{
	char file[700];
	int parts;
	struct checkpoints c;
	if (check_ours(d->path, &parts, f) || lock(d, d->path, f))
		return -1;
	if (!parts && mode != MODEL_DIR_RESUME)
		return fail_set(f, "%s: is there and is no model directory", d->path);
	snprintf(file, sizeof file, "%s/model.yaml", d->path);
	d->finished = access(file, F_OK) == 0;
	if (mode == MODEL_DIR_NEW)
		return fail_set(f, "%s: %s; --replace makes it anew", d->path,
		                d->finished ? "this model is there" : "an unfinished training is there, which --resume goes on with");
	if (mode == MODEL_DIR_REPLACE)
		return 0;
	snprintf(file, sizeof file, "%s/state", d->path);
	if (checkpoints_list(&c, d->path, f))
		return -1;
	int made = c.n || d->finished;
	checkpoints_free(&c);
	if (made && access(file, F_OK))
		return fail_set(f, "%s: has no state to go on from: an imported model, or one of an older version", d->path);
	return clean_dir(d->path, 1) ? fail_errno(f, "%s", d->path) : 0;
}

/* A directory beside path, of a name that is free: a killed run may have left the first ones, and in a container every
 * run has the same PID. */
static int make_beside(char *out, size_t room, const char *path, const char *what, struct fail *f)
{
	int r, n = snprintf(out, room, "%s.%s%ld", path, what, (long)getpid());
	for (int i = 1; (r = mkdir(out, 0777)) && errno == EEXIST && i < 100; i++)
		snprintf(out + n, room - (size_t)n, "-%d", i);
	return r ? fail_errno(f, "%s", out) : 0;
}

static int begin(struct model_dir *d, const char *path, enum model_dir_mode mode, struct fail *f)
{
	struct stat st;
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= sizeof d->path)
		return fail_set(f, "%.100s...: too long", path);
	*d = (struct model_dir){.lock = -1};
	snprintf(d->path, sizeof d->path, "%.*s", (int)n, path);
	strcpy(d->work, d->path);
	int there = lstat(d->path, &st) == 0;
	if (there && !S_ISDIR(st.st_mode))
		return fail_set(f, "%s: is there and is no model directory", d->path);
	d->resumed = there && mode == MODEL_DIR_RESUME;
	if (there && begin_there(d, mode, f))
		return -1;
	if (d->resumed)
		return 0;
	if (there)
		return make_beside(d->work, sizeof d->work, d->path, "tmp", f);
	return mkdir(d->work, 0777) ? fail_errno(f, "%s", d->work) : lock(d, d->work, f);
}

int model_dir_begin(struct model_dir *d, const char *path, enum model_dir_mode mode, struct fail *f)
{
	int r = begin(d, path, mode, f);
	if (r)
		d->work[0] = 0; /* what is there is not ours to remove */
	return r;
}

int model_dir_reopen(struct model_dir *d, struct fail *f)
{
	char file[600];
	snprintf(file, sizeof file, "%s/model.yaml", d->work);
	d->finished = 0;
	return unlink(file) && errno != ENOENT ? fail_errno(f, "%s", file) : sync_parent(file, f);
}

/* Where a file system does not exchange: the old one steps aside for a moment, and back if the new one cannot come. */
static int step_aside(struct model_dir *d, struct fail *f)
{
	char old[sizeof d->work];
	if (make_beside(old, sizeof old, d->path, "old", f))
		return -1;
	if (rename(d->path, old)) {
		fail_errno(f, "%s", d->path);
		rmdir(old);
		return -1;
	}
	if (rename(d->work, d->path)) {
		fail_errno(f, "%s", d->work);
		return rename(old, d->path) ? fail_add(f, "the old one in %s", old) : -1;
	}
	memcpy(d->work, old, sizeof old);
	return 0;
}

/* Then the old model is what lies in d->work; nothing does if it has gone meanwhile. */
static int put_in_place(struct model_dir *d, struct fail *f)
{
	struct stat st, held;
	if (lstat(d->path, &st) == 0 && fstat(d->lock, &held) == 0 && !same_inode(&st, &held)) /* a training in it is not kept out */
		return fail_set(f, "%s: not the directory that was there", d->path);
	if (renameat2(AT_FDCWD, d->work, AT_FDCWD, d->path, RENAME_EXCHANGE) == 0)
		return 0;
	if (lstat(d->path, &st) == 0 || errno != ENOENT)
		return step_aside(d, f);
	if (rename(d->work, d->path))
		return fail_errno(f, "%s", d->path);
	d->work[0] = 0;
	return 0;
}

/* The old model goes; where something else lies with it, it stays as it is. */
static int remove_old(const char *dir, struct fail *f)
{
	int parts;
	if (check_ours(dir, &parts, f))
		return fail_add(f, "the old model is kept");
	return remove_dir(dir) ? fail_errno(f, "%s: the old model, which cannot be removed", dir) : 0;
}

int model_dir_finish(struct model_dir *d, const struct config *cfg, struct fail *warning, struct fail *f)
{
	struct buf text = {0};
	char file[600];
	warning->msg[0] = 0;
	if (d->finished && d->resumed)
		return 0; /* nothing was changed: nor is its time, which make goes by */
	snprintf(file, sizeof file, "%s/model.yaml", d->work);
	int r = config_write(cfg, &text, f) || atomic_write(file, text.p, text.len, f) ? -1 : 0;
	buf_free(&text);
	if (r || strcmp(d->work, d->path) == 0)
		return r;
	r = put_in_place(d, f);
	if (r)
		fail_add(f, "%s: cannot put the new model in its place; it lies in %s", d->path, d->work);
	/* twice: a descriptor that is wanting now may be there in a moment */
	else if (d->work[0] && remove_old(d->work, warning) && !remove_old(d->work, warning))
		warning->msg[0] = 0;
	d->work[0] = 0; /* whatever lies there is to stay */
	return r ? -1 : sync_parent(d->path, f);
}

void model_dir_abort(struct model_dir *d)
{
	struct checkpoints c;
	struct fail ignored = {{0}};
	int aside = strcmp(d->work, d->path) != 0;
	if (!d->work[0] || d->resumed || checkpoints_list(&c, d->work, &ignored))
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

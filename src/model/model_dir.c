#include "model/model_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic.h"
#include "model/checkpoints.h"
#include "stream/name.h"

static const char *const other_files[] = {"model.yaml", "train.jsonl", "state"}; /* beside the checkpoints */

int checkpoint_dir(const char *path, char *dir, size_t capacity)
{
	char file[1100];
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	if (checkpoint_step(name) < 0)
		return 0;
	snprintf(dir, capacity, "%.*s.", (int)(name - path), path);
	for (size_t i = 0; i < sizeof other_files / sizeof *other_files; i++) {
		snprintf(file, sizeof file, "%s/%s", dir, other_files[i]);
		if (access(file, F_OK) == 0)
			return 1;
	}
	return 0;
}

/* Whether the name is that of a file of a model; temporary: of one that a killed process was writing. */
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
	int known = checkpoint_step(base) >= 0 || curvature_step(base) >= 0;
	for (size_t i = 0; i < sizeof other_files / sizeof *other_files; i++)
		known |= strcmp(base, other_files[i]) == 0;
	return known;
}

/* Removes the files of a model, or only the temporary ones. -1 with errno when some stay. */
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
	if (errno) /* of readdir(): some may not have been seen */
		why = errno;
	closedir(d);
	errno = why;
	return why ? -1 : 0;
}

static int remove_dir(const char *dir) { return clean_dir(dir, 0) ? -1 : rmdir(dir); }

int dir_holds_only(const char *dir, int (*own)(const char *name), const char *why, int *files, struct fail *f)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int r = d ? 0 : fail_errno(f, "%s", dir);
	*files = 0;
	while (!r && (errno = 0, e = readdir(d))) {
		char shown[200];
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		++*files;
		if (!own(e->d_name))
			r = fail_set(f, "%s: not touched: it holds '%s', %s", dir, name_show(shown, sizeof shown, e->d_name), why);
	}
	if (!r && errno)
		r = fail_errno(f, "%s", dir);
	if (d)
		closedir(d);
	return r;
}

static int is_any_part(const char *name)
{
	int temporary;
	return is_part(name, &temporary);
}

/* 0 when dir holds only files of a model, *parts of them: nothing else is ever replaced, removed or trained in. */
static int check_only_parts(const char *dir, int *parts, struct fail *f) { return dir_holds_only(dir, is_any_part, "which is not a file of a model", parts, f); }

/* Locks the directory until the process ends: two trainings in it would overwrite each other. On a file system without locks there is
 * no protection. */
static int lock(struct model_dir *d, const char *dir, struct fail *f)
{
	d->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock < 0)
		return fail_errno(f, "%s", dir);
	return flock(d->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK ? fail_set(f, "%s: a training is running there: wait until it has ended, or name another directory", dir) : 0;
}

static int begin_existing(struct model_dir *d, enum model_dir_mode mode, struct fail *f)
{
	char file[700];
	int parts;
	struct checkpoints c;
	if (check_only_parts(d->path, &parts, f) || lock(d, d->path, f))
		return -1;
	if (!parts && !d->resumed)
		return fail_set(f, "%s: exists and is not a model directory, but empty; --resume makes a model in it", d->path);
	snprintf(file, sizeof file, "%s/model.yaml", d->path);
	d->finished = access(file, F_OK) == 0;
	if (mode == MODEL_DIR_NEW)
		return fail_set(f, "%s: %s; --replace makes a new one", d->path,
		                d->finished ? "this model exists" : "an unfinished training is there; --resume continues it");
	if (mode == MODEL_DIR_REPLACE)
		return 0;
	snprintf(file, sizeof file, "%s/state", d->path);
	if (checkpoints_list(&c, d->path, f))
		return -1;
	int made = c.n || d->finished;
	checkpoints_free(&c);
	if (made && access(file, F_OK))
		return fail_set(f, "%s: cannot be resumed: it has no state, as an imported model or one of an older version; %s", d->path, d->again);
	return clean_dir(d->path, 1) ? fail_errno(f, "%s", d->path) : 0;
}

/* Makes a directory beside path, with an unused name: killed runs may have left some, and in a container every run has the same PID. */
static int make_beside(char *out, size_t capacity, const char *path, const char *what, struct fail *f)
{
	int r, n = snprintf(out, capacity, "%s.%s%ld", path, what, (long)getpid());
	for (int i = 1; (r = mkdir(out, 0777)) && errno == EEXIST && i < 100; i++)
		snprintf(out + n, capacity - (size_t)n, "-%d", i);
	return r ? fail_errno(f, "%s", out) : 0;
}

static int begin(struct model_dir *d, const char *path, enum model_dir_mode mode, struct fail *f)
{
	struct stat st;
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		n--;
	if (n >= sizeof d->path)
		return fail_set(f, "%.100s...: the name is too long: use a shorter one", path);
	*d = (struct model_dir){.lock = -1};
	snprintf(d->path, sizeof d->path, "%.*s", (int)n, path);
	strcpy(d->work, d->path);
	int there = lstat(d->path, &st) == 0;
	d->resumed = there && (mode == MODEL_DIR_RESUME || mode == MODEL_DIR_KEPT);
	if (mode == MODEL_DIR_KEPT)
		snprintf(d->again, sizeof d->again, "remove %s, and it is trained again", d->path);
	else
		strcpy(d->again, "--replace starts again");
	if (there && !S_ISDIR(st.st_mode))
		return fail_set(f, "%s: exists and is not a model directory; %s", d->path, mode == MODEL_DIR_KEPT ? d->again : "name another directory, or remove it");
	if (there && begin_existing(d, mode, f))
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
		d->work[0] = 0; /* model_dir_abort() removes nothing */
	return r;
}

int model_dir_reopen(struct model_dir *d, struct fail *f)
{
	char file[600];
	snprintf(file, sizeof file, "%s/model.yaml", d->work);
	d->finished = 0;
	return unlink(file) && errno != ENOENT ? fail_errno(f, "%s", file) : sync_parent(file, f);
}

/* For file systems without an exchange: moves the old model away and the new one to its place, or the old one back. */
static int swap_by_renames(struct model_dir *d, struct fail *f)
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
		return rename(old, d->path) ? fail_add(f, "the old one is in %s", old) : -1;
	}
	memcpy(d->work, old, sizeof old);
	return 0;
}

/* Afterwards d->work is the name of the old model, or empty if that has disappeared meanwhile. */
static int put_in_place(struct model_dir *d, struct fail *f)
{
	struct stat st, held;
	if (lstat(d->path, &st) == 0 && fstat(d->lock, &held) == 0 && !same_inode(&st, &held)) /* our lock is on another one */
		return fail_set(f, "%s: replaced by another directory meanwhile: name another", d->path);
	if (renameat2(AT_FDCWD, d->work, AT_FDCWD, d->path, RENAME_EXCHANGE) == 0)
		return 0;
	if (lstat(d->path, &st) == 0 || errno != ENOENT)
		return swap_by_renames(d, f);
	if (rename(d->work, d->path))
		return fail_errno(f, "%s", d->path);
	d->work[0] = 0;
	return 0;
}

/* Removes the old model, unless there are other files with it. */
static int remove_old(const char *dir, struct fail *f)
{
	int parts;
	if (check_only_parts(dir, &parts, f))
		return fail_add(f, "the old model is kept");
	return remove_dir(dir) ? fail_errno(f, "%s: cannot remove the old model", dir) : 0;
}

int model_dir_finish(struct model_dir *d, const struct config *cfg, struct fail *warning, struct fail *f)
{
	struct buf text = {0};
	char file[600];
	warning->msg[0] = 0;
	if (d->finished && d->resumed)
		return 0; /* nothing was changed: make must not see a new time */
	snprintf(file, sizeof file, "%s/model.yaml", d->work);
	int r = config_write(cfg, &text, f) || atomic_write(file, text.p, text.len, f) ? -1 : 0;
	buf_free(&text);
	if (r || strcmp(d->work, d->path) == 0)
		return r;
	r = put_in_place(d, f);
	if (r)
		fail_add(f, "%s: cannot put the new model in its place; it is in %s", d->path, d->work);
	/* twice: a lack of descriptors may be over in a moment */
	else if (d->work[0] && remove_old(d->work, warning) && !remove_old(d->work, warning))
		warning->msg[0] = 0;
	d->work[0] = 0; /* model_dir_abort() removes nothing */
	return r ? -1 : sync_parent(d->path, f);
}

void model_dir_abort(struct model_dir *d)
{
	struct checkpoints c;
	struct fail ignored = {{0}};
	int beside = strcmp(d->work, d->path) != 0;
	if (!d->work[0] || d->resumed || checkpoints_list(&c, d->work, &ignored))
		return;
	if (beside || c.n == 0)
		remove_dir(d->work);
	checkpoints_free(&c);
}

void model_dir_discard(struct model_dir *d)
{
	if (d->work[0])
		remove_dir(d->work);
}

void model_dir_remove(const char *path) { remove_dir(path); }

void model_dir_unlock(struct model_dir *d)
{
	if (d->lock >= 0)
		close(d->lock);
	d->lock = -1;
}

#include "pack/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic.h"
#include "base/buf.h"
#include "stream/name.h"

struct walk {
	walk_visit *visit;
	void *ctx;
	struct buf path;
	size_t below; /* the offset of the part below the root */
	int flags;
};

struct parent { /* a directory that is being visited */
	const struct stat *st;
	const struct parent *parent;
};

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int fail_at(const struct walk *w, struct fail *f)
{
	int e = errno;
	char shown[300];
	name_show(shown, sizeof shown, w->path.p);
	errno = e;
	return fail_errno(f, "%s", shown);
}

/* Appends the *n names in the directory w->path, each with its NUL. */
static int read_names(const struct walk *w, struct buf *names, size_t *n, struct fail *f)
{
	DIR *d = opendir(w->path.p);
	const struct dirent *e;
	int r = d ? 0 : fail_at(w, f);
	*n = 0;
	while (!r && (errno = 0, e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		r = buf_add(names, e->d_name, strlen(e->d_name) + 1, f);
		++*n;
	}
	if (!r && errno)
		r = fail_at(w, f);
	if (d)
		closedir(d);
	return r;
}

static int get_stat(const struct walk *w, struct stat *st, struct fail *f)
{
	if ((w->flags & WALK_FOLLOW) && stat(w->path.p, st) == 0)
		return 0;
	return lstat(w->path.p, st) ? fail_at(w, f) : 0;
}

static int visit_directory(struct walk *w, const struct parent *parent, struct fail *f);

static int visit_below(struct walk *w, const struct stat *st, const struct parent *parent, struct fail *f)
{
	const struct parent here = {st, parent};
	for (const struct parent *p = parent; p; p = p->parent)
		if (same_inode(p->st, st)) {
			char shown[300];
			return fail_set(f, "%s: a link to a directory that it is in: remove it, or leave out --follow", name_show(shown, sizeof shown, w->path.p));
		}
	return visit_directory(w, &here, f);
}

/* Visits the entry w->path: 1, WALK_STOP or -1. */
static int visit_entry(struct walk *w, int directories, const struct parent *parent, struct fail *f)
{
	struct stat st;
	if (get_stat(w, &st, f))
		return -1;
	if ((w->flags & WALK_FILES_FIRST) && (S_ISDIR(st.st_mode) ? 1 : 0) != directories)
		return 1;
	int r = w->visit(w->ctx, w->path.p, w->path.p + w->below, &st, f);
	return r == 1 && S_ISDIR(st.st_mode) ? visit_below(w, &st, parent, f) : r ? r : 1;
}

/* Visits the entries of the directory w->path: 1, WALK_STOP or -1. */
static int visit_directory(struct walk *w, const struct parent *parent, struct fail *f)
{
	struct buf names = {0};
	size_t n, len = w->path.len;
	char **name = NULL;
	int r = read_names(w, &names, &n, f) ? -1 : 1;
	if (r > 0 && n && !(name = malloc(n * sizeof *name)))
		r = fail_memory_for(f, "%zu names", n);
	char *p = names.p;
	for (size_t i = 0; name && i < n; p += strlen(p) + 1)
		name[i++] = p;
	if (name)
		qsort(name, n, sizeof *name, by_bytes);
	for (size_t i = 0, passes = w->flags & WALK_FILES_FIRST ? 2 : 1; r == 1 && i < passes * n; i++) {
		const char *one = name[i % n];
		w->path.len = len;
		if (buf_add(&w->path, "/", w->path.p[len - 1] != '/', f) || buf_add(&w->path, one, strlen(one), f))
			r = -1;
		else
			r = visit_entry(w, i >= n, parent, f);
	}
	free(name);
	buf_free(&names);
	return r;
}

int walk(const char *root, int flags, walk_visit *visit, void *ctx, struct fail *f)
{
	struct walk w = {.visit = visit, .ctx = ctx, .flags = flags};
	struct stat st;
	int r = buf_add(&w.path, root, strlen(root), f) ? -1 : 1;
	w.below = w.path.len + (w.path.len && root[w.path.len - 1] != '/');
	if (r > 0)
		r = stat(root, &st) ? fail_at(&w, f) : visit_below(&w, &st, NULL, f);
	buf_free(&w.path);
	return r < 0 ? -1 : 0;
}

#include "pack/walk.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "stream/name.h"

struct walk {
	walk_visit *visit;
	void *ctx;
	struct buf path;
	size_t below; /* the offset of the part below the root */
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

/* Visits the entries of the directory w->path: 1, WALK_STOP or -1. */
static int visit_directory(struct walk *w, struct fail *f)
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
	for (size_t i = 0; r == 1 && i < n; i++) {
		struct stat st;
		w->path.len = len;
		if (buf_add(&w->path, "/", w->path.p[len - 1] != '/', f) || buf_add(&w->path, name[i], strlen(name[i]), f))
			r = -1;
		else if (lstat(w->path.p, &st))
			r = fail_at(w, f);
		else
			r = w->visit(w->ctx, w->path.p, w->path.p + w->below, &st, f);
		if (r == 1 && S_ISDIR(st.st_mode))
			r = visit_directory(w, f);
		else if (r == 0)
			r = 1;
	}
	free(name);
	buf_free(&names);
	return r;
}

int walk(const char *root, walk_visit *visit, void *ctx, struct fail *f)
{
	struct walk w = {.visit = visit, .ctx = ctx};
	int r = buf_add(&w.path, root, strlen(root), f) ? -1 : 1;
	w.below = w.path.len + (w.path.len && root[w.path.len - 1] != '/');
	if (r > 0)
		r = visit_directory(&w, f);
	buf_free(&w.path);
	return r < 0 ? -1 : 0;
}

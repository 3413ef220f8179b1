#include "tool/overwrite.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/atomic.h"

/* The directory that path is, or would be, in. */
static int stat_parent(const char *path, struct stat *st)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int bad = !dir || stat(dir, st);
	free(dir);
	return bad ? -1 : 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Two names of one regular file, whether it exists or not. */
static bool same_file(const char *a, const char *b)
{
	struct stat x, y;
	bool have = stat(a, &x) == 0, other = stat(b, &y) == 0;
	if (have || other)
		return have && other && S_ISREG(x.st_mode) && same_inode(&x, &y);
	char *p = atomic_target(a), *q = atomic_target(b);
	bool same = p && q && strcmp(last_part(p), last_part(q)) == 0 && !stat_parent(p, &x) && !stat_parent(q, &y) && same_inode(&x, &y);
	free(p);
	free(q);
	return same;
}

/* path, or - for standard input, is this regular file. */
static bool is_regular(const char *path, const struct stat *file)
{
	struct stat st;
	int bad = strcmp(path, "-") == 0 ? fstat(0, &st) : stat(path, &st);
	return !bad && S_ISREG(st.st_mode) && same_inode(&st, file);
}

static bool is_in_directory(const char *dir, const char *path)
{
	struct stat x, y;
	char *real = atomic_target(path);
	bool yes = stat(dir, &x) == 0 && S_ISDIR(x.st_mode) && !stat_parent(real ? real : path, &y) && same_inode(&x, &y);
	free(real);
	return yes;
}

static int check_not_input(const struct output *o, char *const *inputs, int n, struct fail *f)
{
	struct stat file;
	if (!o->path || stat(o->path, &file))
		return 0;
	for (int i = 0; i < n; i++)
		if (is_regular(inputs[i], &file))
			return fail_set(f, "%s names an input, '%s'", o->option, o->path);
	return !n && is_regular("-", &file) ? fail_set(f, "%s names the file on standard input, '%s'", o->option, o->path) : 0;
}

int outputs_spare_inputs(const struct output *out, int n, char *const *inputs, int ninputs, struct fail *f)
{
	for (int i = 0; i < n; i++)
		if (check_not_input(&out[i], inputs, ninputs, f))
			return -1;
	return 0;
}

int outputs_differ(const struct output *out, int n, struct fail *f)
{
	struct stat std, st;
	bool regular = fstat(1, &std) == 0 && S_ISREG(std.st_mode);
	for (int i = 0; i < n; i++) {
		const struct output *o = &out[i];
		if (!o->path)
			continue;
		if (strcmp(o->path, "-") == 0)
			return fail_set(f, "%s requires a file, and '-' is standard output; ./- is a file of that name", o->option);
		for (int k = 0; k < i; k++)
			if (out[k].path && same_file(o->path, out[k].path))
				return fail_set(f, "%s and %s name the same file, '%s'", out[k].option, o->option, o->path);
		if (i && regular && stat(o->path, &st) == 0 && same_inode(&st, &std))
			return fail_set(f, "%s names the file that standard output goes to, '%s'", o->option, o->path);
	}
	return 0;
}

int outputs_spare(const struct output *out, int n, const char *option, const char *path, struct fail *f)
{
	struct stat file;
	for (int i = 0; path && i < n; i++) {
		if (strcmp(out[i].option, option) == 0)
			continue;
		if (out[i].path && stat(out[i].path, &file) == 0 && is_regular(path, &file))
			return fail_set(f, "%s and %s name the same file, '%s'", out[i].option, option, out[i].path);
		if (out[i].path && is_in_directory(path, out[i].path))
			return fail_set(f, "%s names a file in the directory of %s, '%s'", out[i].option, option, out[i].path);
	}
	return 0;
}

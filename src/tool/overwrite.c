#include "tool/overwrite.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/atomic.h"
#include "model/model_dir.h"

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

struct output {
	const char *option, *path;
};
enum { OUTPUTS = 6 };

static void list_outputs(const struct cli *c, struct output out[OUTPUTS])
{
	const struct output all[OUTPUTS] = {
		{"-o", c->output}, {"-r", c->rejects}, {"--summary", c->summary}, {"--influence", c->influence}, {"--save-ref", c->save_ref},
		{"--matrix", c->matrix},
	};
	memcpy(out, all, sizeof all);
}

static bool check_not_input(struct cli *c, const struct output *o)
{
	struct stat file;
	if (!o->path || stat(o->path, &file))
		return true;
	for (int i = 0; i < c->nfiles; i++)
		if (is_regular(c->files[i], &file))
			return cli_usage(c, "%s names an input, '%s'", o->option, o->path);
	return c->nfiles || !is_regular("-", &file) || cli_usage(c, "%s names the file on standard input, '%s'", o->option, o->path);
}

/* Fails now, not after an hour of work. */
static bool check_summary(struct cli *c)
{
	struct stat st;
	struct atomic_file a;
	struct fail f = {{0}};
	if (!c->summary || (stat(c->summary, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return true;
	if (atomic_open(&a, c->summary, &f)) {
		fail_add(&f, "--summary");
		return cli_failed(c, &f);
	}
	atomic_abort(&a);
	return true;
}

bool check_outputs(struct cli *c)
{
	struct output out[OUTPUTS];
	list_outputs(c, out);
	struct stat std, st;
	bool regular = fstat(1, &std) == 0 && S_ISREG(std.st_mode);
	for (int i = 0; i < OUTPUTS; i++) {
		if (out[i].path && strcmp(out[i].path, "-") == 0) /* -o - is standard output, and not listed */
			return cli_usage(c, "%s needs the name of a file, and '-' is standard output; ./- is a file of that name", out[i].option);
		for (int k = 0; k < i; k++)
			if (out[i].path && out[k].path && same_file(out[i].path, out[k].path))
				return cli_usage(c, "%s and %s name the same file, '%s'", out[k].option, out[i].option, out[i].path);
		if (i && regular && out[i].path && stat(out[i].path, &st) == 0 && same_inode(&st, &std))
			return cli_usage(c, "%s names the file that standard output goes to, '%s'", out[i].option, out[i].path);
	}
	/* a stream of records may replace its input: all is read before the rename */
	for (int i = !c->separate_output; i < OUTPUTS; i++)
		if (!check_not_input(c, &out[i]))
			return false;
	return check_summary(c);
}

bool cli_check_overwrite(struct cli *c, const char *option, const char *path)
{
	struct output out[OUTPUTS];
	struct stat file;
	list_outputs(c, out);
	for (int i = 0; path && i < OUTPUTS; i++) {
		if (out[i].path && stat(out[i].path, &file) == 0 && is_regular(path, &file))
			return cli_usage(c, "%s and %s name the same file, '%s'", out[i].option, option, out[i].path);
		if (out[i].path && is_in_directory(path, out[i].path))
			return cli_usage(c, "%s names a file in the directory of %s, '%s'", out[i].option, option, out[i].path);
	}
	return true;
}

bool cli_check_model(struct cli *c, const char *path)
{
	char dir[1024];
	return cli_check_overwrite(c, "-m", path) &&
	       (!path || !checkpoint_dir(path, dir, sizeof dir) || cli_check_overwrite(c, "-m", dir));
}

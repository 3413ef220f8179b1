#include "model/import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoints.h"
#include "stream/name.h"

#define MAX_STEP INT64_C(1000000000000000)

/* Digits only; -1 for anything else. *end: behind them. */
static int64_t parse_step(const char *p, const char **end)
{
	int64_t step = 0;
	const char *from = p;
	for (; *p >= '0' && *p <= '9'; p++)
		step = step > MAX_STEP ? step : 10 * step + (*p - '0');
	*end = p;
	return p > from && step <= MAX_STEP ? step : -1;
}

static int find_step(const struct safetensors *s, const char *path, int place, int64_t *step, struct fail *f)
{
	const char *meta = safetensors_metadata(s, "step"), *slash = strrchr(path, '/'), *p = slash ? slash + 1 : path, *end;
	char shown[80];
	*step = place;
	if (meta) {
		*step = parse_step(meta, &end);
		return *step >= 0 && !*end ? 0 : fail_set(f, "metadata: step is '%s', not a whole number", name_show(shown, sizeof shown, meta));
	}
	while (*p)
		if (*p >= '0' && *p <= '9')
			*step = parse_step(p, &p);
		else
			p++;
	return *step >= 0 ? 0 : fail_set(f, "the last number in its name is too large for a step");
}

struct file { /* one that is imported */
	const char *path;
	int64_t step;
};

static int import_file(struct import *o, const struct config *cfg, const char *path, const char *dir, int place, struct file *all, struct fail *f)
{
	struct model m = {.params = NULL};
	struct safetensors s;
	char to[700];
	int64_t step = 0, before = 0;
	if (safetensors_read(&s, path, f))
		return -1;
	int r = find_step(&s, path, place + 1, &step, f) || model_build(&m, cfg, f) || import_tensors(o, &m, &s, f) ? fail_add(f, "%s", path) : 0;
	safetensors_free(&s);
	for (int i = 0; i < place && !r; i++) {
		if (all[i].step == step)
			r = fail_set(f, "%s: step %" PRId64 " is also that of %s", path, step, all[i].path);
		if (all[i].step < step && all[i].step > before)
			before = all[i].step;
	}
	all[place] = (struct file){path, step};
	m.step = step;
	m.since = step - before;
	checkpoint_path(to, sizeof to, dir, step);
	r = r ? r : model_write(&m, to, f);
	model_free(&m);
	return r;
}

static int by_step(const void *a, const void *b)
{
	const struct file *x = a, *y = b;
	return (x->step > y->step) - (x->step < y->step);
}

/* Files may come in any order, and can be read only once where they are pipes: the steps since the checkpoint before, which are known only
 * now, are corrected. */
static int correct_since(const struct file *all, int n, const char *dir, struct fail *f)
{
	for (int i = 1; i < n; i++) {
		struct model m;
		char path[700];
		int64_t since = all[i].step - all[i - 1].step;
		checkpoint_path(path, sizeof path, dir, all[i].step);
		if (model_read(&m, path, NULL, f))
			return -1;
		int stale = m.since != since;
		m.since = since;
		int r = stale ? model_write(&m, path, f) : 0;
		model_free(&m);
		if (r)
			return r;
	}
	return 0;
}

static int ascending(const struct file *all, int n)
{
	for (int i = 1; i < n; i++)
		if (all[i].step < all[i - 1].step)
			return 0;
	return 1;
}

int models_import(struct import *o, const struct config *cfg, char *const *paths, int n, const char *dir, struct fail *f)
{
	struct file *all = calloc((size_t)n + 1, sizeof *all);
	int r = all ? 0 : fail_memory(f);
	for (int i = 0; i < n && !r; i++)
		r = import_file(o, cfg, paths[i], dir, i, all, f);
	if (!r && !ascending(all, n)) {
		qsort(all, (size_t)n, sizeof *all, by_step);
		r = correct_since(all, n, dir, f);
	}
	free(all);
	return r;
}

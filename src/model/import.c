#include "model/import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/checkpoints.h"

static int64_t find_step(const struct safetensors *s, const char *path, int place)
{
	const char *meta = safetensors_metadata(s, "step"), *slash = strrchr(path, '/'), *p = slash ? slash + 1 : path;
	int64_t step = place;
	if (meta)
		return strtoll(meta, NULL, 10);
	while (*p)
		if (*p >= '0' && *p <= '9')
			step = strtoll(p, (char **)&p, 10);
		else
			p++;
	return step;
}

static int write_checkpoint(const struct config *cfg, const struct safetensors *s, const char *path, const char *dir, int64_t step, int64_t last, struct fail *f)
{
	struct model m;
	char to[700];
	if (model_build(&m, cfg, f))
		return -1;
	int r = model_load_tensors(&m, s, f) ? fail_add(f, "%s", path) : 0;
	if (!r && step <= last)
		r = fail_set(f, "%s: step %" PRId64 " does not come after %" PRId64 "; name the files in the order of their steps", path, step, last);
	m.step = step;
	m.since = step - (last > 0 ? last : 0);
	checkpoint_path(to, sizeof to, dir, step);
	r = r ? r : model_write(&m, to, f);
	model_free(&m);
	return r;
}

int models_import(const struct config *cfg, char *const *paths, int n, const char *dir, struct fail *f)
{
	int64_t last = -1;
	for (int i = 0; i < n; i++) {
		struct safetensors s;
		if (safetensors_read(&s, paths[i], f))
			return -1;
		int64_t step = find_step(&s, paths[i], i + 1);
		int r = write_checkpoint(cfg, &s, paths[i], dir, step, last, f);
		safetensors_free(&s);
		if (r)
			return -1;
		last = step;
	}
	return 0;
}

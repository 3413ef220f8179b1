#include "train/state.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

static void state_path(char out[600], const char *dir) { snprintf(out, 600, "%s/state", dir); }

/* The parameters, then Adam's averages where there are some. */
static int list_tensors(struct tensor t[3], float *values[3], const struct model *m, const struct trainer *trainer)
{
	static const char *const names[] = {"params", "adam_m", "adam_v"};
	struct optimizer_state o = trainer_state(trainer);
	float *all[] = {m->params, o.m, o.v};
	int n = 0;
	for (int i = 0; i < 3 && all[i]; i++, n++) {
		values[i] = all[i];
		t[i] = (struct tensor){.ndim = 1, .shape = {m->nparams}, .count = m->nparams};
		snprintf(t[i].name, sizeof t[i].name, "%s", names[i]);
	}
	return n;
}

static uint64_t checksum(const char *config, const char *counts, float *const *values, int n, size_t nparams)
{
	uint64_t h = XXH3_64bits_withSeed(counts, strlen(counts), XXH3_64bits(config, strlen(config)));
	for (int i = 0; i < n; i++)
		h = XXH3_64bits_withSeed(values[i], nparams * sizeof(float), h);
	return h;
}

/* The counts, in the order in which they are written. */
struct count {
	const char *name;
	int64_t *whole; /* one of the two is NULL */
	double *real;
};
enum { COUNTS = 14 };

static void list_counts(struct state *s, struct count c[COUNTS])
{
	const struct count all[COUNTS] = {
		{"step", &s->step, NULL},
		{"records", &s->records, NULL},
		{"data", (int64_t *)&s->data, NULL},
		{"last_checkpoint", &s->last_checkpoint, NULL},
		{"checkpoint_counted", &s->checkpoint_counted, NULL},
		{"checkpoint_sum", NULL, &s->checkpoint_sum},
		{"counted", &s->counted, NULL},
		{"recon", NULL, &s->sum.recon},
		{"kl", NULL, &s->sum.kl},
		{"loss", NULL, &s->sum.loss},
		{"checkpoint_loss", NULL, &s->loss},
		{"holdout_loss", NULL, &s->holdout},
		{"log_bytes", &s->log_bytes, NULL},
		{"seconds", NULL, &s->seconds},
	};
	memcpy(c, all, sizeof all);
}

static int write_counts(struct buf *out, const struct state *s, struct fail *f)
{
	struct state copy = *s;
	struct count c[COUNTS];
	int r = 0;
	list_counts(&copy, c);
	for (int i = 0; i < COUNTS && !r; i++)
		r = c[i].whole ? buf_addf(out, f, "%s %" PRId64 "\n", c[i].name, *c[i].whole) : buf_addf(out, f, "%s %.17g\n", c[i].name, *c[i].real);
	return r;
}

static int read_counts(const char *text, struct state *s)
{
	struct count c[COUNTS];
	list_counts(s, c);
	for (int i = 0; i < COUNTS; i++) {
		size_t n = strlen(c[i].name);
		char *end;
		if (strncmp(text, c[i].name, n) != 0 || text[n] != ' ')
			return -1;
		text += n + 1;
		if (c[i].whole)
			*c[i].whole = strtoll(text, &end, 10);
		else
			*c[i].real = strtod(text, &end);
		if (end == text || *end != '\n')
			return -1;
		text = end + 1;
	}
	return *text || s->step < 0 || s->log_bytes < 0 ? -1 : 0;
}

int state_write(const char *dir, const struct state *s, const struct model *m, const struct trainer *trainer, struct fail *f)
{
	struct tensor t[3];
	float *values[3];
	struct buf text = {0}, counts = {0};
	char path[600], sum[17];
	int n = list_tensors(t, values, m, trainer);
	state_path(path, dir);
	int r = config_write(&m->cfg, &text, f) || write_counts(&counts, s, f) ? -1 : 0;
	if (!r) {
		snprintf(sum, sizeof sum, "%016" PRIx64, checksum(text.p, counts.p, values, n, m->nparams));
		json_t *meta = json_pack("{s:s, s:s, s:s}", "config", text.p, "counts", counts.p, "checksum", sum);
		r = meta ? safetensors_write_parts(path, t, n, (const float *const *)values, meta, f) : fail_memory(f);
		json_decref(meta);
	}
	buf_free(&text);
	buf_free(&counts);
	return r;
}

/* 0 when a training under the configuration `saved` may be resumed under `now`. */
static int check_config(const char *saved, const struct config *now, struct fail *f)
{
	struct config old;
	config_defaults(&old);
	if (config_parse(&old, saved, strlen(saved), f))
		return fail_add(f, "configuration");
	int steps = old.train.steps;
	if (old.train.steps < now->train.steps)
		old.train.steps = now->train.steps; /* a longer training is the same one at first */
	const char *key;
	if (config_first_difference(&old, now, &key, f))
		return -1;
	if (key && strcmp(key, "train.steps") == 0)
		return fail_set(f, "the training has train.steps %d and cannot be resumed with fewer, %d", steps, now->train.steps);
	return key ? fail_set(f, "the training has another value of %s", key) : 0;
}

/* -1. Adds that the file is damaged, unless memory ran out. */
static int damaged(struct fail *f) { return f->memory ? -1 : fail_add(f, "damaged"); }

int state_read(const struct model_dir *dir, struct state *s, struct model *m, struct trainer *trainer, struct fail *f)
{
	struct safetensors file;
	struct tensor t[3];
	float *values[3];
	char path[600], sum[17];
	int n = list_tensors(t, values, m, trainer);
	state_path(path, dir->path);
	if (access(path, F_OK) && errno == ENOENT)
		return 0;
	if (check_regular(path, f))
		return fail_advise(f, "%s", dir->again);
	if (safetensors_load(&file, path, f))
		return -1;
	int r = safetensors_parse(&file, f) || safetensors_verify(&file, f) < 0 ? damaged(f) : 0;
	const char *config = safetensors_metadata(&file, "config"), *counts = safetensors_metadata(&file, "counts"), *was = safetensors_metadata(&file, "checksum");
	if (!r && (!config || !counts || !was))
		r = fail_set(f, "not the state of a training");
	if (!r && read_counts(counts, s))
		r = fail_set(f, "damaged: wrong counts");
	if (!r)
		r = check_config(config, &m->cfg, f);
	for (int i = 0; i < n && !r; i++)
		r = safetensors_get(&file, &t[i], values[i], f) ? damaged(f) : 0;
	if (!r) {
		snprintf(sum, sizeof sum, "%016" PRIx64, checksum(config, counts, values, n, m->nparams));
		if (strcmp(sum, was) != 0)
			r = fail_set(f, "damaged: the checksum does not match");
	}
	safetensors_free(&file);
	if (r) {
		fail_add(f, "%s", path);
		return fail_advise(f, "%s", dir->again);
	}
	trainer_resume(trainer, (long)s->step);
	return 1;
}

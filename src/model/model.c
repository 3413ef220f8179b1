#include "model/model.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "stream/name.h"
#include "gemm/mat.h"

static void name_tensors(struct model *m, struct network *net)
{
	for (int i = 0; i < net->n; i++) {
		struct layer *l = &net->l[i];
		if (!layer_has_weights(l))
			continue;
		l->tensor = m->ntensors;
		struct tensor *w = &m->tensor[m->ntensors++], *b = &m->tensor[m->ntensors++];
		*w = (struct tensor){.ndim = l->ndim, .count = layer_weights(l)};
		for (int k = 0; k < l->ndim; k++)
			w->shape[k] = (size_t)l->dim[k];
		*b = (struct tensor){.ndim = 1, .shape = {(size_t)l->biases}, .count = (size_t)l->biases};
		snprintf(w->name, sizeof w->name, "%s.%d.weight", net->name, i);
		snprintf(b->name, sizeof b->name, "%s.%d.bias", net->name, i);
	}
}

static void lay_out(struct model *m, const struct config *cfg)
{
	*m = (struct model){.cfg = *cfg, .lr = cfg->train.lr, .loss = NAN, .holdout_loss = NAN};
	struct shape input = {cfg->input_shape[0], cfg->input_shape[1], cfg->input_shape[2], SHAPE_INPUT};
	network_build(&m->enc, "encoder", &cfg->encoder, input, &m->nparams);
	network_build(&m->dec, "decoder", &cfg->decoder, (struct shape){cfg->latent, 1, 1, SHAPE_VECTOR}, &m->nparams);
	name_tensors(m, &m->enc);
	name_tensors(m, &m->dec);
	if (config_learns_variance(cfg)) {
		m->nvariances = (size_t)input.c;
		m->nparams += m->nvariances;
		m->tensor[m->ntensors++] = (struct tensor){.name = "log_variance", .ndim = 1, .shape = {m->nvariances}, .count = m->nvariances};
	}
}

struct learnt_variance model_variance(const struct model *m)
{
	return (struct learnt_variance){m->nvariances ? m->params + m->nparams - m->nvariances : NULL, m->cfg.input_shape[0], m->dec.writes_channels_last};
}

int model_build(struct model *m, const struct config *cfg, struct fail *f)
{
	lay_out(m, cfg);
	if (m->nparams > (size_t)1 << 31)
		return fail_set(f, "a network of %zu parameters is too large: at most 2^31", m->nparams);
	m->params = mat_floats(m->nparams);
	return m->params ? 0 : fail_memory_for(f, "%zu parameters", m->nparams);
}

void model_init(struct model *m, uint64_t seed)
{
	for (int i = 0; i < m->enc.n + m->dec.n; i++) {
		const struct layer *l = i < m->enc.n ? &m->enc.l[i] : &m->dec.l[i - m->enc.n];
		if (layer_has_weights(l))
			l->type->init(l, m->params, seed);
	}
	/* the variance of what is reconstructed: uniform samples in 0..1, standardised numbers */
	for (size_t i = m->nparams - m->nvariances; i < m->nparams; i++)
		m->params[i] = m->cfg.train.likelihood == LINEAR ? 0 : -2.48490665f; /* log 1/12 */
}

void model_free(struct model *m)
{
	network_free_packed(&m->enc);
	network_free_packed(&m->dec);
	free(m->params);
	free(m->standard.mean);
	free(m->standard.deviation);
	m->params = NULL;
	m->standard = (struct standardisation){.mean = NULL};
}

int model_alloc_standard(struct model *m, struct fail *f)
{
	size_t n = (size_t)m->enc.in;
	m->standard.mean = calloc(n, sizeof *m->standard.mean);
	m->standard.deviation = calloc(n, sizeof *m->standard.deviation);
	return m->standard.mean && m->standard.deviation ? 0 : fail_memory_for(f, "the statistics of %zu numbers", n);
}

static int set_id(struct model *m, struct fail *f)
{
	struct buf text = {0};
	if (config_write(&m->cfg, &text, f)) {
		buf_free(&text);
		return -1;
	}
	uint64_t h = hash_bytes(m->params, m->nparams * sizeof(float), hash_bytes(text.p, text.len, 0));
	size_t bytes = (size_t)m->enc.in * sizeof(double);
	if (m->standard.mean)
		h = hash_bytes(m->standard.deviation, bytes, hash_bytes(m->standard.mean, bytes, h));
	snprintf(m->id, sizeof m->id, "%016" PRIx64, h);
	buf_free(&text);
	return 0;
}

static double meta_number(const struct safetensors *s, const char *name, double missing)
{
	const char *v = safetensors_metadata(s, name);
	return v ? strtod(v, NULL) : missing;
}

static int meta_count(const struct safetensors *s, const char *name, int64_t *out, struct fail *f)
{
	double v = meta_number(s, name, 0);
	if (!(v >= 0 && v <= 0x1p53 && v == floor(v)))
		return fail_set(f, "metadata: %s is not a count", name);
	*out = (int64_t)v;
	return 0;
}

static int read_metadata(struct model *m, const struct safetensors *s, struct fail *f)
{
	if (meta_count(s, "step", &m->step, f) || meta_count(s, "steps_since", &m->since, f) || meta_count(s, "records", &m->records, f))
		return -1;
	const char *subset = safetensors_metadata(s, "subset");
	m->subset = subset ? strtoull(subset, NULL, 16) : 0;
	m->lr = meta_number(s, "lr", m->cfg.train.lr);
	m->loss = meta_number(s, "loss", NAN);
	m->holdout_loss = meta_number(s, "holdout_loss", NAN);
	return isfinite(m->lr) ? 0 : fail_set(f, "metadata: lr is not a number");
}

/* Compares the file's tensors with the configuration, before anything of their size is allocated. */
static int check_tensors(const struct config *cfg, const struct safetensors *s, struct fail *f)
{
	struct model m;
	lay_out(&m, cfg);
	for (int i = 0; i < m.ntensors; i++)
		if (safetensors_get(s, &m.tensor[i], NULL, f))
			return -1;
	return 0;
}

/* Parses n finite numbers not below least. */
static int read_numbers(const char *name, const char *text, double *out, size_t n, double least, struct fail *f)
{
	char *end;
	for (size_t i = 0; i < n; i++, text = end) {
		out[i] = strtod(text, &end);
		if (end == text || !isfinite(out[i]) || out[i] < least)
			return fail_set(f, "metadata: %s is not %zu numbers", name, n);
	}
	return text[strspn(text, " ")] ? fail_set(f, "metadata: %s is more than %zu numbers", name, n) : 0;
}

static int read_standard(struct model *m, const struct safetensors *s, struct fail *f)
{
	const char *mean = safetensors_metadata(s, "mean"), *deviation = safetensors_metadata(s, "deviation");
	size_t n = (size_t)m->enc.in;
	if (m->cfg.input_kind != VECTOR_INPUT || (!mean && !deviation))
		return 0;
	if (!mean || !deviation)
		return fail_set(f, "metadata: mean or deviation is missing");
	return model_alloc_standard(m, f) || read_numbers("mean", mean, m->standard.mean, n, -HUGE_VAL, f) ||
	       read_numbers("deviation", deviation, m->standard.deviation, n, 0, f) ? -1 : 0;
}

/* Adds mean and deviation to a file's metadata. */
static int write_standard(const struct model *m, json_t *meta, struct fail *f)
{
	const struct { const char *name; const double *v; } all[] = {{"mean", m->standard.mean}, {"deviation", m->standard.deviation}};
	for (int i = 0; i < 2 && all[i].v; i++) {
		struct buf text = {0};
		int r = 0;
		for (int k = 0; k < m->enc.in && !r; k++)
			r = buf_addf(&text, f, "%s%.17g", k ? " " : "", all[i].v[k]);
		if (!r && json_object_set_new(meta, all[i].name, json_string(text.p)))
			r = fail_memory(f);
		buf_free(&text);
		if (r)
			return -1;
	}
	return 0;
}

/* Without a branch, so that the compiler vectorises it. */
static int all_finite(const float *v, size_t n)
{
	uint32_t infinite = 0, bits;
	for (size_t i = 0; i < n; i++) {
		memcpy(&bits, &v[i], sizeof bits);
		infinite |= (bits & 0x7f800000) == 0x7f800000;
	}
	return !infinite;
}

/* copy: unless m->params are those of s. */
static int load_tensors(struct model *m, const struct safetensors *s, int copy, int finite, struct fail *f)
{
	float *at = m->params;
	for (int i = 0; i < m->ntensors; i++) {
		if (safetensors_get(s, &m->tensor[i], copy ? at : NULL, f))
			return -1;
		size_t k = 0;
		if (finite && !all_finite(at, m->tensor[i].count)) {
			while (isfinite(at[k]))
				k++;
			return fail_set(f, "tensor '%s' has a value that is not finite, at %zu: use an earlier checkpoint, or train with a smaller train.lr", m->tensor[i].name, k);
		}
		at += m->tensor[i].count;
	}
	return read_standard(m, s, f);
}

static int verify(struct model *m, const struct safetensors *s, struct fail *f)
{
	int got = safetensors_verify(s, f);
	m->checked = got > 0;
	return got < 0 ? fail_advise(f, "put a copy there, or make it again") : 0;
}

int model_load_tensors(struct model *m, const struct safetensors *s, struct fail *f) { return load_tensors(m, s, 1, 1, f) || verify(m, s, f) ? -1 : 0; }

static int read_config(struct config *cfg, const struct safetensors *s, struct fail *f)
{
	const char *text = safetensors_metadata(s, "config");
	if (!text)
		return fail_set(f, "no configuration in the metadata: import the file with vae-ckpt import");
	config_defaults(cfg);
	if (config_parse(cfg, text, strlen(text), f) || config_check(cfg, f))
		return fail_add(f, "configuration");
	return 0;
}

static int read_file(struct model *m, const char *path, int strict, struct fail *f)
{
	struct safetensors s;
	struct config cfg;
	*m = (struct model){.params = NULL};
	if (safetensors_read(&s, path, f))
		return -1;
	int r = read_config(&cfg, &s, f) || check_tensors(&cfg, &s, f) || model_build(m, &cfg, f);
	float *in_place = r ? NULL : safetensors_in_place(&s, m->tensor, m->ntensors);
	if (in_place) {
		free(m->params);
		m->params = in_place;
	}
	r = r || load_tensors(m, &s, !in_place, strict, f) || set_id(m, f) || read_metadata(m, &s, f) || (strict && verify(m, &s, f));
	snprintf(m->path, sizeof m->path, "%s", path);
	if (in_place)
		s.bytes = (struct buf){0}; /* they are the model's now */
	safetensors_free(&s);
	if (r) {
		model_free(m);
		return fail_add(f, "%s", path);
	}
	return 0;
}

int model_inspect(struct model *m, const char *path, struct fail *f) { return read_file(m, path, 0, f); }

int model_read(struct model *m, const char *path, const struct assignments *sets, struct fail *f)
{
	char shown[80];
	int r = 0;
	if (read_file(m, path, 1, f))
		return -1;
	/* the networks are built: only keys that do not shape them may still change */
	for (int i = 0; sets && i < sets->n && !r; i++) {
		if ((strncmp(sets->v[i], "model.", 6) == 0 && strncmp(sets->v[i], "model.variance", 14) != 0) || strncmp(sets->v[i], "input.shape", 11) == 0 ||
		    strncmp(sets->v[i], "input.kind", 10) == 0)
			r = fail_set(f, "--set %s: the key belongs to the model and cannot change after training",
			             name_show(shown, sizeof shown, sets->v[i]));
		else
			r = config_set(&m->cfg, sets->v[i], f);
	}
	if (!r && config_learns_variance(&m->cfg) != (m->nvariances > 0))
		r = fail_set(f, "--set model.variance: whether it is learnt cannot change after training");
	if (r || config_check(&m->cfg, f)) {
		model_free(m);
		return -1;
	}
	return 0;
}

int model_write(struct model *m, const char *path, struct fail *f)
{
	struct buf text = {0};
	if (config_write(&m->cfg, &text, f)) {
		buf_free(&text);
		return -1;
	}
	char step[32], since[32], records[32], subset[32], lr[32], loss[32], holdout[32], batch[32];
	snprintf(step, sizeof step, "%" PRId64, m->step);
	snprintf(since, sizeof since, "%" PRId64, m->since);
	snprintf(records, sizeof records, "%" PRId64, m->records);
	snprintf(subset, sizeof subset, "%016" PRIx64, m->subset);
	snprintf(lr, sizeof lr, "%.9g", m->lr);
	snprintf(batch, sizeof batch, "%d", m->cfg.train.batch);
	snprintf(loss, sizeof loss, "%.9g", m->loss);
	snprintf(holdout, sizeof holdout, "%.9g", m->holdout_loss);
	json_t *meta = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "config", text.p, "step", step, "steps_since", since, "records",
	                         records, "lr", lr, "batch", batch);
	buf_free(&text);
	int bad = !meta;
	if (!bad && m->subset)
		bad = json_object_set_new(meta, "subset", json_string(subset));
	if (!bad && isfinite(m->loss))
		bad = json_object_set_new(meta, "loss", json_string(loss));
	if (!bad && isfinite(m->holdout_loss))
		bad = json_object_set_new(meta, "holdout_loss", json_string(holdout));
	int r = bad ? fail_memory(f) : write_standard(m, meta, f);
	r = r ? r : safetensors_write(path, m->tensor, m->ntensors, m->params, meta, f);
	json_decref(meta);
	return r;
}

int model_export(const struct model *m, const char *path, struct fail *f)
{
	char step[32];
	snprintf(step, sizeof step, "%" PRId64, m->step);
	json_t *meta = json_pack("{s:s}", "step", step);
	int r = meta ? write_standard(m, meta, f) : fail_memory(f);
	r = r ? r : safetensors_write(path, m->tensor, m->ntensors, m->params, meta, f);
	json_decref(meta);
	return r;
}

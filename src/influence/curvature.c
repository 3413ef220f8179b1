/* Factors as they are kept in a file beside their checkpoint. */
#include "influence/curvature.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "stream/name.h"

#define FORMAT "1"

const char *const targets_words[] = {"data", "model", NULL};
static const char *const likelihoods[] = {"gaussian", "bernoulli", "linear"}, *const gradients[] = {"pathwise", "score"};

/* --- layers --- */

static void add_layers(struct curvature *c, const struct network *net, int in_decoder)
{
	for (int i = 0; i < net->n; i++) {
		const struct layer *l = &net->l[i];
		if (!layer_has_weights(l))
			continue;
		struct curvature_layer *k = &c->layer[c->n++];
		int transposed = l->type->transposed;
		*k = (struct curvature_layer){.l = l, .in_decoder = in_decoder, .index = i, .np = l->p, .nk = transposed ? l->k : l->k + 1, .nb = transposed ? l->biases : 0};
		snprintf(k->name, sizeof k->name, "%s.%d", net->name, i);
	}
}

void curvature_layers(struct curvature *c, const struct model *m)
{
	*c = (struct curvature){.n = 0};
	add_layers(c, &m->enc, 0);
	add_layers(c, &m->dec, 1);
}

int curvature_open(struct curvature *c, const struct model *m, struct fail *f)
{
	curvature_layers(c, m);
	for (int i = 0; i < c->n; i++) {
		struct curvature_layer *k = &c->layer[i];
		k->p = mat_floats((size_t)k->np * (size_t)k->np);
		k->k = mat_floats((size_t)k->nk * (size_t)k->nk);
		k->b = k->nb ? mat_floats((size_t)k->nb * (size_t)k->nb) : NULL;
		if (!k->p || !k->k || (k->nb && !k->b)) {
			curvature_free(c);
			return fail_memory_for(f, "the curvature of %s", k->name);
		}
	}
	return 0;
}

int curvature_open_eigenvalues(struct curvature *c, struct fail *f)
{
	for (int i = 0; i < c->n; i++) {
		struct curvature_layer *k = &c->layer[i];
		k->qp = mat_floats((size_t)k->np * (size_t)k->np);
		k->qk = mat_floats((size_t)k->nk * (size_t)k->nk);
		k->lambda = mat_floats((size_t)k->np * (size_t)k->nk);
		if (!k->qp || !k->qk || !k->lambda)
			return fail_memory_for(f, "the curvature of %s", k->name);
	}
	c->has_eigenvalues = 1;
	return 0;
}

void curvature_free(struct curvature *c)
{
	for (int i = 0; i < c->n; i++) {
		const struct curvature_layer *k = &c->layer[i];
		float *all[] = {k->p, k->k, k->b, k->qp, k->qk, k->lambda};
		for (size_t j = 0; !c->file.p && j < sizeof all / sizeof *all; j++)
			free(all[j]);
	}
	buf_free(&c->file);
	c->n = 0;
}

/* --- the file --- */

void curvature_beside(char *out, size_t capacity, const struct model *m)
{
	const char *slash = strrchr(m->path, '/');
	char dir[sizeof m->path];
	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - m->path) : 1, slash ? m->path : ".");
	curvature_path(out, capacity, dir, m->step);
}

enum { MOST_TENSORS = 6 * 2 * MAX_LAYERS };

/* The tensors of a file and where the addresses of their numbers are: how many. */
static int list_tensors(struct curvature *c, struct tensor *t, float ***values)
{
	int n = 0;
	for (int i = 0; i < c->n; i++) {
		struct curvature_layer *k = &c->layer[i];
		int transposed = k->l->type->transposed;
		size_t np = (size_t)k->np, nk = (size_t)k->nk, nb = (size_t)k->nb, na = transposed ? np : nk, nd = transposed ? nk : np;
		const struct { const char *name; float **v; size_t rows, columns; } all[] = {
			{"a", transposed ? &k->p : &k->k, na, na},
			{"d", transposed ? &k->k : &k->p, nd, nd},
			{"bias", &k->b, nb, nb},
			{"qa", transposed ? &k->qp : &k->qk, na, na},
			{"qd", transposed ? &k->qk : &k->qp, nd, nd},
			{"lambda", &k->lambda, np, nk},
		};
		for (int j = 0; j < 6; j++) {
			size_t rows = all[j].rows, columns = all[j].columns;
			if (!rows || (j > 2 && !c->has_eigenvalues))
				continue;
			t[n] = (struct tensor){.ndim = 2, .shape = {rows, columns}, .count = rows * columns};
			snprintf(t[n].name, sizeof t[n].name, "%s.%s", k->name, all[j].name);
			values[n++] = all[j].v;
		}
	}
	return n;
}

int curvature_write(const struct curvature *c, const struct model *m, const char *path, struct fail *f)
{
	struct curvature same = *c;
	struct tensor t[MOST_TENSORS];
	float **values[MOST_TENSORS];
	const float *from[MOST_TENSORS];
	char step[32], records[32], draws[32], beta[32];
	int n = list_tensors(&same, t, values);
	for (int i = 0; i < n; i++)
		from[i] = *values[i];
	snprintf(step, sizeof step, "%" PRId64, m->step);
	snprintf(records, sizeof records, "%" PRId64, c->records);
	snprintf(draws, sizeof draws, "%d", c->draws);
	snprintf(beta, sizeof beta, "%.9g", m->cfg.score.beta);
	json_t *meta = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "curvature", FORMAT, "model", m->id, "step", step, "records", records, "draws",
	                         draws, "likelihood", likelihoods[m->cfg.score.likelihood], "beta", beta, "gradient", gradients[m->cfg.score.gradient], "targets", targets_words[c->targets]);
	if (meta && c->has_eigenvalues && json_object_set_new(meta, "eigenvalues", json_string("ekfac"))) {
		json_decref(meta);
		meta = NULL;
	}
	int r = meta ? safetensors_write_parts(path, t, n, from, meta, f) : fail_memory(f);
	json_decref(meta);
	return r;
}

static int get_count(const struct safetensors *s, const char *name, int64_t *out, struct fail *f)
{
	const char *text = safetensors_metadata(s, name);
	double v = text ? strtod(text, NULL) : -1;
	if (!(v >= 1 && v <= 0x1p53 && v == floor(v)))
		return fail_set(f, "metadata: %s is not a count", name);
	*out = (int64_t)v;
	return 0;
}

static int check_word(const struct safetensors *s, const char *name, const char *want, struct fail *f)
{
	const char *is = safetensors_metadata(s, name);
	char shown[48];
	if (is && strcmp(is, want) == 0)
		return 0;
	name_show(shown, sizeof shown, is ? is : "unknown");
	return fail_set(f, "made with score.%s=%s, but the scores have %s: make it again with vae-ckpt curvature, or score with --set score.%s=%s", name,
	                shown, want, name, shown);
}

static int check_origin(const struct safetensors *s, const struct model *m, struct fail *f)
{
	const char *format = safetensors_metadata(s, "curvature"), *id = safetensors_metadata(s, "model");
	char shown[48];
	if (!format)
		return fail_set(f, "not a file of vae-ckpt curvature, which makes it again");
	if (strcmp(format, FORMAT) != 0)
		return fail_set(f, "curvature of format %s, but this program reads format " FORMAT ": make it again with vae-ckpt curvature", name_show(shown, sizeof shown, format));
	if (!id || strcmp(id, m->id) != 0)
		return fail_set(f, "made for model %s, but %s is model %s: make it again with vae-ckpt curvature", name_show(shown, sizeof shown, id ? id : "unknown"),
		                m->path, m->id);
	return 0;
}

static int check_options(const struct safetensors *s, const struct model *m, struct fail *f)
{
	char beta[32];
	snprintf(beta, sizeof beta, "%.9g", m->cfg.score.beta);
	return check_word(s, "likelihood", likelihoods[m->cfg.score.likelihood], f) || check_word(s, "beta", beta, f) ||
	       check_word(s, "gradient", gradients[m->cfg.score.gradient], f) ? -1 : 0;
}

/* The numbers stay in the memory of the file: a copy takes longer than all checks. */
static int get_factors(struct curvature *c, const struct safetensors *s, struct fail *f)
{
	struct tensor t[MOST_TENSORS];
	float **values[MOST_TENSORS];
	int n = list_tensors(c, t, values);
	for (int i = 0; i < n; i++) {
		if (safetensors_get(s, &t[i], NULL, f))
			return -1;
		const float *v = *values[i] = safetensors_values(s, t[i].name);
		if (!v)
			return fail_set(f, "tensor '%s' does not begin at a multiple of 4 bytes: make the file again with vae-ckpt curvature", t[i].name);
		for (size_t k = 0; k < t[i].count; k++)
			if (!isfinite(v[k]))
				return fail_set(f, "tensor '%s' has a value that is not finite, at %zu: make it again with vae-ckpt curvature", t[i].name, k);
	}
	return 0;
}

/* Whether the rows of q [n][n] have length 1. */
static int check_eigenvectors(const float *q, int n, const char *layer, struct fail *f)
{
	for (int i = 0; i < n; i++) {
		const float *row = q + (size_t)i * (size_t)n;
		if (fabs(dot(row, row, n) - 1) > 1e-3)
			return fail_set(f, "an eigenvector of %s has not length 1: make the file again with vae-ckpt curvature --ekfac", layer);
	}
	return 0;
}

static int check_eigenvalues(const struct curvature *c, struct fail *f)
{
	for (int i = 0; c->has_eigenvalues && i < c->n; i++) {
		const struct curvature_layer *k = &c->layer[i];
		if (check_eigenvectors(k->qp, k->np, k->name, f) || check_eigenvectors(k->qk, k->nk, k->name, f))
			return -1;
		for (size_t j = 0; j < (size_t)k->np * (size_t)k->nk; j++)
			if (k->lambda[j] < 0)
				return fail_set(f, "an eigenvalue of %s is negative: make the file again with vae-ckpt curvature --ekfac", k->name);
	}
	return 0;
}

static int read_factors(struct curvature *c, const struct model *m, const struct safetensors *s, struct fail *f)
{
	int64_t draws = 0;
	curvature_layers(c, m);
	c->has_eigenvalues = safetensors_metadata(s, "eigenvalues") != NULL;
	if (safetensors_verify(s, f) < 0)
		return fail_advise(f, "make it again with vae-ckpt curvature");
	if (get_factors(c, s, f) || check_eigenvalues(c, f) || get_count(s, "records", &c->records, f) || get_count(s, "draws", &draws, f))
		return -1;
	const char *targets = safetensors_metadata(s, "targets");
	c->draws = (int)draws;
	c->targets = targets && strcmp(targets, targets_words[TARGETS_MODEL]) == 0;
	return 0;
}

int curvature_read(struct curvature *c, const struct model *m, const char *path, char hash[17], struct fail *f)
{
	struct safetensors s;
	if (check_regular(path, f) || safetensors_read(&s, path, f))
		return -1;
	int r = check_origin(&s, m, f) || check_options(&s, m, f) || read_factors(c, m, &s, f) ? -1 : 0;
	snprintf(hash, 17, "%016" PRIx64, (uint64_t)XXH3_64bits(s.bytes.p, s.bytes.len));
	if (!r) {
		c->file = s.bytes;
		s.bytes = (struct buf){.p = NULL};
	} else {
		*c = (struct curvature){.n = 0};
	}
	safetensors_free(&s);
	return r ? fail_add(f, "%s", path) : 0;
}

int curvature_verify(const struct model *m, const char *path, struct fail *f)
{
	struct safetensors s;
	struct curvature c;
	if (check_regular(path, f) || safetensors_read(&s, path, f))
		return -1;
	int r = check_origin(&s, m, f) || read_factors(&c, m, &s, f) ? -1 : 0;
	safetensors_free(&s);
	return r ? fail_add(f, "%s", path) : 0;
}

int curvature_records(const char *path, int64_t *records, struct fail *f)
{
	struct safetensors s;
	if (check_regular(path, f) || safetensors_read(&s, path, f))
		return -1;
	int r = get_count(&s, "records", records, f);
	safetensors_free(&s);
	return r ? fail_add(f, "%s", path) : 0;
}

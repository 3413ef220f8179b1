#include "tool/curvature_stream.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "gemm/mat.h"
#include "model/batch_stream.h"
#include "train/dataset.h"

/* The results of a batch: the records that could be decoded. Behind it x [rows][input], and with given noise eps [rows][draws][latent]. */
struct decoded {
	int n;
	uint64_t id[]; /* [rows] */
};

static struct model *last_model(const struct curvature_stream *s) { return &s->models[s->nmodels - 1]; }

static float *inputs_of(const struct decoded *d, int rows) { return (float *)(void *)(d->id + rows); }

/* Numbers of the given noise of a record. */
static size_t noise_size(const struct curvature_stream *s)
{
	const struct config *cfg = &last_model(s)->cfg;
	return s->noise.path ? (size_t)cfg->score.draws * (size_t)cfg->latent : 0;
}

static int skip(void *ctx, uint64_t position)
{
	const struct curvature_stream *s = ctx;
	return s->limit && position >= (uint64_t)s->limit;
}

static int work(void *ctx, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	const struct curvature_stream *s = ctx;
	struct decoded *d = result;
	size_t noise = noise_size(s);
	float *to = inputs_of(d, b->rows), *eps = to + (size_t)b->rows * b->size;
	if (noise && noise_copy(&s->noise, "records", b->first, b->nrows, b->rows, eps, f))
		return -1;
	d->n = 0;
	for (int r = 0; r < b->nrows; r++) {
		if (b->why[r].msg[0])
			continue;
		d->id[d->n] = b->id[r];
		memmove(eps + (size_t)d->n * noise, eps + (size_t)r * noise, noise * sizeof *eps);
		memcpy(to + (size_t)d->n++ * b->size, x + (size_t)r * b->size, b->size * sizeof *to);
	}
	return 0;
}

static int consume(void *ctx, struct batch *b, void *result, struct fail *f)
{
	struct curvature_stream *s = ctx;
	const struct decoded *d = result;
	for (int i = 0; i < b->nitems; i++) {
		struct record *r = &b->item[i];
		int row = b->row[i];
		s->flow.records += r->ordinal > 0;
		if (!s->second_pass && row >= 0 && b->why[row].msg[0] && flow_unscored(&s->flow, r, &b->why[row], f))
			return -1;
	}
	if (!b->nrows || !d->n)
		return 0;
	s->used += (uint64_t)d->n;
	const float *x = inputs_of(d, b->rows), *eps = s->noise.path ? x + (size_t)b->rows * b->size : NULL;
	for (int c = 0; c < s->nmodels; c++)
		estimate_add(s->estimate[c], d->n, x, d->id, eps);
	flow_show_progress(&s->flow, s->second_pass ? "eigenvalues" : NULL);
	return 0;
}

static int open_estimates(struct curvature_stream *s, struct cli *c, struct fail *f)
{
	int workers = cli_workers(c, f);
	s->pool = workers < 0 ? NULL : pool_open(workers, f);
	estimate_pack_weights(s->models, s->nmodels);
	s->estimate = calloc((size_t)s->nmodels, sizeof(struct curvature_estimate *));
	s->curvature = calloc((size_t)s->nmodels, sizeof *s->curvature);
	if (!s->pool || !s->estimate || !s->curvature)
		return s->pool ? fail_memory(f) : -1;
	for (int i = 0; i < s->nmodels; i++)
		if (!(s->estimate[i] = estimate_open(&s->models[i], (enum targets)s->targets, s->pool, f)))
			return -1;
	return 0;
}

static int read_records(struct curvature_stream *s, struct fail *f)
{
	struct model *m = last_model(s);
	int rows = estimate_batch(m);
	const struct batch_stream b = {
		.in = s->flow.in, .cfg = &m->cfg, .rows = rows, .workers = 1, .ctx = s, .skip = skip, .standard = &m->standard,
		.result_size = sizeof(struct decoded) + (size_t)rows * (sizeof(uint64_t) + ((size_t)m->enc.in + noise_size(s)) * sizeof(float)),
		.work = work, .consume = consume,
	};
	if (batch_stream_run(&b, f))
		return -1;
	return s->used ? 0 : fail_set(f, s->flow.records ? "none of %llu records could be decoded; the first: %s" : "no records to estimate the curvature from",
	                              (unsigned long long)s->flow.records, s->flow.first_failure);
}

static int finish_factors(const struct curvature_estimate *e, struct curvature *c, const struct model *m, const struct cli *cli, int warn, struct fail *f)
{
	struct fail warning;
	if (estimate_finish(e, c, &warning, f))
		return fail_add(f, "%s", m->path);
	if (warning.msg[0] && warn)
		cli_note(cli, "%s", warning.msg);
	return 0;
}

static int write_beside(const struct curvature *c, const struct model *m, struct fail *f)
{
	char path[600];
	curvature_beside(path, sizeof path, m);
	return curvature_write(c, m, path, f);
}

/* The same records again. */
static int find_eigenvalues(struct curvature_stream *s, struct fail *f)
{
	for (int i = 0; i < s->nmodels; i++)
		if (estimate_rotate(s->estimate[i], &s->curvature[i], f))
			return fail_add(f, "%s", s->models[i].path);
	s->second_pass = 1;
	s->flow.records = s->used = 0;
	if (reader_rewind(s->flow.in, f) || read_records(s, f))
		return -1;
	progress_end(&s->flow.progress);
	for (int i = 0; i < s->nmodels; i++)
		if (estimate_eigenvalues(s->estimate[i], &s->curvature[i], f))
			return fail_add(f, "%s", s->models[i].path);
	return 0;
}

int curvature_stream_run(struct curvature_stream *s, struct cli *c, struct fail *f)
{
	s->flow.cli = c;
	mat_flush_denormals();
	if (models_open(&s->models, &s->nmodels, s->model, s->checkpoints, &c->set, f) ||
	    noise_read(&s->noise, last_model(s)->cfg.score.draws, last_model(s)->cfg.latent, f) || flow_open(&s->flow, c, FLOW_SINK | (s->eigenvalues ? FLOW_TWICE : 0), f) || open_estimates(s, c, f) ||
	    read_records(s, f))
		return -1;
	progress_end(&s->flow.progress);
	for (int i = 0; i < s->nmodels; i++)
		if (finish_factors(s->estimate[i], &s->curvature[i], &s->models[i], c, i == 0, f))
			return -1;
	if (s->eigenvalues && find_eigenvalues(s, f))
		return -1;
	for (int i = 0; i < s->nmodels; i++)
		if (write_beside(&s->curvature[i], &s->models[i], f))
			return -1;
	return fields_set_int(&c->counts, "used", (int64_t)s->used, f) || fields_set_int(&c->counts, "checkpoints", s->nmodels, f) ||
	       fields_set_int(&c->counts, "draws", last_model(s)->cfg.score.draws, f) ? -1 : 0;
}

static int ascending(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

/* position [n]: of the rows in the data set. */
static void add_rows(struct curvature_estimate *e, const struct model *m, const struct dataset *d, const uint32_t *position, size_t n, float *x, uint64_t *id)
{
	for (size_t r = 0; r < n; r++) {
		size_t at = position[r];
		id[r] = d->id[at];
		dataset_floats(d, &m->standard, at, x + r * d->size);
	}
	estimate_add(e, (int)n, x, id, NULL);
}

int curvature_of_dataset(const struct model *m, const struct dataset *d, struct pool *pool, const struct cli *c, struct fail *f)
{
	size_t rows = (size_t)estimate_batch(m);
	struct curvature factors = {.n = 0};
	float *x = malloc(rows * d->size * sizeof *x);
	uint64_t *id = malloc(rows * sizeof *id);
	uint32_t *order = malloc(d->ntrain * sizeof *order);
	struct curvature_estimate *e = x && id && order ? estimate_open(m, TARGETS_DATA, pool, f) : NULL;
	int r = e ? 0 : x && id && order ? -1 : fail_memory_for(f, "batches of %zu records", rows);
	if (!r) { /* the order of the stream: training has shuffled them */
		memcpy(order, d->train, d->ntrain * sizeof *order);
		qsort(order, d->ntrain, sizeof *order, ascending);
	}
	for (size_t at = 0; !r && at < d->ntrain; at += rows)
		add_rows(e, m, d, order + at, d->ntrain - at < rows ? d->ntrain - at : rows, x, id);
	r = r || finish_factors(e, &factors, m, c, 1, f) || write_beside(&factors, m, f) ? -1 : 0;
	curvature_free(&factors);
	estimate_close(e);
	free(x);
	free(id);
	free(order);
	return r;
}

void curvature_stream_close(struct curvature_stream *s)
{
	for (int i = 0; s->estimate && i < s->nmodels; i++)
		estimate_close(s->estimate[i]);
	free(s->estimate);
	for (int i = 0; s->curvature && i < s->nmodels; i++)
		curvature_free(&s->curvature[i]);
	free(s->curvature);
	pool_close(s->pool);
	noise_free(&s->noise);
	if (s->models)
		models_free(s->models, s->nmodels);
}

/* vae-density --part and --merge: k-NN over a reference in blocks (density/knn_parts.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/density_scorer.h"

/* --- writing a part --- */

struct near_batch { /* the rows near the points of a batch; all are in a list, and used again */
	struct near_batch *next;
	int in_use;
	size_t rows;
	uint64_t id[ENCODER_ROWS];
	size_t ends[ENCODER_ROWS];
	struct buf text;
};

/* What must be the same in all parts and in the merge, beside the shape. */
static int describe_options(const struct density_scorer *d, char *to, size_t size, struct fail *f)
{
	const struct density_scores *s = &d->scores[0];
	const struct config *cfg = &d->records.cfg;
	int n = snprintf(to, size, "neighbors ");
	for (int q = 0; q < s->nk; q++)
		n += snprintf(to + n, size - (size_t)n, "%s%d", q ? "," : "", s->k[q]);
	n += snprintf(to + n, size - (size_t)n, " input.binarize %d%s input.field %s", cfg->binarize, cfg->jpeg == JPEG_REDUCED ? " input.jpeg reduced" : "",
	              cfg->input_field);
	return (size_t)n < size && !strchr(to, '\n') ? 0 : fail_set(f, "input.field cannot be written to a part");
}

static struct near_batch *take_batch(struct density_scorer *d, struct fail *f)
{
	pthread_mutex_lock(&d->near_lock);
	struct near_batch *b = d->near;
	while (b && b->in_use)
		b = b->next;
	if (!b && (b = calloc(1, sizeof *b))) {
		b->next = d->near;
		d->near = b;
	}
	if (b)
		b->in_use = 1;
	pthread_mutex_unlock(&d->near_lock);
	if (!b)
		fail_memory(f);
	return b;
}

static void give_batch(struct density_scorer *d, struct near_batch *b)
{
	pthread_mutex_lock(&d->near_lock);
	b->in_use = 0;
	pthread_mutex_unlock(&d->near_lock);
}

static int search_near(void *tool, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	struct density_scorer *d = tool;
	struct points z = density_batch_points(d, worker, b, x);
	struct near_batch *to = take_batch(d, f);
	if (!to)
		return -1;
	*(struct near_batch **)result = to;
	to->rows = z.n;
	to->text.len = 0;
	memcpy(to->id, b->id, z.n * sizeof *to->id);
	return knn_near_rows(d->index, &d->scores[0].rows, d->row_hash, &z, &to->text, to->ends, f);
}

static int add_near(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	struct density_scorer *d = tool;
	struct near_batch *from = *(struct near_batch *const *)result;
	size_t i = (size_t)row, start = i ? from->ends[i - 1] : 0;
	(void)r;
	int bad = !why->msg[0] && knn_part_add(&d->part, from->id[i], from->text.p + start, from->ends[i] - start, f);
	if (i + 1 == from->rows)
		give_batch(d, from);
	return bad ? fail_add(f, "--part") : 0;
}

static int open_index(struct density_scorer *d, struct fail *f)
{
	struct density_scores *s = &d->scores[0];
	int k = 0;
	s->x = collect_points(&d->records);
	if (rows_find(&s->rows, &s->x, 0, f))
		return -1;
	for (int q = 0; q < s->nk; q++)
		k = s->k[q] > k ? s->k[q] : k;
	k = (size_t)k < s->rows.x.n ? k : (int)s->rows.x.n;
	d->row_hash = rows_hash(&s->rows, &s->x, f);
	d->index = d->row_hash ? knn_index_open(&s->rows, &k, 1, f) : NULL;
	d->points = malloc((size_t)d->frame.workers * ENCODER_ROWS * (size_t)d->records.d * sizeof *d->points);
	return !d->index ? -1 : !d->points ? fail_memory(f) : 0;
}

static int create_part(struct density_scorer *d, struct fail *f)
{
	const struct config *cfg = &d->records.cfg;
	struct knn_part p = {.kind = cfg->input_kind == VECTOR_INPUT, .records = d->records.n, .rows = d->scores[0].rows.x.n, .hash = d->records.hash};
	memcpy(p.shape, cfg->input_shape, sizeof p.shape);
	if (describe_options(d, p.options, sizeof p.options, f))
		return -1;
	return knn_part_create(&d->part, d->frame.flow.cli->part, &p, f) ? fail_add(f, "--part") : 0;
}

int density_write_part(struct density_scorer *d, struct fail *f)
{
	struct scoring *w = &d->frame;
	pthread_mutex_init(&d->near_lock, NULL);
	w->rows = ENCODER_ROWS;
	w->cfg = &d->records.cfg;
	w->claims = NULL;
	w->result_size = sizeof(struct near_batch *);
	w->score = search_near;
	w->fields = add_near;
	if (open_index(d, f) || density_hash_options(d, f) || flow_open(&w->flow, w->flow.cli, FLOW_SINK, f) || create_part(d, f) || scoring_run(w, f))
		return -1;
	return knn_part_commit(&d->part, f) ? fail_add(f, "--part") : 0;
}

/* --- merging --- */

static int keep_ids(void *tool, int worker, struct batch *b, const float *x, void *result, struct fail *f)
{
	(void)tool, (void)worker, (void)x, (void)f;
	memcpy(result, b->id, (size_t)b->nrows * sizeof *b->id);
	return 0;
}

static int set_merged(void *tool, struct record *r, int64_t row, const void *result, struct fail *why, struct fail *f)
{
	struct density_scorer *d = tool;
	const struct density_scores *s = &d->scores[0];
	const double step = d->records.cfg.input_kind == VECTOR_INPUT ? 1 : 1 / 255.0;
	struct knn_ball ball[KNN_MAX_K];
	if (why->msg[0])
		return 0;
	if (knn_parts_next(d->parts, ((const uint64_t *)result)[row], s->k, s->nk, ball, f))
		return -1;
	for (int q = 0; q < s->nk; q++) {
		double nll = knn_nll(d->records.n, d->records.d, ball[q].records, ball[q].r * step);
		if (density_set_real(d, r, 0, DENSITY_KNN, q, "nll", nll, f))
			return record_fail(r, f);
	}
	return scoring_set_origin(&d->frame, r, f) ? record_fail(r, f) : 0;
}

/* The shape of the points is that of the parts, unless --set gives another one. */
static int take_shape(struct density_scorer *d, struct fail *f)
{
	const struct knn_part *p = knn_parts_whole(d->parts);
	struct config *cfg = &d->records.cfg;
	char options[sizeof p->options];
	if (!d->records.shape_known) {
		cfg->input_kind = p->kind ? VECTOR_INPUT : PICTURE_INPUT;
		memcpy(cfg->input_shape, p->shape, sizeof cfg->input_shape);
	}
	if (describe_options(d, options, sizeof options, f))
		return -1;
	if (strcmp(options, p->options) != 0)
		return fail_set(f, "--merge: the parts were made with '%.200s', and this run has '%.200s': give the same options", p->options, options);
	if (memcmp(cfg->input_shape, p->shape, sizeof p->shape) != 0)
		return fail_set(f, "--merge: the parts were made with input.shape=[%d,%d,%d]: give the same --set", p->shape[0], p->shape[1], p->shape[2]);
	d->records.n = p->records;
	d->records.hash = p->hash;
	d->records.d = config_input_size(cfg);
	return density_hash_options(d, f);
}

int density_merge_parts(struct density_scorer *d, struct fail *f)
{
	struct scoring *w = &d->frame;
	d->parts = knn_parts_open(d->merge, f);
	w->rows = ENCODER_ROWS;
	w->cfg = &d->records.cfg;
	w->result_size = ENCODER_ROWS * sizeof(uint64_t);
	w->score = keep_ids;
	w->fields = set_merged;
	return !d->parts || take_shape(d, f) || flow_open(&w->flow, w->flow.cli, 0, f) || scoring_run(w, f) || knn_parts_end(d->parts, f) ? -1 : 0;
}

void density_free_parts(struct density_scorer *d)
{
	for (struct near_batch *b = d->near, *next; b; b = next) {
		next = b->next;
		buf_free(&b->text);
		free(b);
	}
	knn_part_abort(&d->part);
	knn_index_free(d->index);
	free(d->row_hash);
	knn_parts_free(d->parts);
}

#include "memo/merge.h"

#include <stdlib.h>

enum { BLOCK = 1 << 24 }; /* bytes of numbers in memory, of all models together */

struct merge {
	const struct retrain *r;
	int models, columns, folds, repeats;
	struct numbers *file; /* [models] */
	uint32_t *fold;       /* [repeats][records] */
	size_t rows, first, next; /* of a block; the first record in it; the next record */
	double *block;        /* [models][rows][columns] */
	double *logp, *se;    /* [models], of one record and checkpoint */
	uint32_t *own;        /* [repeats], of one record */
};

static int open_files(struct merge *m, struct fail *f)
{
	for (int i = 0; i < m->models; i++) {
		int got = retrain_numbers(m->r, i, &m->file[i], f);
		if (got <= 0)
			return got < 0 ? -1 : retrain_fail_missing(m->r->dir, i, m->models, f);
	}
	for (int i = 0; i < m->repeats; i++)
		if (subsets_folds(&m->r->subsets, i, m->fold + (size_t)i * m->r->data->n, f))
			return -1;
	return 0;
}

struct merge *merge_open(const struct retrain *r, struct fail *f)
{
	struct merge *m = calloc(1, sizeof *m);
	if (!m) {
		fail_memory(f);
		return NULL;
	}
	size_t models = (size_t)subsets_models(&r->subsets), columns = (size_t)retrain_columns(r), repeats = (size_t)r->subsets.repeats, row = models * columns * sizeof(double);
	*m = (struct merge){.r = r, .models = (int)models, .columns = (int)columns, .folds = r->subsets.folds, .repeats = r->subsets.repeats, .rows = BLOCK / row + 1};
	m->file = malloc(models * sizeof *m->file);
	m->fold = malloc(repeats * r->data->n * sizeof *m->fold);
	m->block = malloc(m->rows * row);
	m->logp = malloc(models * sizeof *m->logp);
	m->se = malloc(models * sizeof *m->se);
	m->own = malloc(repeats * sizeof *m->own);
	int bad = !m->file || !m->fold || !m->block || !m->logp || !m->se || !m->own ? fail_memory_for(f, "the numbers of %zu models", models) : 0;
	if (!m->file)
		m->models = 0;
	for (int i = 0; i < m->models; i++)
		m->file[i].fd = -1;
	if (bad || open_files(m, f)) {
		merge_close(m);
		return NULL;
	}
	return m;
}

static int read_block(struct merge *m, struct fail *f)
{
	size_t left = m->r->data->n - m->next, count = left < m->rows ? left : m->rows;
	m->first = m->next;
	for (int i = 0; i < m->models; i++)
		if (numbers_read(&m->file[i], m->first, count, m->block + (size_t)i * m->rows * (size_t)m->columns, f))
			return -1;
	return 0;
}

int merge_next(struct merge *m, uint32_t *fold, struct memorization *of, double *out, struct fail *f)
{
	size_t n = m->r->data->n, columns = (size_t)m->columns;
	if (m->next == n)
		return fail_set(f, "%s: more records than were trained on: give the same stream", m->r->dir);
	if (m->next % m->rows == 0 && read_block(m, f))
		return -1;
	const double *row = m->block + (m->next - m->first) * columns;
	size_t model = m->rows * columns;
	int checkpoints = retrain_checkpoints(m->r);
	for (int i = 0; i < m->repeats; i++)
		m->own[i] = m->fold[(size_t)i * n + m->next];
	for (int c = 0; c < checkpoints; c++) {
		for (int i = 0; i < m->models; i++) {
			m->logp[i] = row[(size_t)i * model + 2 * (size_t)c];
			m->se[i] = row[(size_t)i * model + 2 * (size_t)c + 1];
		}
		memorization_of(m->logp, m->se, m->own, m->folds, m->repeats, &of[c]);
	}
	for (int k = 0; m->r->out_scores && k < NUMBERS_OUT; k++) {
		out[k] = 0;
		for (int i = 0; i < m->repeats; i++)
			out[k] += row[((size_t)i * (size_t)m->folds + m->own[i]) * model + 2 * (size_t)checkpoints + (size_t)k] / m->repeats;
	}
	*fold = m->own[0];
	m->next++;
	return 0;
}

void merge_close(struct merge *m)
{
	if (!m)
		return;
	for (int i = 0; i < m->models; i++)
		numbers_close(&m->file[i]);
	free(m->file);
	free(m->fold);
	free(m->block);
	free(m->logp);
	free(m->se);
	free(m->own);
	free(m);
}

#include "memo/subsets.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

const char *const subsets_words[] = {"folds", "halves", "leave", NULL};

int subsets_models(const struct subsets *s)
{
	return s->kind == SUBSETS_FOLDS ? s->folds * s->repeats : s->kind == SUBSETS_HALVES ? s->halves : s->repeats * (int)(1 + s->nleave);
}

int subsets_check(const struct subsets *s, struct fail *f)
{
	double models = s->kind == SUBSETS_FOLDS ? (double)s->folds * s->repeats : s->kind == SUBSETS_HALVES ? s->halves : s->repeats * (1.0 + (double)s->nleave);
	if (s->kind == SUBSETS_FOLDS && s->folds < 2)
		return fail_set(f, "--folds takes 2 or more: with one fold no record is left to train on");
	if (models < 1 || models > SUBSETS_MOST)
		return fail_set(f, "%.0f models, expected 1 to %d", models, SUBSETS_MOST);
	if (s->kind == SUBSETS_FOLDS && s->records < (size_t)s->folds)
		return fail_set(f, "%zu records are fewer than %d folds", s->records, s->folds);
	if (s->kind != SUBSETS_FOLDS && s->records < 2)
		return fail_set(f, "%zu records, expected at least 2", s->records);
	return 0;
}

/* A random permutation of the records, one a stream of random numbers (Fisher-Yates). */
static uint32_t *permutation(const struct subsets *s, int stream, struct fail *f)
{
	uint32_t *order = malloc(s->records * sizeof *order);
	if (!order) {
		fail_memory_for(f, "%zu records", s->records);
		return NULL;
	}
	for (size_t i = 0; i < s->records; i++) {
		uint32_t k = rng_below((uint32_t)i + 1, s->seed, ROLE_FOLDS, (uint64_t)stream, i);
		order[i] = order[k];
		order[k] = (uint32_t)i;
	}
	return order;
}

int subsets_folds(const struct subsets *s, int repeat, uint32_t *fold, struct fail *f)
{
	uint32_t *order = permutation(s, repeat, f);
	if (!order)
		return -1;
	for (size_t i = 0; i < s->records; i++)
		fold[order[i]] = (uint32_t)(i % (size_t)s->folds);
	free(order);
	return 0;
}

int subsets_left_out(const struct subsets *s, int model, uint8_t *out, struct fail *f)
{
	memset(out, 0, s->records);
	if (s->kind == SUBSETS_LEAVE) {
		size_t which = (size_t)model % (1 + s->nleave);
		if (which)
			out[s->leave[which - 1]] = 1;
		return 0;
	}
	uint32_t *order = permutation(s, s->kind == SUBSETS_FOLDS ? model / s->folds : model, f);
	if (!order)
		return -1;
	for (size_t i = 0; i < s->records; i++)
		out[order[i]] = s->kind == SUBSETS_FOLDS ? i % (size_t)s->folds == (size_t)(model % s->folds) : i % 2;
	free(order);
	return 0;
}

#include "train/shares.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* The end of the run of positions that are below `end`, starting at `at`. */
static size_t run_end(const uint32_t *positions, size_t n, size_t at, size_t end)
{
	while (at < n && positions[at] < end)
		at++;
	return at;
}

static void find_own(struct shares *s)
{
	const struct dataset *d = s->data;
	const struct team *t = s->team;
	const uint64_t hash = d->marks ? XXH3_64bits_withSeed(&d->marks, sizeof d->marks, d->hash) : d->hash;
	size_t from = 0, train = 0, held_out = 0;
	for (int w = t->first; w < t->end; w++) {
		const struct dataset_part whole = {d->n, hash}, *p = d->parts ? &d->part[w - t->first] : &whole;
		size_t train_end = run_end(d->train, d->ntrain, train, p->end), held_out_end = run_end(d->held_out, d->nheld_out, held_out, p->end);
		s->share[w] = (struct share){d->train + train, d->held_out + held_out};
		s->counts[w] = (struct share_counts){p->end - from, train_end - train, held_out_end - held_out, p->hash};
		from = p->end;
		train = train_end;
		held_out = held_out_end;
	}
}

int shares_open(struct shares *s, const struct team *team, const struct dataset *d, struct fail *f)
{
	size_t n = (size_t)team->workers;
	*s = (struct shares){.team = team, .data = d, .counts = calloc(n, sizeof *s->counts), .share = calloc(n, sizeof *s->share)};
	if (team_agree(team, s->counts && s->share ? 0 : fail_memory(f), f) || !s->counts || !s->share)
		return -1;
	find_own(s);
	team_gather(team, s->counts, sizeof *s->counts);
	s->all.hash = s->counts[0].hash;
	for (int w = 0; w < team->workers; w++) {
		const struct share_counts *c = &s->counts[w];
		if (!c->ntrain)
			return fail_set(f, "virtual worker %d of %d has no record to train on: all %" PRIu64 " are held out; lower train.holdout", w + 1, team->workers, c->records);
		s->all.records += c->records;
		s->all.ntrain += c->ntrain;
		s->all.nheld_out += c->nheld_out;
		s->all.hash = w ? XXH3_64bits_withSeed(&c->hash, sizeof c->hash, s->all.hash) : c->hash;
	}
	return 0;
}

void shares_close(struct shares *s)
{
	free(s->counts);
	free(s->share);
	*s = (struct shares){.team = NULL};
}

/* Merges the statistics own [2][size] of a worker, mean and deviation, into those of n records, where deviation is still a sum of squares. */
static void merge(double *mean, double *squares, double n, const double *own, double more, size_t size)
{
	for (size_t k = 0; k < size; k++) {
		double step = own[k] - mean[k];
		mean[k] += step * more / (n + more);
		squares[k] += own[size + k] * own[size + k] * more + step * step * n * more / (n + more);
	}
}

/* own [workers of this rank, but at least 1][2][size] */
static void exchange(const struct shares *s, double *own, double *mean, double *deviation)
{
	const struct team *t = s->team;
	size_t size = s->data->size;
	double n = 0;
	for (int w = 0; w < t->workers; w++) {
		double *v = own + 2 * size * (size_t)(s->share[w].train ? w - t->first : 0);
		team_move(t, w, v, 2 * size * sizeof *v);
		if (t->rank == 0 && w == 0) {
			memcpy(mean, v, size * sizeof *mean);
			for (size_t k = 0; k < size; k++)
				deviation[k] = v[size + k] * v[size + k] * (double)s->counts[0].ntrain;
		} else if (t->rank == 0) {
			merge(mean, deviation, n, v, (double)s->counts[w].ntrain, size);
		}
		n += (double)s->counts[w].ntrain;
	}
	for (size_t k = 0; k < size; k++)
		deviation[k] = sqrt(deviation[k] / n);
	team_share(t, mean, size * sizeof *mean);
	team_share(t, deviation, size * sizeof *deviation);
}

int shares_statistics(const struct shares *s, double *mean, double *deviation, struct fail *f)
{
	const struct team *t = s->team;
	const struct dataset *d = s->data;
	if (t->workers == 1)
		return dataset_statistics(d, d->train, d->ntrain, mean, deviation, f);
	size_t size = d->size;
	double *own = malloc((size_t)(t->end - t->first) * 2 * size * sizeof *own);
	int bad = own ? 0 : fail_memory(f);
	for (int w = t->first; w < t->end && !bad; w++) {
		double *v = own + 2 * size * (size_t)(w - t->first);
		bad = dataset_statistics(d, s->share[w].train, s->counts[w].ntrain, v, v + size, f);
	}
	bad = team_agree(t, bad, f);
	if (!bad && own)
		exchange(s, own, mean, deviation);
	free(own);
	return bad;
}

#include "train/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/atomic.h"
#include "base/grow.h"
#include "base/rng.h"

enum { WRITE_SIZE = 1 << 22 }; /* bytes, at least, of a write to the file */

/* Bytes of a row. */
static size_t row_size(const struct dataset *d) { return d->size * (d->vector ? sizeof(double) : 1); }

static int flush(struct dataset *d, struct fail *f)
{
	if (write_all(d->fd, d->memory, d->filled, f))
		return fail_add(f, "%zu records of %zu bytes fit neither in --mem nor on the disk of $TMPDIR", d->n, row_size(d));
	d->filled = 0;
	return 0;
}

/* Writes the rows in memory to a file; from now on memory is a buffer before it. */
static int spill(struct dataset *d, struct fail *f)
{
	d->fd = open_spool(f);
	if (d->fd < 0)
		return -1;
	d->spilled = 1;
	if (flush(d, f))
		return -1;
	size_t capacity = row_size(d) > WRITE_SIZE ? row_size(d) : WRITE_SIZE;
	uint8_t *p = realloc(d->memory, capacity);
	if (!p)
		return fail_memory_for(f, "%zu bytes", capacity);
	d->memory = p;
	d->capacity = capacity;
	return 0;
}

static int grow_rows(struct dataset *d, size_t row, struct fail *f)
{
	size_t capacity = d->capacity ? d->capacity + d->capacity / 2 : (size_t)1 << 16;
	capacity = capacity < d->limit ? capacity : d->limit;
	capacity = capacity > d->filled + row ? capacity : d->filled + row;
	uint8_t *p = realloc(d->memory, capacity);
	if (!p)
		return fail_memory_for(f, "%zu records of %zu bytes; --mem SIZE keeps them in a file", d->n, row);
	d->memory = p;
	d->capacity = capacity;
	return 0;
}

int dataset_add(struct dataset *d, const void *x, uint64_t id, struct fail *f)
{
	size_t row = row_size(d);
	if (d->n == UINT32_MAX)
		return fail_set(f, "more than %u records", UINT32_MAX);
	if (grow(&d->id, &d->id_capacity, d->n + 1, "records", f))
		return -1;
	if (!d->spilled && d->filled + row > d->limit && spill(d, f))
		return -1;
	if (d->filled + row > d->capacity && (d->spilled ? flush(d, f) : grow_rows(d, row, f)))
		return -1;
	memcpy(d->memory + d->filled, x, row);
	d->filled += row;
	d->id[d->n++] = id;
	d->hash = XXH3_64bits_withSeed(&id, sizeof id, d->hash);
	return 0;
}

int dataset_end_part(struct dataset *d, struct fail *f)
{
	if (grow(&d->part, &d->part_cap, (size_t)d->parts + 1, "parts of the data set", f))
		return -1;
	d->part[d->parts++] = (struct dataset_part){d->n, d->hash};
	d->hash = 0;
	return 0;
}

int dataset_seal(struct dataset *d, struct fail *f)
{
	if (d->x)
		return 0;
	d->x = d->memory;
	if (!d->spilled)
		return 0;
	if (flush(d, f))
		return -1;
	void *p = mmap(NULL, d->n * row_size(d), PROT_READ, MAP_SHARED, d->fd, 0);
	if (p == MAP_FAILED)
		return fail_errno(f, "cannot map the file of %zu records in $TMPDIR", d->n);
	d->x = p;
	free(d->memory);
	d->memory = NULL;
	madvise(p, d->n * row_size(d), MADV_RANDOM); /* rows are read in shuffled order */
	return 0;
}

static int open_split(struct dataset *d, struct fail *f)
{
	if (dataset_seal(d, f))
		return -1;
	free(d->train);
	free(d->held_out);
	d->ntrain = d->nheld_out = 0;
	d->marks = 0;
	d->train = malloc((d->n + 1) * sizeof *d->train);
	d->held_out = malloc((d->n + 1) * sizeof *d->held_out);
	return d->train && d->held_out ? 0 : fail_memory(f);
}

static void put(struct dataset *d, size_t record, int held_out)
{
	if (held_out)
		d->held_out[d->nheld_out++] = (uint32_t)record;
	else
		d->train[d->ntrain++] = (uint32_t)record;
}

int dataset_split(struct dataset *d, double share, uint64_t seed, struct fail *f)
{
	if (open_split(d, f))
		return -1;
	for (size_t i = 0; i < d->n; i++) {
		uint32_t w;
		rng_words(&w, 1, seed, ROLE_HOLDOUT, 0, d->id[i], 0);
		put(d, i, (double)w * 0x1p-32 < share);
	}
	return d->ntrain ? 0 : fail_set(f, "no record to train on: all %zu are held out; lower train.holdout", d->n);
}

int dataset_hold_out(struct dataset *d, const uint8_t *held_out, struct fail *f)
{
	if (open_split(d, f))
		return -1;
	for (size_t i = 0; i < d->n; i++)
		put(d, i, held_out[i]);
	d->marks = XXH3_64bits(held_out, d->n);
	return d->ntrain ? 0 : fail_set(f, "no record to train on: all %zu are held out", d->n);
}

void dataset_floats(const struct dataset *d, const struct standardisation *standard, size_t at, float *out)
{
	const uint8_t *row = d->x + at * row_size(d);
	if (d->vector)
		input_standardise(standard, (const double *)(const void *)row, d->size, out);
	else
		for (size_t i = 0; i < d->size; i++)
			out[i] = (float)row[i] / 255.0f;
}

int dataset_statistics(const struct dataset *d, const uint32_t *rows, size_t nrows, double *mean, double *deviation, struct fail *f)
{
	size_t size = d->size;
	double *first = malloc(size * sizeof *first), n = (double)nrows;
	if (!first)
		return fail_memory(f);
	memset(mean, 0, size * sizeof *mean);
	memset(deviation, 0, size * sizeof *deviation);
	memcpy(first, d->x + rows[0] * row_size(d), row_size(d));
	/* sums differences from the first row, so that a column that never changes has deviation 0 exactly */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < nrows; i++) {
			const double *x = (const double *)(const void *)(d->x + rows[i] * row_size(d));
			for (size_t k = 0; k < size; k++) {
				double v = x[k] - first[k];
				if (pass == 0)
					mean[k] += v;
				else
					deviation[k] += (v - mean[k]) * (v - mean[k]);
			}
		}
		for (size_t k = 0; k < size; k++)
			*(pass ? &deviation[k] : &mean[k]) /= n;
	}
	for (size_t k = 0; k < size; k++) {
		deviation[k] = sqrt(deviation[k]);
		mean[k] += first[k];
	}
	free(first);
	return 0;
}

void dataset_free(struct dataset *d)
{
	if (d->spilled && d->x && d->x != d->memory)
		munmap((void *)d->x, d->n * row_size(d));
	if (d->spilled)
		close(d->fd);
	free(d->memory);
	free(d->id);
	free(d->train);
	free(d->held_out);
	free(d->part);
	*d = (struct dataset){.x = NULL};
}

#include "density/tiles.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

float *points_centre(const struct points *x, struct fail *f)
{
	size_t d = (size_t)x->d;
	double *sum = calloc(d, sizeof *sum);
	float *c = malloc(d * sizeof *c);
	if (!sum || !c) {
		free(sum);
		free(c);
		fail_memory_for(f, "%zu coordinates", d);
		return NULL;
	}
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < d; k++)
			sum[k] += x->u8 ? (double)x->u8[i * d + k] : (double)x->f4[i * d + k] / (double)x->n;
	for (size_t k = 0; k < d; k++)
		c[k] = x->u8 ? rintf((float)(sum[k] / (double)x->n)) : (float)sum[k];
	free(sum);
	return c;
}

double points_scale(const struct points *x, const float *centre)
{
	size_t d = (size_t)x->d;
	double most = 0;
	for (size_t i = 0; i < x->n && x->f4; i++)
		for (size_t k = 0; k < d; k++)
			most = fmax(most, fabs((double)x->f4[i * d + k] - (double)centre[k]));
	return most > 0 ? ldexp(1, 48 - ilogb(most)) : 1;
}

void tile_floats(const struct points *x, size_t from, size_t rows, const float *centre, double scale, float *out, double *sq)
{
	size_t d = (size_t)x->d;
	for (size_t r = 0; r < rows; r++, out += d) {
		const uint8_t *u = x->u8 ? x->u8 + (from + r) * d : NULL;
		const float *v = x->u8 ? NULL : x->f4 + (from + r) * d;
		double s = 0;
		if (u)
			for (size_t k = 0; k < d; k++)
				out[k] = (float)u[k] - centre[k];
		else
			for (size_t k = 0; k < d; k++)
				out[k] = (float)(((double)v[k] - (double)centre[k]) * scale);
		for (size_t k = 0; k < d; k++)
			s += (double)out[k] * (double)out[k];
		sq[r] = s;
	}
}

void tile_doubles(const struct points *x, size_t from, size_t rows, const float *centre, double *out, double *sq)
{
	size_t d = (size_t)x->d;
	for (size_t r = 0; r < rows; r++, out += d) {
		double s = 0;
		for (size_t k = 0; k < d; k++)
			out[k] = (x->u8 ? (double)x->u8[(from + r) * d + k] : (double)x->f4[(from + r) * d + k]) - (double)centre[k];
		for (size_t k = 0; k < d; k++)
			s += out[k] * out[k];
		sq[r] = s;
	}
}

static double squared_steps_u8(const uint8_t *a, const uint8_t *b, size_t d)
{
	enum { RUN = 32768 }; /* of 255^2 fit into 32 bits */
	uint64_t total = 0;
	for (size_t from = 0; from < d; from += RUN) {
		size_t to = d - from < RUN ? d : from + RUN;
		uint32_t s = 0;
		for (size_t i = from; i < to; i++) {
			int t = (int)a[i] - (int)b[i];
			s += (uint32_t)(t * t);
		}
		total += s;
	}
	return (double)total;
}

double points_squared_steps(const struct points *a, size_t i, const struct points *b, size_t j)
{
	enum { LANES = 8 };
	size_t d = (size_t)a->d, k = 0;
	if (a->u8)
		return squared_steps_u8(a->u8 + i * d, b->u8 + j * d, d);
	const float *p = a->f4 + i * d, *q = b->f4 + j * d;
	double lane[LANES] = {0}, s = 0;
	for (; k + LANES <= d; k += LANES)
		for (size_t l = 0; l < LANES; l++) {
			double t = (double)p[k + l] - (double)q[k + l];
			lane[l] += t * t;
		}
	for (; k < d; k++) {
		double t = (double)p[k] - (double)q[k];
		s += t * t;
	}
	for (size_t l = 0; l < LANES; l++)
		s += lane[l];
	return s;
}

double points_squared_distance(const struct points *a, size_t i, const struct points *b, size_t j)
{
	return points_squared_steps(a, i, b, j) * a->unit * a->unit;
}

size_t tile_rows(int d, size_t most, size_t bytes_each)
{
	size_t rows = ((size_t)32 << 20) / ((size_t)d * bytes_each);
	return rows > most ? most : rows < 16 ? 16 : rows;
}

int buffer_pool_open(struct buffer_pool *s, int n, size_t bytes, struct fail *f)
{
	*s = (struct buffer_pool){.lock = PTHREAD_MUTEX_INITIALIZER};
	bytes = (bytes + 63) / 64 * 64;
	for (; s->n < n; s->n++) {
		s->free[s->n] = aligned_alloc(64, bytes);
		if (!s->free[s->n]) {
			buffer_pool_close(s);
			return fail_memory_for(f, "a block of distances of %zu bytes", bytes);
		}
	}
	return 0;
}

void *buffer_pool_take(struct buffer_pool *s)
{
	pthread_mutex_lock(&s->lock);
	void *p = s->free[--s->n];
	pthread_mutex_unlock(&s->lock);
	return p;
}

void buffer_pool_give(struct buffer_pool *s, void *p)
{
	pthread_mutex_lock(&s->lock);
	s->free[s->n++] = p;
	pthread_mutex_unlock(&s->lock);
}

void buffer_pool_close(struct buffer_pool *s)
{
	while (s->n)
		free(s->free[--s->n]);
}

void exec_run(const struct exec *exec, const char *what, size_t n, void (*fn)(void *ctx, int i), void *ctx, size_t *base)
{
	size_t round = 32 * (size_t)exec->threads;
	for (*base = 0; *base < n; *base += round) {
		size_t left = n - *base;
		pool_run(exec->pool, (int)(left < round ? left : round), fn, ctx);
		if (exec->progress && what)
			exec->progress(exec->ctx, what, (double)(left < round ? n : *base + round), (double)n);
	}
}

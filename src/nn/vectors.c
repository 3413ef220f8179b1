/* Eight lines of a by 48 of b at a time: 24 sums in registers, three vectors of b and a number of each line of a for each k. b is put
 * into panels of 48 lines, k by k, which come from the second cache as they are wanted; a is read as it lies. Where all eight
 * numbers of a are zero, nothing is done: behind a relu most are, and the draws of a record have them in the same
 * places. Every sum goes its own way along k, so that it depends neither on how many lines there are nor on what was left out. */
#include "vectors.h"

#include "amx.h"
#include "simd.h"

#if !defined(__x86_64__)

int vectors_take(int n, int p, int d) { return 0; }
struct mat_packed *vectors_pack(struct mat_side b, int p, int d, int few) { return NULL; }
void vectors_repack(struct mat_packed *packed, struct mat_side b) {}
void vectors_product(const struct product *s) {}

#else

#include <stdint.h>
#include <string.h>

#include "avx512.h"

#define WIDE __attribute__((target("avx512f")))
enum {
	ROWS = 8,
	WIDTH = 3,            /* vectors of a panel */
	SIDE = WIDTH * LANES, /* lines of one */
	STEP = 512,           /* numbers of k that are summed up before they go to c */
	BLOCK = 512,          /* lines of a that pass one panel after the other */
	MOST_D = SIDE * STEP / LANES, /* of 16 lines of a, which take a panel's place */
	FEW = 8,              /* lines of b that sums of 16 lines of a are made of at once */
	AHEAD = LANES,        /* steps that b is fetched before it is wanted: leaps are not foreseen */
};

/* --- panels --- */

static int width_of(int lines) { return least(WIDTH, (lines + LANES - 1) / LANES); }
static size_t whole(int p) { return ((size_t)p + LANES - 1) / LANES * LANES; }

/* Lines [j, j + SIDE) below p over [k, end), zeros beyond p. */
WIDE static void pack(float *to, const struct mat_side *b, int j, int p, int k, int end)
{
	int width = width_of(p - j);
	size_t ld = (size_t)b->ld, next = (size_t)width * LANES;
	if (b->across) {
		const float *v = b->v + (size_t)k * ld + (size_t)j;
		for (; k < end; k++, v += ld, to += next)
			for (int h = 0; h < width; h++)
				_mm512_storeu_ps(to + h * LANES, _mm512_maskz_loadu_ps(first_lanes(p - j - h * LANES), v + h * LANES));
		return;
	}
	for (int at; (at = k) < end; k += LANES, to += LANES * next)
		for (int h = 0; h < width; h++) {
			__m512 t[LANES];
			__mmask16 left = first_lanes(end - at);
			const float *v = b->v + (size_t)(j + h * LANES) * ld + (size_t)at;
			int lines = p - j - h * LANES;
			UNROLL
			for (int r = 0; r < LANES; r++)
				t[r] = r < lines ? _mm512_maskz_loadu_ps(left, v + (size_t)r * ld) : _mm512_setzero_ps();
			transpose(t);
			UNROLL
			for (int r = 0; r < LANES; r++)
				if (r < end - at)
					_mm512_storeu_ps(to + (size_t)r * next + h * LANES, t[r]);
		}
}

struct mat_packed *vectors_pack(struct mat_side b, int p, int d, int few)
{
	int lines = few && d <= MOST_D;
	size_t n = (lines ? (size_t)p : whole(p)) * (size_t)d;
	struct mat_packed *to = packed_open(p, d, lines ? PACKED_LINES : PACKED_PANELS, n * sizeof(float));
	if (to && b.v)
		vectors_repack(to, b);
	return to;
}

void vectors_repack(struct mat_packed *to, struct mat_side b)
{
	if (to->pieces == PACKED_LINES) {
		size_t line = b.across ? 1 : (size_t)b.ld, step = b.across ? (size_t)b.ld : 1;
		float *v = (float *)to->v;
		for (int j = 0; j < to->p; j++, v += to->d)
			for (int k = 0; k < to->d; k++)
				v[k] = b.v[(size_t)j * line + (size_t)k * step];
		return;
	}
	for (int k = 0; k < to->d; k += STEP)
		for (int j = 0, end = least(k + STEP, to->d); j < to->p; j += SIDE)
			pack((float *)to->v + whole(to->p) * (size_t)k + (size_t)j * (size_t)(end - k), &b, j, to->p, k, end);
}

/* --- products --- */

/* The k of a strip of lines where any of them is not zero, and AHEAD times 0. */
struct alive {
	uint16_t k[STEP + AHEAD];
	int n;
};

struct strip {
	const float *a, *b;
	size_t row, step; /* of a: from line to line, and from k to k */
	int i, j, k, end;
};

static void all_alive(struct alive *alive, int n)
{
	for (int k = 0; k < n; k++)
		alive->k[k] = (uint16_t)k;
	for (int k = n; k < n + AHEAD; k++)
		alive->k[k] = 0;
	alive->n = n;
}

/* Where any bit but the sign's is set. */
WIDE INLINE __mmask16 any(__m512i bits)
{
	__m512i size = _mm512_slli_epi32(bits, 1);
	return _mm512_test_epi32_mask(size, size);
}

WIDE static void find_alive(struct alive *alive, const struct strip *t, int rows, int across)
{
	int n = t->end - t->k;
	__m512i at = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	alive->n = 0;
	for (int k = 0; across && k < n; k++) {
		alive->k[alive->n] = (uint16_t)k;
		alive->n += any(_mm512_maskz_loadu_epi32(first_lanes(rows), t->a + (size_t)k * t->step)) != 0;
	}
	for (int k = 0; !across && k < n; k += LANES, at = _mm512_add_epi32(at, _mm512_set1_epi32(LANES))) {
		__mmask16 m = first_lanes(n - k);
		__m512i bits = _mm512_setzero_si512();
		for (int r = 0; r < rows; r++)
			bits = _mm512_or_si512(bits, _mm512_maskz_loadu_epi32(m, t->a + (size_t)r * t->row + k));
		m = any(bits);
		_mm256_storeu_si256((__m256i *)(alive->k + alive->n), _mm512_cvtepi32_epi16(_mm512_maskz_compress_epi32(m, at)));
		alive->n += __builtin_popcount(m);
	}
	_mm256_storeu_si256((__m256i *)(alive->k + alive->n), _mm256_setzero_si256());
}

/* A sum that was rounded to -0 would be 0 with one term more. */
WIDE INLINE __m512 scaled(__m512 sum, __m512 scale) { return _mm512_add_ps(_mm512_mul_ps(scale, sum), _mm512_setzero_ps()); }

/* rows and width are known where this is inlined */
WIDE INLINE void multiply(const struct product *s, const struct strip *t, const struct alive *alive, int rows, int width)
{
	const struct mat_out *c = s->c;
	__m512 sum[ROWS][WIDTH];
	UNROLL
	for (int r = 0; r < rows; r++)
		UNROLL
		for (int h = 0; h < width; h++)
			sum[r][h] = _mm512_setzero_ps();
	for (int r = 0; c->add && r < rows; r++) /* far away, and wanted at the end */
		for (int h = 0; h < width; h++)
			__builtin_prefetch(c->v + (size_t)(t->i + r) * (size_t)c->ld + t->j + h * LANES, 1);
	for (int q = 0; q < alive->n; q++) {
		size_t k = alive->k[q];
		const float *a = t->a + k * t->step, *b = t->b + k * (size_t)(width * LANES);
		__m512 y[WIDTH];
		UNROLL
		for (int h = 0; h < width; h++)
			__builtin_prefetch(t->b + alive->k[q + AHEAD] * (size_t)(width * LANES) + h * LANES);
		UNROLL
		for (int h = 0; h < width; h++)
			y[h] = _mm512_loadu_ps(b + h * LANES);
		UNROLL
		for (int r = 0; r < rows; r++) {
			__m512 x = _mm512_set1_ps(a[(size_t)r * t->row]);
			UNROLL
			for (int h = 0; h < width; h++)
				sum[r][h] = _mm512_fmadd_ps(x, y[h], sum[r][h]);
		}
	}
	int last = t->end == s->d, add = c->add || t->k;
	__m512 scale = _mm512_set1_ps(c->scale);
	UNROLL
	for (int r = 0; r < rows; r++) {
		float *to = c->v + (size_t)(t->i + r) * (size_t)c->ld + t->j;
		UNROLL
		for (int h = 0; h < width; h++) {
			__mmask16 m = h < width - 1 ? 0xffff : first_lanes(s->p - t->j - h * LANES);
			__m512 x = scaled(sum[r][h], scale);
			if (add)
				x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(m, to + h * LANES));
			if (last && c->bias)
				x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(m, c->bias + t->j + h * LANES));
			if (last && c->relu)
				x = _mm512_max_ps(_mm512_setzero_ps(), x); /* in this order, which keeps NAN */
			if (last && c->gate) {
				__m512 gate = _mm512_maskz_loadu_ps(m, c->gate + (to - c->v) + h * LANES);
				x = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(gate, _mm512_setzero_ps(), _CMP_GT_OQ), x);
			}
			_mm512_mask_storeu_ps(to + h * LANES, m, x);
		}
	}
}

WIDE static void pass(const struct product *s, const struct strip *t, const struct alive *alive, int rows, int width)
{
#define KIND(r, w)                                                                                                                         \
	case (r)*WIDTH + (w):                                                                                                              \
		multiply(s, t, alive, r, w);                                                                                               \
		break
#define KINDS(r)                                                                                                                           \
	KIND(r, 1);                                                                                                                        \
	KIND(r, 2);                                                                                                                        \
	KIND(r, 3)
	switch (rows * WIDTH + width) {
		KINDS(1);
		KINDS(2);
		KINDS(3);
		KINDS(4);
		KINDS(5);
		KINDS(6);
		KINDS(7);
		KINDS(8);
	}
#undef KINDS
#undef KIND
}

static void at_line(const struct product *s, struct strip *t, int i)
{
	t->i = i;
	t->a = s->a.v + (size_t)i * t->row + (size_t)t->k * t->step;
}

/* --- products of which few sums are wanted: lanes are lines of a, and each wanted line of b is gone along by itself --- */

/* a: [d][16]; the same to the bit as multiply() sums up */
WIDE static void multiply_few(__m512 *total, const float *a, const float *const *line, int d, float factor)
{
	__m512 scale = _mm512_set1_ps(factor);
	const float *l[FEW];
	UNROLL
	for (int q = 0; q < FEW; q++)
		l[q] = line[q];
	for (int k = 0, end; k < d; k = end) {
		__m512 sum[FEW];
		UNROLL
		for (int q = 0; q < FEW; q++)
			sum[q] = _mm512_setzero_ps();
		end = least(k + STEP, d);
		for (int at = k; at < end; at++) {
			__m512 x = _mm512_loadu_ps(a + at * LANES);
			UNROLL
			for (int q = 0; q < FEW; q++)
				sum[q] = _mm512_fmadd_ps(x, _mm512_set1_ps(l[q][at]), sum[q]);
		}
		UNROLL
		for (int q = 0; q < FEW; q++)
			total[q] = k ? _mm512_add_ps(scaled(sum[q], scale), total[q]) : scaled(sum[q], scale);
	}
}

/* Lines [i, i + rows) of a, turned over; the sums that the gate opens for any of them, with nothing added and no bias. */
WIDE static void few_of(const struct product *s, const float *a, int i, int rows)
{
	const struct mat_out *c = s->c;
	const float *lines = (const float *)s->b.packed->v;
	struct strip t = {.row = (size_t)c->ld, .step = 1};
	struct alive alive;
	for (t.k = 0; t.k < s->p; t.k = t.end) {
		t.end = least(t.k + STEP, s->p);
		t.a = c->gate + (size_t)i * t.row + t.k;
		find_alive(&alive, &t, rows, 0);
		for (int r = 0; r < rows; r++)
			memset(c->v + (size_t)(i + r) * t.row + t.k, 0, (size_t)(t.end - t.k) * sizeof(float));
		for (int q = 0; q < alive.n; q += FEW) {
			__m512 total[FEW];
			const float *line[FEW];
			for (int w = 0; w < FEW; w++) /* behind the last one: line 0 of them, of which nothing is taken */
				line[w] = lines + (size_t)(t.k + alive.k[q + w]) * (size_t)s->d;
			multiply_few(total, a, line, s->d, c->scale);
			for (int w = 0; w < least(FEW, alive.n - q); w++) {
				float sum[LANES];
				size_t at = (size_t)i * t.row + (size_t)(t.k + alive.k[q + w]);
				_mm512_storeu_ps(sum, total[w]);
				for (int r = 0; r < rows; r++, at += t.row)
					c->v[at] = c->gate[at] > 0 ? sum[r] : 0;
			}
		}
	}
}

struct block {
	_Alignas(64) float panel[SIDE * STEP];
	struct alive alive[BLOCK / ROWS];
};

static void few_product(const struct product *s, struct block *room)
{
	for (int i = 0; i < s->n; i += LANES) {
		pack(room->panel, &s->a, i, least(i + LANES, s->n), 0, s->d);
		few_of(s, room->panel, i, least(LANES, s->n - i));
	}
}

/* packed: b in panels, or NULL */
static void panel_product(const struct product *s, const struct mat_packed *packed, struct block *room)
{
	struct alive *alive = room->alive;
	/* for a single panel, looking for zeros takes too long */
	int look = s->p > SIDE, block = look ? BLOCK : s->n;
	struct strip t = {.row = s->a.across ? 1 : (size_t)s->a.ld, .step = s->a.across ? (size_t)s->a.ld : 1};
	for (t.k = 0; t.k < s->d; t.k = t.end) {
		t.end = least(t.k + STEP, s->d);
		for (int from = 0, to; from < s->n; from = to) {
			to = least(from + block, s->n);
			if (!look)
				all_alive(alive, t.end - t.k);
			for (int i = from; look && i < to; i += ROWS) {
				at_line(s, &t, i);
				find_alive(&alive[(i - from) / ROWS], &t, least(ROWS, s->n - i), s->a.across);
			}
			for (t.j = 0; t.j < s->p; t.j += SIDE) {
				t.b = packed ? (const float *)packed->v + whole(s->p) * (size_t)t.k + (size_t)t.j * (size_t)(t.end - t.k)
					     : room->panel;
				if (!packed)
					pack(room->panel, &s->b, t.j, s->p, t.k, t.end);
				for (int i = from; i < to; i += ROWS) {
					at_line(s, &t, i);
					pass(s, &t, &alive[look ? (i - from) / ROWS : 0], least(ROWS, s->n - i), width_of(s->p - t.j));
				}
			}
		}
	}
}

void vectors_product(const struct product *s)
{
	const struct mat_packed *packed = s->b.packed;
	_Static_assert(sizeof(struct block) <= ROOM_MOST, "the room that is always there");
	struct block *room = room_enter(sizeof *room);
	if (packed && packed->pieces == PACKED_LINES && s->c->gate)
		few_product(s, room);
	else
		panel_product(s, packed && packed->pieces == PACKED_PANELS ? packed : NULL, room);
	room_leave(room);
}

int vectors_take(int n, int p, int d)
{
	return simd_level() >= SIMD_AVX512 && n >= ROWS && p >= LANES && d >= LANES && !amx_takes(n, p, d);
}

#endif

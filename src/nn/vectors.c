/* Eight lines of a by 48 of b at a time: 24 sums in registers, three vectors of b and a number of each line of a for each k. b is put
 * into panels of 48 lines, k by k, which come from the second cache, and the next one into it meanwhile; a is read as it lies. Where all eight
 * numbers of a are zero, nothing is done: behind a relu most are, and the draws of a record have them in the same
 * places. Every sum goes its own way along k, so that it depends neither on how many lines there are nor on what was left out. */
#include "vectors.h"

#include "amx.h"
#include "simd.h"

#if !defined(__x86_64__)

int vectors_take(int n, int p, int d) { return 0; }
struct mat_packed *vectors_pack(struct mat_side b, int p, int d, int gated) { return NULL; }
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
	FEW = 10,             /* lines of b that sums of 16 lines of a are made of at once */
	GROUPS = 16,          /* groups of 16 lines of a that go along the same lines of b, one after the other */
	MANY = 512,           /* of so many lines of b */
	AHEAD = LANES,        /* steps that b is fetched before it is wanted: leaps are not foreseen */
	BEHIND = 2 * LANES,   /* zeros behind the last k of a list, which are read and not used: AHEAD, or FEW twice */
};

/* --- panels --- */

static int width_of(int lines) { return least(WIDTH, (lines + LANES - 1) / LANES); }
static size_t whole(int p) { return ((size_t)p + LANES - 1) / LANES * LANES; }

/* 16 k of up to 16 lines, turned over: line r's in lane r; zeros beyond the lines and the k that are left. */
WIDE INLINE void load_turned(__m512 t[LANES], const float *v, size_t ld, int lines, int left)
{
	UNROLL
	for (int r = 0; r < LANES; r++)
		t[r] = r < lines ? _mm512_maskz_loadu_ps(first_lanes(left), v + (size_t)r * ld) : _mm512_setzero_ps();
	transpose(t);
}

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
			load_turned(t, b->v + (size_t)(j + h * LANES) * ld + (size_t)at, ld, p - j - h * LANES, end - at);
			UNROLL
			for (int r = 0; r < LANES; r++)
				if (r < end - at)
					_mm512_storeu_ps(to + (size_t)r * next + h * LANES, t[r]);
		}
}

struct mat_packed *vectors_pack(struct mat_side b, int p, int d, int gated)
{
	size_t n = (whole(p) + (gated ? (size_t)p : 0)) * (size_t)d;
	struct mat_packed *to = packed_open(p, d, gated ? PACKED_BOTH : PACKED_PANELS, n * sizeof(float));
	if (to && b.v)
		vectors_repack(to, b);
	return to;
}

static const float *lines_of(const struct mat_packed *packed) { return (const float *)packed->v + whole(packed->p) * (size_t)packed->d; }

void vectors_repack(struct mat_packed *to, struct mat_side b)
{
	float *v = (float *)to->v;
	for (int k = 0; k < to->d; k += STEP)
		for (int j = 0, end = least(k + STEP, to->d); j < to->p; j += SIDE)
			pack(v + whole(to->p) * (size_t)k + (size_t)j * (size_t)(end - k), &b, j, to->p, k, end);
	size_t line = b.across ? 1 : (size_t)b.ld, step = b.across ? (size_t)b.ld : 1;
	v += whole(to->p) * (size_t)to->d;
	for (int k = 0, end; to->pieces == PACKED_BOTH && k < to->d; k = end) {
		end = least(k + STEP, to->d);
		for (int j = 0; j < to->p; j++)
			for (int at = k; at < end; at++)
				*v++ = b.v[(size_t)j * line + (size_t)at * step];
	}
}

/* --- products --- */

/* The k of a strip of lines where any of them is not zero, then BEHIND times 0. */
struct alive {
	uint16_t k[STEP + BEHIND];
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
	for (int k = n; k < n + BEHIND; k++)
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
	_mm512_storeu_si512(alive->k + alive->n, _mm512_setzero_si512());
	_Static_assert(BEHIND * sizeof *alive->k == sizeof(__m512i) && BEHIND >= 2 * FEW && BEHIND >= AHEAD && MANY <= STEP, "a list's room");
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

WIDE static void pass_rows(const struct product *s, const struct strip *t, const struct alive *alive, int rows, int width)
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
		KINDS(4);
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

/* A strip: the last one, of fewer than ROWS lines, by 4, 2 and 1. */
static void pass(const struct product *s, struct strip *t, const struct alive *alive, int i, int width)
{
	int end = least(i + ROWS, s->n), rows = ROWS;
	for (; i < end; i += rows) {
		while (rows > end - i)
			rows /= 2;
		at_line(s, t, i);
		pass_rows(s, t, alive, rows, width);
	}
}

/* --- products of which few sums are wanted: lanes are lines of a, and each wanted line of b is gone along by itself --- */

/* Of 16 lines of a, the sums with those lines of b where the gate is not 0 for all of them. */
struct group {
	_Alignas(64) float sum[MANY + LANES][LANES];
	struct alive wanted;
};

/* 16 lines of a, turned over, without the k where all are zero. */
struct turned {
	_Alignas(64) float a[STEP][LANES];
	uint16_t k[STEP];
	int n;
};

struct few {
	struct group group[GROUPS];
	struct turned turned;
};

WIDE static void turn(struct turned *to, const struct mat_side *a, int i, int n, int k, int end)
{
	to->n = 0;
	for (int at = k; at < end; at += LANES) {
		__m512 t[LANES];
		size_t ld = (size_t)a->ld;
		const float *v = a->v + (size_t)i * ld + (size_t)at;
		for (int r = 0; r < least(LANES, n - i); r++) /* 16 lines at once are too many to be foreseen */
			__builtin_prefetch(v + (size_t)r * ld + least(2 * LANES, end - at));
		load_turned(t, v, ld, n - i, end - at);
		UNROLL
		for (int r = 0; r < LANES; r++)
			if (r < end - at) {
				_mm512_store_ps(to->a[to->n], t[r]);
				to->k[to->n] = (uint16_t)(at - k + r);
				to->n += any(_mm512_castps_si512(t[r])) != 0;
			}
	}
}

/* the same to the bit as multiply() sums up; all is known where this is inlined */
WIDE INLINE void multiply_few(float (*to)[LANES], const struct turned *t, const float *b, const uint16_t *line, size_t len, float factor,
			      int all, int add)
{
	const float *l[FEW];
	__m512 sum[FEW], scale = _mm512_set1_ps(factor);
	UNROLL
	for (int q = 0; q < FEW; q++) {
		l[q] = b + line[q] * len;
		sum[q] = _mm512_setzero_ps();
	}
	for (int q = FEW; q < 2 * FEW; q++) /* where the next ones begin */
		for (int k = 0; k < 2 * LANES; k += LANES)
			__builtin_prefetch(b + line[q] * len + k);
	for (int at = 0; at < t->n; at++) {
		__m512 x = _mm512_load_ps(t->a[at]);
		size_t k = all ? (size_t)at : t->k[at];
		UNROLL
		for (int q = 0; q < FEW; q++)
			sum[q] = _mm512_fmadd_ps(x, _mm512_set1_ps(l[q][k]), sum[q]);
	}
	UNROLL
	for (int q = 0; q < FEW; q++) {
		__m512 x = scaled(sum[q], scale);
		_mm512_store_ps(to[q], add ? _mm512_add_ps(x, _mm512_load_ps(to[q])) : x);
	}
}

WIDE static void add_few(struct group *g, const struct turned *t, const float *b, int len, float factor, int add)
{
	for (int q = 0; q < g->wanted.n; q += FEW) { /* behind the last one: line 0 of them, of which nothing is taken */
		if (t->n == len)
			multiply_few(g->sum + q, t, b, g->wanted.k + q, (size_t)len, factor, 1, add);
		else
			multiply_few(g->sum + q, t, b, g->wanted.k + q, (size_t)len, factor, 0, add);
	}
}

WIDE static void find_wanted(struct alive *wanted, const struct product *s, int i, int j, int end)
{
	size_t row = (size_t)s->c->ld;
	struct strip t = {.row = row, .step = 1, .a = s->c->gate + (size_t)i * row + j, .k = j, .end = end};
	find_alive(wanted, &t, least(LANES, s->n - i), 0);
}

/* Whether sums one by one take less time than panels: the first group's first sums tell, which others are like. */
static int few_wanted(const struct product *s)
{
	struct alive wanted;
	int some = least(MANY, s->p);
	find_wanted(&wanted, s, 0, 0, some);
	return wanted.n < some * 2 / 3;
}

/* With nothing added, and no bias. */
WIDE static void write_wanted(const struct group *g, const struct product *s, int i, int j, int end)
{
	const struct mat_out *c = s->c;
	for (int at = 0, q = 0; at < end - j; at += LANES) {
		__m512 t[LANES];
		__mmask16 m = 0, left = first_lanes(end - j - at);
		int from = q;
		while (q < g->wanted.n && g->wanted.k[q] < at + LANES)
			m |= (__mmask16)(1 << (g->wanted.k[q++] - at));
		UNROLL
		for (int w = 0; w < LANES; w++)
			t[w] = _mm512_load_ps(g->sum[from + w]); /* behind the last one anything: it goes nowhere */
		transpose(t);
		UNROLL
		for (int r = 0; r < LANES; r++) {
			size_t to = (size_t)(i + r) * (size_t)c->ld + (size_t)(j + at);
			if (r >= s->n - i)
				break;
			__mmask16 open = _mm512_cmp_ps_mask(_mm512_maskz_loadu_ps(left, c->gate + to), _mm512_setzero_ps(), _CMP_GT_OQ);
			_mm512_mask_storeu_ps(c->v + to, left, _mm512_maskz_mov_ps(open, _mm512_maskz_expand_ps(m, t[r])));
		}
	}
}

static void few_product(const struct product *s, struct few *room)
{
	for (int from = 0, to; from < s->n; from = to) {
		to = least(from + GROUPS * LANES, s->n);
		for (int j = 0, last; j < s->p; j = last) {
			struct group *g = room->group;
			last = least(j + MANY, s->p);
			for (int i = from; i < to; i += LANES)
				find_wanted(&g++->wanted, s, i, j, last);
			for (int k = 0, end; k < s->d; k = end) {
				end = least(k + STEP, s->d);
				const float *b = lines_of(s->b.packed) + (size_t)k * (size_t)s->p + (size_t)j * (size_t)(end - k);
				g = room->group;
				for (int i = from; i < to; i += LANES) {
					turn(&room->turned, &s->a, i, s->n, k, end);
					add_few(g++, &room->turned, b, end - k, s->c->scale, k > 0);
				}
			}
			g = room->group;
			for (int i = from; i < to; i += LANES)
				write_wanted(g++, s, i, j, last);
		}
	}
}

struct block {
	_Alignas(64) float panel[SIDE * STEP];
	struct alive alive[BLOCK / ROWS];
};

/* Numbers [at, end) of panels, from the third cache into the second. */
static void fetch(const struct mat_packed *packed, size_t at, size_t end)
{
	size_t all = whole(packed->p) * (size_t)packed->d;
	for (end = end < all ? end : all; at < end; at += LANES)
		__builtin_prefetch((const float *)packed->v + at, 0, 2);
}

static void panel_product(const struct product *s, struct block *room)
{
	const struct mat_packed *packed = s->b.packed;
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
				size_t len = (size_t)(t.end - t.k), panel = whole(s->p) * (size_t)t.k + (size_t)t.j * len;
				/* while it is worked with the next one comes, a share of it for each strip */
				size_t next = t.j + SIDE < s->p ? panel + SIDE * len : whole(s->p) * (size_t)(to < s->n ? t.k : t.end);
				size_t share = SIDE * len / (size_t)((to - from + ROWS - 1) / ROWS);
				t.b = packed ? (const float *)packed->v + panel : room->panel;
				if (!packed)
					pack(room->panel, &s->b, t.j, s->p, t.k, t.end);
				for (int i = from; i < to; i += ROWS, next += share) {
					if (packed)
						fetch(packed, next, next + share);
					pass(s, &t, &alive[look ? (i - from) / ROWS : 0], i, width_of(s->p - t.j));
				}
			}
		}
	}
}

void vectors_product(const struct product *s)
{
	const struct mat_packed *packed = s->b.packed;
	int few = packed && packed->pieces == PACKED_BOTH && s->c->gate && few_wanted(s);
	_Static_assert(sizeof(struct few) <= ROOM_MOST, "the room that is always there");
	_Static_assert(sizeof(struct block) <= ROOM_MOST, "the room that is always there");
	void *room = room_enter(few ? sizeof(struct few) : sizeof(struct block));
	if (few)
		few_product(s, room);
	else
		panel_product(s, room);
	room_leave(room);
}

int vectors_take(int n, int p, int d)
{
	return simd_level() >= SIMD_AVX512 && n >= ROWS && p >= LANES && d >= LANES && !amx_takes(n, p, d);
}

#endif

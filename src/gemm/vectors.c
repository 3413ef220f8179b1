/* Eight lines of a by 48 of b at a time: 24 sums in registers, three vectors of b and a number of each line of a for each k. b is put
 * into panels of 48 lines, k by k, which come from the second cache, and the next one into it meanwhile; a is read as it lies. Where all eight
 * numbers of a are zero, nothing is done. Where a gate closes most sums, bundles make the others (bundle.h). Every sum goes its own way
 * along k, so that it depends neither on how many lines there are nor on what was left out. */
#include "gemm/vectors.h"

#include "gemm/amx.h"
#include "base/simd.h"

#if !defined(__x86_64__)

int vectors_take(int n, int p, int d) { return 0; }
struct mat_packed *vectors_pack(struct mat_side b, int p, int d, int gated) { return NULL; }
void vectors_repack(struct mat_packed *packed, struct mat_side b) {}
void vectors_product(const struct product *s) {}

#else

#include "gemm/bundle.h"
#include "gemm/panel.h"

enum { BLOCK = 512 }; /* lines of a that pass one panel after the other */

/* --- panels --- */

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

void vectors_repack(struct mat_packed *to, struct mat_side b)
{
	float *v = (float *)to->v;
	for (int k = 0; k < to->d; k += STEP)
		for (int j = 0, end = least(k + STEP, to->d); j < to->p; j += SIDE)
			pack(v + panel_at(to->p, j, k, end), &b, j, to->p, k, end);
	size_t line = b.across ? 1 : (size_t)b.ld, step = b.across ? (size_t)b.ld : 1;
	v += lines_at(to, 0);
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

static void all_alive(struct alive *alive, int n)
{
	for (int k = 0; k < n; k++)
		alive->k[k] = (uint16_t)k;
	for (int k = n; k < n + BEHIND; k++)
		alive->k[k] = 0;
	alive->n = n;
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
	_Static_assert(BEHIND * sizeof *alive->k == sizeof(__m512i) && BEHIND >= AHEAD, "a list's room");
}

/* A sum that was rounded to -0 would be 0 with one term more. */
WIDE INLINE __m512 scaled(__m512 sum, __m512 scale) { return _mm512_add_ps(_mm512_mul_ps(scale, sum), _mm512_setzero_ps()); }

/* rows, width and turned are known where this is inlined */
WIDE INLINE void multiply(const struct product *s, const struct strip *t, int rows, int width, int turned)
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
	size_t row = turned ? 1 : t->row;
	for (int q = 0; q < t->n; q++) {
		size_t k = t->alive[q];
		const float *a = t->a + (turned ? (size_t)(q * LANES) : k * t->step), *b = t->b + k * (size_t)(width * LANES);
		__m512 y[WIDTH];
		UNROLL
		for (int h = 0; h < width; h++)
			__builtin_prefetch(t->b + t->alive[q + AHEAD] * (size_t)(width * LANES) + h * LANES);
		UNROLL
		for (int h = 0; h < width; h++)
			y[h] = _mm512_loadu_ps(b + h * LANES);
		UNROLL
		for (int r = 0; r < rows; r++) {
			__m512 x = _mm512_set1_ps(a[(size_t)r * row]);
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

WIDE void strip_sums(const struct product *s, const struct strip *t, int rows, int width)
{
#define KIND(r, w, turned)                                                                                                                 \
	case 2 * ((r)*WIDTH + (w)) + (turned):                                                                                             \
		multiply(s, t, r, w, turned);                                                                                              \
		break
#define KINDS(r, turned)                                                                                                                   \
	KIND(r, 1, turned);                                                                                                                \
	KIND(r, 2, turned);                                                                                                                \
	KIND(r, 3, turned)
	switch (2 * (rows * WIDTH + width) + t->turned) {
		KINDS(1, 0);
		KINDS(2, 0);
		KINDS(4, 0);
		KINDS(8, 0);
		KINDS(8, 1);
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
	t->alive = alive->k;
	t->n = alive->n;
	for (; i < end; i += rows) {
		while (rows > end - i)
			rows /= 2;
		at_line(s, t, i);
		strip_sums(s, t, rows, width);
	}
}

/* --- products of which few sums are wanted --- */

/* The first lines' first sums tell, which others are like. */
static int few_wanted(const struct product *s)
{
	struct alive wanted;
	int some = least(STEP, s->p);
	struct strip t = {.row = (size_t)s->c->ld, .step = 1, .a = s->c->gate, .end = some};
	find_alive(&wanted, &t, least(LANES, s->n), 0);
	return few_open(wanted.n, some);
}

/* Of n bundles of each: the lines of a, the gate's, the sums. */
static size_t few_room(const struct product *s, int n) { return bundles_size(n, s->d) + 2 * bundles_size(n, s->p); }

/* Bundles at once: as many as there are, or as there is room for. */
static int groups(const struct product *s)
{
	return least(least(BUNDLES_AT_ONCE, (s->n + LANES - 1) / LANES), (int)(ROOM_MOST / few_room(s, 1)));
}

static void few_product(const struct product *s, char *room, int groups)
{
	const struct mat_out *c = s->c;
	char *behind = room + bundles_size(groups, s->d);
	struct bundle *in = bundles_place(room, groups, s->d), *gate = bundles_place(behind, groups, s->p);
	struct bundle *out = bundles_place(behind + bundles_size(groups, s->p), groups, s->p);
	for (int from = 0, n; from < s->n; from += n * LANES) {
		n = least(groups, (s->n - from + LANES - 1) / LANES);
		for (int g = 0, i = from; g < n; g++, i += LANES) {
			bundle_turn(&in[g], s->a.v + (size_t)i * (size_t)s->a.ld, (size_t)s->a.ld, least(LANES, s->n - i), s->d);
			bundle_turn(&gate[g], c->gate + (size_t)i * (size_t)c->ld, (size_t)c->ld, least(LANES, s->n - i), s->p);
		}
		bundles_gated(out, in, gate, n, s->b.packed);
		for (int g = 0, i = from; g < n; g++, i += LANES)
			bundle_write(&out[g], c->v + (size_t)i * (size_t)c->ld, (size_t)c->ld, least(LANES, s->n - i), s->p);
	}
}

/* --- all others --- */

struct block {
	_Alignas(64) float panel[SIDE * STEP];
	struct alive alive[BLOCK / ROWS];
};

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
				size_t len = (size_t)(t.end - t.k), panel = panel_at(s->p, t.j, t.k, t.end);
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
	int few = packed && packed->pieces == PACKED_BOTH && s->c->gate && bundles_take(packed) && few_wanted(s) ? groups(s) : 0;
	_Static_assert(sizeof(struct block) <= ROOM_MOST, "the room that is always there");
	void *room = room_enter(few ? few_room(s, few) : sizeof(struct block));
	if (few)
		few_product(s, room, few);
	else
		panel_product(s, room);
	room_leave(room);
}

int vectors_take(int n, int p, int d)
{
	return simd_level() >= SIMD_AVX512 && n >= ROWS && p >= LANES && d >= LANES && !amx_takes(n, p, d);
}

#endif

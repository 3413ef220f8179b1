/* Eight lines of a by 48 of b at a time: 24 sums in registers, three vectors of b and a number of each line of a for each k. b is put
 * into panels of 48 lines, k by k, which come from the second cache, and the next one into it meanwhile; a is read as it lies. Where all eight
 * numbers of a are zero, nothing is done. Where a relu_mask closes most sums, bundles make the others (sparse_block.h). Every sum goes its own way
 * along k, so that it depends neither on how many lines there are nor on what was left out. */
#include "gemm/gemm_avx512.h"

#include "gemm/gemm_amx.h"
#include "base/simd.h"

#if !defined(__x86_64__)

int gemm_avx512_takes(int n, int p, int d) { return 0; }
struct mat_packed *gemm_avx512_pack(struct gemm_operand b, int p, int d, int masked) { return NULL; }
void gemm_avx512_repack(struct mat_packed *packed, struct gemm_operand b) {}
void gemm_avx512(const struct gemm_args *s) {}

#else

#include "gemm/sparse_block.h"
#include "gemm/panel.h"

enum { BLOCK = 512 }; /* lines of a that pass one panel after the other */

/* --- panels --- */

/* Lines [j, j + NR) below p over [k, end), zeros beyond p. */
WIDE static void pack(float *to, const struct gemm_operand *b, int j, int p, int k, int end)
{
	int width = width_of(p - j);
	size_t ld = (size_t)b->ld, next = (size_t)width * LANES;
	if (b->transposed) {
		const float *v = b->v + (size_t)k * ld + (size_t)j;
		for (; k < end; k++, v += ld, to += next)
			for (int h = 0; h < width; h++)
				_mm512_storeu_ps(to + h * LANES, _mm512_maskz_loadu_ps(first_lanes(p - j - h * LANES), v + h * LANES));
		return;
	}
	for (int at; (at = k) < end; k += LANES, to += LANES * next)
		for (int h = 0; h < width; h++) {
			__m512 t[LANES];
			load_transposed(t, b->v + (size_t)(j + h * LANES) * ld + (size_t)at, ld, p - j - h * LANES, end - at);
			UNROLL
			for (int r = 0; r < LANES; r++)
				if (r < end - at)
					_mm512_storeu_ps(to + (size_t)r * next + h * LANES, t[r]);
		}
}

struct mat_packed *gemm_avx512_pack(struct gemm_operand b, int p, int d, int masked)
{
	size_t n = (whole(p) + (masked ? (size_t)p : 0)) * (size_t)d;
	struct mat_packed *to = packed_alloc(p, d, masked ? PACKED_BOTH : PACKED_PANELS, n * sizeof(float));
	if (to && b.v)
		gemm_avx512_repack(to, b);
	return to;
}

void gemm_avx512_repack(struct mat_packed *to, struct gemm_operand b)
{
	float *v = (float *)to->v;
	for (int k = 0; k < to->d; k += KC)
		for (int j = 0, end = least(k + KC, to->d); j < to->p; j += NR)
			pack(v + panel_at(to->p, j, k, end), &b, j, to->p, k, end);
	size_t line = b.transposed ? 1 : (size_t)b.ld, step = b.transposed ? (size_t)b.ld : 1;
	v += lines_at(to, 0);
	for (int k = 0, end; to->pieces == PACKED_BOTH && k < to->d; k = end) {
		end = least(k + KC, to->d);
		for (int j = 0; j < to->p; j++)
			for (int at = k; at < end; at++)
				*v++ = b.v[(size_t)j * line + (size_t)at * step];
	}
}

/* --- products --- */

/* The k of a strip of lines where any of them is not zero, then BEHIND times 0. */
struct nonzero_list {
	uint16_t k[KC + BEHIND];
	int n;
};

static void all_alive(struct nonzero_list *alive, int n)
{
	for (int k = 0; k < n; k++)
		alive->k[k] = (uint16_t)k;
	for (int k = n; k < n + BEHIND; k++)
		alive->k[k] = 0;
	alive->n = n;
}

WIDE static void find_nonzero(struct nonzero_list *alive, const struct strip *t, int rows, int transposed)
{
	int n = t->end - t->k;
	__m512i at = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	alive->n = 0;
	for (int k = 0; transposed && k < n; k++) {
		alive->k[alive->n] = (uint16_t)k;
		alive->n += any(_mm512_maskz_loadu_epi32(first_lanes(rows), t->a + (size_t)k * t->step)) != 0;
	}
	for (int k = 0; !transposed && k < n; k += LANES, at = _mm512_add_epi32(at, _mm512_set1_epi32(LANES))) {
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
WIDE INLINE void multiply(const struct gemm_args *s, const struct strip *t, int rows, int width, int turned)
{
	const struct gemm_output *c = s->c;
	__m512 sum[MR][WIDTH];
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
			if (last && c->relu_mask) {
				__m512 relu_mask = _mm512_maskz_loadu_ps(m, c->relu_mask + (to - c->v) + h * LANES);
				x = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(relu_mask, _mm512_setzero_ps(), _CMP_GT_OQ), x);
			}
			_mm512_mask_storeu_ps(to + h * LANES, m, x);
		}
	}
}

WIDE void microkernel(const struct gemm_args *s, const struct strip *t, int rows, int width)
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

static void at_line(const struct gemm_args *s, struct strip *t, int i)
{
	t->i = i;
	t->a = s->a.v + (size_t)i * t->row + (size_t)t->k * t->step;
}

/* A strip: the last one, of fewer than MR lines, by 4, 2 and 1. */
static void pass(const struct gemm_args *s, struct strip *t, const struct nonzero_list *alive, int i, int width)
{
	int end = least(i + MR, s->n), rows = MR;
	t->alive = alive->k;
	t->n = alive->n;
	for (; i < end; i += rows) {
		while (rows > end - i)
			rows /= 2;
		at_line(s, t, i);
		microkernel(s, t, rows, width);
	}
}

/* --- products of which few sums are wanted --- */

/* The first lines' first sums tell, which others are like. */
static int few_wanted(const struct gemm_args *s)
{
	struct nonzero_list wanted;
	int some = least(KC, s->p);
	struct strip t = {.row = (size_t)s->c->ld, .step = 1, .a = s->c->relu_mask, .end = some};
	find_nonzero(&wanted, &t, least(LANES, s->n), 0);
	return mask_is_sparse(wanted.n, some);
}

/* Of n bundles of each: the lines of a, the relu_mask's, the sums. */
static size_t few_room(const struct gemm_args *s, int n) { return sparse_bytes(n, s->d) + 2 * sparse_bytes(n, s->p); }

/* Bundles at once: as many as there are, or as there is room for. */
static int groups(const struct gemm_args *s)
{
	return least(least(SPARSE_BATCH, (s->n + LANES - 1) / LANES), (int)(SCRATCH_MAX / few_room(s, 1)));
}

static void masked_gemm(const struct gemm_args *s, char *room, int groups)
{
	const struct gemm_output *c = s->c;
	char *behind = room + sparse_bytes(groups, s->d);
	struct sparse_block *in = sparse_place(room, groups, s->d), *relu_mask = sparse_place(behind, groups, s->p);
	struct sparse_block *out = sparse_place(behind + sparse_bytes(groups, s->p), groups, s->p);
	for (int from = 0, n; from < s->n; from += n * LANES) {
		n = least(groups, (s->n - from + LANES - 1) / LANES);
		for (int g = 0, i = from; g < n; g++, i += LANES) {
			sparse_pack(&in[g], s->a.v + (size_t)i * (size_t)s->a.ld, (size_t)s->a.ld, least(LANES, s->n - i), s->d);
			sparse_pack(&relu_mask[g], c->relu_mask + (size_t)i * (size_t)c->ld, (size_t)c->ld, least(LANES, s->n - i), s->p);
		}
		sparse_nn_masked(out, in, relu_mask, n, s->b.packed);
		for (int g = 0, i = from; g < n; g++, i += LANES)
			sparse_unpack(&out[g], c->v + (size_t)i * (size_t)c->ld, (size_t)c->ld, least(LANES, s->n - i), s->p);
	}
}

/* --- all others --- */

struct block {
	_Alignas(64) float panel[NR * KC];
	struct nonzero_list alive[BLOCK / MR];
};

static void panel_product(const struct gemm_args *s, struct block *room)
{
	const struct mat_packed *packed = s->b.packed;
	struct nonzero_list *alive = room->alive;
	/* for a single panel, looking for zeros takes too long */
	int look = s->p > NR, block = look ? BLOCK : s->n;
	struct strip t = {.row = s->a.transposed ? 1 : (size_t)s->a.ld, .step = s->a.transposed ? (size_t)s->a.ld : 1};
	for (t.k = 0; t.k < s->d; t.k = t.end) {
		t.end = least(t.k + KC, s->d);
		for (int from = 0, to; from < s->n; from = to) {
			to = least(from + block, s->n);
			if (!look)
				all_alive(alive, t.end - t.k);
			for (int i = from; look && i < to; i += MR) {
				at_line(s, &t, i);
				find_nonzero(&alive[(i - from) / MR], &t, least(MR, s->n - i), s->a.transposed);
			}
			for (t.j = 0; t.j < s->p; t.j += NR) {
				size_t len = (size_t)(t.end - t.k), panel = panel_at(s->p, t.j, t.k, t.end);
				/* while it is worked with the next one comes, a share of it for each strip */
				size_t next = t.j + NR < s->p ? panel + NR * len : whole(s->p) * (size_t)(to < s->n ? t.k : t.end);
				size_t share = NR * len / (size_t)((to - from + MR - 1) / MR);
				t.b = packed ? (const float *)packed->v + panel : room->panel;
				if (!packed)
					pack(room->panel, &s->b, t.j, s->p, t.k, t.end);
				for (int i = from; i < to; i += MR, next += share) {
					if (packed)
						fetch(packed, next, next + share);
					pass(s, &t, &alive[look ? (i - from) / MR : 0], i, width_of(s->p - t.j));
				}
			}
		}
	}
}

void gemm_avx512(const struct gemm_args *s)
{
	const struct mat_packed *packed = s->b.packed;
	int few = packed && packed->pieces == PACKED_BOTH && s->c->relu_mask && sparse_accepts(packed) && few_wanted(s) ? groups(s) : 0;
	_Static_assert(sizeof(struct block) <= SCRATCH_MAX, "the room that is always there");
	void *room = scratch_acquire(few ? few_room(s, few) : sizeof(struct block));
	if (few)
		masked_gemm(s, room, few);
	else
		panel_product(s, room);
	scratch_release(room);
}

int gemm_avx512_takes(int n, int p, int d)
{
	return simd_level() >= SIMD_AVX512 && n >= MR && p >= LANES && d >= LANES && !gemm_amx_takes(n, p, d);
}

#endif

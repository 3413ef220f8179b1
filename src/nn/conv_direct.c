/* Direct convolution: the kernels of gemm/direct.h read a picture where it lies, or, where the kernel reaches beyond its sides, a copy with
 * zeros on the left and right. Lines beyond the top and the bottom are left out.
 *
 *   to_small   a line of positions at a time: each covers `kernel` lines of the big side, kernel c contiguous numbers in each.
 *   dw         its gradient: for each line of the kernel, the sum over the positions of other^T big.
 *   to_big     the pixels of a big line that lie a stride apart are a line of positions on the small side, which the same taps of the
 *              kernel reach: those of their phase, every stride-th one, in both directions. Together they are stride^2 small
 *              convolutions without a stride, and nothing is added twice. Where the kernel covers all of the big side, each of its
 *              pixels is a phase. */
#include <string.h>

#include "gemm/direct.h"
#include "nn/conv.h"

enum { FEW = 12, CHUNK = 1 << 16 }; /* columns that leave too many lanes empty; floats of a padded copy, which stays in the cache */

/* Pictures with zeros on both sides of each line, or as they are. */
struct frame {
	int left, right;
	size_t line, record;
	const float *v;
};

static struct frame frame(const struct shape *s, int left, int right)
{
	struct frame f = {.left = left, .right = right, .line = (size_t)(left + s->w + right) * (size_t)s->c};
	f.record = (size_t)s->h * f.line;
	return f;
}

/* Taps of a phase: every stride-th line or column of the kernel from `phase` on. */
static int taps(const struct layer *l, int phase) { return phase < l->kernel ? (l->kernel - phase - 1) / l->stride + 1 : 0; }

static struct frame big_frame(const struct layer *l)
{
	return frame(&l->big, l->padding, max_of(0, (l->small.w - 1) * l->stride - l->padding + l->kernel - l->big.w));
}

static struct frame small_frame(const struct layer *l)
{
	return frame(&l->small, taps(l, 0) - 1, max_of(0, (l->big.w - 1 + l->padding) / l->stride - (l->small.w - 1)));
}

/* Records in a padded copy. */
static int chunk_rows(const struct frame *f, int rows)
{
	if (!f->left && !f->right)
		return rows;
	return f->record < CHUNK ? (int)(CHUNK / f->record) : 1;
}

static void set_pictures(struct frame *f, float *copy, const float *v, const struct shape *s, int rows)
{
	size_t left = (size_t)f->left * (size_t)s->c, right = (size_t)f->right * (size_t)s->c, n = (size_t)s->w * (size_t)s->c;
	int copied = left || right;
	f->v = copied ? copy : v;
	for (int y = 0; copied && y < rows * s->h; y++, copy += right, v += n) {
		memset(copy, 0, left * sizeof *copy);
		memcpy(copy += left, v, n * sizeof *copy);
		memset(copy += n, 0, right * sizeof *copy);
	}
}

/* --- scratch: the padded copy, then the packed weight, then a transposed gradient --- */

static size_t rounded(size_t n) { return (n + 15) / 16 * 16; }

static size_t copy_size(const struct frame *f) { return rounded(f->left || f->right ? (size_t)chunk_rows(f, 1) * f->record : 0); }

static size_t small_pack_size(const struct layer *l) { return direct_packed_size(l->k, l->p); }

static size_t phase_pack_size(const struct layer *l, int y, int x) { return direct_packed_size(taps(l, y) * taps(l, x) * l->p, l->big.c); }

static size_t big_pack_size(const struct layer *l)
{
	size_t n = 0;
	for (int y = 0; y < l->stride; y++)
		for (int x = 0; x < l->stride; x++)
			n += phase_pack_size(l, y, x);
	return n;
}

/* The gradient is summed with the channels of the small side as columns where a line of the kernel has few numbers. */
static int gradient_is_transposed(const struct layer *l) { return l->kernel * l->big.c < 32; }

size_t direct_scratch(const struct layer *l)
{
	struct frame big = big_frame(l), small = small_frame(l);
	size_t to_small = copy_size(&big) + small_pack_size(l) + (gradient_is_transposed(l) ? layer_weights(l) : 0);
	size_t to_big = copy_size(&small) + big_pack_size(l);
	size_t first = direct_to_small_pays(l) ? to_small : 0, second = direct_to_big_pays(l) ? to_big : 0;
	return first > second ? first : second;
}

int direct_to_small_pays(const struct layer *l) { return direct_supported() && l->p >= FEW; }

int direct_to_big_pays(const struct layer *l)
{
	return direct_supported() && l->big.c >= FEW && l->small.w >= 2 * (taps(l, 0) - 1);
}

/* Memory for a packed weight, unless it is there, or beyond the budget: then *panels stays NULL. */
static void panels_alloc(float **panels, size_t size, size_t *budget)
{
	if (*panels || size * sizeof **panels > *budget)
		return;
	*panels = mat_floats(size);
	*budget -= *panels ? size * sizeof **panels : 0;
}

/* --- to_small --- */

static void pack_small(const struct layer *l, float *packed, const float *w) { direct_pack(packed, l->k, l->p, 0, l->k, w, 1, (size_t)l->k); }

void direct_pack_to_small(const struct layer *l, float **panels, const float *w, size_t *budget)
{
	if (!direct_to_small_pays(l))
		return;
	panels_alloc(panels, small_pack_size(l), budget);
	if (*panels)
		pack_small(l, *panels, w);
}

static void small_lines(const struct layer *l, float *small, const struct frame *f, const float *packed, const struct layer_pass *p, size_t at, int rows)
{
	size_t c = (size_t)l->big.c, line = (size_t)l->small.w * (size_t)l->p;
	for (int y = 0; y < l->small.h; y++, at += line) {
		struct cover v = cover(l, y, l->big.h);
		direct_product(&(struct direct_product){
			.records = rows, .width = l->small.w,
			.a = f->v + (v.hi ? (size_t)(v.at + v.lo) * f->line : 0), .a_by = {f->record, (size_t)l->stride * c}, .line = f->line,
			.first = v.lo, .segments = v.hi - v.lo, .length = l->kernel * l->big.c, .b = packed, .all_segments = l->kernel,
			.c = small + at, .c_by = {(size_t)l->small.h * line, (size_t)l->p}, .n = l->p,
			.bias = p->b, .relu = p->relu, .relu_mask = p->relu_mask ? p->relu_mask + at : NULL});
	}
}

/* Positions [lo, hi) of a side for which tap k of the kernel is inside. */
static struct cover reach(const struct layer *l, int k, int small, int big)
{
	int before = l->padding - k, lo = before > 0 ? (before + l->stride - 1) / l->stride : 0;
	int hi = big - 1 + before < 0 ? 0 : min_of((big - 1 + before) / l->stride + 1, small);
	return (struct cover){lo * l->stride - before, lo, max_of(lo, hi)};
}

static void gradient_lines(const struct layer *l, float *dw, const struct frame *f, const float *other, float *transposed, int add, int rows)
{
	int run = l->kernel * l->big.c, turned = gradient_is_transposed(l);
	size_t line = (size_t)l->small.w * (size_t)l->p;
	struct direct_strides small_by = {(size_t)l->small.h * line, (size_t)l->p}, big_by = {f->record, (size_t)(l->stride * l->big.c)};
	for (int k = 0; k < l->kernel; k++) {
		struct cover v = reach(l, k, l->small.h, l->big.h);
		int lines = v.hi - v.lo;
		const float *small = other + (lines ? (size_t)v.lo * line : 0), *big = f->v + (lines ? (size_t)v.at * f->line : 0);
		struct direct_gradient g = {
			.records = rows, .lines = lines, .width = l->small.w, .a = small, .a_by = small_by, .a_line = line,
			.b = big, .b_by = big_by, .b_line = (size_t)l->stride * f->line, .m = l->p, .n = run, .c = dw + k * run, .ldc = (size_t)l->k, .add = add};
		if (turned)
			g = (struct direct_gradient){
				.records = rows, .lines = lines, .width = l->small.w, .a = big, .a_by = big_by, .a_line = g.b_line,
				.b = small, .b_by = small_by, .b_line = line, .m = run, .n = l->p, .c = transposed + k * run * l->p, .ldc = (size_t)l->p, .add = add};
		direct_gradient(&g);
	}
}

static void add_transposed(const struct layer *l, float *dw, const float *transposed, int add)
{
	for (int i = 0; i < l->p; i++)
		for (int j = 0; j < l->k; j++)
			dw[(size_t)i * (size_t)l->k + (size_t)j] = transposed[(size_t)j * (size_t)l->p + (size_t)i] + (add ? dw[(size_t)i * (size_t)l->k + (size_t)j] : 0);
}

void direct_to_small(const struct layer *l, float *small, float *dw, const float *big, const float *other, const struct layer_pass *p)
{
	struct frame f = big_frame(l);
	size_t row = (size_t)l->positions * (size_t)l->p, in = (size_t)(l->big.h * l->big.w) * (size_t)l->big.c;
	float *packed = p->scratch + copy_size(&f), *transposed = packed + small_pack_size(l);
	int turned = gradient_is_transposed(l), step = chunk_rows(&f, p->rows);
	if (small && !p->panels)
		pack_small(l, packed, p->w);
	for (int from = 0; from < p->rows; from += step) {
		int n = min_of(step, p->rows - from);
		set_pictures(&f, p->scratch, big + (size_t)from * in, &l->big, n);
		if (small)
			small_lines(l, small, &f, p->panels ? p->panels : packed, p, (size_t)from * row, n);
		if (dw)
			gradient_lines(l, dw, &f, other + (size_t)from * row, transposed, from > 0 || (p->add && !turned), n);
	}
	if (dw && turned)
		add_transposed(l, dw, transposed, p->add);
}

/* --- to_big --- */

/* The weight for a phase: taps from the last to the first, as the positions that they reach lie in memory. */
static void pack_phase(const struct layer *l, float *packed, const float *w, int fy, int fx)
{
	int ny = taps(l, fy), nx = taps(l, fx);
	for (int y = 0; y < ny; y++)
		for (int x = 0; x < nx; x++) {
			int ky = fy + l->stride * (ny - 1 - y), kx = fx + l->stride * (nx - 1 - x);
			direct_pack(packed, ny * nx * l->p, l->big.c, (y * nx + x) * l->p, l->p, w + (ky * l->kernel + kx) * l->big.c, (size_t)l->k, 1);
		}
}

static void pack_phases(const struct layer *l, float *packed, const float *w)
{
	for (int y = 0; y < l->stride; y++)
		for (int x = 0; x < l->stride; x++) {
			pack_phase(l, packed, w, y, x);
			packed += phase_pack_size(l, y, x);
		}
}

void direct_pack_to_big(const struct layer *l, float **panels, const float *w, size_t *budget)
{
	if (!direct_to_big_pays(l))
		return;
	panels_alloc(panels, big_pack_size(l), budget);
	if (*panels)
		pack_phases(l, *panels, w);
}

/* The pixels of phase fx in line `line` of the big side. at: of that line */
static void phase_line(const struct layer *l, float *big, const struct frame *f, const float *packed, const struct layer_pass *p, size_t at, int line,
                       int fx, int rows)
{
	int fy = (line + l->padding) % l->stride, ny = taps(l, fy), nx = taps(l, fx), first = (line + l->padding) / l->stride - (ny - 1);
	int lo = max_of(0, -first), hi = max_of(lo, min_of(ny, l->small.h - first)); /* segments inside */
	int from = fx < l->padding ? (l->padding - fx + l->stride - 1) / l->stride : 0, to = (l->big.w - 1 + l->padding - fx) / l->stride + 1;
	size_t c = (size_t)l->big.c;
	if (l->big.w - 1 + l->padding < fx || to <= from)
		return;
	if (nx == 0 || lo >= hi)
		lo = hi = 0;
	at += (size_t)(from * l->stride + fx - l->padding) * c;
	direct_product(&(struct direct_product){
		.records = rows, .width = to - from,
		.a = f->v + (lo < hi ? (size_t)(first + lo) * f->line + (size_t)(from - (nx - 1) + f->left) * (size_t)l->p : 0),
		.a_by = {f->record, (size_t)l->p}, .line = f->line,
		.first = lo, .segments = hi - lo, .length = nx * l->p, .b = packed, .all_segments = ny,
		.c = big + at, .c_by = {(size_t)(l->big.h * l->big.w) * c, (size_t)l->stride * c}, .n = l->big.c,
		.bias = p->b, .relu = p->relu, .relu_mask = p->relu_mask ? p->relu_mask + at : NULL});
}

static void big_line(const struct layer *l, float *big, const struct frame *f, const float *panels, const struct layer_pass *p, size_t at, int line, int rows)
{
	int phase = (line + l->padding) % l->stride;
	for (int y = 0; y <= phase; y++)
		for (int x = 0; x < l->stride; x++) {
			if (y == phase)
				phase_line(l, big, f, panels, p, at, line, x, rows);
			panels += phase_pack_size(l, y, x);
		}
}

void direct_to_big(const struct layer *l, float *big, const float *small, const struct layer_pass *p)
{
	struct frame f = small_frame(l);
	size_t line = (size_t)l->big.w * (size_t)l->big.c, in = (size_t)l->positions * (size_t)l->p;
	float *packed = p->scratch + copy_size(&f);
	int step = chunk_rows(&f, p->rows);
	if (!p->panels)
		pack_phases(l, packed, p->w);
	for (int from = 0; from < p->rows; from += step) {
		int n = min_of(step, p->rows - from);
		set_pictures(&f, p->scratch, small + (size_t)from * in, &l->small, n);
		for (int y = 0; y < l->big.h; y++)
			big_line(l, big, &f, p->panels ? p->panels : packed, p, ((size_t)from * (size_t)l->big.h + (size_t)y) * line, y, n);
	}
}

/* Direct convolution: the kernels of gemm/direct.h read a picture where it lies. If the kernel reaches beyond its sides, only what is inside is
 * multiplied, and positions with the same part inside go together. If there are few records, too few would go together, and a copy with zeros
 * on the left and right is read.
 *
 *   to_small   a line of positions at a time: each covers `kernel` lines of the big side, kernel c contiguous numbers in each.
 *   dw         its gradient: for each line of the kernel, the sum over the positions of other^T big.
 *   to_big     the pixels of a big line that lie a stride apart are a line of positions on the small side, which the same taps of the
 *              kernel reach: those of their phase, every stride-th one, in both directions. Together they are stride^2 small
 *              convolutions without a stride, and nothing is added twice. If the kernel covers all of the big side, each of its
 *              pixels is a phase. */
#include <string.h>

#include "gemm/direct.h"
#include "nn/conv.h"

enum {
	FEWEST = 4, MOST = 8, /* records at once: that fill the rows of a microkernel, and whose lines stay in the cache */
	CHUNK = 1 << 16, /* floats of the pictures that a gradient reads at once, which stay in the cache */
};

/* --- positions --- */

/* Position s in [from, to) along a side of n pixels covers `kernel` of them from s step - before on, and writes pixel at + s by. */
struct axis {
	int kernel, step, before, n, from, to, at, by;
};

/* Positions [from, to) for which the columns [lo, hi) of the kernel are inside. */
struct span {
	int from, to, lo, hi;
};

static struct span span_of(const struct axis *a, int s)
{
	int lo = int_max(0, a->before - s * a->step), hi = int_min(a->kernel, a->n + a->before - s * a->step);
	return lo < hi ? (struct span){s, s + 1, lo, hi} : (struct span){s, s + 1, 0, 0};
}

/* From s on, as many as there are. */
static struct span next_span(const struct axis *a, int s)
{
	struct span v = span_of(a, s);
	for (; v.to < a->to; v.to++) {
		struct span w = span_of(a, v.to);
		if (w.lo != v.lo || w.hi != v.hi)
			break;
	}
	return v;
}

/* The positions of the small side. */
static struct axis small_axis(const struct layer *l, int small, int big)
{
	return (struct axis){.kernel = l->kernel, .step = l->stride, .before = l->padding, .n = big, .to = small, .by = 1};
}

/* Taps of a phase: every stride-th line or column of the kernel from `phase` on. */
static int taps(const struct layer *l, int phase) { return phase < l->kernel ? (l->kernel - phase - 1) / l->stride + 1 : 0; }

/* The pixels of a phase of the big side. */
static struct axis phase_axis(const struct layer *l, int phase, int small, int big)
{
	int n = taps(l, phase), first = l->padding - phase, last = big - 1 + first;
	return (struct axis){.kernel = n, .step = 1, .before = n - 1, .n = small, .from = first > 0 ? (first + l->stride - 1) / l->stride : 0,
	                     .to = last < 0 ? 0 : last / l->stride + 1, .at = -first, .by = l->stride};
}

/* --- pictures with zeros on both sides of each line, or as they are --- */

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

static struct frame big_frame(const struct layer *l)
{
	return frame(&l->big, l->padding, int_max(0, (l->small.w - 1) * l->stride - l->padding + l->kernel - l->big.w));
}

static struct frame small_frame(const struct layer *l)
{
	return frame(&l->small, taps(l, 0) - 1, int_max(0, (l->big.w - 1 + l->padding) / l->stride - (l->small.w - 1)));
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

/* --- products --- */

/* Pictures that are read and written, and what is between them. */
struct passage {
	const float *from, *b;
	float *to;
	struct shape in, out;
	const struct layer_pass *p;
	int records;
};

/* Positions x of line y. */
static void multiply_span(const struct passage *v, const struct axis *ay, const struct span *y, const struct axis *ax, const struct span *x)
{
	const struct layer_pass *p = v->p;
	size_t c = (size_t)v->in.c, line = (size_t)v->in.w * c, n = (size_t)v->out.c, out_line = (size_t)v->out.w * n;
	size_t at = (size_t)(ay->at + y->from * ay->by) * out_line + (size_t)(ax->at + x->from * ax->by) * n;
	int some = y->lo < y->hi && x->lo < x->hi, top = y->from * ay->step - ay->before + y->lo, left = x->from * ax->step - ax->before + x->lo;
	direct_product(&(struct direct_product){
		.records = v->records, .width = x->to - x->from,
		.a = v->from + (some ? (size_t)top * line + (size_t)left * c : 0), .a_by = {(size_t)v->in.h * line, (size_t)ax->step * c}, .line = line,
		.segments = some ? y->hi - y->lo : 0, .length = (x->hi - x->lo) * v->in.c,
		.b = v->b, .all_segments = ay->kernel, .all_length = ax->kernel * v->in.c, .first = y->lo, .skip = x->lo * v->in.c,
		.c = v->to + at, .c_by = {(size_t)v->out.h * out_line, (size_t)ax->by * n}, .n = v->out.c,
		.bias = p->b, .relu = p->relu, .relu_mask = p->relu_mask ? p->relu_mask + at : NULL});
}

/* Line s of positions. */
static void multiply_line(const struct passage *v, const struct axis *ay, int s, const struct axis *ax)
{
	struct span y = span_of(ay, s);
	for (struct span x = {.to = ax->from}; x.to < ax->to;) {
		x = next_span(ax, x.to);
		multiply_span(v, ay, &y, ax, &x);
	}
}

static int count_chunks(int records) { return (records + MOST - 1) / MOST; }

/* A chunk of the records. p: its own */
static struct passage records_of(const struct passage *all, struct layer_pass *p, int chunk)
{
	struct passage v = *all;
	int chunks = count_chunks(all->records), first = all->records * chunk / chunks;
	size_t in = (size_t)first * (size_t)shape_size(&v.in), out = (size_t)first * (size_t)shape_size(&v.out);
	*p = *all->p;
	v.from += in, v.to += out, v.records = all->records * (chunk + 1) / chunks - first, v.p = p;
	p->relu_mask += p->relu_mask ? out : 0;
	return v;
}

/* Puts zeros beside the lines of the pictures that are read. */
static void pad(struct passage *v, const struct frame *zeros, float *copy)
{
	struct frame f = *zeros;
	set_pictures(&f, copy, v->from, &v->in, v->records);
	v->from = f.v;
	v->in.w += f.left + f.right;
}

static struct axis padded(const struct axis *a, const struct frame *zeros)
{
	struct axis p = *a;
	p.before -= zeros->left, p.n += zeros->left + zeros->right;
	return p;
}

/* --- the gradient --- */

/* Whether it is summed for a column of the kernel at a time: its channels fill vectors. */
static int gradient_by_column(const struct layer *l) { return l->big.c % 32 == 0; }

static int chunk_rows(const struct frame *f) { return f->record < CHUNK ? (int)(CHUNK / f->record) : 1; }

static struct frame gradient_frame(const struct layer *l) { return gradient_by_column(l) ? frame(&l->big, 0, 0) : big_frame(l); }

/* --- scratch: the padded copy, then the packed weight or a transposed gradient --- */

static size_t rounded(size_t n) { return (n + 15) / 16 * 16; }

static size_t copy_size(const struct frame *f, int rows) { return rounded(f->left || f->right ? (size_t)rows * f->record : 0); }

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

/* The gradient is summed with the channels of the small side as columns if a line of the kernel has few numbers. */
static int gradient_is_transposed(const struct layer *l) { return l->kernel * l->big.c < 32; }

size_t direct_scratch(const struct layer *l)
{
	struct frame big = big_frame(l), small = small_frame(l), read = gradient_frame(l);
	size_t to_small = copy_size(&big, FEWEST) + small_pack_size(l), to_big = copy_size(&small, FEWEST) + big_pack_size(l);
	size_t gradient = copy_size(&read, chunk_rows(&read)) + (gradient_is_transposed(l) ? layer_weights(l) : 0);
	to_small = to_small > gradient ? to_small : gradient;
	size_t first = direct_to_small_pays(l) ? to_small : 0, second = direct_to_big_pays(l) ? to_big : 0;
	return first > second ? first : second;
}

int direct_to_small_pays(const struct layer *l) { return direct_supported() && l->p >= FEW; }

int direct_to_big_pays(const struct layer *l)
{
	return direct_supported() && l->big.c >= FEW && l->small.w >= 2 * (taps(l, 0) - 1);
}

void panels_alloc(float **panels, size_t size, size_t *budget)
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

/* Positions [lo, hi) of a side for which tap k of the kernel is inside. */
static struct cover reach(const struct layer *l, int k, int small, int big)
{
	int before = l->padding - k, lo = before > 0 ? (before + l->stride - 1) / l->stride : 0;
	int hi = big - 1 + before < 0 ? 0 : int_min((big - 1 + before) / l->stride + 1, small);
	return (struct cover){lo * l->stride - before, lo, int_max(lo, hi)};
}

/* Numbers [at, at + n) of line k of the kernel: positions x of line `line` of the small side. */
struct kernel_part {
	int k, at, n;
	struct cover x;
};

static void gradient_part(const struct layer *l, float *dw, const struct frame *f, const float *other, const struct kernel_part *part, float *transposed, int add,
                          int rows)
{
	struct cover y = reach(l, part->k, l->small.h, l->big.h);
	int at = part->k * l->kernel * l->big.c + part->at, lines = y.lo < y.hi && part->x.lo < part->x.hi ? y.hi - y.lo : 0;
	size_t line = (size_t)l->small.w * (size_t)l->p;
	struct direct_strides small_by = {(size_t)l->small.h * line, (size_t)l->p}, big_by = {f->record, (size_t)(l->stride * l->big.c)};
	const float *small = other + (lines ? (size_t)y.lo * line + (size_t)(part->x.lo * l->p) : 0);
	const float *big = f->v + (lines ? (size_t)y.at * f->line + (size_t)(part->x.at * l->big.c) : 0);
	struct direct_gradient g = {
		.records = rows, .lines = lines, .width = part->x.hi - part->x.lo, .a = small, .a_by = small_by, .a_line = line,
		.b = big, .b_by = big_by, .b_line = (size_t)l->stride * f->line, .m = l->p, .n = part->n, .c = dw + at, .ldc = (size_t)l->k, .add = add};
	if (transposed)
		g = (struct direct_gradient){
			.records = rows, .lines = lines, .width = g.width, .a = big, .a_by = big_by, .a_line = g.b_line,
			.b = small, .b_by = small_by, .b_line = line, .m = part->n, .n = l->p, .c = transposed + at * l->p, .ldc = (size_t)l->p, .add = add};
	direct_gradient(&g);
}

static void gradient_lines(const struct layer *l, float *dw, const struct frame *f, const float *other, float *transposed, int add, int rows)
{
	int cut = gradient_by_column(l) && (l->padding || (l->small.w - 1) * l->stride + l->kernel > l->big.w), parts = cut ? l->kernel : 1;
	for (int k = 0; k < l->kernel; k++)
		for (int x = 0; x < parts; x++) {
			struct kernel_part part = {k, x * l->big.c, cut ? l->big.c : l->kernel * l->big.c, {0, 0, l->small.w}};
			if (cut)
				part.x = reach(l, x, l->small.w, l->big.w);
			gradient_part(l, dw, f, other, &part, transposed, add, rows);
		}
}

static void add_transposed(const struct layer *l, float *dw, const float *transposed, int add)
{
	for (int i = 0; i < l->p; i++)
		for (int j = 0; j < l->k; j++)
			dw[(size_t)i * (size_t)l->k + (size_t)j] = transposed[(size_t)j * (size_t)l->p + (size_t)i] + (add ? dw[(size_t)i * (size_t)l->k + (size_t)j] : 0);
}

static void weight_gradient(const struct layer *l, float *dw, const float *big, const float *other, const struct layer_pass *p)
{
	struct frame f = gradient_frame(l);
	int step = chunk_rows(&f);
	size_t row = (size_t)l->positions * (size_t)l->p, in = (size_t)shape_size(&l->big);
	float *transposed = gradient_is_transposed(l) ? p->scratch + copy_size(&f, step) : NULL;
	for (int from = 0; from < p->rows; from += step) {
		int n = int_min(step, p->rows - from);
		set_pictures(&f, p->scratch, big + (size_t)from * in, &l->big, n);
		gradient_lines(l, dw, &f, other + (size_t)from * row, transposed, from > 0 || (p->add && !transposed), n);
	}
	if (transposed)
		add_transposed(l, dw, transposed, p->add);
}

static void small_positions(const struct layer *l, float *small, const float *big, const struct layer_pass *p)
{
	struct axis y = small_axis(l, l->small.h, l->big.h), x = small_axis(l, l->small.w, l->big.w);
	struct frame zeros = big_frame(l);
	float *packed = p->scratch + copy_size(&zeros, FEWEST);
	struct passage all = {.from = big, .b = p->panels ? p->panels : packed, .to = small, .in = l->big, .out = l->small, .p = p, .records = p->rows};
	if (!p->panels)
		pack_small(l, packed, p->w);
	if (p->rows < FEWEST) {
		pad(&all, &zeros, p->scratch);
		x = padded(&x, &zeros);
	}
	for (int i = 0; i < count_chunks(p->rows); i++) {
		struct layer_pass q;
		struct passage some = records_of(&all, &q, i);
		for (int s = 0; s < y.to; s++)
			multiply_line(&some, &y, s, &x);
	}
}

void direct_to_small(const struct layer *l, float *small, float *dw, const float *big, const float *other, const struct layer_pass *p)
{
	if (small)
		small_positions(l, small, big, p);
	if (dw)
		weight_gradient(l, dw, big, other, p);
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

/* The packed weight of a phase. */
static const float *phase_panels(const struct layer *l, const float *panels, int fy, int fx)
{
	for (int y = 0; y <= fy; y++)
		for (int x = 0; x < (y < fy ? l->stride : fx); x++)
			panels += phase_pack_size(l, y, x);
	return panels;
}

/* zeros: of padded pictures, or NULL */
static void big_line(const struct layer *l, struct passage *v, const float *panels, int line, const struct frame *zeros)
{
	int fy = (line + l->padding) % l->stride;
	struct axis y = phase_axis(l, fy, l->small.h, l->big.h);
	for (int fx = 0; fx < l->stride; fx++) {
		struct axis x = phase_axis(l, fx, l->small.w, l->big.w);
		x = zeros ? padded(&x, zeros) : x;
		v->b = phase_panels(l, panels, fy, fx);
		multiply_line(v, &y, (line + l->padding) / l->stride, &x);
	}
}

void direct_to_big(const struct layer *l, float *big, const float *small, const struct layer_pass *p)
{
	struct frame zeros = small_frame(l);
	float *packed = p->scratch + copy_size(&zeros, FEWEST);
	struct passage all = {.from = small, .to = big, .in = l->small, .out = l->big, .p = p, .records = p->rows};
	if (!p->panels)
		pack_phases(l, packed, p->w);
	if (p->rows < FEWEST)
		pad(&all, &zeros, p->scratch);
	for (int i = 0; i < count_chunks(p->rows); i++) {
		struct layer_pass q;
		struct passage some = records_of(&all, &q, i);
		for (int line = 0; line < l->big.h; line++)
			big_line(l, &some, p->panels ? p->panels : packed, line, p->rows < FEWEST ? &zeros : NULL);
	}
}

#include "gemm/mat.h"

#include <cblas.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "gemm/gemm_amx.h"
#include "gemm/gram.h"
#include "base/simd.h"
#include "gemm/gemm_avx512.h"

int mat_thread_init(void)
{
	/* under OpenMP the number of threads belongs to the calling thread, hence once in each */
	openblas_set_num_threads(1);
	return openblas_get_parallel() == OPENBLAS_SEQUENTIAL ? 1 : 256;
}

void mat_flush_denormals(void)
{
#if defined(__SSE2__)
	enum { FLUSH_RESULTS = 1 << 15, FLUSH_OPERANDS = 1 << 6 };
	_mm_setcsr(_mm_getcsr() | FLUSH_RESULTS | FLUSH_OPERANDS);
#elif defined(__aarch64__) && defined(__GNUC__)
	uint64_t mode;
	__asm__ volatile("mrs %0, fpcr" : "=r"(mode));
	__asm__ volatile("msr fpcr, %0" ::"r"(mode | 1 << 24));
#endif
}

double mat_error_bound(int d, enum mat_bits bits)
{
	int pieces = bits == MAT_16 && gemm_amx_takes(INT_MAX, INT_MAX, d);
	return (d + 8) * 0x1p-24 + (pieces ? 3 * 0x1p-16 : 0);
}

/* --- room --- */

struct room {
	_Alignas(64) size_t bytes;
	_Alignas(64) char v[];
};

static pthread_key_t room_key;
static int no_key;
static void make_key(void) { no_key = pthread_key_create(&room_key, free) != 0; }

static _Alignas(64) char spare[SCRATCH_MAX];
static pthread_mutex_t spare_turn = PTHREAD_MUTEX_INITIALIZER;

static struct room *own_room(size_t bytes)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_key);
	struct room *old = no_key ? NULL : pthread_getspecific(room_key);
	if (no_key || (old && old->bytes >= bytes))
		return old;
	struct room *room = (struct room *)mat_floats((sizeof *room + bytes) / sizeof(float) + 1);
	if (!room || pthread_setspecific(room_key, room)) {
		free(room);
		return NULL;
	}
	free(old);
	room->bytes = bytes;
	return room;
}

void *scratch_acquire(size_t bytes)
{
	struct room *own = own_room(bytes);
	if (own)
		return own->v;
	pthread_mutex_lock(&spare_turn);
	return spare;
}

void scratch_release(const void *room)
{
	if (room == spare)
		pthread_mutex_unlock(&spare_turn);
}

/* --- products --- */

static int pieces_of(enum mat_bits bits) { return bits == MAT_16 ? 2 : 3; }

static void gemm_dispatch(const struct gemm_output *c, struct gemm_operand a, struct gemm_operand b, int n, int p, int d, enum mat_bits bits)
{
	int tiles = gemm_amx_takes(n, p, d), pieces = pieces_of(bits);
	const struct mat_packed *packed = b.packed;
	if (packed && (packed->p != p || packed->d != d || (tiles ? packed->pieces != pieces : packed->pieces > 0)))
		b.packed = NULL;
	if (tiles) {
		gemm_amx(&(struct gemm_args){c, a, b, n, p, d, pieces});
		return;
	}
	if (gemm_avx512_takes(n, p, d)) {
		gemm_avx512(&(struct gemm_args){c, a, b, n, p, d, 0});
		return;
	}
	cblas_sgemm(CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasNoTrans : CblasTrans, n, p, d, c->scale, a.v, a.ld, b.v,
		    b.ld, c->add ? 1 : 0, c->v, c->ld);
	for (int i = 0; (c->bias || c->relu || c->relu_mask) && i < n; i++) {
		float *v = c->v + (size_t)i * (size_t)c->ld;
		const float *relu_mask = c->relu_mask ? c->relu_mask + (size_t)i * (size_t)c->ld : NULL;
		for (int j = 0; c->bias && j < p; j++)
			v[j] += c->bias[j];
		for (int j = 0; c->relu && j < p; j++)
			v[j] = v[j] < 0 ? 0 : v[j]; /* keeps NAN */
		for (int j = 0; relu_mask && j < p; j++)
			v[j] = relu_mask[j] > 0 ? v[j] : 0;
	}
}

struct mat_packed *packed_alloc(int p, int d, int pieces, size_t bytes)
{
	struct mat_packed *to = (struct mat_packed *)mat_floats((sizeof *to + bytes + sizeof(float) - 1) / sizeof(float));
	if (to)
		to->p = p, to->d = d, to->pieces = pieces, to->bytes = sizeof *to + bytes;
	return to;
}

struct mat_packed *mat_pack(const float *b, int ldb, int transposed, int n, int p, int d, enum mat_bits bits, int masked, size_t *room)
{
	enum { SIDE = 32, LARGE = 4 << 20 }; /* what sides are filled up to, and blocks of memory at most */
	int tiles = gemm_amx_takes(n, p, d), pieces = pieces_of(bits);
	size_t each = tiles ? (size_t)pieces * 2 : sizeof(float) * (masked ? 2 : 1);
	if ((!tiles && !gemm_avx512_takes(n, p, d)) || ((size_t)p + SIDE) * ((size_t)d + SIDE) * each + LARGE > *room)
		return NULL;
	struct gemm_operand side = {b, ldb, transposed, NULL};
	struct mat_packed *packed = tiles ? gemm_amx_pack(side, p, d, pieces) : gemm_avx512_pack(side, p, d, masked);
	*room -= packed ? packed->bytes : 0;
	return packed;
}

void mat_repack(struct mat_packed *packed, const float *b, int ldb, int transposed)
{
	(packed->pieces > 0 ? gemm_amx_repack : gemm_avx512_repack)(packed, (struct gemm_operand){b, ldb, transposed, NULL});
}

void mat_nt(float *c, int ldc, const float *a, int lda, const float *b, int ldb, int n, int p, int d, int add, enum mat_bits bits)
{
	gemm_dispatch(&(struct gemm_output){c, ldc, add, 1, NULL, 0}, (struct gemm_operand){a, lda, 0, NULL}, (struct gemm_operand){b, ldb, 0, NULL}, n, p, d, bits);
}

void mat_layer(float *y, int ldy, const float *x, const float *w, const struct mat_packed *packed, const float *bias, int n, int p, int d,
	       int relu, enum mat_bits bits)
{
	gemm_dispatch(&(struct gemm_output){y, ldy, 0, 1, bias, relu}, (struct gemm_operand){x, d, 0, NULL}, (struct gemm_operand){w, d, 0, packed}, n, p, d, bits);
}

void mat_nn(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, const float *relu_mask, int n,
	    int p, int d, enum mat_bits bits)
{
	gemm_dispatch(&(struct gemm_output){c, ldc, 0, 1, NULL, 0, relu_mask}, (struct gemm_operand){a, lda, 0, NULL}, (struct gemm_operand){b, ldb, 1, packed}, n, p, d, bits);
}

void mat_tn(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, int n, int p, int d,
	    float scale, int add, enum mat_bits bits)
{
	gemm_dispatch(&(struct gemm_output){c, ldc, add, scale, NULL, 0}, (struct gemm_operand){a, lda, 1, NULL}, (struct gemm_operand){b, ldb, 1, packed}, n, p, d,
		bits);
}

void mat_gram(float *c, const float *a, int n, int d)
{
	if (!gram_wide(c, a, n, d))
		mat_nt(c, n, a, d, a, d, n, n, d, 0, MAT_24);
}

void mat_nt_double(double *c, int ldc, const double *a, int lda, const double *b, int ldb, int n, int p, int d)
{
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, p, d, 1, a, lda, b, ldb, 0, c, ldc);
}

#define LARGE_PAGE ((size_t)2 << 20)

float *mat_floats(size_t n)
{
	/* large blocks in large pages: the table of small ones does not cover the weights and rows of one product */
	size_t bytes = n * sizeof(float) + 64, align = bytes >= 2 * LARGE_PAGE ? LARGE_PAGE : 64; /* never of no bytes */
	bytes = (bytes + align - 1) / align * align;
	float *p = aligned_alloc(align, bytes);
	if (!p)
		return NULL;
#ifdef MADV_HUGEPAGE
	if (align == LARGE_PAGE)
		madvise(p, bytes, MADV_HUGEPAGE); /* may be refused, and then costs only time */
#endif
	memset(p, 0, bytes);
	return p;
}

enum { LANES = 16, RUN = 1024 }; /* floats add up over at most RUN/LANES terms before they go into a double */

INLINE double dot_lines(const float *a, const float *b, int n)
{
	double total = 0;
	for (int from = 0; from < n; from += RUN) {
		int len = n - from < RUN ? n - from : RUN, i = 0;
		float lane[LANES] = {0}, rest = 0;
		for (; i + LANES <= len; i += LANES)
			for (int k = 0; k < LANES; k++)
				lane[k] += a[from + i + k] * b[from + i + k];
		for (; i < len; i++)
			rest += a[from + i] * b[from + i];
		for (int k = 0; k < LANES; k++)
			total += (double)lane[k];
		total += (double)rest;
	}
	return total;
}
SIMD_VARIANTS(double, dot_wide, (const float *a, const float *b, int n), { return dot_lines(a, b, n); })

double dot(const float *a, const float *b, int n) { return SIMD_DISPATCH(dot_wide)(a, b, n); }

double squared_distance(const float *a, const float *b, size_t n)
{
	enum { DISTANCE_LANES = 8 };
	double lane[DISTANCE_LANES] = {0}, total = 0;
	size_t i = 0;
	for (; i + DISTANCE_LANES <= n; i += DISTANCE_LANES)
		for (size_t k = 0; k < DISTANCE_LANES; k++) {
			double t = (double)a[i + k] - (double)b[i + k];
			lane[k] += t * t;
		}
	for (; i < n; i++) {
		double t = (double)a[i] - (double)b[i];
		total += t * t;
	}
	for (size_t k = 0; k < DISTANCE_LANES; k++)
		total += lane[k];
	return total;
}

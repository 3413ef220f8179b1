/* The dispatcher: every product of mat.h becomes one gemm_args, and one of these kernels computes it.
 *
 *   gemm_amx      gemm_amx.c      AMX tiles of bfloat16, two or three pieces for each float
 *   masked_gemm   masked_gemm.h   AVX-512, AVX2 or NEON, behind a ReLU that masks most of the outputs
 *   panels_gemm   panels.h        the same processors, with packed panels, skips the zeros of A
 *   gemm_openblas below           other processors, and short sums over records with fewer than 16 lanes
 *
 * gemm_select() chooses by processor, shape and bits (select.c), and the mask decides about masked_gemm, which has the bits of panels_gemm.
 * The three kernels of this folder apply scale, bias, ReLU and mask while they store C; OpenBLAS needs a second pass. */
#include "gemm/mat.h"

#include <cblas.h>
#include <limits.h>
#include <semaphore.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "gemm/kernels.h"

/* --- threads and memory of OpenBLAS --- */

/* A function of OpenBLAS, which its initialisation calls before main(): the number of threads that the environment asks for. This
 * definition takes its place. Otherwise OpenBLAS starts a thread for each processor, none of which would ever work, with 128 MiB each. */
int openblas_num_threads_env(void);
__attribute__((weak)) int openblas_num_threads_env(void) { return 1; }

/* Functions of OpenBLAS that no header of it declares. Every product takes a buffer and gives it back. A new one is mapped if none
 * is free, and a mapping that fails is tried again without end. */
void *blas_memory_alloc(int) __attribute__((weak));
void blas_memory_free(void *) __attribute__((weak));

static sem_t free_buffers;
static int buffers_limited; /* fewer buffers than threads */

static int fits(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p != MAP_FAILED && munmap(p, bytes) == 0;
}

int mat_reserve(int threads, struct fail *f)
{
	enum { MAX_BUFFERS = 128, BUFFER_BYTES = 129 << 20 }; /* of OpenBLAS, which prints a warning above that number */
	void *buffer[MAX_BUFFERS];
	int n = 0;
	if (!blas_memory_alloc || !blas_memory_free)
		return 0;
	/* The first must fit. With further ones, all leave as much memory again as they take. */
	while (n < threads && n < MAX_BUFFERS && fits(n ? (size_t)(n + 2) * BUFFER_BYTES : BUFFER_BYTES))
		buffer[n++] = blas_memory_alloc(0);
	for (int i = 0; i < n; i++)
		blas_memory_free(buffer[i]);
	if (!n)
		return fail_memory_for(f, "matrix products, which need %d MiB: raise the limit on address space (ulimit -v)", BUFFER_BYTES >> 20);
	buffers_limited = n < threads && sem_init(&free_buffers, 0, (unsigned)n) == 0;
	return 0;
}

void enter_openblas(void)
{
	while (buffers_limited && sem_wait(&free_buffers))
		;
}

void leave_openblas(void)
{
	if (buffers_limited)
		sem_post(&free_buffers);
}

int mat_thread_init(void)
{
	/* OpenBLAS with OpenMP keeps the number of threads per calling thread */
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

double mat_error_bound(int k, enum mat_bits bits)
{
	int two_pieces = bits == MAT_16 && gemm_select(INT_MAX, INT_MAX, k, bits) == GEMM_AMX;
	return (k + 8) * 0x1p-24 + (two_pieces ? 3 * 0x1p-16 : 0);
}

/* --- dispatch --- */

int mat_rows_independent(int n, int k)
{
	return gemm_select(INT_MAX, n, k, MAT_24) == GEMM_BLOCKED; /* then products with fewer rows are, too */
}

static void gemm_openblas(const struct gemm_args *g)
{
	const struct gemm_output *c = g->c;
	enter_openblas();
	cblas_sgemm(CblasRowMajor, g->a.k_rows ? CblasTrans : CblasNoTrans, g->b.k_rows ? CblasNoTrans : CblasTrans, g->m, g->n, g->k,
		    c->scale, g->a.v, g->a.ld, g->b.v, g->b.ld, c->add ? 1 : 0, c->v, c->ld);
	leave_openblas();
	for (int i = 0; (c->bias || c->relu || c->relu_mask) && i < g->m; i++) {
		float *v = c->v + (size_t)i * (size_t)c->ld;
		const float *mask = c->relu_mask ? c->relu_mask + (size_t)i * (size_t)c->ld : NULL;
		for (int j = 0; c->bias && j < g->n; j++)
			v[j] += c->bias[j];
		for (int j = 0; c->relu && j < g->n; j++)
			v[j] = v[j] < 0 ? 0 : v[j]; /* keeps NAN */
		for (int j = 0; mask && j < g->n; j++)
			v[j] = mask[j] > 0 ? v[j] : 0;
	}
}

static int bf16_pieces(enum mat_bits bits) { return bits == MAT_16 ? 2 : 3; }

/* k_rows: A is transposed, and the products are sums over records, such as weight gradients, in which no row of C is a record. With fewer than 16
 * lanes OpenBLAS is faster for these if a side is short. */
static enum gemm_kernel choose_kernel(int k_rows, int m, int n, int k, enum mat_bits bits)
{
	enum gemm_kernel kernel = gemm_select(m, n, k, bits);
	int openblas = kernel == GEMM_BLOCKED && k_rows && blocked_kernels()->lanes < 16 && (m < 8 || n <= 64 || k <= 64);
	return openblas ? GEMM_OPENBLAS : kernel;
}

int mat_tn_packs(int m, int n, int k, enum mat_bits bits) { return choose_kernel(1, m, n, k, bits) != GEMM_OPENBLAS; }

static void gemm_dispatch(const struct gemm_output *c, struct gemm_operand a, struct gemm_operand b, int m, int n, int k,
			  enum mat_bits bits)
{
	enum gemm_kernel kernel = choose_kernel(a.k_rows, m, n, k, bits);
	struct gemm_args g = {c, a, b, m, n, k, kernel == GEMM_AMX ? bf16_pieces(bits) : 0};
	if (b.packed && (b.packed->n != n || b.packed->k != k || b.packed->pieces != g.pieces))
		g.b.packed = NULL;
	if (kernel == GEMM_AMX)
		gemm_amx(&g);
	else if (kernel == GEMM_OPENBLAS)
		gemm_openblas(&g);
	else if (blocked_kernels()->masked_gemm_pays(&g))
		blocked_kernels()->masked_gemm(&g);
	else
		blocked_kernels()->gemm(&g);
}

struct mat_packed *mat_pack(const float *b, int ldb, int k_rows, int m, int n, int k, enum mat_bits bits, int masked, size_t *budget)
{
	enum { PADDING = 32, LARGE_PAGES = 4 << 20 }; /* upper bounds of what a kernel pads to and of what mat_floats() rounds up by */
	enum gemm_kernel kernel = gemm_select(m, n, k, bits);
	int pieces = bf16_pieces(bits);
	size_t each = kernel == GEMM_AMX ? (size_t)pieces * 2 : sizeof(float) * (masked ? 2 : 1);
	if (kernel == GEMM_OPENBLAS || ((size_t)n + PADDING) * ((size_t)k + PADDING) * each + LARGE_PAGES > *budget)
		return NULL;
	struct gemm_operand operand = {b, ldb, k_rows, NULL};
	struct mat_packed *packed = kernel == GEMM_AMX ? gemm_amx_pack(operand, n, k, pieces) : blocked_kernels()->pack(operand, n, k, masked);
	*budget -= packed ? packed->bytes : 0;
	return packed;
}

void mat_repack(struct mat_packed *packed, const float *b, int ldb)
{
	(packed->pieces ? gemm_amx_repack : blocked_kernels()->repack)(packed, (struct gemm_operand){b, ldb, 1, NULL});
}

/* --- products --- */

void mat_nt(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, int m, int n, int k,
	    enum mat_bits bits)
{
	gemm_dispatch(&(struct gemm_output){.v = c, .ld = ldc, .scale = 1}, (struct gemm_operand){a, lda, 0, NULL},
		      (struct gemm_operand){b, ldb, 0, packed}, m, n, k, bits);
}

void mat_layer(float *y, int ldy, const float *x, const float *w, const struct mat_packed *packed, const float *bias, int m, int n, int k,
	       int relu, enum mat_bits bits)
{
	gemm_dispatch(&(struct gemm_output){.v = y, .ld = ldy, .scale = 1, .bias = bias, .relu = relu},
		      (struct gemm_operand){x, k, 0, NULL}, (struct gemm_operand){w, k, 0, packed}, m, n, k, bits);
}

void mat_nn(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, const float *relu_mask,
	    int m, int n, int k, enum mat_bits bits)
{
	gemm_dispatch(&(struct gemm_output){.v = c, .ld = ldc, .scale = 1, .relu_mask = relu_mask}, (struct gemm_operand){a, lda, 0, NULL},
		      (struct gemm_operand){b, ldb, 1, packed}, m, n, k, bits);
}

void mat_tn(float *c, int ldc, const float *a, int lda, const float *b, int ldb, const struct mat_packed *packed, int m, int n, int k,
	    float scale, int add, enum mat_bits bits)
{
	gemm_dispatch(&(struct gemm_output){.v = c, .ld = ldc, .add = add, .scale = scale}, (struct gemm_operand){a, lda, 1, NULL},
		      (struct gemm_operand){b, ldb, 1, packed}, m, n, k, bits);
}

void mat_gram(float *c, const float *a, int lda, int m, int k)
{
	if (!gram_avx512(c, a, lda, m, k))
		mat_nt(c, m, a, lda, a, lda, NULL, m, m, k, MAT_24);
}

size_t mat_weighted_scratch(int np, int rows)
{
	enum { PADDING = 16 }; /* at least MR */
	return ((size_t)np + PADDING) * (size_t)rows;
}

int mat_weighted_sums(double *sum, const struct weighted_factors *f, const float *weight, int ld, int from, int to, float *scratch)
{
	const struct blocked_kernels *blocked = blocked_kernels();
	return blocked ? blocked->weighted_sums(sum, f, weight, ld, from, to, scratch) : 0;
}

/* Whether the kernel is faster. A part of a vector is one instruction with 16 lanes, and one for each lane with fewer. */
static int transpose_pays(const struct blocked_kernels *blocked, int rows, int columns)
{
	if (blocked && blocked->lanes == 16)
		return rows > 3 && columns > 3;
	return blocked && rows % blocked->lanes == 0 && columns % blocked->lanes == 0;
}

void mat_transpose(float *to, const float *from, int rows, int columns)
{
	const struct blocked_kernels *blocked = blocked_kernels();
	if (transpose_pays(blocked, rows, columns)) {
		blocked->transpose(to, from, rows, columns);
		return;
	}
	if (rows == 1 || columns == 1) {
		memcpy(to, from, (size_t)rows * (size_t)columns * sizeof *to);
		return;
	}
	for (int c = 0; c < columns; c++)
		for (int r = 0; r < rows; r++)
			*to++ = from[(size_t)r * (size_t)columns + (size_t)c];
}

void mat_nt_double(double *c, int ldc, const double *a, int lda, const double *b, int ldb, int m, int n, int k)
{
	enter_openblas();
	cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, n, k, 1, a, lda, b, ldb, 0, c, ldc);
	leave_openblas();
}

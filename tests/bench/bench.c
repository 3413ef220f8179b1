/* bench: helpers of tests/bench/run that a shell cannot provide.
 *   bench idx N             N pictures of 28x28 as IDX to stdout: strokes, so that PNG has its usual work
 *   bench jpeg N DIR        N pictures of 32x32 in colour as JPEG files of about 900 bytes
 *   bench large N DIR       N pictures of 256x256 in colour as JPEG files of about 12 kB
 *   bench webp N DIR        the first ones as WebP
 *   bench decode DIR [SIDE] CPU seconds for decoding the JPEG files of a directory, and nothing else; SIDE: and for resizing them as a model of
 *                           SIDE x SIDE in colour reads them
 *   bench gemms CONFIG      the share of the peak of one thread that the convolutions of vae-selfinf reach alone, forward and
 *                           backward, of 0.92 GFLOP a record
 *   bench naive CONFIG      CPU seconds a record for its influence over 128 test records when all gradients are
 *                           written out: writing them, and one product a batch of 64
 *   bench agree A.npy B.npy two matrices of vae-testinf: mean Spearman correlation over the tests, and mean share of A's
 *                           ten highest that are among B's
 *   bench columns DIR N FILES [equal]
 *                           files of columns, DIR/0000.col and so on, of N records with two fields; equal: all values are 1
 *   bench peak THREADS      GFLOP/s of large sgemm, one BLAS thread in each of THREADS
 *   bench kernel            the kernels that OpenBLAS chose, such as SkylakeX
 *   bench tiles [SECONDS]   where the time of large products on AMX tiles goes: rows of the table (bench_tiles.h, AMX.md), each from 7 rounds of
 *                           SECONDS (0.02) of CPU time
 *   bench time CMD ARG...   runs it; wall seconds, peak memory in kB and CPU seconds to stderr's fd 3 */
#include <cblas.h>
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h> /* before jpeglib.h, which requires FILE */
#include <jpeglib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <webp/encode.h>

#include "rank/columns.h"
#include "tool/cli.h"
#include "nn/linear.h"
#include "eval/correlate.h"
#include "base/buf.h"
#include "input/decode.h"
#include "input/jpeg.h"
#include "input/npy.h"
#include "gemm/mat.h"
#include "model/checkpoints.h"
#include "influence/draw_grams.h"
#include "rank/ranking.h"
#include "base/clock.h"
#include "base/rng.h"
#include "bench_tiles.h"

enum { SIDE = 28, N = 1024, REPS = 24 };

static int idx(uint32_t n)
{
	unsigned char head[16] = {0, 0, 8, 3, (unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n,
	                          0, 0, 0, SIDE, 0, 0, 0, SIDE};
	fwrite(head, 1, sizeof head, stdout);
	for (uint32_t i = 0; i < n; i++) {
		float p[16];
		unsigned char pixel[SIDE * SIDE] = {0};
		rng_normal(p, 16, 1, ROLE_INIT, 7, i, 0);
		for (int t = 0; t < 200; t++) { /* a closed curve of a few harmonics */
			double a = t * 2 * M_PI / 200, x = 13.5, y = 13.5;
			for (int k = 0; k < 4; k++) {
				x += 4.0 / (k + 1) * (double)p[k] * cos((k + 1) * a + (double)p[4 + k]);
				y += 4.0 / (k + 1) * (double)p[8 + k] * sin((k + 1) * a + (double)p[12 + k]);
			}
			for (int dy = -1; dy <= 1; dy++)
				for (int dx = -1; dx <= 1; dx++) {
					int c = (int)x + dx, r = (int)y + dy, v = 255 - 90 * (abs(dx) + abs(dy));
					if (c >= 0 && c < SIDE && r >= 0 && r < SIDE && pixel[r * SIDE + c] < v)
						pixel[r * SIDE + c] = (unsigned char)v;
				}
		}
		fwrite(pixel, 1, sizeof pixel, stdout);
	}
	return fflush(stdout) ? 1 : 0;
}

/* Waves of colour and some grain, at quality 75. */
enum { COLOUR_SIDE = 32, LARGE_SIDE = 256 };

static int write_jpeg(FILE *f, unsigned char *rgb, int side)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr e;
	c.err = jpeg_std_error(&e);
	jpeg_create_compress(&c);
	jpeg_stdio_dest(&c, f);
	c.image_width = c.image_height = (JDIMENSION)side;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, 75, TRUE);
	jpeg_start_compress(&c, TRUE);
	for (int y = 0; y < side; y++) {
		unsigned char *line = rgb + 3 * side * y;
		jpeg_write_scanlines(&c, &line, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	return 0;
}

static int write_webp(FILE *f, unsigned char *rgb, int side)
{
	uint8_t *out = NULL;
	size_t n = WebPEncodeRGB(rgb, side, side, 3 * side, 75, &out);
	int bad = !n || fwrite(out, 1, n, f) != n;
	WebPFree(out);
	return bad;
}

static int photos(uint32_t n, const char *dir, const char *ext, int side, int (*write)(FILE *f, unsigned char *rgb, int side))
{
	int line = 3 * side;
	float strength = side > COLOUR_SIDE ? 5 : 12;
	for (uint32_t i = 0; i < n; i++) {
		static unsigned char rgb[3 * LARGE_SIDE * LARGE_SIDE];
		static float grain[3 * LARGE_SIDE];
		char path[4096];
		float p[12];
		rng_normal(p, 12, 1, ROLE_INIT, 8, i, 0);
		snprintf(path, sizeof path, "%s/%07u.%s", dir, i, ext);
		FILE *f = fopen(path, "wb");
		if (!f)
			return 1;
		for (int y = 0; y < side; y++) {
			rng_normal(grain, (size_t)line, 1, ROLE_INIT, 9, i, (uint32_t)y);
			for (int k = 0; k < line; k++) {
				float x = (float)(k / 3), v = 128 + 60 * sinf(p[k % 3] + p[3 + k % 3] * 0.2f * x + p[6 + k % 3] * 0.2f * (float)y) + strength * grain[k];
				rgb[line * y + k] = (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v);
			}
		}
		int bad = write(f, rgb, side);
		if (fclose(f) || bad)
			return 1;
	}
	return 0;
}

static int decode_one(const struct buf *b, int side, uint8_t *pixels, struct fail *f)
{
	struct picture p = {0};
	int r = side ? input_decode(b->p, b->len, &(struct input_form){3, side, side, 0}, pixels, NULL, f) : jpeg_decode(b->p, b->len, &p, f);
	picture_free(&p);
	return r;
}

/* side 0: decodes only */
static int decode(const char *dir, int side)
{
	DIR *d = opendir(dir);
	double seconds = 0;
	uint8_t *pixels = calloc(3 * (size_t)side + 1, (size_t)side + 1);
	for (struct dirent *e; d && (e = readdir(d));) {
		struct buf b = {0};
		struct fail f = {{0}};
		char path[4096];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		clock_t from = 0;
		int bad = !pixels || buf_read_file(&b, path, (size_t)1 << 30, &f) || (from = clock(), decode_one(&b, side, pixels, &f));
		seconds += (double)(clock() - from) / CLOCKS_PER_SEC;
		buf_free(&b);
		if (bad)
			return 1;
	}
	free(pixels);
	printf("%.4f\n", seconds);
	return !d || closedir(d);
}

/* The product that defines the peak: OpenBLAS's sgemm, whatever kernels the library uses. */
static void sgemm(float *m) { cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, N, N, N, 1, m + N * N, N, m + 2 * N * N, N, 0, m, N); }

/* Nonzero, since the sparse kernels skip zeros. */
static float *fill(float *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++)
		v[i] = (float)(i % 7) - 2.5f;
	return v;
}

static double cpu_seconds(void) { return (double)clock() / CLOCKS_PER_SEC; }

enum { NT, SGEMM };

/* CPU seconds of one product: the best of a few rounds over warm buffers. */
static double product(int how, int n, int p, int d)
{
	static float *m;
	double best = 1e9;
	m = m ? m : fill(calloc(3 << 22, sizeof *m), 3 << 22);
	for (int round = 0; m && round < 15; round++) {
		enum { TIMES = 6 };
		double from = cpu_seconds();
		for (int i = 0; i < TIMES; i++) {
			float *c = m, *a = m + (1 << 22), *b = m + (2 << 22);
			if (how == SGEMM)
				sgemm(m);
			else
				mat_nt(c, p, a, d, b, d, NULL, n, p, d, MAT_24);
		}
		double s = (cpu_seconds() - from) / TIMES;
		best = s < best ? s : best;
	}
	return best;
}

/* CPU seconds of a forward and a backward pass of one convolution over n rows, with the gradient by the weight when dw. */
static double pass_seconds(struct layer *l, int n, int dw)
{
	size_t in = (size_t)n * (size_t)l->in, out = (size_t)n * (size_t)l->out, weights = layer_weights(l), budget = SIZE_MAX;
	float *x = fill(mat_floats(in), in), *y = fill(mat_floats(out), out), *w = fill(mat_floats(weights), weights), *to = mat_floats(in + out + weights);
	float *scratch = mat_floats(l->scratch);
	double best = 1e9;
	layer_pack(l, w, 1, &budget);
	const struct layer_pass forward = {.rows = n, .w = w, .panels = l->forward_panels, .scratch = scratch};
	const struct layer_pass backward = {.rows = n, .w = w, .panels = l->backward_panels, .scratch = scratch};
	for (int round = 0; x && y && w && to && scratch && round < 30; round++) {
		double from = cpu_seconds(), s;
		l->type->forward(l, to, x, &forward);
		l->type->backward(l, to + out, dw ? to + out + in : NULL, y, x, &backward);
		s = cpu_seconds() - from;
		best = s < best ? s : best;
	}
	free(x), free(y), free(w), free(to), free(scratch);
	return best;
}

/* Of one convolution over this many rows at once, for one record; the gradient by Gram matrices where that is cheaper. */
static double layer_seconds(struct layer *l, int at_once, int rows)
{
	int t = l->positions, dw = gradient_is_explicit(l, rows);
	double s = pass_seconds(l, at_once, dw) * rows / at_once;
	return dw ? s : s + product(NT, rows * t, rows * t, l->k) + product(NT, rows * t, rows * t, l->p);
}

static int gemms(const char *config)
{
	struct config c;
	struct model m;
	struct fail f = {{0}};
	config_defaults(&c);
	mat_thread_init();
	if (config_load(&c, config, &f) || config_check(&c, &f) || model_build(&m, &c, &f)) {
		fprintf(stderr, "bench: %s\n", f.msg);
		return 1;
	}
	double s = 0, best = product(SGEMM, N, N, N);
	for (int i = 0; i < m.enc.n; i++)
		if (layer_has_weights(&m.enc.l[i]) && m.enc.l[i].type->unroll)
			s += layer_seconds(&m.enc.l[i], 16, 1);
	for (int i = 0; i < m.dec.n; i++)
		if (layer_has_weights(&m.dec.l[i]) && m.dec.l[i].type->unroll)
			s += layer_seconds(&m.dec.l[i], m.dec.l[i].positions < 16 ? 256 : 4, c.score.draws);
	printf("%.3f\n", 0.92e9 / s / (2.0 * N * N * N / best));
	model_free(&m);
	return 0;
}

/* Mean gradients of 16 draws, layer by layer as large as its weight, of a batch; and the product with as many tests, a half
 * of 128. */
static int naive(const char *config)
{
	enum { BATCH = 64, DRAWS = 16, CHUNK = 8192 };
	static float c[BATCH * BATCH];
	struct config cfg;
	struct model m;
	struct fail f = {{0}};
	config_defaults(&cfg);
	mat_thread_init();
	if (config_load(&cfg, config, &f) || config_check(&cfg, &f) || model_build(&m, &cfg, &f)) {
		fprintf(stderr, "bench: %s\n", f.msg);
		return 1;
	}
	float *x = fill(mat_floats((size_t)DRAWS << 12), (size_t)DRAWS << 12), *g = mat_floats(BATCH * m.nparams), *t = mat_floats(BATCH * m.nparams), db[1 << 12];
	double best = 1e9;
	for (int round = 0; x && g && t && round < 3; round++) {
		clock_t from = clock();
		for (size_t r = 0; r < BATCH; r++)
			for (int i = 0; i < m.enc.n + m.dec.n; i++) {
				const struct layer *l = i < m.enc.n ? &m.enc.l[i] : &m.dec.l[i - m.enc.n];
				if (l->type->dense)
					linear_gradient(g + r * m.nparams + l->weight, db, x, x, NULL, i < m.enc.n ? 1 : DRAWS, l->in, l->out, 0, l->out, 1, 0);
			}
		clock_t write = clock() - from;
		from = clock();
		for (size_t at = 0; at < m.nparams; at += CHUNK)
			mat_nt(c, BATCH, g + at, (int)m.nparams, t + at, (int)m.nparams, NULL, BATCH, BATCH,
			       m.nparams - at < CHUNK ? (int)(m.nparams - at) : CHUNK, MAT_16);
		double s = (double)(write + 2 * (clock() - from)) / CLOCKS_PER_SEC / BATCH;
		best = s < best ? s : best;
	}
	printf("%.6f\n", best);
	return 0;
}

static float *read_matrix(const char *path, size_t *rows, size_t *columns)
{
	struct buf *b = calloc(1, sizeof *b);
	struct npy n;
	struct fail f = {{0}};
	if (buf_read_file(b, path, (size_t)1 << 30, &f) || npy_parse(b->p, b->len, &n, &f) || n.type != NPY_F4 || n.ndim != 2) {
		fprintf(stderr, "bench: %s: %s\n", path, f.msg);
		exit(1);
	}
	*rows = n.shape[0];
	*columns = n.shape[1];
	return memcpy(malloc(n.count * sizeof(float)), n.values, n.count * sizeof(float));
}

/* A column of a matrix and the rows of its ten highest values. */
static void take_column(const float *v, size_t rows, size_t columns, size_t q, double *x, char *top)
{
	struct ranking r = {.v = NULL};
	struct fail f = {{0}};
	memset(top, 0, rows);
	for (size_t i = 0; i < rows; i++) {
		x[i] = (double)v[i * columns + q];
		if (ranking_add(&r, x[i], &f))
			exit(1);
	}
	ranking_sort(&r);
	for (size_t k = 0; k < 10 && k < r.scored; k++)
		top[r.v[k].index] = 1;
	ranking_free(&r);
}

/* Means over the columns: rank correlation over the rows that both have, and the share of the ten highest rows in common. */
static int agree(const char *first, const char *second)
{
	size_t rows, columns, n, m;
	float *a = read_matrix(first, &rows, &columns), *b = read_matrix(second, &n, &m);
	double *x = calloc(rows, sizeof *x), *y = calloc(rows, sizeof *y), spearman = 0, overlap = 0;
	char *tx = calloc(rows, 1), *ty = calloc(rows, 1);
	struct correlation c;
	struct fail f = {{0}};
	if (n != rows || m != columns || rows < 10 || !x || !y || !tx || !ty)
		return 1;
	for (size_t q = 0; q < columns; q++) {
		take_column(a, rows, columns, q, x, tx);
		take_column(b, rows, columns, q, y, ty);
		for (size_t i = 0; i < rows; i++)
			overlap += tx[i] && ty[i] ? 0.1 : 0;
		if (correlate(x, y, rows, &c, &f))
			return 1;
		spearman += c.spearman;
	}
	printf("%.3f %.2f\n", spearman / (double)columns, overlap / (double)columns);
	return 0;
}

static void *multiply(void *arg)
{
	float *m = arg;
	mat_thread_init();
	for (int i = 0; i < REPS; i++)
		sgemm(m);
	return NULL;
}

static int peak(int threads)
{
	pthread_t t[64];
	double best = 0;
	float *m = calloc((size_t)threads * 3 * N * N, sizeof *m);
	if (!m || threads < 1 || threads > 64)
		return 1;
	for (int round = 0; round < 3; round++) {
		double from = seconds_now();
		for (int i = 0; i < threads; i++)
			pthread_create(&t[i], NULL, multiply, m + (size_t)i * 3 * N * N);
		for (int i = 0; i < threads; i++)
			pthread_join(t[i], NULL);
		double rate = threads * (double)REPS * 2 * N * N * N / (seconds_now() - from) / 1e9;
		best = rate > best ? rate : best;
	}
	free(m);
	printf("%.1f\n", best);
	return 0;
}

static int timed(char **argv)
{
	double from = seconds_now();
	struct rusage u;
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) < 0)
		return 1;
	double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
	dprintf(3, "%.4f %ld %.4f\n", seconds_now() - from, u.ru_maxrss, cpu);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Files of columns of `records` records in `files` shards, with the fields a and b; equal: all values are 1. */
static int columns(const char *dir, size_t records, size_t files, int equal)
{
	size_t most = records / files + 1;
	struct criterion c = {.list = (char[]){"a,b"}, .field = {(char[]){"a"}, (char[]){"b"}}, .joint = {.p = 2}, .x = malloc(2 * most * sizeof *c.x)};
	struct ranking r = {.v = calloc(most, sizeof *r.v)};
	struct buf keys = {0};
	struct fail f = {{0}};
	uint64_t state = 1;
	int bad = !c.x || !r.v;
	for (size_t file = 0; file < files && !bad; file++) {
		size_t from = records * file / files;
		char path[600];
		snprintf(path, sizeof path, "%s/%04zu.col", dir, file);
		r.n = records * (file + 1) / files - from;
		keys.len = 0;
		for (size_t i = 0; i < r.n && !bad; i++) {
			for (int k = 0; k < 2; k++) {
				state = state * 6364136223846793005u + 1442695040888963407u;
				c.x[2 * i + (size_t)k] = equal ? 1 : -log(((double)(state >> 11) + 0.5) * 0x1p-53);
			}
			bad = buf_addf(&keys, &f, "%09zu\n", from + i);
		}
		bad = bad || columns_write(path, &c, &r, &keys, "bench", &f);
	}
	if (f.msg[0])
		fprintf(stderr, "bench: %s\n", f.msg);
	free(c.x);
	free(r.v);
	buf_free(&keys);
	return bad;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "idx") == 0)
		return idx((uint32_t)atol(argv[2]));
	if (argc == 4 && strcmp(argv[1], "jpeg") == 0)
		return photos((uint32_t)atol(argv[2]), argv[3], "jpg", COLOUR_SIDE, write_jpeg);
	if (argc == 4 && strcmp(argv[1], "large") == 0)
		return photos((uint32_t)atol(argv[2]), argv[3], "jpg", LARGE_SIDE, write_jpeg);
	if ((argc == 3 || argc == 4) && strcmp(argv[1], "decode") == 0)
		return decode(argv[2], argc == 4 ? atoi(argv[3]) : 0);
	if (argc == 4 && strcmp(argv[1], "webp") == 0)
		return photos((uint32_t)atol(argv[2]), argv[3], "webp", COLOUR_SIDE, write_webp);
	if (argc == 3 && strcmp(argv[1], "gemms") == 0)
		return gemms(argv[2]);
	if (argc == 3 && strcmp(argv[1], "naive") == 0)
		return naive(argv[2]);
	if (argc == 4 && strcmp(argv[1], "agree") == 0)
		return agree(argv[2], argv[3]);
	if ((argc == 5 || argc == 6) && strcmp(argv[1], "columns") == 0)
		return columns(argv[2], (size_t)atol(argv[3]), (size_t)atol(argv[4]), argc == 6);
	if (argc == 3 && strcmp(argv[1], "peak") == 0)
		return peak(atoi(argv[2]));
	if (argc == 2 && strcmp(argv[1], "kernel") == 0)
		return puts(openblas_get_corename()) < 0;
	if ((argc == 2 || argc == 3) && strcmp(argv[1], "tiles") == 0)
		return bench_tiles(argc == 3 ? atof(argv[2]) : 0.02);
	if (argc > 2 && strcmp(argv[1], "time") == 0)
		return timed(argv + 2);
	return 2;
}

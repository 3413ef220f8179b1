/* bench: what tests/bench/run needs and a shell has not.
 *   bench idx N             N pictures of 28x28 as IDX to stdout: strokes, so that PNG has its usual work
 *   bench peak THREADS      GFLOP/s of large sgemm, one BLAS thread in each of THREADS
 *   bench time CMD ARG...   runs it; wall seconds and peak memory in kB to stderr's fd 3 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "mat.h"
#include "rng.h"

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

static void *multiply(void *arg)
{
	float *m = arg;
	mat_begin();
	for (int i = 0; i < REPS; i++)
		mat_nt(m, N, m + N * N, N, m + 2 * N * N, N, N, N, N, 0);
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
	dprintf(3, "%.4f %ld\n", seconds_now() - from, u.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "idx") == 0)
		return idx((uint32_t)atol(argv[2]));
	if (argc == 3 && strcmp(argv[1], "peak") == 0)
		return peak(atoi(argv[2]));
	if (argc > 2 && strcmp(argv[1], "time") == 0)
		return timed(argv + 2);
	return 2;
}

#include "memo/numbers.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/atomic.h"

enum { BLOCK = 1 << 20 }; /* bytes that are read at once to verify a file */
#define FORMAT "vae-memo 1"

int numbers_columns(int logp, int checkpoints, int out) { return logp ? 2 * checkpoints + (out ? NUMBERS_OUT : 0) : 1; }

/* The header up to the checksum. */
static int describe(const struct numbers *n, char text[NUMBERS_HEADER])
{
	return snprintf(text, NUMBERS_HEADER, FORMAT " %s %d %zu %d ", n->plan, n->model, n->rows, n->columns);
}

static void finish(char header[NUMBERS_HEADER], int used, uint64_t sum)
{
	used += snprintf(header + used, (size_t)(NUMBERS_HEADER - used), "%016" PRIx64, sum);
	memset(header + used, ' ', (size_t)(NUMBERS_HEADER - 1 - used));
	header[NUMBERS_HEADER - 1] = '\n';
}

int numbers_write(const char *path, const struct numbers *n, const double *values, struct fail *f)
{
	char header[NUMBERS_HEADER];
	int used = describe(n, header);
	size_t bytes = n->rows * (size_t)n->columns * sizeof *values;
	finish(header, used, XXH3_64bits_withSeed(values, bytes, XXH3_64bits(header, (size_t)used)));
	struct atomic_file a;
	if (atomic_open(&a, path, f))
		return -1;
	if (write_all(a.fd, header, sizeof header, f) || write_all(a.fd, values, bytes, f)) {
		atomic_abort(&a);
		return fail_add(f, "%s", path);
	}
	return atomic_commit(&a, f);
}

/* The next whole number of the header, behind one space. */
static unsigned long long next_number(const char **at, int base)
{
	char *end;
	unsigned long long v = strtoull(*at, &end, base);
	*at = end + (*end == ' ');
	return v;
}

/* Checks that the header is one that numbers_write() would write. Returns the length of what the checksum covers. */
static int parse(struct numbers *n, const char header[NUMBERS_HEADER + 1], uint64_t *sum, struct fail *f)
{
	char again[NUMBERS_HEADER];
	const char *at = header + sizeof FORMAT;
	if (strncmp(header, FORMAT " ", sizeof FORMAT) == 0) {
		memcpy(n->plan, at, sizeof n->plan - 1);
		at += sizeof n->plan;
		unsigned long long model = next_number(&at, 10), rows = next_number(&at, 10), columns = next_number(&at, 10);
		*sum = next_number(&at, 16);
		if (model <= INT_MAX && columns >= 1 && columns <= 1 << 20 && rows <= SIZE_MAX / 16 / columns) {
			n->model = (int)model;
			n->rows = (size_t)rows;
			n->columns = (int)columns;
			int used = describe(n, again);
			finish(again, used, *sum);
			if (memcmp(header, again, NUMBERS_HEADER) == 0)
				return used;
		}
	}
	return fail_set(f, "not a file of numbers of vae-memo, or damaged: remove it, and run vae-memo again");
}

static int verify(const struct numbers *n, int at, const char *header, uint64_t sum, struct fail *f)
{
	struct stat st;
	size_t bytes = n->rows * (size_t)n->columns * sizeof(double);
	if (fstat(n->fd, &st))
		return fail_errno(f, "cannot read");
	if ((uint64_t)st.st_size != bytes + NUMBERS_HEADER)
		return fail_set(f, "%lld bytes, expected %zu: remove it, and run vae-memo again", (long long)st.st_size, bytes + NUMBERS_HEADER);
	XXH3_state_t *state = XXH3_createState();
	void *block = malloc(BLOCK);
	int r = state && block && !XXH3_64bits_reset_withSeed(state, XXH3_64bits(header, (size_t)at)) ? 0 : fail_memory(f);
	for (size_t done = 0; done < bytes && !r;) {
		ssize_t got = read_at(n->fd, block, bytes - done < BLOCK ? bytes - done : BLOCK, (off_t)(NUMBERS_HEADER + done));
		if (got <= 0)
			r = got < 0 ? fail_errno(f, "cannot read") : fail_set(f, "the file became shorter: run vae-memo again");
		else
			XXH3_64bits_update(state, block, (size_t)got);
		done += got > 0 ? (size_t)got : 0;
	}
	if (!r && XXH3_64bits_digest(state) != sum)
		r = fail_set(f, "the checksum does not match: the file is damaged; remove it, and run vae-memo again");
	XXH3_freeState(state);
	free(block);
	return r;
}

int numbers_open(struct numbers *n, const char *path, struct fail *f)
{
	char header[NUMBERS_HEADER + 1] = "";
	uint64_t sum = 0;
	struct stat st;
	*n = (struct numbers){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)}; /* a FIFO would wait for its writer */
	if (n->fd < 0)
		return errno == ENOENT ? 0 : fail_errno(f, "%s", path);
	if (fstat(n->fd, &st) || !S_ISREG(st.st_mode)) {
		numbers_close(n);
		return fail_set(f, "%s: not a regular file; remove it, and run vae-memo again", path);
	}
	ssize_t got = read_at(n->fd, header, NUMBERS_HEADER, 0);
	int at = got < 0 ? fail_errno(f, "cannot read") : parse(n, header, &sum, f);
	if (at < 0 || verify(n, at, header, sum, f)) {
		numbers_close(n);
		return fail_add(f, "%s", path);
	}
	return 1;
}

int numbers_read(const struct numbers *n, size_t first, size_t count, double *out, struct fail *f)
{
	size_t row = (size_t)n->columns * sizeof *out;
	ssize_t got = read_at(n->fd, out, count * row, (off_t)(NUMBERS_HEADER + first * row));
	return got < 0 ? fail_errno(f, "cannot read a file of numbers") : (size_t)got == count * row ? 0 : fail_set(f, "a file of numbers became shorter: run vae-memo again");
}

void numbers_close(struct numbers *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

/* A library to preload that makes one call fail, or all calls from one on (fault.h).
 *
 *   LD_PRELOAD=fault-shim.so VF_FAULT=FILE               which call, in a file that fault-loop makes
 *   LD_PRELOAD=fault-shim.so VF_FAULT_AT=alloc:once:123  call 123 of a kind; VF_FAULT_TRACE=1 prints where it comes from;
 *                                                        with VF_FAULT_KILL=1 it does not fail: SIGKILL ends the process before it;
 *                                                        with VF_FAULT_KILL=FILE, it ends the process whose PID is in FILE, and only
 *                                                        calls of the program itself count, not those of its libraries;
 *                                                        with VF_FAULT_STOP=1 SIGSTOP stops the process, which goes on after SIGCONT
 *
 * Counting begins just before main(), after the constructors of the libraries. The shim replaces functions that the tool and
 * its libraries call; it does not see calls inside libc. Therefore stdout, and the streams that fopen() returns, are made here
 * as streams over read() and write().
 *
 * Some calls never fail, because the library that makes them cannot cope: those of OpenBLAS, which returns no errors and
 * exits or hangs; one of liblzma (below); and those of a sanitizer's runtime, which needs files to name
 * functions in reports, and so in suppressions (leaks.supp). Under a sanitizer, strdup() and the like are not seen, since its
 * runtime implements them.
 */
#include "fault.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct fault by_hand, *state;
static int trace, stops;
static const char *kills;
static struct range {
	uintptr_t from, to;
} blas, sanitizer, program; /* addresses of the code of a library, and of the program */
static atomic_flag lock = ATOMIC_FLAG_INIT;
static __thread int disabled __attribute__((tls_model("initial-exec")));

#define REAL(type, name, ...)                          \
	static type (*real)(__VA_ARGS__);              \
	if (!real)                                     \
		real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

/* Records the call if it is the first from its place, the stack of callers. */
static void record_place(int kind, long n)
{
	void *stack[40];
	uint64_t h = 14695981039346656037u + (uint64_t)kind;
	int depth = backtrace(stack, 40);
	for (int i = 2; i < depth; i++)
		h = (h ^ (uint64_t)(uintptr_t)stack[i]) * 1099511628211u;
	h |= 1;
	while (atomic_flag_test_and_set(&lock))
		;
	size_t at = (size_t)(h >> 20) % FAULT_HASHES;
	while (state->seen[at] && state->seen[at] != h)
		at = (at + 1) % FAULT_HASHES;
	if (!state->seen[at] && state->nplaces[kind] < FAULT_PLACES) {
		state->seen[at] = h;
		state->place[kind][state->nplaces[kind]++] = n;
	}
	atomic_flag_clear(&lock);
}

static int contains(const struct range *r, uintptr_t at) { return at >= r->from && at < r->to; }

/* The process that VF_FAULT_KILL means. */
static void kill_process(void)
{
	char text[32] = "";
	disabled = 1;
	int fd = strcmp(kills, "1") == 0 ? -1 : open(kills, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof text - 1) > 0)
		kill((pid_t)strtol(text, NULL, 10), SIGKILL);
	else
		kill(getpid(), SIGKILL);
	if (fd >= 0)
		close(fd);
	disabled = 0;
}

/* Counts a call: 1 if it is to fail. */
static int count_call(int kind, const void *caller)
{
	uintptr_t at = (uintptr_t)caller;
	if (!state || disabled || contains(&blas, at) || contains(&sanitizer, at) || (program.to && !contains(&program, at)))
		return 0;
	long n = __atomic_add_fetch(&state->count[kind], 1, __ATOMIC_RELAXED);
	int selected = 0;
	if (state->mode == FAULT_COUNT) {
		disabled = 1;
		int e = errno;
		record_place(kind, n);
		errno = e;
		disabled = 0;
	} else if (state->kind == kind) {
		selected = n == state->nth || (n > state->nth && (state->mode == FAULT_FROM || state->mode == FAULT_SHORT_FROM));
	}
	if (selected && (kills || stops)) {
		if (kills)
			kill_process();
		else
			kill(getpid(), SIGSTOP);
		return 0; /* another process was ended, or this one goes on */
	}
	if (selected && __atomic_add_fetch(&state->fired, 1, __ATOMIC_RELAXED) == 1 && trace) {
		void *stack[40];
		disabled = 1;
		backtrace_symbols_fd(stack, backtrace(stack, 40), 2);
		disabled = 0;
	}
	return selected;
}

static int fails(int kind, int error, const void *caller)
{
	if (!count_call(kind, caller))
		return 0;
	errno = error;
	return 1;
}

#define FAILS(kind, error) fails(kind, error, __builtin_return_address(0))

/* --- memory --- */

void *malloc(size_t n)
{
	REAL(void *, malloc, size_t);
	return FAILS(FAULT_ALLOC, ENOMEM) ? NULL : real(n);
}

void *calloc(size_t n, size_t size)
{
	REAL(void *, calloc, size_t, size_t);
	return FAILS(FAULT_ALLOC, ENOMEM) ? NULL : real(n, size);
}

void *realloc(void *p, size_t n)
{
	REAL(void *, realloc, void *, size_t);
	return FAILS(FAULT_ALLOC, ENOMEM) ? NULL : real(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
	REAL(void *, aligned_alloc, size_t, size_t);
	return FAILS(FAULT_ALLOC, ENOMEM) ? NULL : real(align, n);
}

int posix_memalign(void **p, size_t align, size_t n)
{
	REAL(int, posix_memalign, void **, size_t, size_t);
	return FAILS(FAULT_ALLOC, ENOMEM) ? ENOMEM : real(p, align, n);
}

/* --- files --- */

/* 1 if the transfer is to fail; makes *n smaller for a short transfer. */
static int transfer(int kind, int error, size_t *n, const void *caller)
{
	if (!count_call(kind, caller))
		return 0;
	if (state->mode == FAULT_SHORT || state->mode == FAULT_SHORT_FROM) {
		*n = *n < 3 ? *n > 0 : *n / 3;
		return 0;
	}
	errno = state->mode == FAULT_EINTR ? EINTR : error;
	return 1;
}

#define TRANSFER_FAILS(kind, error, n) transfer(kind, error, n, __builtin_return_address(0))

ssize_t read(int fd, void *p, size_t n)
{
	REAL(ssize_t, read, int, void *, size_t);
	return TRANSFER_FAILS(FAULT_READ, EIO, &n) ? -1 : real(fd, p, n);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	REAL(ssize_t, pread, int, void *, size_t, off_t);
	return TRANSFER_FAILS(FAULT_READ, EIO, &n) ? -1 : real(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
	REAL(ssize_t, write, int, const void *, size_t);
	return fd != 2 && TRANSFER_FAILS(FAULT_WRITE, ENOSPC, &n) ? -1 : real(fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
	return TRANSFER_FAILS(FAULT_WRITE, ENOSPC, &n) ? -1 : real(fd, p, n, at);
}

/* Whether the mode is one that a tool must cope with: then calls that are not transfers do not fail. */
static int is_harmless(void) { return state && state->mode >= FAULT_SHORT; }

int ftruncate(int fd, off_t n)
{
	REAL(int, ftruncate, int, off_t);
	return !is_harmless() && FAILS(FAULT_WRITE, ENOSPC) ? -1 : real(fd, n);
}

int posix_fallocate(int fd, off_t from, off_t n)
{
	REAL(int, posix_fallocate, int, off_t, off_t);
	return !is_harmless() && FAILS(FAULT_WRITE, ENOSPC) ? ENOSPC : real(fd, from, n);
}

struct dirent *readdir(DIR *d)
{
	REAL(struct dirent *, readdir, DIR *);
	return !is_harmless() && FAILS(FAULT_READ, EIO) ? NULL : real(d);
}

int fsync(int fd)
{
	REAL(int, fsync, int);
	return FAILS(FAULT_FSYNC, EIO) ? -1 : real(fd);
}

int fdatasync(int fd)
{
	REAL(int, fdatasync, int);
	return FAILS(FAULT_FSYNC, EIO) ? -1 : real(fd);
}

int msync(void *p, size_t n, int flags)
{
	REAL(int, msync, void *, size_t, int);
	return FAILS(FAULT_FSYNC, EIO) ? -1 : real(p, n, flags);
}

int rename(const char *from, const char *to)
{
	REAL(int, rename, const char *, const char *);
	return FAILS(FAULT_RENAME, EIO) ? -1 : real(from, to);
}

int renameat(int a, const char *from, int b, const char *to)
{
	REAL(int, renameat, int, const char *, int, const char *);
	return FAILS(FAULT_RENAME, EIO) ? -1 : real(a, from, b, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	REAL(int, renameat2, int, const char *, int, const char *, unsigned);
	return FAILS(FAULT_RENAME, EIO) ? -1 : real(a, from, b, to, flags);
}

int link(const char *from, const char *to)
{
	REAL(int, link, const char *, const char *);
	return FAILS(FAULT_RENAME, EIO) ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	REAL(int, mkdir, const char *, mode_t);
	return FAILS(FAULT_RENAME, EIO) ? -1 : real(path, mode);
}

int open(const char *path, int flags, ...)
{
	REAL(int, open, const char *, int, ...);
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return FAILS(FAULT_OPEN, ENFILE) ? -1 : real(path, flags, mode);
}

int mkostemp(char *path, int flags)
{
	REAL(int, mkostemp, char *, int);
	return FAILS(FAULT_OPEN, ENFILE) ? -1 : real(path, flags);
}

DIR *opendir(const char *path)
{
	REAL(DIR *, opendir, const char *);
	return FAILS(FAULT_OPEN, ENFILE) ? NULL : real(path);
}

int close(int fd)
{
	REAL(int, close, int);
	int bad = FAILS(FAULT_CLOSE, EIO), r = real(fd);
	if (bad)
		errno = EIO;
	return bad ? -1 : r;
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	REAL(void *, mmap, void *, size_t, int, int, int, off_t);
	return fd >= 0 && FAILS(FAULT_MAP, ENOMEM) ? MAP_FAILED : real(at, n, prot, flags, fd, offset);
}

int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*fn)(void *), void *arg)
{
	REAL(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	return FAILS(FAULT_THREAD, EAGAIN) ? EAGAIN : real(t, a, fn, arg);
}

/* --- stdio, whose streams call read() and write() inside libc --- */

static ssize_t cookie_read(void *fd, char *p, size_t n)
{
	ssize_t k;
	do
		k = read((int)(intptr_t)fd, p, n);
	while (k < 0 && errno == EINTR);
	return k;
}

static int cookie_seek(void *fd, off64_t *at, int whence)
{
	off_t to = lseek((int)(intptr_t)fd, *at, whence);
	if (to < 0)
		return -1;
	*at = to;
	return 0;
}
static int cookie_close(void *fd) { return close((int)(intptr_t)fd); }

/* stdio takes a short write for an error, so this continues after one, as libc does for a file. It also continues after an
 * interruption: the handlers of the tools restart calls. */
static ssize_t cookie_write(void *fd, const char *p, size_t n)
{
	size_t done = 0;
	while (done < n) {
		ssize_t k = write((int)(intptr_t)fd, p + done, n - done);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			break;
		done += (size_t)k;
	}
	return (ssize_t)done;
}

static const cookie_io_functions_t cookie = {cookie_read, cookie_write, cookie_seek, cookie_close};

/* fileno() of a cookie stream fails: remember the descriptors. */
static struct {
	FILE *f;
	int fd;
} opened[8];

int fileno(FILE *f)
{
	REAL(int, fileno, FILE *);
	for (int i = 0; i < 8; i++)
		if (f && opened[i].f == f)
			return opened[i].fd;
	return real(f);
}

FILE *fopen(const char *path, const char *mode)
{
	int plus = strchr(mode, '+') != NULL;
	int flags = *mode == 'r' ? (plus ? O_RDWR : O_RDONLY) : (plus ? O_RDWR : O_WRONLY) | O_CREAT | (*mode == 'a' ? O_APPEND : O_TRUNC);
	REAL(FILE *, fopen, const char *, const char *);
	if (!state || disabled)
		return real(path, mode);
	int fd = open(path, flags | (strchr(mode, 'e') ? O_CLOEXEC : 0), 0666);
	FILE *f = fd < 0 ? NULL : fopencookie((void *)(intptr_t)fd, mode, cookie);
	if (fd >= 0 && !f)
		close(fd);
	static int next; /* reuses entries: tools have one stream open at a time */
	int at = 0;
	while (at < 8 && opened[at].f != f) /* of a stream that was closed, whose memory is that of the new one */
		at++;
	if (f) {
		at = at < 8 ? at : next++ % 8;
		opened[at].f = f;
		opened[at].fd = fd;
	}
	return f;
}

/* --- under fault-loop, a clock that stands still, so that files with a duration can be compared --- */

int clock_gettime(clockid_t clock, struct timespec *t)
{
	REAL(int, clock_gettime, clockid_t, struct timespec *);
	if (!state || state == &by_hand || clock != CLOCK_MONOTONIC)
		return real(clock, t);
	*t = (struct timespec){.tv_sec = 1000};
	return 0;
}

/* --- functions inside which no call fails --- */

/* The runtime of the address sanitizer calls it for every thread, and ends the process when memory is out. */
int pthread_getattr_np(pthread_t t, pthread_attr_t *a)
{
	REAL(int, pthread_getattr_np, pthread_t, pthread_attr_t *);
	disabled++;
	int r = real(t, a);
	disabled--;
	return r;
}

/* --- start --- */

static int find_code(struct dl_phdr_info *i, size_t size, void *ctx)
{
	(void)size, (void)ctx;
	static const struct {
		const char *name;
		struct range *range;
	} known[] = {{"openblas", &blas}, {"libasan", &sanitizer}};
	struct range *r = !*i->dlpi_name && kills && strcmp(kills, "1") != 0 ? &program : NULL;
	for (size_t k = 0; k < sizeof known / sizeof *known; k++)
		if (strstr(i->dlpi_name, known[k].name))
			r = known[k].range;
	if (!r)
		return 0;
	for (int k = 0; k < i->dlpi_phnum; k++)
		if (i->dlpi_phdr[k].p_type == PT_LOAD && (i->dlpi_phdr[k].p_flags & PF_X)) {
			r->from = i->dlpi_addr + i->dlpi_phdr[k].p_vaddr;
			r->to = r->from + i->dlpi_phdr[k].p_memsz;
		}
	return 0;
}

static int find_word(const char *s, size_t n, const char *const *words, int nwords)
{
	for (int i = 0; i < nwords; i++)
		if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0)
			return i;
	fprintf(stderr, "fault-shim: VF_FAULT_AT must be KIND:MODE:N\n");
	abort();
}

static struct fault *parse_by_hand(const char *s)
{
	static const char *const kinds[] = FAULT_KIND_NAMES, *const modes[] = FAULT_MODE_NAMES;
	size_t n = strcspn(s, ":");
	by_hand.kind = find_word(s, n, kinds, FAULT_KINDS);
	s += n + (s[n] == ':');
	n = strcspn(s, ":");
	by_hand.mode = find_word(s, n, modes, 6);
	by_hand.nth = strtol(s + n + (s[n] == ':'), NULL, 10);
	return &by_hand;
}

__attribute__((constructor)) static void begin(void)
{
	void *warm[4];
	const char *path = getenv("VF_FAULT"), *at = getenv("VF_FAULT_AT");
	backtrace(warm, 4); /* loads libgcc now, not during a counted call */
	trace = getenv("VF_FAULT_TRACE") != NULL;
	kills = getenv("VF_FAULT_KILL");
	stops = getenv("VF_FAULT_STOP") != NULL;
	dl_iterate_phdr(find_code, NULL);
	FILE *out = fopencookie((void *)(intptr_t)1, "w", cookie);
	if (out)
		stdout = out;
	struct fault *s = NULL;
	if (at) {
		s = parse_by_hand(at);
	} else if (path) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		s = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (s == MAP_FAILED) {
			fprintf(stderr, "fault-shim: cannot map %s\n", path);
			abort();
		}
		close(fd);
	}
	state = s;
}

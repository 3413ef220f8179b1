/* fault-loop [options] -- COMMAND...: runs a command many times, each time with another of its system or library calls
 * failing, and checks what the command leaves. Exits 0 when all runs passed the checks.
 *
 *   -i FILE    standard input (default /dev/null); -p connects it by a pipe
 *   -d DIR     copied to the working directory before each run
 *   -g NAME    a file that grows (a log): after a failure it may be a prefix of the reference
 *   -w NAME    a file that is replaced several times: after a failure any version passes
 *   -k KINDS   only calls of these kinds, separated by commas
 *   -f         every call fails once (default: one call from every place, and some others)
 *   -m MAX     at most MAX calls of a kind
 *   -s SHIM    the library to preload (shim.c)
 *   -j N       N runs at a time
 *   -v         print the result of every run
 *   -L FILE    LeakSanitizer's suppressions, for leaks of libraries
 *
 * The first run has no failures. It gives the reference and the places from which calls are made. Checks of each later run:
 *   - no signal, no report of a sanitizer, no timeout; the exit status is 0 or 1;
 *   - exit status 0: standard output and all files equal the reference;
 *   - exit status 1: every line of stderr names the tool, and there is one; standard output is a prefix of the reference;
 *     every file equals the reference or what was there before. If all later calls fail too, a temporary file may stay, as
 *     after a kill;
 *   - $TMPDIR is empty;
 *   - after a short transfer or an interruption the exit status is 0.
 * Numbers after "seconds": are ignored.
 */
#include "fault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_FILES = 64, MAX_JOBS = 16, TIMEOUT = 60, FIRST_CALLS = 12, SPREAD_CALLS = 12, SANITIZER_EXIT = 86 };

static const char *const kinds[] = FAULT_KIND_NAMES, *const modes[] = FAULT_MODE_NAMES;

struct text {
	char *p;
	size_t n;
};

struct tree {
	struct {
		char *name;
		struct text text;
	} v[MAX_FILES];
	int n;
};

struct job {
	pid_t pid;
	struct fault *state;
	char dir[512], tmp[512], out[512], err[512], state_path[512];
	int kind, mode;
	long nth;
	double started;
};

static struct {
	const char *shim, *leaks, *input, *seed, *growing, *replaced, *only;
	char **command;
	const char *tool;
	char base[400];
	int pipe, full, jobs, verbose;
	long max, bad, runs, failed, survived, unreached;
	struct text in, out; /* input; output of the reference */
	struct tree before, after; /* the files before a run, and after the reference */
} o = {.jobs = 2};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "fault-loop: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* Formats a path. */
static void format_path(char *to, size_t size, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(to, size, fmt, ap) >= (int)size) {
		errno = ENAMETOOLONG;
		die("path");
	}
	va_end(ap);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- files --- */

/* Removes the numbers after "seconds":. */
static void remove_times(struct text *t)
{
	static const char word[] = "\"seconds\":";
	char *to = t->p, *p = t->p, *end = t->p + t->n;
	while (p < end) {
		if ((size_t)(end - p) > sizeof word && memcmp(p, word, sizeof word - 1) == 0) {
			memmove(to, p, sizeof word - 1);
			to += sizeof word - 1;
			p += sizeof word - 1;
			while (p < end && strchr("0123456789.e+- ", *p))
				p++;
		} else {
			*to++ = *p++;
		}
	}
	t->n = (size_t)(to - t->p);
}

static struct text read_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die(path);
	struct text t = {malloc((size_t)st.st_size + 1), 0};
	ssize_t n;
	while (t.p && (n = read(fd, t.p + t.n, (size_t)st.st_size - t.n)) > 0)
		t.n += (size_t)n;
	close(fd);
	if (!t.p)
		die("memory");
	t.p[t.n] = 0;
	return t;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)type;
	return f->level ? remove(path) : 0;
}

static void empty_directory(const char *dir)
{
	if (nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS))
		die(dir);
}

static struct tree *collecting;
static size_t collect_from;

static int collect_one(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st, (void)f;
	if (type != FTW_F)
		return 0;
	if (collecting->n == MAX_FILES) {
		errno = E2BIG;
		die(path);
	}
	int i = collecting->n++;
	collecting->v[i].name = strdup(path + collect_from + 1);
	collecting->v[i].text = read_file(path);
	remove_times(&collecting->v[i].text);
	return 0;
}

static void collect(struct tree *t, const char *dir)
{
	t->n = 0;
	collecting = t;
	collect_from = strlen(dir);
	if (nftw(dir, collect_one, 16, FTW_PHYS))
		die(dir);
}

static void free_tree(struct tree *t)
{
	for (int i = 0; i < t->n; i++) {
		free(t->v[i].name);
		free(t->v[i].text.p);
	}
	t->n = 0;
}

static const struct text *find(const struct tree *t, const char *name)
{
	for (int i = 0; i < t->n; i++)
		if (strcmp(t->v[i].name, name) == 0)
			return &t->v[i].text;
	return NULL;
}

static int same(const struct text *a, const struct text *b) { return a && b && a->n == b->n && memcmp(a->p, b->p, a->n) == 0; }
static int is_prefix(const struct text *a, const struct text *b) { return a && b && a->n <= b->n && memcmp(a->p, b->p, a->n) == 0; }

/* Copies what is in -d into dir. */
static void copy_seed(const char *dir)
{
	char cmd[1200];
	if (!o.seed)
		return;
	format_path(cmd, sizeof cmd, "cp -a '%s/.' '%s/'", o.seed, dir);
	if (system(cmd))
		die(cmd);
}

/* --- a run --- */

static void start(struct job *j, int kind, int mode, long nth)
{
	j->kind = kind;
	j->mode = mode;
	j->nth = nth;
	empty_directory(j->dir);
	empty_directory(j->tmp);
	copy_seed(j->dir);
	memset(j->state, 0, mode == FAULT_COUNT ? sizeof *j->state : offsetof(struct fault, nplaces));
	j->state->kind = kind;
	j->state->mode = mode;
	j->state->nth = nth;
	int p[2] = {-1, -1};
	if (o.pipe) { /* the pipe holds all of the input */
		if (pipe2(p, O_CLOEXEC) || fcntl(p[1], F_SETPIPE_SZ, 1 << 20) < (int)o.in.n || write(p[1], o.in.p, o.in.n) != (ssize_t)o.in.n)
			die("pipe");
		close(p[1]);
	} else {
		p[0] = open(o.input ? o.input : "/dev/null", O_RDONLY | O_CLOEXEC);
	}
	int out = open(j->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int err = open(j->err, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (p[0] < 0 || out < 0 || err < 0)
		die("open");
	j->started = now();
	j->pid = fork();
	if (j->pid < 0)
		die("fork");
	if (j->pid == 0) {
		alarm(TIMEOUT); /* survives exec: a run that hangs dies of SIGALRM */
		if (dup2(p[0], 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || chdir(j->dir) || setenv("TMPDIR", j->tmp, 1) ||
		    setenv("VF_FAULT", j->state_path, 1) || setenv("LD_PRELOAD", o.shim, 1) ||
		    setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=1:allocator_may_return_null=1:fast_unwind_on_malloc=0:exitcode=86", 1) ||
		    setenv("UBSAN_OPTIONS", "halt_on_error=1:exitcode=86:print_stacktrace=1", 1))
			_exit(126);
		char lsan[600];
		format_path(lsan, sizeof lsan, "print_suppressions=0%s%s", o.leaks ? ":suppressions=" : "", o.leaks ? o.leaks : "");
		setenv("LSAN_OPTIONS", lsan, 1);
		execvp(o.command[0], o.command);
		_exit(127);
	}
	close(p[0]);
	close(out);
	close(err);
}

static const char *format_message(const char *fmt, ...)
{
	static char msg[1000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	return msg;
}

/* libarchive, which reads archives that are packed, exits by itself where memory runs out in its strings: with this line and
 * exit status 1. */
static const char archive_exit[] = "Fatal Internal Error in libarchive: ";

/* Whether there is a message, and every line begins with the name of the tool. */
static int has_message(const struct text *err)
{
	size_t n = strlen(o.tool);
	if (strncmp(err->p, archive_exit, sizeof archive_exit - 1) == 0)
		return 1;
	const char *p = err->p;
	while (*p) {
		const char *end = strchr(p, '\n');
		if (!end || strncmp(p, o.tool, n) != 0 || p[n] != ':' || end < p + n + 3)
			return 0;
		p = end + 1;
	}
	return err->n > 0;
}

static const char *check_files(const struct tree *got, int failed, int temp_may_stay)
{
	for (int i = 0; i < got->n; i++) {
		const char *name = got->v[i].name;
		const struct text *t = &got->v[i].text, *old = find(&o.before, name), *new = find(&o.after, name);
		if (!old && !new && temp_may_stay && strstr(name, ".tmp"))
			continue;
		if (!old && !new)
			return format_message("leaves '%s'", name);
		if (failed && ((old && same(t, old)) || (o.replaced && strstr(name, o.replaced)) || (o.growing && strstr(name, o.growing) && is_prefix(t, new))))
			continue;
		if (!same(t, new))
			return format_message("'%s' differs (%zu bytes; %zu in the reference)", name, t->n, new ? new->n : 0);
	}
	const struct tree *all = failed ? &o.before : &o.after;
	for (int i = 0; i < all->n; i++)
		if (!find(got, all->v[i].name) && (!failed || find(&o.after, all->v[i].name)))
			return format_message("'%s' is missing", all->v[i].name);
	return NULL;
}

/* NULL, or which check the run failed. */
static const char *check_run(const struct job *j, int status, const struct text *out, const struct text *err)
{
	if (WIFSIGNALED(status))
		return format_message("died of signal %d%s", WTERMSIG(status), WTERMSIG(status) == SIGALRM ? " (timeout)" : "");
	int code = WEXITSTATUS(status);
	if (code == SANITIZER_EXIT)
		return "the sanitizer reports an error";
	if (code != 0 && (code != 1 || !j->state->fired || j->mode >= FAULT_SHORT))
		return format_message("exit status %d", code);
	if (code && !has_message(err))
		return "exit status 1, and stderr is empty or has a line without the name of the tool";
	if (code ? !is_prefix(out, &o.out) : !same(out, &o.out))
		return format_message("exit status %d and %zu bytes of output that differ from the reference (%zu bytes)", code, out->n, o.out.n);
	struct tree got = {.n = 0}, left = {.n = 0};
	collect(&got, j->dir);
	collect(&left, j->tmp);
	const char *bad = check_files(&got, code, j->mode == FAULT_FROM);
	if (!bad && left.n)
		bad = format_message("leaves '%s' in $TMPDIR", left.v[0].name);
	free_tree(&got);
	free_tree(&left);
	return bad;
}

static void finish_run(struct job *j, int status)
{
	struct text out = read_file(j->out), err = read_file(j->err);
	remove_times(&out);
	const char *bad = check_run(j, status, &out, &err);
	o.runs++;
	if (!j->state->fired)
		o.unreached++;
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		o.survived++;
	else
		o.failed++;
	if (bad) {
		o.bad++;
		fprintf(stderr, "%s:%s:%ld: %s\n", kinds[j->kind], modes[j->mode], j->nth, bad);
		if (o.bad <= 3 || o.verbose)
			fprintf(stderr, "  stderr: %.*s\n", err.n > 4000 ? 4000 : (int)err.n, err.p);
	} else if (o.verbose) {
		fprintf(stderr, "%s:%s:%ld: %d %.*s%s", kinds[j->kind], modes[j->mode], j->nth, WEXITSTATUS(status), (int)err.n, err.p, err.n ? "" : "\n");
	}
	free(out.p);
	free(err.p);
	j->pid = 0;
}

static struct job jobs[MAX_JOBS];

static void wait_one(void)
{
	int status;
	pid_t pid = wait(&status);
	for (int i = 0; i < o.jobs; i++)
		if (jobs[i].pid == pid)
			finish_run(&jobs[i], status);
}

static void run(int kind, int mode, long nth)
{
	for (;;) {
		for (int i = 0; i < o.jobs; i++)
			if (!jobs[i].pid) {
				start(&jobs[i], kind, mode, nth);
				return;
			}
		wait_one();
	}
}

static void wait_all(void)
{
	for (int i = 0; i < o.jobs; i++)
		while (jobs[i].pid)
			wait_one();
}

/* --- the loop --- */

static void open_job(struct job *j, int i)
{
	format_path(j->dir, sizeof j->dir, "%s/%d", o.base, i);
	format_path(j->tmp, sizeof j->tmp, "%s/%d.tmp", o.base, i);
	format_path(j->out, sizeof j->out, "%s/%d.out", o.base, i);
	format_path(j->err, sizeof j->err, "%s/%d.err", o.base, i);
	format_path(j->state_path, sizeof j->state_path, "%s/%d.state", o.base, i);
	int fd = open(j->state_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (mkdir(j->dir, 0777) || mkdir(j->tmp, 0777) || fd < 0 || ftruncate(fd, sizeof *j->state))
		die(j->dir);
	j->state = mmap(NULL, sizeof *j->state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (j->state == MAP_FAILED)
		die("mmap");
}

/* Runs without failures, for the reference. */
static void run_reference(struct fault *count)
{
	struct job *j = &jobs[0];
	int status;
	start(j, 0, FAULT_COUNT, 0);
	if (o.seed)
		collect(&o.before, o.seed);
	if (waitpid(j->pid, &status, 0) < 0)
		die("wait");
	j->pid = 0;
	o.out = read_file(j->out);
	remove_times(&o.out);
	collect(&o.after, j->dir);
	*count = *j->state;
	if (status) {
		struct text err = read_file(j->err);
		fprintf(stderr, "fault-loop: the run without failures ended with wait status %#x: %s\n", (unsigned)status, err.p);
		exit(1);
	}
	if (!count->count[FAULT_ALLOC] || !count->count[FAULT_WRITE]) {
		fprintf(stderr, "fault-loop: the shim sees no calls: maybe the runtime of a sanitizer is linked into the tool statically\n");
		exit(1);
	}
}

static int is_selected(int kind)
{
	if (!o.only)
		return 1;
	size_t n = strlen(kinds[kind]);
	for (const char *p = o.only; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, kinds[kind], n) == 0 && (p[n] == ',' || !p[n]))
			return 1;
	return 0;
}

static int by_number(const void *a, const void *b) { return (*(const long *)a > *(const long *)b) - (*(const long *)a < *(const long *)b); }

/* The numbers of the calls of a kind that are to fail, ascending, and one that is never reached. */
static int choose_calls(const struct fault *c, int kind, long *nth, int max)
{
	long total = c->count[kind];
	int n = 0, k = 0;
	if (o.full) {
		for (long i = 1; i <= total && n < max - 1; i++)
			nth[n++] = i;
	} else {
		for (int i = 0; i < c->nplaces[kind]; i++)
			nth[n++] = c->place[kind][i];
		for (long i = 1; i <= FIRST_CALLS && i <= total; i++)
			nth[n++] = i;
		for (long i = 1; i <= SPREAD_CALLS && total > FIRST_CALLS; i++)
			nth[n++] = total * i / SPREAD_CALLS;
	}
	qsort(nth, (size_t)n, sizeof *nth, by_number);
	for (int i = 0; i < n; i++)
		if (k == 0 || nth[i] != nth[k - 1])
			nth[k++] = nth[i];
	if (o.max && k > o.max) {
		for (long i = 0; i < o.max; i++)
			nth[i] = nth[i * k / o.max];
		k = (int)o.max;
	}
	nth[k++] = total + 1000; /* the number of calls varies a little with threads */
	return k;
}

int main(int argc, char **argv)
{
	int c;
	while ((c = getopt(argc, argv, "+i:pd:g:w:k:fm:s:j:vL:")) != -1)
		switch (c) {
		case 'i': o.input = optarg; break;
		case 'p': o.pipe = 1; break;
		case 'd': o.seed = optarg; break;
		case 'g': o.growing = optarg; break;
		case 'w': o.replaced = optarg; break;
		case 'k': o.only = optarg; break;
		case 'f': o.full = 1; break;
		case 'm': o.max = strtol(optarg, NULL, 10); break;
		case 's': o.shim = optarg; break;
		case 'L': o.leaks = optarg; break;
		case 'j': o.jobs = (int)strtol(optarg, NULL, 10); break;
		case 'v': o.verbose = 1; break;
		default: return 2;
		}
	o.command = argv + optind;
	if (!o.command[0] || !o.shim || o.jobs < 1 || o.jobs > MAX_JOBS) {
		fprintf(stderr, "usage: fault-loop -s SHIM [options] -- COMMAND...\n");
		return 2;
	}
	o.tool = basename(strdup(o.command[0]));
	if (o.input)
		o.in = read_file(o.input);
	const char *tmp = getenv("TMPDIR");
	format_path(o.base, sizeof o.base, "%s/vae-fault-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(o.base))
		die(o.base);
	for (int i = 0; i < o.jobs; i++)
		open_job(&jobs[i], i);
	static struct fault count;
	static long nth[1 << 20];
	run_reference(&count);
	for (int kind = 0; kind < FAULT_KINDS; kind++) {
		if (!is_selected(kind) || !count.count[kind])
			continue;
		o.runs = o.failed = o.survived = o.unreached = 0;
		int n = choose_calls(&count, kind, nth, 1 << 20), transfers = kind == FAULT_READ || kind == FAULT_WRITE;
		for (int i = 0; i < n; i++) {
			run(kind, FAULT_ONCE, nth[i]);
			if (o.full || i % 4 == 0)
				run(kind, FAULT_FROM, nth[i]);
			if (transfers)
				run(kind, i % 2 ? FAULT_EINTR : FAULT_SHORT, nth[i]);
		}
		if (transfers)
			run(kind, FAULT_SHORT_FROM, 1);
		wait_all();
		printf("%-7s %6ld calls from %4d places: %5ld runs, %ld failed, %ld succeeded, %ld did not reach the call\n", kinds[kind], count.count[kind],
		       count.nplaces[kind], o.runs, o.failed, o.survived, o.unreached);
		if (!o.unreached) {
			fprintf(stderr, "%s: every run reached the call\n", kinds[kind]);
			o.bad++;
		}
	}
	for (int i = 0; i < o.jobs; i++) {
		empty_directory(jobs[i].dir);
		empty_directory(jobs[i].tmp);
	}
	empty_directory(o.base);
	rmdir(o.base);
	if (o.bad)
		fprintf(stderr, "%ld runs failed the checks; to repeat one: LD_PRELOAD=%s VF_FAULT_AT=KIND:MODE:N VF_FAULT_TRACE=1 COMMAND\n", o.bad, o.shim);
	return o.bad != 0;
}

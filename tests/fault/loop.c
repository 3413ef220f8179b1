/* fault-loop [options] -- COMMAND...: runs a command over and over, each time with another of its
 * calls failing (shim.c), and checks what it leaves. Exit 0 when every run was as it has to be.
 *
 *   -i FILE    standard input (otherwise /dev/null); -p gives it as a pipe
 *   -d DIR     what the working directory holds before each run
 *   -g NAME    a file that may also be left as a beginning of what it would have been (a log)
 *   -w NAME    a file replaced while the command runs: after a failure any version will do, uncompared
 *   -k KINDS   only these, separated by commas        -f  every call, not only every place
 *   -m MAX     at most so many calls of a kind        -s SHIM   the library to preload
 *   -j N       runs at a time                         -v  say what every run ended with
 *   -L FILE    leaks of others, as LeakSanitizer's suppressions
 *
 * A first run without failures gives the reference and the places that calls come from: by default
 * the first call from every place fails, the first calls and some in between. Then, in each run:
 *   - no signal, no report of a sanitizer, no hang; exit status 0 or 1;
 *   - 0: standard output and every file are those of the reference;
 *   - 1: stderr says something and names the tool in every line; standard output is a beginning of
 *     the reference; every file is that of the reference or what was there before, nothing else;
 *     where nothing works any more a temporary name may stay, as after a kill;
 *   - nothing stays in $TMPDIR;
 *   - a short transfer or an interruption: 0.
 * Numbers behind "seconds": count as equal.
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

enum { MAX_FILES = 64, MAX_JOBS = 16, TIMEOUT = 60, FIRST = 12, BETWEEN = 12, SANITIZER_EXIT = 86 };

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
	struct text in, out; /* out: the reference */
	struct tree before, after;
} o = {.jobs = 2};

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "fault-loop: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void put(char *to, size_t room, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(to, room, fmt, ap) >= (int)room) {
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

/* Numbers that measure time are taken out. */
static void mask(struct text *t)
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

static struct text slurp(const char *path)
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

static void empty(const char *dir)
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
	collecting->v[i].text = slurp(path);
	mask(&collecting->v[i].text);
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
static int begins(const struct text *a, const struct text *b) { return a && b && a->n <= b->n && memcmp(a->p, b->p, a->n) == 0; }

/* The seed directory, files and folders, into dir. */
static void copy_seed(const char *dir)
{
	char cmd[1200];
	if (!o.seed)
		return;
	put(cmd, sizeof cmd, "cp -a '%s/.' '%s/'", o.seed, dir);
	if (system(cmd))
		die(cmd);
}

/* --- a run --- */

static void start(struct job *j, int kind, int mode, long nth)
{
	j->kind = kind;
	j->mode = mode;
	j->nth = nth;
	empty(j->dir);
	empty(j->tmp);
	copy_seed(j->dir);
	memset(j->state, 0, mode == FAULT_COUNT ? sizeof *j->state : offsetof(struct fault, nplaces));
	j->state->kind = kind;
	j->state->mode = mode;
	j->state->nth = nth;
	int p[2] = {-1, -1};
	if (o.pipe) { /* small enough to stand in the pipe */
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
		alarm(TIMEOUT); /* stays over exec: a hang ends as a signal */
		if (dup2(p[0], 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || chdir(j->dir) || setenv("TMPDIR", j->tmp, 1) ||
		    setenv("VF_FAULT", j->state_path, 1) || setenv("LD_PRELOAD", o.shim, 1) ||
		    setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=1:allocator_may_return_null=1:fast_unwind_on_malloc=0:exitcode=86", 1) ||
		    setenv("UBSAN_OPTIONS", "halt_on_error=1:exitcode=86:print_stacktrace=1", 1))
			_exit(126);
		char lsan[600];
		put(lsan, sizeof lsan, "print_suppressions=0%s%s", o.leaks ? ":suppressions=" : "", o.leaks ? o.leaks : "");
		setenv("LSAN_OPTIONS", lsan, 1);
		execvp(o.command[0], o.command);
		_exit(127);
	}
	close(p[0]);
	close(out);
	close(err);
}

static const char *tell(const char *fmt, ...)
{
	static char msg[1000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	return msg;
}

/* libarchive ends the program itself where memory runs out in its strings: with a line of its own and
 * exit status 1, and what was being written stays under its temporary name. */
static const char archive_ends[] = "Fatal Internal Error in libarchive: ";

/* Every line begins with the tool's name, and there is one. */
static int says_why(const struct text *err)
{
	size_t n = strlen(o.tool);
	if (strncmp(err->p, archive_ends, sizeof archive_ends - 1) == 0)
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

static const char *check_files(const struct tree *got, int failed, int ended)
{
	for (int i = 0; i < got->n; i++) {
		const char *name = got->v[i].name;
		const struct text *t = &got->v[i].text, *old = find(&o.before, name), *new = find(&o.after, name);
		if (!old && !new && ended && strstr(name, ".tmp"))
			continue;
		if (!old && !new)
			return tell("leaves '%s'", name);
		if (failed && ((old && same(t, old)) || (o.replaced && strstr(name, o.replaced)) || (o.growing && strstr(name, o.growing) && begins(t, new))))
			continue;
		if (!same(t, new))
			return tell("'%s' is wrong (%zu bytes; %zu in the reference)", name, t->n, new ? new->n : 0);
	}
	const struct tree *all = failed ? &o.before : &o.after;
	for (int i = 0; i < all->n; i++)
		if (!find(got, all->v[i].name) && (!failed || find(&o.after, all->v[i].name)))
			return tell("'%s' is missing", all->v[i].name);
	return NULL;
}

static const char *judge(const struct job *j, int status, const struct text *out, const struct text *err)
{
	if (WIFSIGNALED(status))
		return tell("died of signal %d%s", WTERMSIG(status), WTERMSIG(status) == SIGALRM ? " (it hung)" : "");
	int code = WEXITSTATUS(status);
	if (code == SANITIZER_EXIT)
		return "the sanitizer reports";
	if (code != 0 && (code != 1 || !j->state->fired || j->mode >= FAULT_SHORT))
		return tell("exit status %d", code);
	if (code && !says_why(err))
		return "exit status 1, and not every line of stderr, or none, says why";
	if (code ? !begins(out, &o.out) : !same(out, &o.out))
		return tell("exit status %d with %zu bytes of other output (%zu in the reference)", code, out->n, o.out.n);
	struct tree got = {.n = 0}, left = {.n = 0};
	collect(&got, j->dir);
	collect(&left, j->tmp);
	const char *bad = check_files(&got, code, j->mode == FAULT_ON || strstr(err->p, archive_ends));
	if (!bad && left.n)
		bad = tell("leaves '%s' in $TMPDIR", left.v[0].name);
	free_tree(&got);
	free_tree(&left);
	return bad;
}

static void finish(struct job *j, int status)
{
	struct text out = slurp(j->out), err = slurp(j->err);
	mask(&out);
	const char *bad = judge(j, status, &out, &err);
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
			finish(&jobs[i], status);
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
	put(j->dir, sizeof j->dir, "%s/%d", o.base, i);
	put(j->tmp, sizeof j->tmp, "%s/%d.tmp", o.base, i);
	put(j->out, sizeof j->out, "%s/%d.out", o.base, i);
	put(j->err, sizeof j->err, "%s/%d.err", o.base, i);
	put(j->state_path, sizeof j->state_path, "%s/%d.state", o.base, i);
	int fd = open(j->state_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (mkdir(j->dir, 0777) || mkdir(j->tmp, 0777) || fd < 0 || ftruncate(fd, sizeof *j->state))
		die(j->dir);
	j->state = mmap(NULL, sizeof *j->state, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (j->state == MAP_FAILED)
		die("mmap");
}

/* The run without failures: the reference. */
static void reference(struct fault *count)
{
	struct job *j = &jobs[0];
	int status;
	start(j, 0, FAULT_COUNT, 0);
	if (o.seed)
		collect(&o.before, o.seed);
	if (waitpid(j->pid, &status, 0) < 0)
		die("wait");
	j->pid = 0;
	o.out = slurp(j->out);
	mask(&o.out);
	collect(&o.after, j->dir);
	*count = *j->state;
	if (status) {
		struct text err = slurp(j->err);
		fprintf(stderr, "fault-loop: the run without failures ended with status %#x: %s\n", (unsigned)status, err.p);
		exit(1);
	}
	if (!count->count[FAULT_ALLOC] || !count->count[FAULT_WRITE]) {
		fprintf(stderr, "fault-loop: the shim sees no calls: is the runtime of a sanitizer linked into the tool?\n");
		exit(1);
	}
}

static int wanted(int kind)
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

/* Which calls of a kind are to fail, ascending; one more behind the last, which nothing reaches. */
static int choose(const struct fault *c, int kind, long *nth, int room)
{
	long total = c->count[kind];
	int n = 0, k = 0;
	if (o.full) {
		for (long i = 1; i <= total && n < room - 1; i++)
			nth[n++] = i;
	} else {
		for (int i = 0; i < c->nplaces[kind]; i++)
			nth[n++] = c->place[kind][i];
		for (long i = 1; i <= FIRST && i <= total; i++)
			nth[n++] = i;
		for (long i = 1; i <= BETWEEN && total > FIRST; i++)
			nth[n++] = total * i / BETWEEN;
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
	nth[k++] = total + 1000; /* threads make a few more or fewer */
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
		o.in = slurp(o.input);
	const char *tmp = getenv("TMPDIR");
	put(o.base, sizeof o.base, "%s/vae-fault-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(o.base))
		die(o.base);
	for (int i = 0; i < o.jobs; i++)
		open_job(&jobs[i], i);
	static struct fault count;
	static long nth[1 << 20];
	reference(&count);
	for (int kind = 0; kind < FAULT_KINDS; kind++) {
		if (!wanted(kind) || !count.count[kind])
			continue;
		o.runs = o.failed = o.survived = o.unreached = 0;
		int n = choose(&count, kind, nth, 1 << 20), transfers = kind == FAULT_READ || kind == FAULT_WRITE;
		for (int i = 0; i < n; i++) {
			run(kind, FAULT_ONCE, nth[i]);
			if (o.full || i % 4 == 0)
				run(kind, FAULT_ON, nth[i]);
			if (transfers)
				run(kind, i % 2 ? FAULT_EINTR : FAULT_SHORT, nth[i]);
		}
		if (transfers)
			run(kind, FAULT_SHORTS, 1);
		wait_all();
		printf("%-7s %6ld calls from %4d places: %5ld runs, %ld failed, %ld did without, %ld got through\n", kinds[kind], count.count[kind],
		       count.nplaces[kind], o.runs, o.failed, o.survived, o.unreached);
		if (!o.unreached) {
			fprintf(stderr, "%s: no run got through\n", kinds[kind]);
			o.bad++;
		}
	}
	for (int i = 0; i < o.jobs; i++) {
		empty(jobs[i].dir);
		empty(jobs[i].tmp);
	}
	empty(o.base);
	rmdir(o.base);
	if (o.bad)
		fprintf(stderr, "%ld runs went wrong; one alone: LD_PRELOAD=%s VF_FAULT_AT=KIND:MODE:N VF_FAULT_TRACE=1 COMMAND\n", o.bad, o.shim);
	return o.bad != 0;
}

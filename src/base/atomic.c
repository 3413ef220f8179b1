#include "base/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int write_all(int fd, const void *p, size_t n, struct fail *f)
{
	const char *s = p;
	while (n) {
		ssize_t k = write(fd, s, n);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return fail_errno(f, "cannot write");
		s += k;
		n -= (size_t)k;
	}
	return 0;
}

/* --- what goes along when a signal ends the tool --- */

/* The temporary files there are. One thread at a time looks at them. The handler does, too, and then stays in; where it
 * finds somebody in, it leaves the signal to him. */
enum { TEMPS = 16 }; /* more than a tool writes at a time */
static const char *temps[TEMPS];
static atomic_int busy, caught;

static void on_signal(int sig)
{
	atomic_store(&caught, sig);
	if (atomic_exchange(&busy, 1))
		return;
	for (int i = 0; i < TEMPS; i++)
		if (temps[i])
			unlink(temps[i]);
	signal(sig, SIG_DFL);
	raise(sig); /* when this returns */
}

/* What was ignored when the tool began stays so, as under nohup(1). */
static void catch_signals(void)
{
	static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM};
	struct sigaction old, new = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigfillset(&new.sa_mask);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
		if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(ends[i], &new, NULL);
}

static void enter(void)
{
	static atomic_flag once = ATOMIC_FLAG_INIT;
	if (!atomic_flag_test_and_set(&once))
		catch_signals();
	while (atomic_exchange(&busy, 1))
		sched_yield();
}

static void leave(void)
{
	atomic_store(&busy, 0);
	int sig = atomic_load(&caught);
	if (sig)
		raise(sig);
}

/* In place of one in the list, another; NULL: an empty place. */
static void note(const char *old, const char *temp)
{
	for (int i = 0; i < TEMPS; i++)
		if (temps[i] == old) {
			temps[i] = temp;
			break;
		}
}

/* --- files --- */

int same_inode(const struct stat *a, const struct stat *b) { return a->st_dev == b->st_dev && a->st_ino == b->st_ino; }

/* It comes to an end, since realpath() refuses links that go round. */
char *atomic_target(const char *path)
{
	char to[PATH_MAX], *real = realpath(path, NULL), *next = NULL;
	if (real || errno != ENOENT)
		return real;
	ssize_t n = readlink(path, to, sizeof to);
	if (n < 0)
		return strdup(path);
	const char *slash = *to == '/' ? NULL : strrchr(path, '/');
	if (asprintf(&next, "%.*s%.*s", slash ? (int)(slash + 1 - path) : 0, path, (int)n, to) < 0)
		return NULL;
	real = atomic_target(next);
	free(next);
	return real;
}

/* An error only where it makes a difference: some file systems have no modes to set. */
static int set_mode(int fd, mode_t mode)
{
	struct stat st;
	return fchmod(fd, mode) && (fstat(fd, &st) || (st.st_mode & 07777) != mode) ? -1 : 0;
}

static int create(struct atomic_file *a, mode_t mode)
{
	enter();
	for (int i = 0; i < 100 && a->fd < 0; i++) {
		sprintf(a->temp, "%s.tmp%ld-%d", a->path, (long)getpid(), i);
		a->fd = open(a->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (a->fd < 0 && errno != EEXIST)
			break;
	}
	if (a->fd >= 0)
		note(NULL, a->temp);
	leave();
	return a->fd < 0 ? -1 : 0;
}

int atomic_open(struct atomic_file *a, const char *path, struct fail *f)
{
	struct stat st;
	*a = (struct atomic_file){.fd = -1};
	int there = path && stat(path, &st) == 0;
	if (!path || (there && !S_ISREG(st.st_mode))) { /* a device or a FIFO is written to, never replaced */
		const char *name = path ? path : "standard output";
		a->fd = path ? open(path, O_WRONLY | O_CLOEXEC) : fcntl(1, F_DUPFD_CLOEXEC, 3);
		if (a->fd < 0)
			return fail_errno(f, "%s", name);
		a->path = strdup(name);
		if (a->path)
			return 0;
		atomic_abort(a);
		return fail_memory(f);
	}
	a->path = atomic_target(path);
	a->temp = a->path ? malloc(strlen(a->path) + 32) : NULL;
	if (!a->temp) {
		fail_errno(f, "%s", path);
		atomic_abort(a);
		return -1;
	}
	if (create(a, there ? 0600 : 0666)) {
		fail_errno(f, "%s", path);
		free(a->temp);
		a->temp = NULL;
		atomic_abort(a);
		return -1;
	}
	if (there && set_mode(a->fd, st.st_mode & 07777)) {
		fail_errno(f, "%s: cannot keep its mode", path);
		atomic_abort(a);
		return -1;
	}
	return 0;
}

static void release(struct atomic_file *a)
{
	if (a->temp) {
		enter();
		note(a->temp, NULL);
		leave();
	}
	free(a->path);
	free(a->temp);
	*a = (struct atomic_file){.fd = -1};
}

void atomic_abort(struct atomic_file *a)
{
	if (a->fd >= 0) {
		close(a->fd);
		if (a->temp)
			unlink(a->temp);
	}
	release(a);
}

int sync_parent(const char *path, struct fail *f)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	/* some file systems cannot sync a directory, and one that may be written to, but not read, cannot be opened;
	 * the rename itself has been done */
	int bad = fd < 0 ? errno != EACCES : fsync(fd) && errno != EINVAL && errno != ENOSYS && errno != EROFS;
	int r = bad ? fail_errno(f, "%s: cannot sync its directory", path) : 0;
	if (fd >= 0)
		close(fd);
	free(dir);
	return r;
}

int atomic_commit(struct atomic_file *a, struct fail *f)
{
	if (a->temp && fsync(a->fd) && errno != EINVAL && errno != ENOSYS) {
		fail_errno(f, "%s: cannot sync", a->path);
		atomic_abort(a);
		return -1;
	}
	int bad = close(a->fd);
	a->fd = -1;
	if (bad || (a->temp && rename(a->temp, a->path))) {
		fail_errno(f, "%s", a->path);
		if (a->temp)
			unlink(a->temp);
		release(a);
		return -1;
	}
	int r = a->temp ? sync_parent(a->path, f) : 0;
	release(a);
	return r;
}

int atomic_write(const char *path, const void *p, size_t n, struct fail *f)
{
	struct atomic_file a;
	if (atomic_open(&a, path, f))
		return -1;
	if (write_all(a.fd, p, n, f)) {
		fail_add(f, "%s", path);
		atomic_abort(&a);
		return -1;
	}
	return atomic_commit(&a, f);
}

int open_spool(struct fail *f)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	if (!dir || !*dir)
		dir = "/tmp";
	if (snprintf(path, sizeof path, "%s/vae-spool-XXXXXX", dir) >= (int)sizeof path)
		return fail_set(f, "TMPDIR is too long");
	enter();
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	leave();
	return fd < 0 ? fail_errno(f, "cannot spool in %s", dir) : fd;
}

/* A file is created as PATH.tmpPID-N (O_EXCL), written, synced with fsync() and renamed to PATH; then the directory is synced,
 * so that the rename survives a crash. If PATH exists, the temporary file gets its mode first. If PATH is a symbolic link, its
 * target is replaced and the link stays. Standard output, devices and FIFOs cannot be renamed: they are written to directly.
 *
 * A killed process leaves its temporary file. The next one that writes PATH removes it: if its name is exactly of this form, no
 * process has this PID, and nobody holds the lock (flock()) that a writer has on its temporary file from its creation to its rename.
 * The lock tells apart processes of several containers, which cannot see each other's PIDs. On a file system without locks nothing is removed.
 *
 * A signal that ends the tool removes the temporary files, and so does exit(). Their names stand in a small table that the signal handler reads,
 * so every access to the table takes a lock. A handler may not wait for a lock that the interrupted thread may hold. If the
 * lock is taken, the handler only records the signal, and the thread that releases the lock raises it again. If the lock is
 * free, the handler keeps it, removes the files, and lets the signal end the process. */
#include "base/atomic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
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

ssize_t read_at(int fd, void *out, size_t n, off_t at)
{
	size_t done = 0;
	while (done < n) {
		ssize_t got = pread(fd, (char *)out + done, n - done, at + (off_t)done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* --- temporary files and signals --- */

enum { MAX_TEMPS = 16 }; /* no tool has more open at a time */
static const char *temps[MAX_TEMPS];
static atomic_int temps_locked, caught_signal;

static void on_signal(int sig)
{
	atomic_store(&caught_signal, sig);
	if (atomic_exchange(&temps_locked, 1))
		return;
	for (int i = 0; i < MAX_TEMPS; i++)
		if (temps[i])
			unlink(temps[i]);
	signal(sig, SIG_DFL);
	raise(sig); /* delivered when this handler returns */
}

/* A signal that was ignored at start, as under nohup(1), stays ignored. */
static void catch_signals(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM};
	struct sigaction old, new = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigfillset(&new.sa_mask);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
			sigaction(signals[i], &new, NULL);
}

static void remove_temps(void);

static void lock_temps(void)
{
	static atomic_flag once = ATOMIC_FLAG_INIT;
	if (!atomic_flag_test_and_set(&once)) {
		catch_signals();
		atexit(remove_temps);
	}
	while (atomic_exchange(&temps_locked, 1))
		sched_yield();
}

static void unlock_temps(void)
{
	atomic_store(&temps_locked, 0);
	int sig = atomic_load(&caught_signal);
	if (sig)
		raise(sig);
}

void atomic_remove_temps(void)
{
	lock_temps();
	for (int i = 0; i < MAX_TEMPS; i++)
		if (temps[i])
			unlink(temps[i]);
}

/* Runs at exit(), which a library may call when it runs out of memory. */
static void remove_temps(void)
{
	atomic_remove_temps();
	unlock_temps();
}

/* Replaces one entry of the table; NULL stands for a free entry. */
static void replace_temp(const char *old, const char *new)
{
	for (int i = 0; i < MAX_TEMPS; i++)
		if (temps[i] == old) {
			temps[i] = new;
			break;
		}
}

/* --- files --- */

int same_inode(const struct stat *a, const struct stat *b) { return a->st_dev == b->st_dev && a->st_ino == b->st_ino; }

/* The recursion ends: realpath() fails with ELOOP on links that form a cycle. */
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

/* Some file systems cannot set a mode: that is an error only if the mode is another one. */
static int set_mode(int fd, mode_t mode)
{
	struct stat st;
	return fchmod(fd, mode) && (fstat(fd, &st) || (st.st_mode & 07777) != mode) ? -1 : 0;
}

/* The process that a temporary file of NAME is of, given its name behind NAME: .tmpPID-N; else 0. */
static long temp_owner(const char *s)
{
	char *end;
	if (strncmp(s, ".tmp", 4) != 0 || s[4] < '1' || s[4] > '9')
		return 0;
	long pid = strtol(s + 4, &end, 10);
	size_t digits = *end == '-' ? strspn(end + 1, "0123456789") : 0;
	return pid <= INT_MAX && digits && !end[1 + digits] ? pid : 0;
}

static int is_own_temp(const char *path)
{
	int own = 0;
	lock_temps();
	for (int i = 0; i < MAX_TEMPS; i++)
		own |= temps[i] && strcmp(temps[i], path) == 0;
	unlock_temps();
	return own;
}

/* Removes the file if nobody has it locked. */
static void remove_unlocked(int dir, const char *name)
{
	struct stat st, there;
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && same_inode(&st, &there))
		unlinkat(dir, name, 0);
	close(fd);
}

/* Removes temporary files of this path that dead processes left. What cannot be removed is no error. The own PID may be that of a
 * dead process too: in a container every run has the same one. */
static void remove_stale(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *dir = slash ? strndup(path, (size_t)(base - path)) : strdup("."), *full = malloc(strlen(path) + NAME_MAX + 1);
	DIR *d = dir && full ? opendir(dir) : NULL;
	struct dirent *e;
	size_t n = strlen(base);
	while (d && (e = readdir(d))) {
		long pid = strncmp(e->d_name, base, n) == 0 ? temp_owner(e->d_name + n) : 0;
		if (!pid)
			continue;
		sprintf(full, "%.*s%s", (int)(base - path), path, e->d_name);
		if (pid == getpid() ? !is_own_temp(full) : kill((pid_t)pid, 0) && errno == ESRCH)
			remove_unlocked(dirfd(d), e->d_name);
	}
	if (d)
		closedir(d);
	free(full);
	free(dir);
}

/* Locks the new file. 0 if another process was faster, and removes it. */
static int lock_temp(int fd)
{
	struct stat st;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno != EWOULDBLOCK; /* else there are no locks */
	return fstat(fd, &st) || st.st_nlink > 0;
}

static int create_temp(struct atomic_file *a, mode_t mode)
{
	lock_temps();
	for (int i = 0; i < 100 && a->fd < 0; i++) {
		sprintf(a->temp, "%s.tmp%ld-%d", a->path, (long)getpid(), i);
		a->fd = open(a->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (a->fd < 0 && errno != EEXIST)
			break;
		if (a->fd >= 0 && !lock_temp(a->fd)) {
			close(a->fd);
			a->fd = -1;
			errno = EEXIST;
		}
	}
	if (a->fd >= 0)
		replace_temp(NULL, a->temp);
	unlock_temps();
	return a->fd < 0 ? -1 : 0;
}

int atomic_open(struct atomic_file *a, const char *path, struct fail *f)
{
	struct stat st;
	*a = (struct atomic_file){.fd = -1};
	int exists = path && stat(path, &st) == 0;
	if (!path || (exists && !S_ISREG(st.st_mode))) {
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
	if (a->temp)
		remove_stale(a->path);
	if (!a->temp || create_temp(a, exists ? 0600 : 0666)) {
		fail_errno(f, "%s", path);
		atomic_abort(a);
		return -1;
	}
	if (exists && set_mode(a->fd, st.st_mode & 07777)) {
		fail_errno(f, "%s: cannot give the new file the old one's mode", path);
		atomic_abort(a);
		return -1;
	}
	return 0;
}

static void release(struct atomic_file *a)
{
	if (a->temp) {
		lock_temps();
		replace_temp(a->temp, NULL);
		unlock_temps();
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
	/* Not an error: a directory that is writable but not readable, and a file system that cannot sync directories. The
	 * rename is done by then. */
	int bad = fd < 0 ? errno != EACCES : fsync(fd) && errno != EINVAL && errno != ENOSYS && errno != EROFS;
	int r = bad ? fail_errno(f, "%s: cannot sync its directory", path) : 0;
	if (fd >= 0)
		close(fd);
	free(dir);
	return r;
}

int lock_parent(const char *path)
{
	char *target = atomic_target(path), *slash = target ? strrchr(target, '/') : NULL;
	if (slash)
		slash[slash == target] = 0;
	int fd = target ? open(slash ? target : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	free(target);
	for (int i = 0; i < 200 && fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) && (errno == EWOULDBLOCK || errno == EINTR); i++)
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	return fd;
}

int atomic_commit(struct atomic_file *a, struct fail *f)
{
	if (a->temp && fsync(a->fd) && errno != EINVAL && errno != ENOSYS) {
		fail_errno(f, "%s: cannot sync", a->path);
		atomic_abort(a);
		return -1;
	}
	int held = a->temp ? fcntl(a->fd, F_DUPFD_CLOEXEC, 3) : -1; /* the lock, until the file has its name */
	int bad = close(a->fd);
	a->fd = -1;
	if (bad || (a->temp && rename(a->temp, a->path))) {
		fail_errno(f, "%s", a->path);
		if (a->temp)
			unlink(a->temp);
		if (held >= 0)
			close(held);
		release(a);
		return -1;
	}
	if (held >= 0)
		close(held);
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
		return fail_set(f, "TMPDIR is too long: set it to a shorter path");
	lock_temps();
	int fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	unlock_temps();
	return fd < 0 ? fail_errno(f, "cannot create a spool file in %s (TMPDIR names another directory)", dir) : fd;
}

/* atomic.h - files that appear whole or not at all.
 *
 * A file is written under a temporary name beside its place, synced, and renamed. A kill at any instant leaves what was
 * there before. A file that is replaced keeps its mode. SIGHUP, SIGINT, SIGQUIT, SIGPIPE and SIGTERM remove the temporary
 * files before they end the tool. */
#ifndef VF_ATOMIC_H
#define VF_ATOMIC_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/fail.h"

struct atomic_file {
	int fd;     /* write to this */
	char *path; /* the final name */
	char *temp; /* the temporary name; NULL for standard output, a device or a FIFO, which are written to directly */
};

/* path NULL: standard output. After -1 *a owns nothing. */
int atomic_open(struct atomic_file *a, const char *path, struct fail *f);
/* Syncs and renames the file. Frees *a in every case. */
int atomic_commit(struct atomic_file *a, struct fail *f);
/* Removes the temporary file and frees *a. */
void atomic_abort(struct atomic_file *a);
/* atomic_open(), write_all() and atomic_commit(). */
int atomic_write(const char *path, const void *p, size_t n, struct fail *f);

/* Removes the temporary files, as a signal does, and keeps the lock on their table: the process must then end by _exit(). exit(), and
 * functions of this header that make, rename or remove a file, would wait for that lock. */
void atomic_remove_temps(void);

/* The path that writing to `path` replaces: where it is a symbolic link, the link's target, even one that does not exist
 * yet. Freed by the caller; NULL with errno. */
char *atomic_target(const char *path);
/* Whether both describe one file: the same device and inode. */
int same_inode(const struct stat *a, const struct stat *b);
/* Writes all n bytes, through short writes and interruptions. */
int write_all(int fd, const void *p, size_t n, struct fail *f);
/* Reads n bytes at an offset, through short reads and interruptions. Returns how many, fewer at the end of the file, or -1 with errno. */
ssize_t read_at(int fd, void *out, size_t n, off_t at);
/* Syncs the directory that holds path, so that a rename in it survives a crash. */
int sync_parent(const char *path, struct fail *f);
/* Locks the directory that holds path, until the caller closes the returned descriptor; -1 if the directory cannot be opened. Goes on
 * without the lock where the file system has no locks, and after ten seconds, since a user who runs `flock DIR TOOL` holds it already. */
int lock_parent(const char *path);
/* Opens an unlinked file in $TMPDIR (or /tmp) for a spool; returns its descriptor, which the caller closes, or -1. */
int open_spool(struct fail *f);

#endif

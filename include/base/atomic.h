/* atomic.h - files that appear whole or not at all: written beside their place under another
 * name, synced, then renamed. Killed at any instant, what was there before stays; replaced, it leaves its mode.
 * SIGHUP, SIGINT, SIGQUIT, SIGPIPE and SIGTERM remove what stands under such a name before they end the tool. */
#ifndef VF_ATOMIC_H
#define VF_ATOMIC_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/fail.h"

struct atomic_file {
	int fd;      /* write to this */
	char *path;  /* where it will stand */
	char *temp;  /* where it is being written; NULL for a device or a FIFO, which is written to directly */
};

/* A symbolic link's target is replaced, not the link: the path it leads to, also where nothing stands yet. To be
 * freed; NULL with errno. */
char *atomic_target(const char *path);
/* path NULL: standard output. */
int atomic_open(struct atomic_file *a, const char *path, struct fail *f);
int atomic_commit(struct atomic_file *a, struct fail *f); /* also frees */
void atomic_abort(struct atomic_file *a);                 /* removes the temporary file and frees */

/* Whether both are of one file. */
int same_inode(const struct stat *a, const struct stat *b);
/* Writes all of it, through short writes and interruptions. */
int write_all(int fd, const void *p, size_t n, struct fail *f);
/* open, write_all, commit */
int atomic_write(const char *path, const void *p, size_t n, struct fail *f);
/* Syncs the directory that holds path, so that a rename in it lasts. */
int sync_parent(const char *path, struct fail *f);
/* An unlinked file in $TMPDIR (or /tmp) for spools; returns its descriptor or -1. */
int open_spool(struct fail *f);

#endif

/* fault.h - what the shim (preloaded into a tool) and the loop (which runs the tool) share: a mapped
 * file that says which call is to fail, and into which calls are counted. */
#ifndef VF_FAULT_H
#define VF_FAULT_H

#include <stdint.h>

/* Kinds of calls, counted apart. */
enum fault_kind {
	FAULT_ALLOC,  /* malloc, calloc, realloc, aligned_alloc, posix_memalign, and libc's own use of them: ENOMEM */
	FAULT_READ,   /* read, pread, readdir, and stdio's: EIO */
	FAULT_WRITE,  /* write, pwrite, ftruncate, posix_fallocate, and stdio's, but to stderr: ENOSPC */
	FAULT_FSYNC,  /* fsync, fdatasync, msync: EIO */
	FAULT_RENAME, /* rename, renameat, renameat2, link, mkdir: EIO */
	FAULT_OPEN,   /* open, mkostemp, fopen, opendir: ENFILE */
	FAULT_CLOSE,  /* close: closes, and says EIO */
	FAULT_MAP,    /* mmap of a file: ENOMEM */
	FAULT_THREAD, /* pthread_create: EAGAIN */
	FAULT_KINDS
};

enum fault_mode {
	FAULT_COUNT, /* nothing fails; the places that calls come from are listed */
	FAULT_ONCE,  /* call nth fails */
	FAULT_ON,    /* and all behind it */
	FAULT_SHORT, /* call nth reads or writes a third of what it was asked to; nothing is wrong */
	FAULT_SHORTS, /* all from nth on */
	FAULT_EINTR  /* call nth is interrupted; nothing is wrong */
};

enum { FAULT_PLACES = 8192, FAULT_HASHES = 1 << 17 };

struct fault {
	int kind, mode;
	long nth;
	long fired;
	long count[FAULT_KINDS];
	/* FAULT_COUNT: the calls whose stack of callers had not been seen before */
	int nplaces[FAULT_KINDS];
	long place[FAULT_KINDS][FAULT_PLACES];
	uint64_t seen[FAULT_HASHES];
};

#define FAULT_KIND_NAMES {"alloc", "read", "write", "fsync", "rename", "open", "close", "map", "thread"}
#define FAULT_MODE_NAMES {"count", "once", "on", "short", "shorts", "eintr"}

#endif

/* fault.h - the mapped file by which fault-loop and the shim communicate: fault-loop writes which call of the tool is to
 * fail, and the shim, preloaded into the tool, counts the calls. */
#ifndef VF_FAULT_H
#define VF_FAULT_H

#include <stdint.h>

/* Kinds of calls, each counted separately, and the error of a failed call. */
enum fault_kind {
	FAULT_ALLOC,  /* malloc, calloc, realloc, aligned_alloc, posix_memalign, also those that libc calls: ENOMEM */
	FAULT_READ,   /* read, pread, readdir, and reads of stdio: EIO */
	FAULT_WRITE,  /* write, pwrite, ftruncate, posix_fallocate, and writes of stdio, except to stderr: ENOSPC */
	FAULT_FSYNC,  /* fsync, fdatasync, msync: EIO */
	FAULT_RENAME, /* rename, renameat, renameat2, link, mkdir: EIO */
	FAULT_OPEN,   /* open, mkostemp, fopen, opendir: ENFILE */
	FAULT_CLOSE,  /* close: closes and returns EIO */
	FAULT_MAP,    /* mmap of a file: ENOMEM */
	FAULT_THREAD, /* pthread_create: EAGAIN */
	FAULT_KINDS
};

enum fault_mode {
	FAULT_COUNT,      /* no call fails; counts calls and lists the places they come from */
	FAULT_ONCE,       /* call nth fails */
	FAULT_FROM,       /* call nth and all later ones fail */
	/* Events that a tool must cope with: */
	FAULT_SHORT,      /* call nth transfers a third of the bytes */
	FAULT_SHORT_FROM, /* so do all calls from nth on */
	FAULT_EINTR       /* call nth is interrupted */
};

enum { FAULT_PLACES = 8192, FAULT_HASHES = 1 << 17 };

struct fault {
	int kind, mode;
	long nth;
	long fired;
	long count[FAULT_KINDS];
	/* FAULT_COUNT: the numbers of the calls that were the first from their place (stack of callers) */
	int nplaces[FAULT_KINDS];
	long place[FAULT_KINDS][FAULT_PLACES];
	uint64_t seen[FAULT_HASHES];
};

#define FAULT_KIND_NAMES {"alloc", "read", "write", "fsync", "rename", "open", "close", "map", "thread"}
#define FAULT_MODE_NAMES {"count", "once", "from", "short", "short-from", "eintr"}

#endif

/* fail.h - errors as values.
 *
 * A function in src/ that can fail takes a struct fail as its last argument, writes one line into it (no newline, no name of a
 * tool) and returns -1 or NULL. Only filters/ print it and exit. A caller may add where it happened, but does not replace the
 * message.
 */
#ifndef VF_FAIL_H
#define VF_FAIL_H

struct fail {
	char msg[1024]; /* one line of UTF-8, names in it escaped by name_escape() */
	int memory;     /* memory ran out: not a fault of the data */
	int unscored;   /* of a record: it could be read, but has no score */
};

/* -1, as a call: compilers warn of a bare value that is not used. */
static inline int fail_returned(void) { return -1; }

/* Sets the message; -1, so that `return fail_set(...)` reads well. */
#define fail_set(f, ...) (fail_put((f), __VA_ARGS__), fail_returned())
/* The same for a record that could be read, but has no score. */
#define fail_unscored(f, ...) (fail_put((f), __VA_ARGS__), (f)->unscored = 1, fail_returned())
/* The message "out of memory", or "out of memory for ...", and sets memory; -1. */
#define fail_memory(f) (fail_put_memory(f), fail_returned())
#define fail_memory_for(f, ...) (fail_put_memory_for((f), __VA_ARGS__), fail_returned())
/* Puts "prefix: " before the message that is there; -1. */
#define fail_add(f, ...) (fail_prefix((f), __VA_ARGS__), fail_returned())
/* Puts "; what to do" behind it, unless memory ran out, against which that does not help; -1. */
#define fail_advise(f, ...) (fail_suffix((f), __VA_ARGS__), fail_returned())
/* fail_set() with ": " and strerror(errno) behind it; sets memory for ENOMEM; -1. */
#define fail_errno(f, ...) (fail_put_errno((f), __VA_ARGS__), fail_returned())

/* Called by the macros, which show compilers and analyzers that the value is -1. */
void fail_put(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fail_put_memory(struct fail *f);
void fail_put_memory_for(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fail_prefix(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fail_suffix(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void fail_put_errno(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

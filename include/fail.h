/* fail.h - errors as values.
 *
 * Every function in src/ that can fail takes a struct fail as its last argument, writes one
 * line into it (no newline, no tool name) and returns -1 or NULL. Only filters/ print it and
 * exit. The first message wins: a caller may add where it happened, never replace what did.
 */
#ifndef VF_FAIL_H
#define VF_FAIL_H

struct fail {
	char msg[1024]; /* one line of UTF-8, names in it escaped by name_escape() */
};

/* Sets the message; always returns -1, so that `return fail_set(...)` reads well. */
int fail_set(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "prefix: " before the message that is there; always returns -1. */
int fail_add(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* fail_set() with ": " and strerror(errno) behind it. */
int fail_errno(struct fail *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif

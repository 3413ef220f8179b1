#include "base/thread.h"

#include <string.h>
#include <sys/resource.h>

enum { STACK_BYTES = 2 << 20, MIN_STACK_BYTES = 512 << 10, USUAL_STACK_BYTES = 8 << 20 };

int thread_start(pthread_t *t, void *(*fn)(void *arg), void *arg, struct fail *f)
{
	pthread_attr_t attr;
	int error = pthread_attr_init(&attr);
	if (!error) {
		error = pthread_attr_setstacksize(&attr, STACK_BYTES);
		if (!error)
			error = pthread_create(t, &attr, fn, arg);
		pthread_attr_destroy(&attr);
	}
	if (!error)
		return 0;
	return fail_set(f, "cannot start a thread: %s: use a lower -j, or raise the limits on address space and processes (ulimit -v, -u)",
	                strerror(error));
}

int thread_check_stack(struct fail *f)
{
	struct rlimit stack;
	if (getrlimit(RLIMIT_STACK, &stack) || stack.rlim_cur == RLIM_INFINITY || stack.rlim_cur >= MIN_STACK_BYTES)
		return 0;
	unsigned long long was = stack.rlim_cur;
	stack.rlim_cur = stack.rlim_max != RLIM_INFINITY && stack.rlim_max < USUAL_STACK_BYTES ? stack.rlim_max : USUAL_STACK_BYTES;
	if (stack.rlim_cur >= MIN_STACK_BYTES && setrlimit(RLIMIT_STACK, &stack) == 0)
		return 0;
	return fail_set(f, "the stack is limited to %llu KiB: raise the limit to %d KiB or more (ulimit -s)", was / 1024, MIN_STACK_BYTES / 1024);
}

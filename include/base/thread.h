/* thread.h - threads with a stack of their own size, whatever `ulimit -s` says.
 */
#ifndef VF_THREAD_H
#define VF_THREAD_H

#include <pthread.h>

#include "base/fail.h"

/* pthread_create() with a stack of 2 MiB. 0 or -1. */
int thread_start(pthread_t *t, void *(*fn)(void *arg), void *arg, struct fail *f);

/* The stack of the main thread: raises a low soft limit as far as the hard limit allows. Fails if less than 512 KiB is left. */
int thread_check_stack(struct fail *f);

#endif

/* clock.h - elapsed time. */
#ifndef VF_CLOCK_H
#define VF_CLOCK_H

/* Seconds of the monotonic clock: only differences have a meaning. */
double seconds_now(void);

#endif

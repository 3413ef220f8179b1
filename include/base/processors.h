/* processors.h - how many processors this process may use: fewer than the machine has under taskset, Slurm or in a container. */
#ifndef VF_PROCESSORS_H
#define VF_PROCESSORS_H

/* At least 1: the processors of the affinity mask, or fewer where the process is in a control group (version 2) with a limit on processor
 * time, rounded up. */
int processors_available(void);

/* The limit of a control group and of those above it, in processors; 0: none. root: where the groups are mounted; self: the text of
 * /proc/self/cgroup. */
double processors_quota(const char *root, const char *self);

#endif

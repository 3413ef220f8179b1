/* The blocked kernels with NEON. */
#if defined(__aarch64__)

#define LANES 4
#include "gemm/blocked.h"

const struct blocked_kernels blocked_4 = BLOCKED_KERNELS;

#endif

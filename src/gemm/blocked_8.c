/* The blocked kernels with AVX2. */
#if defined(__x86_64__)

#define LANES 8
#include "gemm/blocked.h"

const struct blocked_kernels blocked_8 = BLOCKED_KERNELS;

#endif

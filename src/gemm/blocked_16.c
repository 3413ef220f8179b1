/* The blocked kernels with AVX-512. */
#if defined(__x86_64__)

#define LANES 16
#include "gemm/blocked.h"

const struct blocked_kernels blocked_16 = BLOCKED_KERNELS;

#endif

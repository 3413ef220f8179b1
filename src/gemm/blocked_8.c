/* The blocked kernels with AVX2 and NEON. */
#define LANES 8
#include "gemm/blocked.h"

const struct blocked_kernels blocked_8 = BLOCKED_KERNELS;

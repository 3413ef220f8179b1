/* The kernels for direct convolution with NEON. */
#if defined(__aarch64__)

#define LANES 4
#include "gemm/direct_kernels.h"

const struct direct_kernels direct_4 = DIRECT_KERNELS;

#endif

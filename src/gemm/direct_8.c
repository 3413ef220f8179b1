/* The kernels for direct convolution with AVX2. */
#if defined(__x86_64__)

#define LANES 8
#include "gemm/direct_kernels.h"

const struct direct_kernels direct_8 = DIRECT_KERNELS;

#endif

/* The kernels for direct convolution with AVX-512. */
#if defined(__x86_64__)

#define LANES 16
#include "gemm/direct_kernels.h"

const struct direct_kernels direct_16 = DIRECT_KERNELS;

#endif

/* The kernels for direct convolution with AVX2 and NEON. */
#define LANES 8
#include "gemm/direct_kernels.h"

const struct direct_kernels direct_8 = DIRECT_KERNELS;

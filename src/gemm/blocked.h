/* blocked.h - the kernels that blocked_16.c, blocked_8.c and blocked_4.c compile, as one table. Include it after LANES is defined. */
#ifndef VF_BLOCKED_H
#define VF_BLOCKED_H

#include "gemm/masked_gemm.h"
#include "gemm/panels.h"
#include "gemm/sparse_pairs.h"
#include "gemm/transpose.h"
#include "gemm/weighted_sums.h"

#define BLOCKED_KERNELS                                                                                                                    \
	{                                                                                                                                  \
		LANES, panels_pack, panels_repack, panels_gemm, masked_gemm_pays, masked_gemm, pack_block, unpack_block, layer, layer_relu,     \
			nn_masked, gram, spread_block, pair_dots, weighted_sums, transpose_matrix,                                                                                                   \
	}

#endif

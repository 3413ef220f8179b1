/* gemm_amx.h - products on the AMX tiles of newer Xeons (Sapphire Rapids and later), of shapes for which gemm_select() says so. */
#ifndef VF_GEMM_AMX_H
#define VF_GEMM_AMX_H

#include "gemm/gemm_args.h"

/* mat_pack() and mat_repack() for this kernel, with each float in 2 or 3 pieces. b.v NULL: zeros. */
struct mat_packed *gemm_amx_pack(struct gemm_operand b, int n, int k, int pieces);
void gemm_amx_repack(struct mat_packed *packed, struct gemm_operand b);

/* Keeps 5 MB of scratch per thread. */
void gemm_amx(const struct gemm_args *g);

#endif

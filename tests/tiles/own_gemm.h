/* own_gemm.h - gemm_amx.c once more, under names of its own beside those of the library: for parts that the library does not export, for other
 * blockings and for emulated tiles. */
#include "gemm/kernels.h"

#define gemm_amx own_gemm
#define gemm_amx_pack own_pack
#define gemm_amx_repack own_repack
struct mat_packed *own_pack(struct gemm_operand b, int n, int k, int pieces);
void own_repack(struct mat_packed *packed, struct gemm_operand b);
void own_gemm(const struct gemm_args *g);
#include "gemm/gemm_amx.c" /* NOLINT(bugprone-suspicious-include) */
#undef gemm_amx
#undef gemm_amx_pack
#undef gemm_amx_repack

/* tests/bench/bench_tiles.c on emulated tiles, for build/tiles/bench. */
#include "base/amx.h"

#if defined(SIMD_HAS_AMX)
#include "tiles.h"
#endif

#include "../bench/bench_tiles.c" /* NOLINT(bugprone-suspicious-include) */

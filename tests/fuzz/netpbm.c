#include "fuzz.h"
#include "input/netpbm.h"

int fuzz_netpbm(const uint8_t *data, size_t size) { return fuzz_decoder(netpbm_decode, data, size); }

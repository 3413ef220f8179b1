#include "fuzz.h"
#include "input/avif.h"

int fuzz_avif(const uint8_t *data, size_t size) { return fuzz_decoder(avif_decode, data, size); }

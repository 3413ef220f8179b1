#include "fuzz.h"
#include "input/webp.h"

int fuzz_webp(const uint8_t *data, size_t size) { return fuzz_decoder(webp_decode, data, size); }

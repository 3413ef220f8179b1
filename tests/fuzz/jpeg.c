#include "fuzz.h"
#include "input/jpeg.h"

int fuzz_jpeg(const uint8_t *data, size_t size) { return fuzz_decoder(jpeg_decode, data, size); }

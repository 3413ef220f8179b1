/* fuzz.h - targets for libFuzzer: any bytes in, no crash, and what holds for all inputs holds (WANT).
 *
 * A target is a function fuzz_NAME(data, size) in NAME.c, a row in replay.c, and a folder corpus/NAME.
 * `make fuzz` runs them under clang; test_fuzz_corpus goes through the kept corpus in every `make check`.
 */
#ifndef VF_FUZZ_H
#define VF_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_TARGETS(X) X(name) X(fields) X(expr) X(config) X(safetensors) X(npy) X(netpbm) X(png) X(jpeg) X(idx) X(reader) X(csv) X(rank_reference)
#define FUZZ_DECLARE(name) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(FUZZ_DECLARE)

/* Ends the process with the line that does not hold. */
#define WANT(what) ((what) ? (void)0 : fuzz_unwanted(__FILE__, __LINE__, #what))
_Noreturn void fuzz_unwanted(const char *file, int line, const char *what);

/* data with a NUL behind it, freed by the caller. */
char *fuzz_text(const uint8_t *data, size_t size);
/* data as a file in memory: its descriptor, and in path a name to open it by. */
int fuzz_file(const uint8_t *data, size_t size, char path[64]);

struct picture;
struct fail;
/* What holds for a picture that was decoded; frees it. */
void fuzz_picture(struct picture *p, const uint8_t *data, size_t size, int kind);

#endif

/* fuzz.h - fuzz targets: a parser is given arbitrary bytes, must not crash, and must keep the properties that CHECK states.
 *
 * A target is a function fuzz_NAME(data, size) in NAME.c, a name in FUZZ_TARGETS and in the Makefile's FUZZ, and a directory
 * corpus/NAME. `make fuzz` runs the targets with libFuzzer; test_fuzz_corpus, in `make check`, runs them on the corpus.
 */
#ifndef VF_FUZZ_H
#define VF_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#define FUZZ_TARGETS(X) X(name) X(fields) X(expr) X(config) X(safetensors) X(npy) X(netpbm) X(png) X(jpeg) X(webp) X(avif) X(idx) X(reader) X(tar) X(csv) X(rank_reference) X(expr_fields) X(metadata) X(checkpoint) X(curvature) X(import) X(decisions) X(columns) X(influences) X(merge_lists) X(knn_parts)
#define FUZZ_DECLARE(name) int fuzz_##name(const uint8_t *data, size_t size);
FUZZ_TARGETS(FUZZ_DECLARE)

/* Ends the process with a message if the condition is false. */
#define CHECK(what) ((what) ? (void)0 : fuzz_check_failed(__FILE__, __LINE__, #what))
_Noreturn void fuzz_check_failed(const char *file, int line, const char *what);

/* A copy of data with a NUL at its end, freed by the caller. */
char *fuzz_text(const uint8_t *data, size_t size);
/* Writes data to a file in memory: returns its descriptor, and a path that opens it. */
int fuzz_file(const uint8_t *data, size_t size, char path[64]);

/* A path in a new directory, in memory where there is /dev/shm: for writers that rename. */
const char *fuzz_scratch(void);

struct picture;
struct fail;
/* The whole target of a decoder of pictures: checks what it makes of data. Returns 0. */
int fuzz_decoder(int (*decode)(const void *data, size_t len, struct picture *out, struct fail *f), const uint8_t *data, size_t size);

#endif

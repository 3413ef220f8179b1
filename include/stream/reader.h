/* reader.h - records out of tar streams: plain, zstd, gzip, xz, lz4 or bzip2, concatenated or not.
 *
 * Errors, never guesses: a truncated tar or frame, a hard link, the same extension twice in a
 * record, a key that comes back. Every message names file, record and member.
 */
#ifndef VF_READER_H
#define VF_READER_H

#include "stream/record.h"

struct reader;

enum { READER_REWINDABLE = 1, READER_KEYS_PER_FILE = 2 };
enum reader_item { READER_END = 0, READER_RECORD = 1, READER_LOOSE = 2 };

/* Reads paths one after the other, as if they were one stream; none or "-" is standard input.
 * READER_REWINDABLE: a second pass will be made; what cannot be sought is spooled, raw, to an unlinked
 * file in $TMPDIR. READER_KEYS_PER_FILE: every file may use the keys of the others again. */
struct reader *reader_open(char *const *paths, int n, int flags, struct fail *f);
/* Fills rec: READER_RECORD, READER_LOOSE (one member that belongs to no record, in rec->m[0]),
 * READER_END, or -1. What rec held before is overwritten, its memory used again. */
int reader_next(struct reader *r, struct record *rec, struct fail *f);
/* Back to the first byte, once, after READER_END. */
int reader_rewind(struct reader *r, struct fail *f);
/* Bytes of input taken so far, as they came, and their total where it is known (else 0). */
uint64_t reader_bytes(const struct reader *r);
uint64_t reader_total(const struct reader *r);
/* From another thread: whatever reads now, or later, comes back with an error instead of waiting for input. */
void reader_stop(const struct reader *r);
void reader_close(struct reader *r);

/* A reader over ranges of a file that holds plain tar without an end, in any order: range i is
 * [from[i], from[i] + len[i]). Used to emit records in another order. fd is borrowed. */
struct reader *reader_open_ranges(int fd, const uint64_t *from, const uint64_t *len, size_t n, struct fail *f);

#endif

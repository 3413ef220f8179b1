/* reader.h - records from tar streams: plain, zstd, gzip, xz, lz4 or bzip2, concatenated or not.
 *
 * The reader refuses what is ambiguous: a truncated stream, a hard link, an extension twice in a record, a key that an
 * earlier record has, and members of which none belongs to a record. Every message names the file, the record and the member.
 */
#ifndef VF_READER_H
#define VF_READER_H

#include "stream/record.h"

struct reader;

/* READER_REWINDABLE: reader_rewind() will be called. An input that cannot seek is copied, as it comes, to an unlinked spool
 * file in $TMPDIR. READER_KEYS_PER_FILE: files may have keys in common. READER_REPEATED_KEYS: a key may
 * come back, as in a file of rejects from such files. */
enum { READER_REWINDABLE = 1, READER_KEYS_PER_FILE = 2, READER_REPEATED_KEYS = 4 };

/* Limits in bytes. RECORD_MAX_BYTES, and 1 GiB of records in flight, until reader_limit() sets others. */
struct reader_limits {
	size_t record;    /* of all members of a record, and of the loose members after it: more is refused */
	size_t in_flight; /* of all records that are read ahead, in whole batches; not used here, but kept for model/batch_stream.h */
};
#define READER_LIMITS ((struct reader_limits){RECORD_MAX_BYTES, (size_t)1 << 30})

enum reader_item { READER_END = 0, READER_RECORD = 1, READER_LOOSE = 2 };

/* Reads paths as one stream, in order; no path, or "-", is standard input. */
struct reader *reader_open(char *const *paths, int n, int flags, struct fail *f);
/* Reads a file that holds plain tar without end-of-archive, as writer_open_spool() writes it: only the ranges
 * [from[i], from[i] + len[i]), in the order given. fd, from and len are borrowed. */
struct reader *reader_open_ranges(int fd, const uint64_t *from, const uint64_t *len, size_t n, struct fail *f);
void reader_limit(struct reader *r, const struct reader_limits *limits);
struct reader_limits reader_get_limits(const struct reader *r);
/* Puts a prefix before the key and the names of every record: the text, and with by_file also the name of its file and a slash
 * (reader_key_prefix()). The field key_prefix keeps it, so that record_remove_fields() can remove it. text is borrowed; NULL: none.
 * by_file also allows keys that files have in common, as READER_KEYS_PER_FILE does. */
void reader_prefix_keys(struct reader *r, const char *text, int by_file);
/* Appends that prefix; path NULL: without the name of a file. -1 if no key can begin with it. */
int reader_key_prefix(struct buf *out, const char *text, const char *path, struct fail *f);
/* Fills rec: READER_RECORD, READER_LOOSE (a loose member between records, in rec->m[0]), READER_END, or -1. Overwrites rec
 * and reuses its memory. */
int reader_next(struct reader *r, struct record *rec, struct fail *f);
/* Whether an earlier filter has dropped all records. Known at READER_END. */
int reader_emptied(const struct reader *r);
/* Back to the first byte, once, after READER_END. */
int reader_rewind(struct reader *r, struct fail *f);
/* Bytes of input read so far, compressed as they came, and their total, 0 if it is unknown. Any thread. */
uint64_t reader_bytes(const struct reader *r);
uint64_t reader_total(const struct reader *r);
/* Ends waiting for input: a read that waits, and every later read that would wait, fails. Any thread. */
void reader_stop(const struct reader *r);
void reader_close(struct reader *r);

#endif

/* writer.h - records to a tar stream (pax), plain or zstd.
 *
 * Names, payload bytes, modes, owners, times and extended attributes are written as they were read. A stream that is aborted
 * has no end-of-archive, so its reader fails too, and a truncated stream never looks complete.
 */
#ifndef VF_WRITER_H
#define VF_WRITER_H

#include <sys/stat.h>

#include "stream/record.h"

struct writer;

/* Compression levels: none; zstd's default; the default if the path ends in .zst, else none. */
enum { WRITER_PLAIN = -1, WRITER_DEFAULT_LEVEL = 3, WRITER_BY_NAME = -2 };

/* path NULL: standard output, refused when it is a terminal. Else a file that appears whole or not at all. */
struct writer *writer_open(const char *path, int level, struct fail *f);
/* A plain tar without end-of-archive on a borrowed descriptor, for reader_open_ranges(). */
struct writer *writer_open_spool(int fd, struct fail *f);

/* The most bytes of a record and of the loose members after it, where it is not RECORD_MAX_BYTES. */
void writer_limit(struct writer *w, size_t record);

/* Which members of a record to write: its own, KEY.vae.json last; the loose ones among them; or both. */
enum writer_part { WRITER_OWN = 1, WRITER_LOOSE = 2, WRITER_ALL = 3 };
/* Fails if the stream would break a limit of the reader. */
int writer_record(struct writer *w, struct record *r, enum writer_part part, struct fail *f);

/* All records of the input were dropped, here or by an earlier filter: if there are loose members, the archive will say so. */
void writer_emptied(struct writer *w);

/* Whether st is of the file that is written, or of the file that it will replace. */
int writer_writes_to(const struct writer *w, const struct stat *st);
/* Uncompressed bytes written so far. */
uint64_t writer_bytes(struct writer *w);
/* Does all of writer_close() that is likely to fail: writes the end-of-archive and syncs, so that only a rename is left.
 * Does nothing on standard output. */
int writer_prepare(struct writer *w, struct fail *f);
/* Writes the end-of-archive; syncs and renames a file. Frees w in every case. */
int writer_close(struct writer *w, struct fail *f);
void writer_abort(struct writer *w);

#endif

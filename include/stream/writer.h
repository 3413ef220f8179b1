/* writer.h - records to a tar stream (pax), plain or zstd.
 *
 * Payload bytes, mode, owner, times, xattrs and names go out as they came in. A stream that is
 * aborted gets no end-of-archive, so that whoever reads it fails too and no cut stream looks whole.
 */
#ifndef VF_WRITER_H
#define VF_WRITER_H

#include <sys/stat.h>

#include "stream/record.h"

struct writer;

enum { WRITER_PLAIN = -1, WRITER_DEFAULT_LEVEL = 3, WRITER_BY_NAME = -2 };

/* path NULL: standard output, refused when it is a terminal; else a file that appears whole or
 * not at all. level: zstd's, or WRITER_PLAIN, or WRITER_BY_NAME (zstd if path ends in .zst). */
struct writer *writer_open(const char *path, int level, struct fail *f);
/* A plain tar without an end into a borrowed descriptor, for reader_open_ranges(). */
struct writer *writer_open_spool(int fd, struct fail *f);

/* Which members of a record go out: its own, with KEY.vae.json last, those that stood loose
 * among them, or both. */
enum writer_part { WRITER_OWN = 1, WRITER_LOOSE = 2, WRITER_ALL = 3 };
int writer_record(struct writer *w, struct record *r, enum writer_part part, struct fail *f);

/* Whether st is of the file that is written, or of the one it will replace. */
int writer_writes_to(const struct writer *w, const struct stat *st);
/* Uncompressed bytes written so far. */
uint64_t writer_bytes(struct writer *w);
/* A file: writes the end-of-archive and syncs, so that writer_close() has but to rename it. Nothing
 * for standard output. */
int writer_prepare(struct writer *w, struct fail *f);
/* Writes the end-of-archive, syncs and renames a file; frees w in every case. */
int writer_close(struct writer *w, struct fail *f);
void writer_abort(struct writer *w);

#endif

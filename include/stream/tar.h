/* tar.h - the header of a tar member: read from any tar format, written as ustar or pax.
 *
 * Names, link targets and owner names are bytes: no character set, no normalisation. The reader refuses what it does not
 * understand; the writer refuses nothing that the reader has read, except headers of more than TAR_EXTENSION_MAX bytes.
 */
#ifndef VF_TAR_H
#define VF_TAR_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { TAR_BLOCK = 512 };
/* Bytes of one extended header (pax, GNU long name). */
#define TAR_EXTENSION_MAX (1u << 20)

enum tar_type {
	TAR_FILE = '0',
	TAR_LINK = '1', /* hard */
	TAR_SYMLINK = '2',
	TAR_CHAR = '3',
	TAR_DEVICE = '4', /* block */
	TAR_DIRECTORY = '5',
	TAR_FIFO = '6',
};

struct tar_time { /* sec + nsec / 1e9 seconds since 1970, 0 <= nsec < 1e9 */
	int64_t sec;
	int32_t nsec;
	int set;
};

struct tar_header { /* of zeros: empty; freed by tar_header_free() */
	struct buf name, link, uname, gname; /* without NUL bytes */
	enum tar_type type;
	unsigned mode; /* 07777 */
	int64_t uid, gid, devmajor, devminor; /* not negative */
	struct tar_time mtime, atime, ctime;
	struct buf records; /* further pax records, such as extended attributes: `LENGTH KEYWORD=VALUE\n`, sorted by keyword */
};

/* A regular file without a name; keeps the buffers. */
void tar_header_clear(struct tar_header *h);
void tar_header_free(struct tar_header *h);

/* Appends a pax record. */
int tar_add_record(struct buf *out, const char *keyword, size_t keyword_len, const char *value, size_t len, struct fail *f);
/* Appends the headers of a member with size bytes of data: one block of ustar, after a pax header where values do not fit. */
int tar_format(const struct tar_header *h, uint64_t size, struct buf *out, struct fail *f);

/* A global pax header with a comment, which says that a filter has dropped all records, so that the archive is no input of another kind. */
int tar_format_emptied(struct buf *out, struct fail *f);

/* Whether these TAR_BLOCK bytes have the checksum of a header. */
int tar_is_header(const char *block);

/* Reads an archive, or several, one after the other. */
struct tar_reader;
/* Delivers the next bytes: their number, 0 at the end, -1. Valid until the next call. */
typedef ptrdiff_t tar_read_fn(void *ctx, const void **block, struct fail *f);

/* NULL when memory is out. */
struct tar_reader *tar_open(tar_read_fn *read, void *ctx, struct fail *f);
/* The next member and the bytes of its data: 1, 0 at the end of the last archive and of the input, -1. After an error
 * h->name is the name of the member, where it is known. */
int tar_next(struct tar_reader *t, struct tar_header *h, uint64_t *size, struct fail *f);
/* The next piece of the member's data, holes of a sparse file as zeros: its length, 0 at the end, -1. */
ptrdiff_t tar_data(struct tar_reader *t, const void **piece, struct fail *f);
/* Whether an archive had the header of tar_format_emptied(). */
int tar_emptied(const struct tar_reader *t);
void tar_close(struct tar_reader *t);

#endif

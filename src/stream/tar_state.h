/* tar_state.h - what a reader of tar holds, shared by tar_reader.c, tar_pax.c and tar_sparse.c. */
#ifndef VF_TAR_STATE_H
#define VF_TAR_STATE_H

#include "stream/tar.h"

struct extent { /* of a sparse file */
	uint64_t from, len;
};

/* What extended headers say. */
enum {
	HAS_PATH = 1 << 0, HAS_LINK = 1 << 1, HAS_UNAME = 1 << 2, HAS_GNAME = 1 << 3, HAS_UID = 1 << 4, HAS_GID = 1 << 5, HAS_SIZE = 1 << 6,
	HAS_MTIME = 1 << 7, HAS_ATIME = 1 << 8, HAS_CTIME = 1 << 9, HAS_MAJOR = 1 << 10, HAS_MINOR = 1 << 11,
	SPARSE_MAJOR = 1 << 12, SPARSE_MINOR = 1 << 13, SPARSE_NAME = 1 << 14, SPARSE_REALSIZE = 1 << 15,
	SPARSE_SIZE = 1 << 16, SPARSE_COUNT = 1 << 17, SPARSE_MAP = 1 << 18, SPARSE_LIST = 1 << 19,
	SPARSE_10 = SPARSE_MAJOR | SPARSE_MINOR | SPARSE_NAME | SPARSE_REALSIZE,
	SPARSE_01 = SPARSE_SIZE | SPARSE_COUNT | SPARSE_MAP | SPARSE_NAME,
	SPARSE_00 = SPARSE_SIZE | SPARSE_COUNT | SPARSE_LIST,
	SPARSE = SPARSE_10 | SPARSE_01 | SPARSE_00,
	LOCAL_ONLY = SPARSE | HAS_PATH | HAS_LINK | HAS_SIZE | HAS_MAJOR | HAS_MINOR, /* makes no sense for all members */
};

struct extended {
	int has;             /* of the bits above */
	struct tar_header h; /* the fields that it has */
	int64_t size, sparse_major, sparse_minor, sparse_size, sparse_count;
	struct buf sparse_name;
};

#define TAR_EMPTIED "vae-filters: all records were dropped"

struct tar_reader {
	tar_read_fn *read;
	void *ctx;
	const char *block;         /* delivered by read(), not yet taken */
	size_t left;
	char held[TAR_BLOCK];      /* a block that was delivered in parts */
	uint64_t bytes;            /* read so far */
	int zeros;                 /* blocks of zeros since the last member */
	struct extended all, next; /* of global headers, for all members; of those before the next one */
	int emptied;               /* an archive says so (tar_format_emptied()) */
	int have_x, have_long;     /* extended headers before the next member */
	struct buf text;           /* data of an extended header */
	struct buf kept, records;  /* texts of the pax records to keep, and where they are (tar_pax.c) */
	/* the data of the member */
	uint64_t stored, size, at; /* stored bytes not yet delivered; the size of the file; bytes delivered */
	size_t padding;            /* bytes behind the data, up to a whole block */
	int sparse;
	struct buf extents;        /* struct extent */
	size_t extent, used;       /* the current one, and how much of it was delivered */
};

/* tar_reader.c: the next block, which must be there. Valid until the next one is read. */
int tar_whole_block(struct tar_reader *t, const char **block, struct fail *f);
/* A numeric field of a header, in octal or base 256, of at least min; 0 if it is blank. */
int tar_field(const char *block, size_t at, size_t size, const char *what, int64_t min, int64_t *v, struct fail *f);
/* At most `most` of the stored bytes: the number, -1. */
ptrdiff_t tar_stored_piece(struct tar_reader *t, uint64_t most, const void **piece, struct fail *f);

/* tar_pax.c: reads the records in t->text. */
int pax_parse(struct tar_reader *t, int global, struct fail *f);
/* Appends the records that were kept to the header, sorted by keyword. */
int pax_add_kept(struct tar_reader *t, struct tar_header *h, struct fail *f);
/* Makes n bytes at p the text in b. */
int pax_set_text(struct buf *b, const char *p, size_t n, struct fail *f);

/* tar_sparse.c: appends an extent to the map of the next member. */
int sparse_add_extent(struct tar_reader *t, int64_t from, int64_t len, struct fail *f);
/* Reads the map and checks that it matches the stored bytes. b: the member's header. */
int sparse_open(struct tar_reader *t, const char *b, struct fail *f);
/* The next piece of the file, holes as zeros: its length, -1. */
ptrdiff_t sparse_piece(struct tar_reader *t, const void **piece, struct fail *f);

#endif

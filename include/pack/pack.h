/* pack.h - IDX files, tables of numbers, directories and archives to records. */
#ifndef VF_PACK_H
#define VF_PACK_H

#include "stream/expr.h"
#include "stream/writer.h"

/* What becomes of a row with a cell that is empty, NA, N/A, NaN, null, none or ?. MEAN: the cell gets the mean of its column; MARK: and
 * one more column is 1 in such rows, else 0. */
enum missing_cells { MISSING_ERROR, MISSING_SKIP, MISSING_MEAN, MISSING_MARK };

struct pack {
	struct writer *out;
	const char *prefix;      /* of every key; the record's ordinal follows */
	const struct expr *only; /* pack the records that match; NULL: all */
	uint64_t limit;          /* stop after so many records; 0: no limit */
	/* CSV: */
	const char *label; /* the column that becomes .cls, by name or by number from 1; further ones, after commas, become fields; NULL: none */
	const char *columns, *skip; /* columns that are packed, or not, by names or numbers with commas between; NULL: all, none */
	const char *categories; /* columns of texts, each of which becomes a column of 0 and 1; likewise, or NULL */
	int missing_cells; /* enum missing_cells */
	int decimal_comma; /* 1,5 is a number */
	int thousands;     /* the character between groups of three digits, or 0 */
	int header;        /* the first line holds names, even if it looks like numbers */
	int separator;
	/* npy: */
	int as_vector; /* unsigned bytes are numbers, not pictures */
	/* Directories and archives: */
	int follow;        /* directories only: follow symbolic links */
	int classes;       /* the directory directly below, as .cls */
	int together;      /* the files of one name are one record, whose key is the name */
	/* Called every 256 records; total is the number of records, 0 if it is unknown. May be NULL. */
	void (*progress)(void *ctx, const struct pack *p, double total);
	void *ctx;
	/* Results: */
	uint64_t seen, packed; /* records */
	uint64_t missing;      /* records without a field that `only` needs */
	uint64_t rows_skipped; /* of a table, by MISSING_SKIP */
	uint64_t skipped;      /* files that cannot be a payload */
	char own_output[512];  /* the path of the output if it is in the directory, and so is not packed; else "" */
};

/* Pictures [n][height][width] or [n][height][width][3] as .png. labels [n] as .cls, or NULL. */
int pack_idx(struct pack *p, const char *images, const char *labels, struct fail *f);
/* Each row as an .npy of float64, its label as .cls. */
int pack_csv(struct pack *p, const char *path, struct fail *f);
/* array [n][...], each of the n as an .npy of the same type, in C order and little endian; pictures [n][height][width][3] as .png.
 * labels [n], integers, as .cls, or NULL. */
int pack_npy(struct pack *p, const char *array, const char *labels, struct fail *f);
/* Every regular file below dir, in byte order of names: bytes and extension kept, the path below dir in the field `source`.
 * Skips dot files and names without an extension, and the output. A directory without a record is an error. */
int pack_directory(struct pack *p, const char *dir, struct fail *f);
/* The same for the regular files of a zip, 7z or rar archive, in the order of the archive. Fails on an encrypted file, a wrong checksum, a name
 * that leads out of the directory, and with `together` a name that comes back after others. */
int pack_archive(struct pack *p, const char *path, struct fail *f);

#endif

/* review.h - the suspects of a scored stream, for a page on which a person decides what becomes of them.
 *
 * The stream is read twice. The first pass finds the records with the highest scores, the suspects, and keeps a small description of
 * every record: the latent mean of a model, a picture of at most 10 pixels a side, or the numbers of a vector. By it the nearest
 * records of a suspect are found, and suspects that are like each other are put into groups. The second pass takes the pictures of those
 * records that are shown beside the suspects.
 *
 * Memory: that of eval.h; the suspects, with payloads of at most 64 KiB; and 100 bytes a record for gray pictures, 300 for pictures in
 * colour, 4 bytes (8 while they are scaled) a number for vectors and latent means.
 */
#ifndef VF_REVIEW_H
#define VF_REVIEW_H

#include "density/collect.h"
#include "report/report.h"
#include "stream/keylist.h"

enum {
	REVIEW_MAX = 5000,      /* suspects */
	REVIEW_MAX_FAILED = 200, /* records without a score, but with an error or another reason */
	REVIEW_MAX_NEAREST = 12,
	REVIEW_COLUMNS = 6, /* the most unusual columns of a vector */
	REVIEW_TEXTS = 8,   /* other fields of a record */
	REVIEW_CATEGORIES = 100, /* reasons; all others are one more */
	REVIEW_SIDE = 10,   /* of the pictures by which records are compared */
};
/* Columns are compared by their robust z-scores; larger ones than this count as this. */
#define REVIEW_MAX_Z 6

struct suspect {
	struct thumbnail t; /* key: name_escape() */
	char *key;          /* as vae-cut -k key prints it: of decisions */
	char *reason, *error, *dup_of, *joint_reason; /* the fields of these names, or NULL */
	char *text[REVIEW_TEXTS][2]; /* other fields that are strings: name, value */
	int ntexts;
	double rank, rank_n, z;           /* of vae-rank, if they are of the score that ranks here; else NAN */
	double value[EVAL_MAX_FIELDS];    /* of the requested fields; NAN if there is none */
	int why, low;                     /* the field that explains it best, or -1; low: by a low value */
	size_t at;                        /* its position in v */
	size_t category;                  /* of review.category: what it is filtered by */
	size_t point;                     /* among the points of the stream; SIZE_MAX: its payload could not be compared */
	int group;
	struct { size_t point; double distance; } nearest[REVIEW_MAX_NEAREST];
	int nnearest;
	struct { uint32_t column; double value, median, z; } column[REVIEW_COLUMNS]; /* the largest |z| first */
	int ncolumns;
	const struct test_influence *influence; /* its proponents and opponents, or NULL */
	enum decision decision;
};

struct review {
	/* set by the caller */
	struct report *report;     /* title, fields, positive, model, limits: as for report_open(), with top 0 and without other files */
	size_t top;                /* suspects; REVIEW_MAX before the number of a percentage is known */
	double percent;            /* or NAN: of the ranked records */
	const char *columns;       /* names of a vector's columns, with commas between; or NULL */
	struct expr *only;         /* suspects match it; owned; or NULL */
	int max_nearest;           /* nearest records of a suspect */
	const char *influence_path, *decisions_path;

	/* results */
	struct collect points;     /* all records */
	struct suspect **v;        /* [n]: highest score first, then those without a score */
	size_t n, nscored, requested; /* requested: suspects that the percentage asks for, which may be more than there are */
	struct suspect **failed;   /* [nfailed], until they are put behind the others */
	size_t nfailed;
	float *scaled;             /* [points.n][points.d] of vectors: robust z-scores, at most REVIEW_MAX_Z; else NULL */
	char *category[REVIEW_CATEGORIES + 1];
	size_t ncategories;
	int part;                  /* the stream is a part of what vae-rank ranked: ranks and z of other scores say nothing */
	int ngroups;               /* groups are numbered by their first suspect; the last one may be of records that cannot be compared */
	struct test_influences influences;
	struct thumbnail_index shown; /* records that are shown beside suspects, and are none themselves */
	struct suspect **by_key;      /* [n], sorted by t.key */
	char *rank_by;                /* of the first record that has it */
	uint64_t position;            /* of the next record of the second pass */
	struct keylist decisions;
};

/* Reads the model and the decisions. */
int review_open(struct review *v, struct fail *f);
/* For every record of the first pass: called by the check() of collect_run() on v->points. */
int review_record(struct review *v, struct record *rec, struct fail *f);
/* After the first pass: finds nearest records and groups, and reads the influences. */
int review_finish(struct review *v, const struct exec *exec, struct fail *f);
/* For every record of the second pass. */
int review_show_record(struct review *v, struct record *rec, struct fail *f);
/* The suspect with a key, as name_escape() writes it: its position, or -1. */
long review_find(const struct review *v, const char *key);
void review_free(struct review *v);

/* The point of the record at a position in the stream, or SIZE_MAX. */
size_t review_point(const struct review *v, uint64_t position);
/* review_data.c: appends what the script of the page reads, as JSON inside of HTML. side: of pictures. */
struct page;
void review_data(struct page *p, const struct review *v);
/* review_page.c: a picture as a data: address. */
void review_picture(struct page *p, const struct thumbnail *t);
/* The name of a column, from 0: its start in v->columns, and *len; NULL without names. */
const char *review_column(const struct review *v, size_t column, size_t *len);
/* The path of a vector's curve in a box of 96 x 64. */
void review_curve(struct page *p, const struct review *v, size_t point);
/* review_page.c: writes the page, with as large pictures as fit into max bytes. */
int review_page_write(const struct review *v, size_t max, struct buf *out, struct fail *f);

#endif

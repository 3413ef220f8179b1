/* density_scorer.h - appends the influence functions of density estimators (density/points.h) to all records of a stream.
 *
 * The first pass collects the records as points, then the estimators are fitted, and the second pass appends the scores.
 */
#ifndef VF_DENSITY_SCORER_H
#define VF_DENSITY_SCORER_H

#include <pthread.h>

#include "density/encoders.h"
#include "density/knn_parts.h"
#include "density/search.h"
#include "density/test_scores.h"
#include "tool/scoring.h"

enum { DENSITY_MAX_CLAIMS = SCALES * (2 * KNN_MAX_K + 3 + 2 + 4 + 3) + 8 };

struct density_scorer {
	/* set by the caller, and of scores[0] use, nk, k, percent, count_copies, sigma, clusters, form, seed and top */
	const char *methods, *sigma; /* as given: part of the hash of the options */
	const char *group_field;     /* clusters are the records with the same text; or NULL */
	const char *space;           /* likewise part of the hash */
	const char *model;           /* points are latent means of its encoder; NULL: samples */
	const char *layer;           /* points are outputs of this layer of the encoder; or NULL */
	const char *test_file;       /* test records; or NULL */
	const char *against;         /* a file of records: the estimators are fitted to these, not to the stream, which is read once; or NULL */
	const char *merge;           /* parts, separated by commas: the scores follow from these, not from a reference; or NULL */
	const char *duplicates;      /* ratio, or auto: groups of duplicates are appended; or NULL. Part of the hash */
	int nscales;                 /* with several, and with several k, the names of fields tell them apart */
	enum scale scale[SCALES];    /* [nscales] */
	const char *k_name[KNN_MAX_K]; /* [nk]: in names of fields */

	struct density_scores scores[SCALES]; /* [nscales] */
	struct scoring frame;
	struct collect records, tests;
	struct progress progress;
	char claim_text[DENSITY_MAX_CLAIMS][48];
	const char *claims[DENSITY_MAX_CLAIMS + 1];
	struct density_search *search[SCALES]; /* of --against */
	struct encoders *encoders;
	float *points; /* [workers][ENCODER_ROWS][dimensions] */
	size_t point, unreadable; /* of the second pass: the next ones */

	/* of --part and --merge */
	struct knn_index *index;
	uint64_t *row_hash; /* [rows]: of the reference */
	struct near_batch *near;
	pthread_mutex_t near_lock;
	struct knn_part_writer part;
	struct knn_parts *parts;
};

/* Scores all records, writes --influence, and sets the counts of --summary. */
int density_scorer_run(struct density_scorer *d, struct cli *c, struct fail *f);
/* After flow_finish(&d->frame.flow). */
void density_scorer_close(struct density_scorer *d);

/* --against (density_against.c): makes the frame score the batches as they are read. */
int density_open_search(struct density_scorer *d, struct fail *f);

/* What density_parts.c and density_against.c share with density_scorer.c. The rows of a batch as points, in memory of the worker: */
struct points density_batch_points(const struct density_scorer *d, int worker, struct batch *b, const float *x);
/* Sets frame.options to a hash of options and records, which shape a score beside the model. */
int density_hash_options(struct density_scorer *d, struct fail *f);
/* Sets the field that method m appends as `what` for scaling and number of neighbours q, unless v is not finite. */
int density_set_real(const struct density_scorer *d, struct record *r, int scale, int m, int q, const char *what, double v, struct fail *f);
/* --part and --merge (density_parts.c): writes the part of a reference that was read. */
int density_write_part(struct density_scorer *d, struct fail *f);
/* Scores the records by the parts of --merge. */
int density_merge_parts(struct density_scorer *d, struct fail *f);
void density_free_parts(struct density_scorer *d);

#endif

/* density_scorer.h - appends the influence functions of density estimators (density/density.h) to all records of a stream.
 *
 * The first pass collects the records as points, then the estimators are fitted, and the second pass appends the scores.
 */
#ifndef VF_DENSITY_SCORER_H
#define VF_DENSITY_SCORER_H

#include "density/scores.h"
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
};

/* Scores all records, writes --influence, and sets the counts of --summary. */
int density_scorer_run(struct density_scorer *d, struct cli *c, struct fail *f);
/* After flow_finish(&d->frame.flow). */
void density_scorer_close(struct density_scorer *d);

#endif

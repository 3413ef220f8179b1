/* density_scorer.h - appends the influence functions of density estimators (density/density.h) to all records of a stream.
 *
 * The first pass collects the records as points, then the estimators are fitted, and the second pass appends the scores.
 */
#ifndef VF_DENSITY_SCORER_H
#define VF_DENSITY_SCORER_H

#include "density/scores.h"
#include "tool/scoring.h"

struct density_scorer {
	/* set by the caller, and use, k, sigma, clusters, form, seed and top of scores */
	const char *methods, *sigma; /* as given: part of the hash of the options */
	const char *group_field;     /* clusters are the records with the same text; or NULL */
	const char *space;           /* likewise part of the hash */
	const char *model;           /* points are latent means of its encoder; NULL: samples */
	const char *test_file;       /* test records; or NULL */
	struct density_scores scores;

	struct scoring frame;
	struct collect records, tests;
	struct progress progress;
	const char *claims[24];
	size_t point, unreadable; /* of the second pass: the next ones */
};

/* Scores all records, writes --influence, and sets the counts of --summary. */
int density_scorer_run(struct density_scorer *d, struct cli *c, struct fail *f);
/* After flow_finish(&d->frame.flow). */
void density_scorer_close(struct density_scorer *d);

#endif

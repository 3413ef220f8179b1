/* scores.h - what vae-density writes: the scores of k-NN, KDE and the mixture for all records of a stream. */
#ifndef VF_DENSITY_SCORES_H
#define VF_DENSITY_SCORES_H

#include "density/collect.h"
#include "density/duplicates.h"
#include "density/gmm.h"
#include "density/scale.h"

enum density_method { DENSITY_KNN, DENSITY_KDE, DENSITY_GMM, DENSITY_METHODS };
extern const char *const density_names[DENSITY_METHODS]; /* knn, kde, gmm */

struct test_range { /* a record's influence over the n test records where it exists */
	double max, min, sum;
	uint64_t n;
};

struct density_scores {
	/* set by the caller */
	int use[DENSITY_METHODS];
	int nk;        /* numbers of neighbours, at least 1; k-NN has a score for each, KDE and tests use the first */
	int k[KNN_MAX_K]; /* [nk]: neighbours, at least 2 for k-NN; density_fit() lowers it where there are fewer rows */
	double percent[KNN_MAX_K]; /* [nk]: neighbours in percent of the records, and then k is set by density_fit(); 0: k is given */
	int count_copies; /* equal records are neighbours of each other; otherwise they are one row */
	enum scale scale;
	double sigma;  /* bandwidth of KDE; 0: chosen, the median over the rows of the distance to the k-th other row */
	int clusters;  /* for k-means; 0: the groups of the records are the clusters */
	enum gmm_form form;
	uint64_t seed; /* of k-means */
	int find_duplicates;  /* fill in dup, whose ratio is set; k-NN is in use */
	int others;    /* density_search() will score other points: what only the points themselves need is not computed */
	size_t top;    /* proponents, and opponents, to list for each test record */

	/* results */
	const struct collect *records;
	struct points x;        /* scaled */
	struct axes axes;       /* of the scaling */
	float *scaled;          /* [n][d]: the coordinates of x, or NULL */
	struct rows rows;
	struct knn_ball *balls; /* [nk][rows.x.n] */
	/* what density_score() gives for an infinite score, from the lowest and highest finite ones */
	struct density_limits { double low_nll, high_nll, high_self; } limits[DENSITY_METHODS][KNN_MAX_K];
	int k_changed;          /* the first k that is not what was asked for */
	struct fail k_reason;   /* why; or empty */
	struct duplicates dup;
	double *log_others;  /* [n]: kde_leave_one_out() */
	uint32_t *cluster;   /* [n]: kmeans() */
	struct gmm gmm;
	struct test_range *range[DENSITY_METHODS]; /* [n], after density_test() */
	uint64_t without_influence; /* test records over which a method has no influence */
	struct fail first_without_influence; /* the first of them, and why */
};

/* Fits the methods in use. records is borrowed until density_free(), to be called also after a failure. */
int density_fit(struct density_scores *s, const struct collect *records, const struct exec *exec, struct fail *f);
/* The scores of a method for each point: nk of k-NN, 1 of others. */
int density_variants(const struct density_scores *s, enum density_method m);
/* Frees the coordinates, and with them what density_test() needs. */
void density_release(struct density_scores *s);
/* Point i, score q of density_variants(): *nll is -log p, *self the self influence, both in nats; NAN if there are too few records for it.
 * Where one would be infinite it is the limit among the records instead, and `limit` says which and why:
 *   p infinite (only equal records in the ball or cluster)        *nll is the lowest of the finite ones
 *   a cluster of one                                              *nll is the highest of the finite ones, plus 1
 *   p at the point is 0 without the record                        *self is the highest of the finite ones, plus 1
 *   p infinite, with and without the record                       *self is log((n-1)/n), plus log(n_c/(n_c-1)) for a mixture
 * If no record has a finite score, it is 0 instead of the lowest or highest. */
void density_score(const struct density_scores *s, enum density_method m, int q, size_t i, double *nll, double *self, struct fail *limit);
/* The name of a cluster, for the field gmm_cluster: the text of its group, or NULL if it has only a number. */
const char *density_cluster_name(const struct density_scores *s, uint32_t cluster);
void density_free(struct density_scores *s);

#endif

/* scores.h - what vae-density writes: the scores of density.h for all records of a stream, and the influence of each record over test
 * records. */
#ifndef VF_DENSITY_SCORES_H
#define VF_DENSITY_SCORES_H

#include "density/collect.h"
#include "density/density.h"

enum density_method { DENSITY_KNN, DENSITY_KDE, DENSITY_GMM, DENSITY_METHODS };
extern const char *const density_names[DENSITY_METHODS]; /* knn, kde, gmm */

struct test_range { /* a record's influence over the n test records where it exists */
	double max, min, sum;
	uint64_t n;
};

struct density_scores {
	/* set by the caller */
	int use[DENSITY_METHODS];
	int k;         /* neighbours */
	double sigma;  /* bandwidth of KDE; 0: chosen, the median distance to the k-th other record */
	int clusters;  /* for k-means; 0: the groups of the records are the clusters */
	enum gmm_form form;
	uint64_t seed; /* of k-means */
	size_t top;    /* proponents, and opponents, to list for each test record */

	/* results */
	const struct collect *records;
	struct points x;
	double *radii;       /* [n][2]: knn_radii() */
	double *log_others;  /* [n]: kde_leave_one_out() */
	uint32_t *cluster;   /* [n]: kmeans() */
	struct gmm gmm;
	struct test_range *range[DENSITY_METHODS]; /* [n], after density_test() */
	uint64_t without_influence; /* test records over which a method has no influence */
	struct fail first_without_influence;
};

/* Fits the methods in use. records is borrowed until density_free(). */
int density_fit(struct density_scores *s, const struct collect *records, const struct exec *exec, struct fail *f);
/* Point i: *nll is -log p, *self the self influence, both in nats. Fails with the reason if one does not exist; that one is NAN. */
int density_score(const struct density_scores *s, enum density_method m, size_t i, double *nll, double *self, struct fail *why);
/* The influence over all test records; one line of JSON for each test record and method to fd, unless fd is -1. */
int density_test(struct density_scores *s, const struct collect *tests, const struct exec *exec, int fd, struct fail *f);
/* The name of a cluster, for the field gmm_cluster: the text of its group, or NULL if it has only a number. */
const char *density_cluster_name(const struct density_scores *s, uint32_t cluster);
void density_free(struct density_scores *s);

#endif

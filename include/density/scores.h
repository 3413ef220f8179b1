/* scores.h - the scores of density.h for all records of a stream, and the influence of each over
 * test records: what vae-density writes down.
 */
#ifndef VF_DENSITY_SCORES_H
#define VF_DENSITY_SCORES_H

#include "density/collect.h"
#include "density/density.h"

enum density_method { DENSITY_KNN, DENSITY_KDE, DENSITY_GMM, DENSITY_METHODS };

struct test_range { /* the influence of a record over the test records, where it exists */
	double max, min, sum;
	uint64_t n;
};

struct density_scores {
	/* what is wanted */
	int use[DENSITY_METHODS];
	int k;          /* neighbours */
	double sigma;   /* of KDE; 0: the median distance to the k-th other record */
	int clusters;   /* of k-means; 0: the groups of the collection */
	enum gmm_form form;
	uint64_t seed;  /* of k-means */
	size_t top;     /* proponents, and opponents, to list */

	/* what was found */
	const struct collect *c;
	struct points x;
	double *radii, *others; /* of knn_radii(), kde_leave_one_out() */
	uint32_t *cluster;
	struct gmm gmm;
	struct test_range *range[DENSITY_METHODS]; /* [n], after density_test() */
	uint64_t unanswered;     /* test records over which a method has no influence */
	struct fail first_unanswered;
};

extern const char *const density_names[DENSITY_METHODS]; /* knn, kde, gmm */

/* c is borrowed, and read. */
int density_fit(struct density_scores *s, const struct collect *c, const struct exec *exec, struct fail *f);
/* Point i: -log p and self influence in nats, NAN for what does not exist; then -1 and the reason. */
int density_score(const struct density_scores *s, enum density_method m, size_t i, double *nll, double *self, struct fail *why);
/* All test records; a line of JSON for each and each method to fd, unless that is -1. */
int density_test(struct density_scores *s, const struct collect *tests, const struct exec *exec, int fd, struct fail *f);
/* What a cluster is called in the field gmm_cluster: its group's text; NULL: its number. */
const char *density_cluster_name(const struct density_scores *s, uint32_t cluster);
void density_free(struct density_scores *s);

#endif

/* densities.h - the scores of density.h for all records of a stream, and the influence of each over
 * test records: what vae-density writes down.
 */
#ifndef VF_DENSITIES_H
#define VF_DENSITIES_H

#include "density/collect.h"
#include "density/density.h"

enum density_method { DENSITY_KNN, DENSITY_KDE, DENSITY_GMM, DENSITY_METHODS };

struct reach { /* the influence of a record over the test records, where it exists */
	double max, min, sum;
	uint64_t n;
};

struct densities {
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
	double *radii, *others; /* of knn_radii(), kde_others() */
	uint32_t *cluster;
	struct gmm gmm;
	struct reach *reach[DENSITY_METHODS]; /* [n], after densities_test() */
	uint64_t unanswered;     /* test records over which a method has no influence */
	struct fail first_unanswered;
};

extern const char *const density_names[DENSITY_METHODS]; /* knn, kde, gmm */

/* c is borrowed, and read. */
int densities_fit(struct densities *s, const struct collect *c, const struct effort *e, struct fail *f);
/* Point i: -log p and self influence in nats, NAN for what does not exist; then -1 and the reason. */
int densities_score(const struct densities *s, enum density_method m, size_t i, double *nll, double *self, struct fail *why);
/* All test records; a line of JSON for each and each method to fd, unless that is -1. */
int densities_test(struct densities *s, const struct collect *tests, const struct effort *e, int fd, struct fail *f);
/* What a cluster is called in the field gmm_cluster: its group's text; NULL: its number. */
const char *densities_cluster(const struct densities *s, uint32_t cluster);
void densities_free(struct densities *s);

#endif

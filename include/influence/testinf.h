/* testinf.h - summarises the influence of a stream of records over test records: for each record its range, for each test record its
 * strongest proponents and opponents, and how proponents, opponents and all records compare in class, latent distance and latent
 * norm (Kong & Chaudhuri 2021, sections 5.1 and 5.3; figures 4 and 5; tables 1 and 8). Memory does not grow with the stream.
 */
#ifndef VF_TESTINF_H
#define VF_TESTINF_H

#include "influence/pairwise.h"

/* Running mean and variance of n values; squares: the sum of (value - mean)^2. */
struct moments {
	double n, mean, squares;
};
double moments_mean(const struct moments *m); /* 0 for no value */
double moments_sd(const struct moments *m);   /* divided by n - 1; 0 for fewer than two values */

struct top_record { /* a proponent or opponent of a test record */
	double influence, distance, norm; /* distance between the latent means; norm of the record's latent mean */
	uint64_t position;
	char *key, *cls; /* cls: its class, or NULL */
};
struct top_list { /* sorted, the strongest first */
	struct top_record *v;
	size_t n, capacity;
};

struct train_record {
	const char *key, *cls; /* cls: its class, or NULL */
	uint64_t position;
	double norm;           /* of its latent mean */
};
struct influence_summary { /* of one record's influence over n test records; max_at, min_at: the first test record with that value */
	size_t n, max_at, min_at;
	double max, min, mean;
};

enum { ALL, PROPONENTS, OPPONENTS }; /* indices of the arrays below */

struct testinf {
	const struct test_set *tests; /* borrowed */
	size_t top;
	struct top_list *list[3];     /* [tests], of PROPONENTS and of OPPONENTS */
	/* after testinf_end() */
	struct moments same_class[3]; /* 1 or 0 for every pair of records that both have a class */
	struct moments distance[3], norm[3];
	struct moments own_strongest; /* 1 if the strongest proponent of test record q is record q of the stream, else 0 */
};

int testinf_open(struct testinf *s, const struct test_set *tests, size_t top, struct fail *f);
/* Adds a record; influence and distance [tests], NAN if a pair has none. */
int testinf_add(struct testinf *s, const struct train_record *r, const double *influence, const double *distance,
                struct influence_summary *out, struct fail *f);
/* The same for a record of a stream and its results. */
int testinf_add_record(struct testinf *s, struct record *r, const struct pairwise_row *p, struct influence_summary *out, struct fail *f);
/* After the last record. */
void testinf_end(struct testinf *s);
/* What the influences depend on; part of every line. */
struct influence_origin {
	const char *model, *options; /* the id of the model; a hash of the options and the test records */
	long candidates;             /* of --candidates, or 0 */
};
/* Writes one line of JSON for each test record. */
int testinf_write(const struct testinf *s, const struct influence_origin *o, int fd, struct fail *f);
struct fields;
/* Sets all means and standard deviations as fields; own_strongest: also that one, because the tests are the stream's first records. */
int testinf_summarise(const struct testinf *s, int own_strongest, struct fields *to, struct fail *f);
/* Prints the same to standard output, as lines NAME <tab> proponents <tab> opponents <tab> all. */
void testinf_print(const struct testinf *s);
void testinf_free(struct testinf *s);

#endif

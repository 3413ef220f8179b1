/* testinf.h - what the influence of a stream of records over test records comes to: for every record its extremes, for
 * every test record its strongest proponents and opponents, and how these compare with all records (Kong & Chaudhuri 2021,
 * sections 5.1 and 5.3, tables 1 and 8, figures 4 and 5). Memory does not grow with the stream.
 */
#ifndef VF_TESTINF_H
#define VF_TESTINF_H

#include "influence/test_set.h"

struct moments { /* running, of n numbers; squares: the sum of (number - mean)^2 */
	double n, mean, squares;
};
double moments_mean(const struct moments *t);
double moments_sd(const struct moments *t); /* 0 for fewer than two */

struct top_record {
	double influence, distance, norm; /* distance: in latent space, of the means; norm: of the record's mean there */
	uint64_t position;
	char *key, *cls; /* cls: NULL where it has none */
};
struct top_list { /* sorted, the strongest first */
	struct top_record *v;
	size_t n, capacity;
};

struct train_record { /* a record */
	const char *key, *cls;
	uint64_t position;
	double norm;
};
struct influence_summary { /* its influence over n test records; max_at, min_at: the first test that has it */
	size_t n, max_at, min_at;
	double max, min, mean;
};

enum { ALL, PROPONENTS, OPPONENTS };

struct testinf {
	const struct test_set *tests; /* borrowed */
	size_t top;
	struct top_list *lists[3];    /* [tests], of PROPONENTS and of OPPONENTS */
	/* after testinf_end(), by ALL, PROPONENTS, OPPONENTS; same: 1 or 0 for a pair of records that both have a class */
	struct moments same[3], distance[3], norm[3];
	struct moments own;          /* 1 where a test record at this position of the stream is its own strongest proponent */
};

int testinf_open(struct testinf *s, const struct test_set *t, size_t top, struct fail *f);
/* influence, distance [tests]; NAN where there is none. */
int testinf_add(struct testinf *s, const struct train_record *r, const double *influence, const double *distance, struct influence_summary *out, struct fail *f);
void testinf_end(struct testinf *s);
/* A line of JSON for every test record. */
int testinf_write(const struct testinf *s, int fd, struct fail *f);
/* Appends all means and standard deviations, and `own` where the tests are the first records of the stream. */
struct fields;
int testinf_summarise(const struct testinf *s, int own, struct fields *to, struct fail *f);
/* The same as lines of NAME <tab> proponents <tab> opponents <tab> all. */
void testinf_print(const struct testinf *s);
void testinf_free(struct testinf *s);

#endif

/* influences.h - statistics of influences over test records, from a file that --influence of vae-testinf or vae-density wrote: whether strong
 * proponents and opponents have the class of the test record, how near they are in latent space, and how large the norm of their latent means
 * is (Kong & Chaudhuri 2021, figures 4, 5, 20 to 25, tables 5 and 8).
 *
 * The file lists the strongest proponents and opponents; with a --top of at least the number of records it has all pairs. Memory: 16 bytes a
 * pair, 48 more while correlations are computed, and one line of the file.
 */
#ifndef VF_INFLUENCES_H
#define VF_INFLUENCES_H

#include "eval/classes.h"
#include "eval/eval.h"
#include "eval/means.h"
#include "stream/influence_file.h"

enum influence_measure { INFLUENCE_SAME_CLASS, INFLUENCE_DISTANCE, INFLUENCE_NORM, INFLUENCE_MEASURES };

struct influence_pair {
	float influence, distance, norm; /* distance, norm: NAN if the file has none */
	int16_t cls;                     /* class of the test record: index into influences.classes; -1: none */
	int16_t same;                    /* whether the classes are equal: 1, 0; -1: one of the two has no class */
};

struct influence_group {
	size_t pairs;
	struct mean measure[INFLUENCE_MEASURES];
};

struct influence_method {
	char *name; /* "" if the file names none */
	size_t tests;
	struct influence_pair *pair; /* [n] */
	size_t n, cap;
	struct influence_group of[INFLUENCE_KINDS][EVAL_MAX_CUTOFFS + 1]; /* the strongest of each test record at each cutoff, then all pairs of the kind */
	struct influence_group all;
	struct correlation against[INFLUENCE_MEASURES]; /* x: distance or norm, y: influence; after influences_finish() */
};

struct influences {
	/* set by the caller */
	struct class_check of_class;         /* its name: NULL: cls in the file; CLASS_OF_KEY; another name: classes come from records and tests */
	struct class_map records, tests;     /* owned, sorted; if tests is empty, test records are looked up in records */
	struct eval_cutoff cutoff[EVAL_MAX_CUTOFFS];
	int ncutoffs;                        /* percentages count the records that are listed for a test record */

	struct influence_method *method; /* [n], in the order of the file */
	size_t n, cap, unread;           /* unread: lines without influences, of test records that could not be read */
	struct class_list classes;       /* of test records; sorted after influences_finish() */
};

/* Adds one line of the file, or all lines. -1 with a message. */
int influences_add(struct influences *s, const struct influence_line *l, struct fail *f);
int influences_read(struct influences *s, const char *path, struct fail *f);
/* Sorts classes, and computes correlations. Fails if no line has an influence. */
int influences_finish(struct influences *s, struct fail *f);
void influences_free(struct influences *s);

/* The standard deviation of the values; NAN for fewer than two. */
double influence_sd(const struct mean *m);

/* Appends tables, or one JSON object (vae-eval(1)). */
int influences_table(const struct influences *s, struct buf *out, struct fail *f);
int influences_json(const struct influences *s, struct buf *out, struct fail *f);

#endif

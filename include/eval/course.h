/* course.h - the values of a field during training: a field NAME, and the fields NAME_STEP of the checkpoints, as vae-memo and
 * `vae-ckpt eval` append them.
 *
 * For the field memo, the means of logp_in_STEP and logp_out_STEP are computed too: log p(x) under models that saw the record, and under models
 * that did not (van den Burg & Williams 2021). Memory: 8 bytes a record and checkpoint.
 */
#ifndef VF_COURSE_H
#define VF_COURSE_H

#include <stdint.h>

#include "stream/record.h"

enum { COURSE_MAX = 500, COURSE_QUANTILES = 3 };

struct course {
	struct course_step {
		uint64_t step;
		double *v; /* [n]: values of the records that have the field; sorted by course_finish() */
		size_t n, cap;
		double quantile[COURSE_QUANTILES]; /* .5, .95, .999: the paper's, and the median; after course_finish() */
		double mean[2];                    /* of logp_in and logp_out; NAN: no record has the field */
		double sum[2];
		uint64_t count[2];
	} *step; /* [n], by step after course_finish() */
	size_t n, cap;
};

/* Adds a record, whose fields have been read. name: the field. -1 with a message. */
int course_add(struct course *c, const char *name, const struct fields *s, struct fail *f);
void course_finish(struct course *c);
/* Whether a chart has data: at least two checkpoints of the field, or of both means. */
int course_has_quantiles(const struct course *c);
int course_has_means(const struct course *c);
void course_free(struct course *c);
/* The length of the prefix before "memo" in the name of a field; -1: the name does not end in memo. */
int course_memo_prefix(const char *name);

#endif

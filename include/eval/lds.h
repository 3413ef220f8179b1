/* lds.h - the linear datamodeling score of influences (Park et al. 2023, section 2.2): do sums of influences predict what training on a
 * random half of the records does?
 *
 *   g_t(S) = sum over the records in S of the influence on test record t
 *   LDS = mean over t of Spearman(-loss_t(S_1), ..., -loss_t(S_M); g_t(S_1), ..., g_t(S_M))
 *
 * over the halves S_m of vae-memo --halves. A positive influence lowers the loss, so a right score is positive, at most 1. Memory: the
 * matrix, and 16 bytes for each half and test record.
 */
#ifndef VF_LDS_H
#define VF_LDS_H

#include <stddef.h>

#include "base/fail.h"

struct lds {
	double score, se; /* se: its standard deviation over bootstrap samples of the halves */
	size_t tests;     /* that have a correlation */
	int halves;
};

/* matrix: the path of vae-testinf --matrix, with a row a record and a column a test record; rows of NAN are records that could not be read.
 * memo: NAME.memo of vae-memo --halves over the same records and test records; this is checked if the matrix has a note (MATRIX_NOTE). */
int lds_of(const char *matrix, const char *memo, struct lds *l, struct fail *f);

#endif

/* thin.h - removes some checkpoints of a model.
 *
 * Files are unlinked one by one, and the last checkpoint never, so that the directory holds a model at any kill. The steps that a
 * checkpoint stands for follow from the checkpoints that are there (checkpoints.h); the files that stay are then updated, so that each
 * is also right when it is copied elsewhere.
 */
#ifndef VF_THIN_H
#define VF_THIN_H

#include "model/checkpoints.h"

/* THIN_EVEN: as evenly spaced as possible. THIN_LOSS: the first, and those during whose steps the mean training loss fell most, since
 * earlier epochs may say more than those near convergence (Kong & Chaudhuri 2021, section 6). */
enum thin_by { THIN_EVEN, THIN_LOSS };

struct thinning {
	struct checkpoints c; /* all of the directory */
	char *keep;           /* [c.n]: 1 or 0 */
};

/* Selects at most n (1 or more) checkpoints of a finished directory; the last is one of them. */
int thin_choose(struct thinning *t, const char *dir, int n, enum thin_by by, struct fail *f);
/* Removes the others, and their curvatures, after all that stay have been read without a fault. */
int thin_apply(const struct thinning *t, const char *dir, struct fail *f);
void thin_free(struct thinning *t);

#endif

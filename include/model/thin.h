/* thin.h - leaves a part of a model's checkpoints.
 *
 * Files are only unlinked, one by one, and the last checkpoint never: whenever that is stopped, the
 * directory holds a model. What a checkpoint stands for, the steps since the one before it, follows from
 * which are there (model.h); the files that stay are then brought up to date, so that each says the same
 * alone.
 */
#ifndef VF_THIN_H
#define VF_THIN_H

#include "model/checkpoints.h"

/* THIN_EVEN: as evenly over the steps as they allow. THIN_LOSS: those over whose steps the mean training
 * loss fell most, since training at earlier epochs may say more than near convergence (Kong & Chaudhuri
 * 2021, section 6); the first one counts as the most. */
enum thin_by { THIN_EVEN, THIN_LOSS };

struct thinning {
	struct checkpoints c; /* all there are */
	char *keep;           /* of each, 1 or 0 */
};

/* Chooses at most n (1 or more) of a finished directory's checkpoints; the last is one of them. */
int thin_choose(struct thinning *t, const char *dir, int n, enum thin_by by, struct fail *f);
/* Removes the others, once those that stay have been read and found whole. */
int thin_apply(const struct thinning *t, const char *dir, struct fail *f);
void thin_free(struct thinning *t);

#endif

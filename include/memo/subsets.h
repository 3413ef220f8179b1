/* subsets.h - which records each of many models is trained on. The answer depends on the seed and the number of records alone, never on
 * which models are trained, where, or in which order.
 *
 *   folds   folds x repeats models: model r * folds + k is trained on all records but those of fold k of repeat r
 *           (van den Burg & Williams 2021, section 3.2). The folds of a repeat differ by one record at most.
 *   halves  models of a random half each (Park et al. 2023, section 2.2: the linear datamodeling score)
 *   leave   repeats x (1 + n) models: the first of each repeat is trained on all records, the others on all but one of a list
 */
#ifndef VF_SUBSETS_H
#define VF_SUBSETS_H

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

enum subsets_kind { SUBSETS_FOLDS, SUBSETS_HALVES, SUBSETS_LEAVE };
extern const char *const subsets_words[]; /* of enum subsets_kind */

struct subsets {
	enum subsets_kind kind;
	size_t records;
	uint64_t seed;
	int folds, repeats;    /* repeats: also of leave */
	int halves;
	const uint32_t *leave; /* [nleave]: positions; borrowed */
	size_t nleave;
};

enum { SUBSETS_MOST = 1 << 20 }; /* models */
/* -1 with the reason when there are too few records or too many models. */
int subsets_check(const struct subsets *s, struct fail *f);
/* The number of models. */
int subsets_models(const struct subsets *s);
/* fold [records]: of every record in a repeat. */
int subsets_folds(const struct subsets *s, int repeat, uint32_t *fold, struct fail *f);
/* out [records]: 1 for the records that this model is not trained on. */
int subsets_left_out(const struct subsets *s, int model, uint8_t *out, struct fail *f);

#endif

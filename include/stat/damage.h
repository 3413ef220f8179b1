/* damage.h - names for damage that a rule can see in the statistics of a payload.
 *
 *   blank              every channel has a range of DAMAGE_RANGE levels at most; or all values of a vector of two or more are equal
 *   nearly uniform     one colour has DAMAGE_COMMON of the pixels
 *   cut                a border at the bottom, and none of the same gray at the top
 *   barred             borders at top and bottom, or at left and right, with the same gray to within DAMAGE_RANGE levels
 *   gray among colour  a gray picture among pictures in colour
 *   missing values     a vector has values that are not finite
 *
 * A border has at least DAMAGE_BORDER of the height or width, and a straight edge: close inside it, DAMAGE_STEP of the pixels differ
 * from it. The background of a digit or of goods on white ends along an outline, not along a straight edge.
 *
 * Cut, barred and gray depend on the other records too: what more than DAMAGE_SHARE of them are is how these pictures look. Cut and barred
 * pictures are counted by the gray of their border, in 17 levels: where many end in black, those that end in gray are damaged all the same.
 */
#ifndef VF_DAMAGE_H
#define VF_DAMAGE_H

#include "stat/picture_stat.h"
#include "stat/vector_stat.h"

#define DAMAGE_RANGE 8 /* levels of 0 to 255; the others are shares */
#define DAMAGE_COMMON 0.99
#define DAMAGE_BORDER 0.05
#define DAMAGE_STEP 0.8
#define DAMAGE_SHARE 0.05

enum damage { DAMAGE_BLANK, DAMAGE_UNIFORM, DAMAGE_CUT, DAMAGE_BARRED, DAMAGE_GRAY, DAMAGE_MISSING, DAMAGES };
extern const char *const damage_names[DAMAGES]; /* as above */

enum { DAMAGE_LEVELS = 17 };

struct damage_signs { /* what the record alone shows */
	unsigned set; /* of bits 1 << enum damage */
	int level;    /* of the border of a cut or barred picture: floor((gray + 8) / 16); otherwise 0 */
};
struct damage_signs damage_of_picture(const struct picture_stat *s);
struct damage_signs damage_of_vector(const struct vector_stat *s);

struct damage_counts { /* of the pictures of a stream */
	uint64_t pictures, n[DAMAGES][DAMAGE_LEVELS];
};
/* Counts a picture. */
void damage_count(struct damage_counts *c, const struct damage_signs *signs);
/* The bits of the signs that are damage: at most DAMAGE_SHARE of the counted pictures show the same, or it does not depend on them. */
unsigned damage_named(const struct damage_counts *c, const struct damage_signs *signs);

#endif

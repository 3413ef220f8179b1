/* curvature_options.h - the options of influences that vae-selfinf and vae-testinf share: which gradients, and in which curvature. */
#ifndef VF_CURVATURE_OPTIONS_H
#define VF_CURVATURE_OPTIONS_H

#include <math.h>

#include "influence/whitening.h"
#include "tool/cli.h"

struct curvature_options {
	int kind;       /* --curvature: enum curvature_kind */
	double damping; /* --damping; NAN: not given */
};
#define CURVATURE_OPTIONS_INIT {.damping = NAN}

#define CLI_GRADIENT \
	{0, "gradient", "WHICH", CLI_KEY, NULL, "pathwise (default) or score (score function)", .key = "score.gradient"}, \
	{0, "layers", "LIST", CLI_KEY, NULL, "all, encoder, decoder, or layers such as decoder.4,decoder.6", .key = "score.layers"}, \
	{0, "weights", "WHICH", CLI_KEY, NULL, "of checkpoints: one, or lr (learning rate x steps / records)", .key = "score.weights"}
#define CLI_CURVATURE(o)                                                                                                                   \
	{0, "curvature", "WHICH", CLI_CHOICE, &(o)->kind, "none (default), kfac, ekfac (inverse curvature) or inputs (that of the layers' inputs): by vae-ckpt curvature", curvature_words}, \
	{0, "damping", "X", CLI_REAL, &(o)->damping, "of the curvature: added to a factor, in units of its mean eigenvalue (default 0.1)"}

/* --damping is above 0, and goes with --curvature. */
bool curvature_options_check(struct cli *c, const struct curvature_options *o);
/* The whitening [n] of n models, *w, or NULL without curvature; appends to `options` what tells the scores apart. Warns of layers that do not
 * count (whitening.h). */
int curvature_options_open(const struct curvature_options *o, const struct cli *c, const struct model *m, int n, struct whitening **w, struct buf *options,
                           struct fail *f);

#endif

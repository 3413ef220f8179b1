/* ckpt.h - the verbs of vae-ckpt. */
#ifndef VF_CKPT_H
#define VF_CKPT_H

#include "model/checkpoints.h"
#include "tool/cli.h"

struct ckpt {
	const char *model, *config, *which;
	const char *keep;         /* thin: a number */
	int by;                   /* thin: enum thin_by; -1: not given */
	const char *draws, *seed; /* eval, logp, curvature */
	long limit;               /* curvature; -1: not given */
	const char *eps;          /* curvature */
	int targets;              /* curvature: enum targets; -1: not given */
	int ekfac;                /* curvature */
	struct assignments renames; /* import */
	double norm_eps;            /* import; NAN: not given */
	long directions;            /* eval: of --input-curvature; -1: not given */
};
extern const char *const thin_words[]; /* of enum thin_by */

/* Each prints to standard output, or writes a file: 0 or -1. */
int ckpt_list(struct cli *c, const struct ckpt *o, struct fail *f);
int ckpt_show(struct cli *c, const struct ckpt *o, struct fail *f);
int ckpt_verify(struct cli *c, const struct ckpt *o, struct fail *f);
int ckpt_thin(struct cli *c, const struct ckpt *o, struct fail *f);
int ckpt_import(struct cli *c, const struct ckpt *o, struct fail *f);
int ckpt_export(struct cli *c, const struct ckpt *o, struct fail *f);
/* Read records: run to their end, and return the exit status. */
int ckpt_curvature(struct cli *c, const struct ckpt *o);
int ckpt_eval(struct cli *c, const struct ckpt *o);
int ckpt_logp(struct cli *c, const struct ckpt *o);

#endif

/* ckpt.h - the verbs of vae-ckpt that have a file of their own. */
#ifndef VF_CKPT_H
#define VF_CKPT_H

#include "tool/cli.h"
#include "model/model.h"

struct ckpt {
	const char *model, *config, *which;
	const char *keep, *by;    /* thin */
	const char *draws, *seed; /* eval */
};

/* Prints to standard output: 0 or -1. */
int ckpt_show(struct cli *c, const struct ckpt *o, struct fail *f);
int ckpt_verify(struct cli *c, const struct ckpt *o, struct fail *f);
int ckpt_thin(struct cli *c, const struct ckpt *o, struct fail *f);
/* A filter: takes the tool to its end and returns the exit status. */
int ckpt_eval(struct cli *c, const struct ckpt *o);

#endif

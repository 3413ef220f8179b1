/* training.h - the losses of a training: of records trained on, and of those held out (train.jsonl of a model directory). */
#ifndef VF_TRAINING_H
#define VF_TRAINING_H

#include <stddef.h>

#include "base/buf.h"

struct training {
	double *step, *loss, *holdout; /* [n]; holdout: NAN between checkpoints */
	size_t n, cap;
};

/* model: the directory. An imported model, or a checkpoint, has no such file: n is then 0. Call training_free() also after a failure. */
int training_read(struct training *t, const char *model, struct fail *f);
/* The numbers as a sentence, in out[size]. n >= 1. */
const char *training_text(const struct training *t, char *out, size_t size);
/* Appends the curve as SVG: 1, 0 with fewer than two points, -1. id: see plot.h. */
int training_chart(const struct training *t, const char *id, struct buf *out, struct fail *f);
void training_free(struct training *t);

#endif

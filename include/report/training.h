/* training.h - the losses of a training, over training records and held-out records (train.jsonl of a model directory). */
#ifndef VF_TRAINING_H
#define VF_TRAINING_H

#include <stddef.h>

#include "base/buf.h"

struct training {
	double *step, *loss, *holdout; /* [n]; holdout: NAN between checkpoints */
	size_t n, cap;
};

/* model: the directory. n is 0 for an imported model or a single checkpoint, which has no such file. Call training_free() after a failure too. */
int training_read(struct training *t, const char *model, struct fail *f);
/* Writes the numbers as a sentence to out[size], and returns out. Requires n >= 1. */
const char *training_text(const struct training *t, char *out, size_t size);
/* Appends the curve as SVG. Returns 1, 0 with fewer than two points, or -1. id: see plot.h. */
int training_chart(const struct training *t, const char *id, struct buf *out, struct fail *f);
void training_free(struct training *t);

#endif

/* encoders.h - points from a model: the latent means of its encoder, or the outputs of one of its layers.
 */
#ifndef VF_ENCODERS_H
#define VF_ENCODERS_H

#include "model/batch.h"
#include "model/model.h"

/* A batch has always as many rows, because the rounding of products depends on a row's position. */
enum { ENCODER_ROWS = 64 };
struct encoders;
/* layer: a layer with weights, as in encoder.3; its output is taken after the elementwise function that follows, such as a ReLU. NULL: the means.
 * m is borrowed. NULL with a message. */
struct encoders *encoders_open(const struct model *m, const char *layer, int workers, struct fail *f);
/* The number of coordinates of a point. */
int encoders_width(const struct encoders *e);
/* means [ENCODER_ROWS][width] of x [ENCODER_ROWS][input]. A row with a number that is not finite gets its reason in b->why: such a
 * row would spoil all sums over the other points. */
void encoders_run(const struct encoders *e, int worker, struct batch *b, const float *x, float *means);
void encoders_free(struct encoders *e);

#endif

/* batchnorm.h - batch normalisation of an imported network, folded into the layers beside it.
 *
 * In inference y = scale x + shift, with scale = weight / sqrt(running_var + eps) and shift = bias - running_mean scale (Ioffe & Szegedy
 * 2015, algorithm 2), which is linear: a layer with weights directly in front of it, or behind it, can do both at once. Names are those of
 * a torch.nn.Sequential in which BatchNorm has a number of its own, while the network's list of layers has none for it.
 */
#ifndef VF_BATCHNORM_H
#define VF_BATCHNORM_H

#include "model/model.h"

struct batchnorm {
	char name[32];         /* in the file, as in encoder.1 */
	int decoder;           /* of the decoder */
	int number;            /* in the Sequential */
	int layer, behind;     /* the layer into which it is folded; whether it stands behind that layer */
	size_t n, group;       /* its numbers; so many numbers of its input in turn have the same */
	double *scale, *shift; /* [n], one allocation, owned by scale */
};

struct batchnorms { /* by network and number */
	struct batchnorm *v;
	int n;
};

/* Takes the tensors of all BatchNorm layers out of the file's header, and numbers the layers after each one less: then names are those of
 * the network m. Adds biases of 0 if a layer into which one is folded has none in the file. Fails if one cannot be folded exactly.
 * b must be freed, also after a failure. BATCHNORM_MISNAMED instead of -1: one has a name that gives no place; the caller may say what names
 * there are. */
enum { BATCHNORM_MISNAMED = 1 };
int batchnorms_take(struct batchnorms *b, const struct model *m, struct safetensors *s, double eps, struct fail *f);
/* Folds them into the parameters of m. */
int batchnorms_fold(const struct batchnorms *b, struct model *m, struct fail *f);
/* The number that the network's layer has in the file. */
int batchnorms_number(const struct batchnorms *b, int decoder, int layer);
void batchnorms_free(struct batchnorms *b);

#endif

/* model.h - a trained network: parameters, and the configuration that made them. One file, a checkpoint, holds both (vae-model(5)).
 */
#ifndef VF_MODEL_H
#define VF_MODEL_H

#include <stdint.h>

#include "input/standardise.h"
#include "model/config.h"
#include "model/safetensors.h"
#include "nn/network.h"

enum { MODEL_MAX_TENSORS = 4 * MAX_LAYERS + 1 };

struct model {
	struct config cfg;
	struct network enc, dec;
	struct tensor tensor[MODEL_MAX_TENSORS]; /* in the order of the parameters */
	int ntensors;
	size_t nparams;
	size_t nvariances;  /* number of log variances, which are the last parameters, if model.variance is learnt (nn/loss.h); else 0 */
	float *params;      /* owned, 64-byte aligned */
	struct standardisation standard; /* [input], owned; NULL when the input is not standardised */
	int64_t step;       /* optimiser steps taken */
	int64_t since;      /* steps since the checkpoint before; models_open() counts from the one that is there now */
	int64_t records;    /* of the training set */
	uint64_t subset;    /* hash of all records and of the marks of those left out (train/shares.h); 0 when none were marked */
	double lr;          /* learning rate of these steps */
	double loss, holdout_loss; /* means, over these steps and over held-out records; NAN when not known */
	int checked;        /* the file has checksums, and they match */
	char id[17];        /* hash of configuration, parameters and standardisation */
	char path[512];
};

/* Networks, tensor names and zeroed parameters for a configuration that passed config_check(). */
int model_build(struct model *m, const struct config *cfg, struct fail *f);
/* Initial parameters, by the kinds of the layers (nn/layer.h). */
void model_init(struct model *m, uint64_t seed);
/* The learnt variance of the likelihood. */
struct learnt_variance model_variance(const struct model *m);
/* Allocates m->standard, zeroed. */
int model_alloc_standard(struct model *m, struct fail *f);
/* Copies the parameters from a file with PyTorch's names: every tensor must be there, of the right shape and finite. For a model that
 * reads vectors also their mean and deviation, if the file has them. */
int model_load_tensors(struct model *m, const struct safetensors *s, struct fail *f);
void model_free(struct model *m);

/* A checkpoint with its configuration in the metadata, as vae-train and vae-ckpt write it. sets: --set assignments over the
 * configuration in the file, or NULL. */
int model_read(struct model *m, const char *path, const struct assignments *sets, struct fail *f);
/* The same without sets; accepts values that are not finite and checksums that do not match. */
int model_inspect(struct model *m, const char *path, struct fail *f);
/* Writes a checkpoint: the file appears whole or not at all. */
int model_write(struct model *m, const char *path, struct fail *f);
/* Only the tensors under PyTorch's names, mean and deviation, and the step, on which the noise of scores depends. path NULL: to
 * standard output. */
int model_export(const struct model *m, const char *path, struct fail *f);

#endif

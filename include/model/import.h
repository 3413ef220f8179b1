/* import.h - checkpoints from safetensors files that others wrote, with torch's names of the tensors. */
#ifndef VF_IMPORT_H
#define VF_IMPORT_H

#include "model/model.h"

struct import {
	const struct assignments *renames; /* FROM=TO: what begins with the name FROM begins with TO instead; in order */
	double eps;                        /* of BatchNorm layers; PyTorch's default is IMPORT_EPS */
	int converted, folded;             /* out: tensors that were not F32; BatchNorm layers that were folded, in all files */
};
#define IMPORT_EPS 1e-5

/* -1 when a text of --rename is not FROM=TO. */
int import_check_renames(const struct assignments *renames, struct fail *f);
/* Fits a file to the network of m, and copies its tensors: renames and converts them, and folds BatchNorm layers (batchnorm.h). Every tensor
 * must be one of the network. s is changed. The message does not name the file. */
int import_tensors(struct import *o, struct model *m, struct safetensors *s, struct fail *f);
/* Writes the files as checkpoints into dir, in any order. A file's step is that of its metadata, or the last number in its name, or its
 * place in the list; no two are the same. cfg has passed config_check(). */
int models_import(struct import *o, const struct config *cfg, char *const *paths, int n, const char *dir, struct fail *f);

#endif

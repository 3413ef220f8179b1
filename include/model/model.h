/* model.h - a trained network: parameters, the configuration that made them, and the directory
 * NAME.vae/ they live in (vae-model(5)).
 */
#ifndef VF_MODEL_H
#define VF_MODEL_H

#include <stdint.h>

#include "model/config.h"
#include "input/standardise.h"
#include "nn/network.h"
#include "model/safetensors.h"

#define MODEL_MAX_TENSORS (4 * MAX_LAYERS)

struct model {
	struct config cfg;
	struct network enc, dec;
	struct tensor tensor[MODEL_MAX_TENSORS]; /* in the order of the parameters */
	int ntensors;
	size_t nparams;
	float *params;      /* owned, 64-byte aligned */
	struct standardisation standard; /* of vectors: [input], owned; NULL where they are read as they are */
	int64_t step;       /* optimiser steps taken */
	int64_t since;      /* steps since the checkpoint before: of a directory's, the one that is there now */
	int64_t records;    /* of the training set */
	double lr, loss, holdout_loss; /* losses: NAN when not known */
	int checked;        /* the file carried checksums, which match */
	char id[17];        /* hash of configuration and parameters */
	char path[512];
};

/* Networks, tensor names and zeroed parameters for a configuration that config_check() passed. */
int model_build(struct model *m, const struct config *cfg, struct fail *f);
/* He et al. (2015): weights normal with std sqrt(2/fan_in), biases 0; of conv_transpose2d both uniform
 * in +-1/sqrt(channels out * kernel^2). */
void model_init(struct model *m, uint64_t seed);
/* Room for the mean and deviation of every number. */
int model_alloc_standard(struct model *m, struct fail *f);
/* Takes the parameters out of a file with torch's names; every tensor must be there, of the right
 * shape and finite. Of a model that reads vectors also their mean and deviation, when the file has them. */
int model_import(struct model *m, const struct safetensors *s, struct fail *f);
void model_free(struct model *m);

/* A checkpoint with its configuration in the metadata, as vae-train and vae-ckpt write it; sets
 * are --set assignments laid over the configuration it holds. */
int model_read(struct model *m, const char *path, const struct assignments *sets, struct fail *f);
/* The same, but values that are not finite and checksums that do not match are left to whoever looks. */
int model_inspect(struct model *m, const char *path, struct fail *f);
int model_write(struct model *m, const char *path, struct fail *f);
/* The tensors alone under torch's names, with mean and deviation, and the step, on which a score's noise depends; path NULL: to
 * standard output. */
int model_export(const struct model *m, const char *path, struct fail *f);

/* The checkpoints of a directory, by step. */
struct checkpoints {
	int64_t *step;
	int64_t *since; /* steps since the one before that is there; of the first, its step */
	int n;
};
int checkpoints_list(struct checkpoints *c, const char *dir, struct fail *f);
void checkpoints_free(struct checkpoints *c);
/* DIR/step-NNNNNNNNN.safetensors */
void checkpoint_path(char *out, size_t room, const char *dir, int64_t step);
/* Those that models_open() would open; of a single file one with step -1, whose path is its own. */
int checkpoints_select(struct checkpoints *c, const char *path, const char *which, struct fail *f);

/* The models behind -m: a directory or one checkpoint file. which: "last", "all" or a list of steps; NULL: all.
 * "last" and "all" want a directory whose training has finished; every checkpoint of another is whole, and can be
 * listed. Allocates *out (n models), freed with models_free(). */
int models_open(struct model **out, int *n, const char *path, const char *which, const struct assignments *sets, struct fail *f);
void models_free(struct model *m, int n);
/* The parameters of each as network.h's layers read them, [n]; its own where nothing is reordered. NULL where memory is out. */
float **models_reorder(const struct model *m, int n);
void models_reorder_free(float **packed, const struct model *m, int n);
/* The id of several checkpoints together (of one: its own). */
void models_id(const struct model *m, int n, char id[17]);
/* w_c of a checkpoint (TracIn, Pruthi et al. 2020, section 3): 1, or lr * steps since the last / records. */
double checkpoint_weight(const struct model *m);
/* A hash of what else shaped a score: the configuration as it was set, the steps and weights, and more, of the tool's own. */
int models_options(const struct model *m, int n, const struct buf *more, char hash[17], struct fail *f);

/* 1 when path is a checkpoint file that lies in a model's directory, whose name goes into dir; else 0. */
int checkpoint_dir(const char *path, char *dir, size_t capacity);

/* A directory being made. MODEL_DIR_NEW refuses one that is there; with MODEL_DIR_REPLACE it is built aside and
 * exchanged at the end; MODEL_DIR_RESUME goes on in it, or makes it where there is none. Two at a time in one
 * directory are refused. What is not ours is never touched. */
enum model_dir_mode { MODEL_DIR_NEW, MODEL_DIR_REPLACE, MODEL_DIR_RESUME };
struct model_dir {
	char path[512]; /* where it will stand */
	char work[560]; /* where files are to be written */
	int resumed;    /* it was there, and is gone on with */
	int finished;   /* it has model.yaml */
	int lock;
};
int model_dir_begin(struct model_dir *d, const char *path, enum model_dir_mode mode, struct fail *f);
/* Takes model.yaml away: a finished training goes on. */
int model_dir_reopen(struct model_dir *d, struct fail *f);
/* Writes model.yaml (its presence means finished) and puts the directory in place; does nothing to one that was
 * finished and still is. A finished model is never removed: where it cannot be put in place, the message says where it
 * lies. warning: empty, or why the old model could not be removed. */
int model_dir_finish(struct model_dir *d, const struct config *cfg, struct fail *warning, struct fail *f);
/* After a failure: removes the directory if it holds no checkpoint, or was built aside. */
void model_dir_abort(struct model_dir *d);
/* The same, checkpoints or not: an import is whole or not at all. */
void model_dir_discard(struct model_dir *d);

#endif

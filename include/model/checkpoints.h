/* checkpoints.h - the checkpoints of a model directory NAME.vae/, and the models behind an option -m.
 */
#ifndef VF_CHECKPOINTS_H
#define VF_CHECKPOINTS_H

#include "model/model.h"

struct checkpoints { /* by step */
	int64_t *step;
	int64_t *since; /* steps since the one before that is there; of the first, its step */
	int n;
	size_t cap;
};
/* All that are in dir. */
int checkpoints_list(struct checkpoints *c, const char *dir, struct fail *f);
/* Those that models_open() would open. Of a single file one with step -1, whose checkpoint_path() is path itself. */
int checkpoints_select(struct checkpoints *c, const char *path, const char *which, struct fail *f);
void checkpoints_free(struct checkpoints *c);

/* DIR/step-NNNNNNNNN.safetensors; step -1: DIR */
void checkpoint_path(char *out, size_t capacity, const char *dir, int64_t step);
/* The step in the name of a checkpoint's file, or -1 for other names. */
int64_t checkpoint_step(const char *name);
/* The same for the curvature of a checkpoint (influence/curvature.h): DIR/curvature-NNNNNNNNN.safetensors */
void curvature_path(char *out, size_t capacity, const char *dir, int64_t step);
int64_t curvature_step(const char *name);

/* The models of a directory or of one checkpoint file. which: "last", "all" or a list of steps; NULL: all. "last" and "all" need a
 * directory whose training has finished; steps and NULL take an unfinished one too, whose checkpoints are whole. Allocates *out (n
 * models), to be freed with models_free(). */
int models_open(struct model **out, int *n, const char *path, const char *which, const struct assignments *sets, struct fail *f);
void models_free(struct model *m, int n);
/* [n]: the parameters of each as passes read them (network_reorder()); its own where nothing is reordered. NULL without memory. */
float **models_reorder(const struct model *m, int n);
void models_reorder_free(float **reordered, const struct model *m, int n);
/* One id for all; of one model, its own. */
void models_id(const struct model *m, int n, char id[17]);
/* A hash of the other options that a score depends on: the configuration as it was set, steps and weights of the checkpoints, and
 * `more`, which the tool adds. */
int models_options_hash(const struct model *m, int n, const struct buf *more, char hash[17], struct fail *f);
/* The weight w_c of a checkpoint (TracIn, Pruthi et al. 2020, section 3): 1, or lr * steps since the checkpoint before / records. */
double checkpoint_weight(const struct model *m);

#endif

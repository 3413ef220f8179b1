/* model_dir.h - making a model directory NAME.vae/ (vae-model(5)). It appears in its place when it is finished, and an old model is
 * never removed before. Files that no training writes are never touched. Two trainings at a time in one directory are refused.
 */
#ifndef VF_MODEL_DIR_H
#define VF_MODEL_DIR_H

#include "model/config.h"

/* NEW: path must not exist. REPLACE: the directory is built beside an existing one and exchanged with it at the end. RESUME: training
 * goes on in an existing one; without one as NEW. KEPT: as RESUME, in a tool that has no option to replace a model. */
enum model_dir_mode { MODEL_DIR_NEW, MODEL_DIR_REPLACE, MODEL_DIR_RESUME, MODEL_DIR_KEPT };
struct model_dir {
	char path[512]; /* its place */
	char work[560]; /* where files are to be written until it is finished */
	int resumed;    /* it existed, and training goes on in it */
	int finished;   /* it has model.yaml */
	int lock;       /* descriptor, held until the process ends */
	char again[560]; /* for messages: what starts the training again */
};
int model_dir_begin(struct model_dir *d, const char *path, enum model_dir_mode mode, struct fail *f);
/* Removes model.yaml: a finished training goes on. */
int model_dir_reopen(struct model_dir *d, struct fail *f);
/* Writes model.yaml, which says that training has finished, and puts the directory in its place; does nothing to one that was finished
 * before and was not reopened. When a finished model cannot be put in its place it is kept, and the message says where. warning: empty,
 * or why the old model could not be removed. */
int model_dir_finish(struct model_dir *d, const struct config *cfg, struct fail *warning, struct fail *f);
/* After a failure: removes the directory if it has no checkpoint, or was built beside another. */
void model_dir_abort(struct model_dir *d);
/* After a failure: removes the directory with its checkpoints, as after an import that is not whole. */
void model_dir_discard(struct model_dir *d);

/* Removes the directory of a model; files that no training writes stay in it. */
void model_dir_remove(const char *path);
/* Ends the lock before the process ends, for a process that makes many models. */
void model_dir_unlock(struct model_dir *d);

/* Fails, and names it, if the directory holds a file that is not one's own; why: the end of the message. *files: how many there are. */
int dir_holds_only(const char *dir, int (*own)(const char *name), const char *why, int *files, struct fail *f);

/* 1 when path is a checkpoint file in a model directory, whose name goes into dir; else 0. */
int checkpoint_dir(const char *path, char *dir, size_t capacity);

#endif

/* import.h - checkpoints from safetensors files that others wrote, with torch's names of the tensors. */
#ifndef VF_IMPORT_H
#define VF_IMPORT_H

#include "model/model.h"

/* Writes the files as checkpoints into dir. A file's step is that of its metadata, or the last number in its name, or its place in
 * the list; steps must increase. cfg has passed config_check(). */
int models_import(const struct config *cfg, char *const *paths, int n, const char *dir, struct fail *f);

#endif

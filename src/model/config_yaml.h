/* config_yaml.h - shared by the files that read and write configurations. */
#ifndef VF_CONFIG_YAML_H
#define VF_CONFIG_YAML_H

#include "base/buf.h"
#include "nn/layers.h"

/* libyaml's types */
struct yaml_document_s;
struct yaml_node_s;

/* A list of layers from a node of a document; key: its name, for messages. */
int layers_parse(struct yaml_document_s *d, const struct yaml_node_s *n, const char *key, struct layer_list *out, struct fail *f);
/* Appends the list, on one line, in the only form there is. */
int layers_write(const struct layer_list *list, struct buf *out, struct fail *f);

/* A number from lo to hi, a whole one if asked for. text NULL: not a scalar, an error. */
int config_number(const char *name, const char *text, double lo, double hi, int whole, double *out, struct fail *f);
/* -1 with the message for an unknown word, which suggests the nearest of `words`. */
int config_unknown(const char *what, const char *found, const char *const *words, struct fail *f);

#endif

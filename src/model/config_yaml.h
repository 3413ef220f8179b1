/* config_yaml.h - shared by the files that read and write configurations. */
#ifndef VF_CONFIG_YAML_H
#define VF_CONFIG_YAML_H

#include "model/config.h"

/* libyaml's types */
struct yaml_document_s;
struct yaml_node_s;

enum { CONFIG_MAX_KEYS = 32 };

/* Sets the key of this name from a node of a document. given [CONFIG_MAX_KEYS]: 1 for the keys that the document had so far; NULL for
 * --set. */
int config_set_named(struct config *c, const char *name, struct yaml_document_s *d, const struct yaml_node_s *value, char *given, struct fail *f);

/* A list of layers from a node of a document; key: its name, for messages. */
int layers_parse(struct yaml_document_s *d, const struct yaml_node_s *n, const char *key, struct layer_list *out, struct fail *f);
/* Appends the list, on one line, in the only form there is. */
int layers_write(const struct layer_list *list, struct buf *out, struct fail *f);

/* The text of a scalar node; NULL: not a scalar. */
const char *config_scalar(const struct yaml_node_s *n);
/* A number from lo to hi, a whole one if asked for. text NULL: not a scalar, an error. */
int config_number(const char *name, const char *text, double lo, double hi, int whole, double *out, struct fail *f);
/* -1 with the message for an unknown word, which suggests the nearest of `words`. */
int config_unknown(const char *what, const char *found, const char *const *words, struct fail *f);

#endif

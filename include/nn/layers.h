/* layers.h - the layers of a network as data: YAML in and out, and what shape each makes of what it
 * reads. Shapes are PyTorch's: channels, height, width.
 */
#ifndef VF_LAYERS_H
#define VF_LAYERS_H

#include "model/config.h"

struct shape {
	int c, h, w; /* a row of numbers: c of them, h = w = 1 */
	/* PIXELS: the network's own input, which is a picture and lies in one row, both */
	enum { ROW, PICTURE, PIXELS } is;
};

#define LAYERS_MAX_NUMBERS (1 << 24) /* of one record, between two layers */

/* s: what the layer reads, then what it writes; -1 where it cannot read that. */
int layer_shape(const struct layer_spec *l, struct shape *s, struct fail *f);
int shape_size(const struct shape *s);
int layer_has_weights(enum layer_kind kind);
/* linear and the two convolutions excepted, a layer acts on each number alone: relu, tanh, ... */
int layer_is_elementwise(enum layer_kind kind);

/* Whether the list takes `in` to `want`, and ends as the loss wants it. */
int layers_check(const struct layer_list *list, const char *name, struct shape in, struct shape want, struct fail *f);

/* A node of a YAML document (libyaml's types), for the key of this name. */
struct yaml_document_s;
struct yaml_node_s;
int layers_parse(struct yaml_document_s *d, const struct yaml_node_s *n, const char *key, struct layer_list *out, struct fail *f);
/* On one line, in the only form there is. */
int layers_write(const struct layer_list *list, struct buf *out, struct fail *f);

/* Shared with the other keys of a configuration (config.c): a number of this range, and the message
 * for a word that is not known. */
int config_number(const char *name, const char *text, double lo, double hi, int whole, double *out, struct fail *f);
int config_unknown(const char *what, const char *found, const char *const *words, struct fail *f);

#endif

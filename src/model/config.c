/* The keys of a configuration: their values, ranges and text. config_file.c reads the documents that hold them. */
#include "model/config.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "model/config_yaml.h"
#include "stream/fields.h"
#include "stream/name.h"

/* One row a key. Parsing, --set, checking of ranges and writing all use this table. */
enum kind { K_INT, K_REAL, K_WORD, K_LIST, K_TEXT, K_SHAPE, K_LAYERS };

struct key {
	const char *name;
	enum kind kind;
	size_t at;
	double lo, hi; /* numbers: the range; lists and texts: hi is the capacity */
	const char *const *words; /* K_REAL: a word that stands for -1 */
};

static const char *const input_kinds[] = {"picture", "vector", NULL};
static const char *const jpeg_sizes[] = {"full", "reduced", NULL};
static const char *const binarizations[] = {"none", "threshold", "stochastic", NULL};
static const char *const likelihoods[] = {"gaussian", "bernoulli", "linear", NULL};
static const char *const optimizers[] = {"adam", "sgd", NULL};
static const char *const estimators[] = {"plugin", "cross", NULL};
static const char *const gradients[] = {"pathwise", "score", NULL};
static const char *const learnt[] = {"learnt", NULL};
static const char *const weightings[] = {"one", "lr", NULL};

#define AT(m) offsetof(struct config, m)
#define SEED_MAX 9007199254740992.0 /* 2^53: up to here a double holds every whole number */
static const struct key keys[] = {
	{"format", K_INT, AT(format), 1, 1e9, NULL},
	{"input.field", K_LIST, AT(input_field), 0, 128, NULL},
	{"input.kind", K_WORD, AT(input_kind), 0, 0, input_kinds},
	{"input.shape", K_SHAPE, AT(input_shape), 1, 65536, NULL},
	{"input.jpeg", K_WORD, AT(jpeg), 0, 0, jpeg_sizes},
	{"input.binarize", K_WORD, AT(binarize), 0, 0, binarizations},
	{"model.latent", K_INT, AT(latent), 1, 65536, NULL},
	{"model.encoder", K_LAYERS, AT(encoder), 0, 0, NULL},
	{"model.decoder", K_LAYERS, AT(decoder), 0, 0, NULL},
	{"model.variance", K_REAL, AT(variance), 0, 1e30, learnt},
	{"train.likelihood", K_WORD, AT(train.likelihood), 0, 0, likelihoods},
	{"train.beta", K_REAL, AT(train.beta), 0, 1e9, NULL},
	{"train.optimizer", K_WORD, AT(train.optimizer), 0, 0, optimizers},
	{"train.lr", K_REAL, AT(train.lr), 0, 1e9, NULL},
	{"train.batch", K_INT, AT(train.batch), 1, 65536, NULL},
	{"train.shards", K_INT, AT(train.shards), 1, 4096, NULL},
	{"train.steps", K_INT, AT(train.steps), 1, 1e9, NULL},
	{"train.checkpoints", K_INT, AT(train.checkpoints), 1, 10000, NULL},
	{"train.holdout", K_REAL, AT(train.holdout), 0, 0.9, NULL},
	{"train.seed", K_REAL, AT(train.seed), 0, SEED_MAX, NULL},
	{"score.likelihood", K_WORD, AT(score.likelihood), 0, 0, likelihoods},
	{"score.beta", K_REAL, AT(score.beta), 0, 1e9, NULL},
	{"score.draws", K_INT, AT(score.draws), 1, 4096, NULL},
	{"score.estimator", K_WORD, AT(score.estimator), 0, 0, estimators},
	{"score.gradient", K_WORD, AT(score.gradient), 0, 0, gradients},
	{"score.weights", K_WORD, AT(score.weights), 0, 0, weightings},
	{"score.layers", K_TEXT, AT(score.layers), 0, 256, NULL},
	{"score.seed", K_REAL, AT(score.seed), 0, SEED_MAX, NULL},
};
enum { NKEYS = sizeof keys / sizeof *keys };
_Static_assert((int)NKEYS <= (int)CONFIG_MAX_KEYS, "CONFIG_MAX_KEYS");

void config_defaults(struct config *c)
{
	*c = (struct config){.format = CONFIG_FORMAT};
	strcpy(c->input_field, "png,jpg,jpeg,jfif,jpe,webp,avif,pgm,ppm,pnm,npy");
	c->train.likelihood = BERNOULLI;
	c->train.beta = c->score.beta = 4;
	c->train.optimizer = ADAM;
	c->train.lr = 5e-4;
	c->train.batch = 64;
	c->train.shards = 1;
	c->train.steps = 10000;
	c->train.checkpoints = 8;
	c->train.holdout = 0.02;
	c->score.draws = 16;
	strcpy(c->score.layers, "all");
}

int config_input_size(const struct config *c) { return c->input_shape[0] * c->input_shape[1] * c->input_shape[2]; }

/* --- the nearest word --- */

/* Levenshtein's */
static int distance(const char *a, const char *b)
{
	int row[128], na = (int)strlen(a), nb = (int)strlen(b);
	if (na > 127 || nb > 127)
		return INT_MAX;
	for (int j = 0; j <= nb; j++)
		row[j] = j;
	for (int i = 1; i <= na; i++) {
		int diagonal = row[0];
		row[0] = i;
		for (int j = 1; j <= nb; j++) {
			int best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

const char *nearest_word(const char *what, const char *const *words)
{
	const char *best = NULL;
	int least = (int)strlen(what) / 2 + 1;
	for (; *words; words++) {
		int d = distance(what, *words);
		if (d <= least) {
			least = d - 1;
			best = *words;
		}
	}
	return best;
}

int config_unknown(const char *what, const char *found, const char *const *words, struct fail *f)
{
	char shown[128];
	const char *near = nearest_word(found, words);
	name_show(shown, sizeof shown, found);
	return near ? fail_set(f, "unknown %s '%s'; did you mean '%s'?", what, shown, near)
	            : fail_set(f, "unknown %s '%s'", what, shown);
}

/* --- values --- */

const char *config_scalar(const yaml_node_t *n) { return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL; }

int config_number(const char *name, const char *s, double lo, double hi, int whole, double *out, struct fail *f)
{
	char *end, shown[128];
	double v = s ? strtod(s, &end) : 0;
	name_show(shown, sizeof shown, s ? s : "a list");
	if (!s || end == s || *end || !isfinite(v))
		return fail_set(f, "%s must be a number, not '%s'", name, shown);
	if (v < lo || v > hi)
		return fail_set(f, "%s is %s, outside %.9g to %.9g", name, shown, lo, hi);
	if (whole && v != floor(v))
		return fail_set(f, "%s must be a whole number, not %s", name, shown);
	*out = v;
	return 0;
}

static int parse_number(const struct key *k, const char *s, double *out, struct fail *f)
{
	return config_number(k->name, s, k->lo, k->hi, k->kind != K_REAL || k->hi == SEED_MAX, out, f);
}

/* Words of a list are extensions of members, in lower case. Any will do: the first bytes of the payload select the decoder. */
static int check_extensions(const char *list, const struct key *k, struct fail *f)
{
	size_t n;
	for (const char *p = list; *p; p += n + (p[n] == ',')) {
		char word[128];
		n = strcspn(p, ",");
		snprintf(word, sizeof word, "%.*s", (int)n, p);
		if (*word == '.' || (n && word[strlen(word) - 1] == '.') || strpbrk(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
			return fail_set(f, "%s: '%s' is no extension: write it in lower case without a leading dot, as in jpg or input.jpg", k->name, word);
		if (strcmp(word, FIELDS_EXT) == 0)
			return fail_set(f, "%s: %s holds the fields, not the payload", k->name, word);
	}
	return 0;
}

/* Lists and texts are written back without quotes: only characters that need none, and in a list no word that YAML would read
 * as something else. */
static int check_text(const char *s, const struct key *k, struct fail *f)
{
	const char *list = s;
	if (k->kind == K_LIST && (!*s || *s == ',' || strstr(s, ",,") || s[strlen(s) - 1] == ','))
		return fail_set(f, "%s has an empty word", k->name);
	if (k->kind == K_LIST && (*s == '-' || strstr(s, ",-")))
		return fail_set(f, "%s: no word may begin with '-'", k->name);
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("._,-", *s)))
			return fail_set(f, "%s: only letters, digits and . _ , - are allowed", k->name);
	return k->kind == K_LIST ? check_extensions(list, k, f) : 0;
}

static int set_list(yaml_document_t *d, const yaml_node_t *n, const struct key *k, char *to, struct fail *f)
{
	char got[256] = "";
	const char *one = config_scalar(n);
	if (n->type == YAML_MAPPING_NODE)
		return fail_set(f, "%s must be a list", k->name);
	if (one) {
		if (strlen(one) >= (size_t)k->hi)
			return fail_set(f, "%s is too long", k->name);
		if (check_text(one, k, f))
			return -1;
		strcpy(to, one);
		return 0;
	}
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		one = config_scalar(yaml_document_get_node(d, *i));
		if (!one || strlen(got) + (*got != 0) + strlen(one) >= (size_t)k->hi)
			return fail_set(f, "%s: not a list of short words", k->name);
		if (*got)
			strcat(got, ",");
		strcat(got, one);
	}
	if (check_text(got, k, f))
		return -1;
	strcpy(to, got);
	return 0;
}

static int set_shape(yaml_document_t *d, const yaml_node_t *n, const struct key *k, int *to, struct fail *f)
{
	double v[3];
	if (n->type != YAML_SEQUENCE_NODE || n->data.sequence.items.top - n->data.sequence.items.start != 3)
		return fail_set(f, "%s must be [channels, height, width]", k->name);
	for (int i = 0; i < 3; i++)
		if (parse_number(k, config_scalar(yaml_document_get_node(d, n->data.sequence.items.start[i])), &v[i], f))
			return -1;
	if (v[0] * v[1] * v[2] > MAX_LAYER_SIZE)
		return fail_set(f, "%s is %.0fx%.0fx%.0f, more than 16 million numbers", k->name, v[0], v[1], v[2]);
	for (int i = 0; i < 3; i++)
		to[i] = (int)v[i];
	return 0;
}

static int set_key(struct config *c, const struct key *k, yaml_document_t *d, const yaml_node_t *n, struct fail *f)
{
	void *at = (char *)c + k->at;
	const char *s = config_scalar(n);
	double v;
	int i = 0;
	switch (k->kind) {
	case K_INT:
		if (parse_number(k, s, &v, f))
			return -1;
		*(int *)at = (int)v;
		return 0;
	case K_REAL:
		if (k->words && s && strcmp(s, *k->words) == 0) {
			*(double *)at = -1;
			return 0;
		}
		if (parse_number(k, s, at, f)) {
			const struct fail why = *f;
			return k->words ? fail_set(f, "%s (it may also be %s)", why.msg, *k->words) : -1;
		}
		return 0;
	case K_WORD:
		while (s && k->words[i] && strcmp(k->words[i], s) != 0)
			i++;
		if (!s || !k->words[i])
			return config_unknown(k->name, s ? s : "(a list)", k->words, f);
		*(int *)at = i;
		return 0;
	case K_LIST:
	case K_TEXT:
		return set_list(d, n, k, at, f);
	case K_SHAPE:
		return set_shape(d, n, k, at, f);
	case K_LAYERS:
		return layers_parse(d, n, k->name, at, f);
	}
	return 0;
}

int config_set_named(struct config *c, const char *name, yaml_document_t *d, const yaml_node_t *value, char *given, struct fail *f)
{
	const char *names[NKEYS + 1] = {NULL};
	for (int i = 0; i < NKEYS; i++) {
		if (strcmp(keys[i].name, name) == 0) {
			if (given && given[i]++)
				return fail_set(f, "%s is given twice", name);
			int r = set_key(c, &keys[i], d, value, f), newer = c->format;
			if (r || newer <= CONFIG_FORMAT)
				return r;
			c->format = CONFIG_FORMAT;
			return fail_set(f, "format %d is newer than this program knows (%d)", newer, CONFIG_FORMAT);
		}
		names[i] = keys[i].name;
	}
	return config_unknown("key", name, names, f);
}

/* --- writing --- */

static int write_value(const struct config *c, const struct key *k, struct buf *out, struct fail *f)
{
	const void *at = (const char *)c + k->at;
	const int *v = at;
	switch (k->kind) {
	case K_INT:
		return buf_addf(out, f, "%d", *v);
	case K_REAL:
		if (k->words && *(const double *)at < 0)
			return buf_addf(out, f, "%s", *k->words);
		return buf_addf(out, f, k->hi == SEED_MAX ? "%.0f" : "%.9g", *(const double *)at);
	case K_WORD:
		return buf_addf(out, f, "%s", k->words[*v]);
	case K_LIST:
		return buf_addf(out, f, "[%s]", (const char *)at);
	case K_TEXT:
		return buf_addf(out, f, "\"%s\"", (const char *)at);
	case K_SHAPE:
		return buf_addf(out, f, "[%d, %d, %d]", v[0], v[1], v[2]);
	case K_LAYERS:
		return layers_write(at, out, f);
	}
	return 0;
}

/* Keys that came later are written only if they are set, so that older models keep their ids. */
static int is_unset(const struct config *c, const struct key *k)
{
	return (k->at == AT(binarize) && !c->binarize) || (k->at == AT(jpeg) && !c->jpeg) || (k->at == AT(train.shards) && c->train.shards == 1) ||
	       (k->at == AT(variance) && !(c->variance > 0) && !config_learns_variance(c));
}

int config_write(const struct config *c, struct buf *out, struct fail *f)
{
	char section[32] = "";
	int r = 0;
	for (int i = 0; i < NKEYS && !r; i++) {
		const struct key *k = &keys[i];
		const char *dot = strchr(k->name, '.');
		size_t n = dot ? (size_t)(dot - k->name) : 0;
		if (is_unset(c, k))
			continue;
		if (dot && (strlen(section) != n || memcmp(section, k->name, n) != 0)) {
			snprintf(section, sizeof section, "%.*s", (int)n, k->name);
			r = buf_addf(out, f, "%s:\n", section);
		}
		r = r || buf_addf(out, f, "%s%s: ", dot ? "  " : "", dot ? dot + 1 : k->name) || write_value(c, k, out, f) || buf_add(out, "\n", 1, f) ? -1 : 0;
	}
	return r;
}

int config_first_difference(const struct config *a, const struct config *b, const char **key, struct fail *f)
{
	struct buf x = {0}, y = {0};
	int r = 0;
	*key = NULL;
	for (int i = 0; i < NKEYS && !r && !*key; i++) {
		x.len = y.len = 0;
		r = write_value(a, &keys[i], &x, f) || write_value(b, &keys[i], &y, f) ? -1 : 0;
		*key = !r && strcmp(x.p, y.p) != 0 ? keys[i].name : NULL;
	}
	buf_free(&x);
	buf_free(&y);
	return r;
}

/* --- checking --- */

static int has_open_output(const struct layer_list *l)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i].out == OUT_OF_INPUT)
			return 1;
	return 0;
}

int config_infers_shape(const struct config *c)
{
	return c->input_kind == VECTOR_INPUT && config_input_size(c) == 0 && has_open_output(&c->decoder);
}

static void fill_open_outputs(struct layer_list *l, int size)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i].out == OUT_OF_INPUT)
			l->v[i].out = size;
}

static int check_variance(const struct config *c, struct fail *f)
{
	if (!config_learns_variance(c))
		return 0;
	if (c->train.likelihood == BERNOULLI)
		return fail_set(f, "model.variance is learnt, and train.likelihood bernoulli has no variance: train with gaussian or linear");
	if (c->score.likelihood != c->train.likelihood)
		return fail_set(f, "model.variance is learnt, and belongs to train.likelihood %s: score.likelihood %s has none", likelihoods[c->train.likelihood], likelihoods[c->score.likelihood]);
	return 0;
}

int config_check(struct config *c, struct fail *f)
{
	long size = (long)c->input_shape[0] * c->input_shape[1] * c->input_shape[2];
	if (size == 0 || size > MAX_LAYER_SIZE)
		return fail_set(f, "input.shape is missing, or larger than 16 million numbers");
	if (c->binarize && c->input_kind == VECTOR_INPUT)
		return fail_set(f, "input.binarize is for pictures, and input.kind is vector");
	if (c->jpeg && c->input_kind == VECTOR_INPUT)
		return fail_set(f, "input.jpeg is for pictures, and input.kind is vector");
	if (c->latent == 0)
		return fail_set(f, "model.latent is missing");
	if (c->input_kind == PICTURE_INPUT && c->input_shape[0] != 1 && c->input_shape[0] != 3)
		return fail_set(f, "input.shape has %d channels: a picture has 1 (gray) or 3 (RGB)", c->input_shape[0]);
	struct shape input = {c->input_shape[0], c->input_shape[1], c->input_shape[2], SHAPE_INPUT};
	fill_open_outputs(&c->encoder, (int)size);
	fill_open_outputs(&c->decoder, (int)size);
	if (layers_check(&c->encoder, "encoder", input, (struct shape){2 * c->latent, 1, 1, SHAPE_VECTOR}, f) ||
	    layers_check(&c->decoder, "decoder", (struct shape){c->latent, 1, 1, SHAPE_VECTOR}, input, f))
		return -1;
	if (c->train.checkpoints > c->train.steps)
		return fail_set(f, "train.checkpoints is %d, more than train.steps, %d", c->train.checkpoints, c->train.steps);
	if (c->train.batch % c->train.shards)
		return fail_set(f, "train.batch %d is no multiple of train.shards %d, whose workers take equal shares of a batch: change one of them", c->train.batch, c->train.shards);
	if (c->score.estimator == CROSS && c->score.draws < 2)
		return fail_set(f, "score.estimator cross needs score.draws of 2 or more");
	return check_variance(c, f);
}

int config_check_early(struct config *c, struct fail *f)
{
	struct config any = *c;
	if (!config_infers_shape(c))
		return config_check(c, f);
	any.input_shape[0] = any.input_shape[1] = any.input_shape[2] = 1;
	return config_check(&any, f);
}

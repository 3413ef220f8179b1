#include "model/model.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

enum { MAX_PARAMETERS = 1 << 14, MAX_FLIPS = 8, FLIP_BYTES = 3, HEADER = 8 };

static int is_small(const struct config *cfg)
{
	struct network net;
	size_t n = 0;
	struct shape input = {cfg->input_shape[0], cfg->input_shape[1], cfg->input_shape[2], SHAPE_INPUT};
	network_build(&net, "encoder", &cfg->encoder, input, &n);
	network_build(&net, "decoder", &cfg->decoder, (struct shape){cfg->latent, 1, 1, SHAPE_VECTOR}, &n);
	return n <= MAX_PARAMETERS && config_input_size(cfg) <= MAX_PARAMETERS;
}

/* What is written is read again the same. */
static void check_model(struct model *m)
{
	struct model again;
	struct fail f;
	CHECK(model_write(m, fuzz_scratch(), &f) == 0);
	CHECK(model_read(&again, fuzz_scratch(), NULL, &f) == 0);
	CHECK(again.checked && strcmp(again.id, m->id) == 0 && again.step == m->step && again.nparams == m->nparams);
	CHECK(memcmp(again.params, m->params, m->nparams * sizeof *m->params) == 0);
	model_free(&again);
	unlink(fuzz_scratch());
}

/* The file with this configuration in its metadata. */
static void joined(const char *config, const uint8_t *data, size_t size)
{
	uint64_t length = 0;
	for (int i = 0; i < HEADER && size >= HEADER; i++)
		length |= (uint64_t)data[i] << 8 * i;
	json_t *header = size > HEADER && length <= size - HEADER ? json_loadb((const char *)data + HEADER, (size_t)length, 0, NULL) : NULL;
	json_t *meta = json_is_object(header) ? json_object_get(header, "__metadata__") : NULL;
	if (json_is_object(header) && !meta)
		json_object_set_new(header, "__metadata__", meta = json_object());
	if (json_is_object(meta) && json_object_set_new(meta, "config", json_string(config)) == 0) {
		struct buf b = {0};
		struct fail f;
		struct model m;
		char path[64];
		json_object_del(meta, "checksums"); /* they would be wrong now */
		char *text = json_dumps(header, JSON_COMPACT);
		CHECK(text);
		uint64_t n = strlen(text);
		CHECK(buf_add(&b, &n, sizeof n, &f) == 0 && buf_add(&b, text, (size_t)n, &f) == 0 &&
		      buf_add(&b, data + HEADER + length, size - HEADER - (size_t)length, &f) == 0);
		int fd = fuzz_file((const uint8_t *)b.p, b.len, path);
		if (model_read(&m, path, NULL, &f) == 0) {
			check_model(&m);
			model_free(&m);
		} else {
			CHECK(f.msg[0]);
		}
		close(fd);
		free(text);
		buf_free(&b);
	}
	json_decref(header);
}

/* A checkpoint of the configuration, and the same with some bytes changed: then it is refused, or means the same. */
static void own(const struct config *cfg, const uint8_t *data, size_t size)
{
	struct model m, changed;
	struct fail f;
	struct buf b = {0};
	char path[64];
	CHECK(model_build(&m, cfg, &f) == 0);
	model_init(&m, size);
	CHECK(model_write(&m, fuzz_scratch(), &f) == 0 && buf_read_file(&b, fuzz_scratch(), 1 << 24, &f) == 0);
	model_free(&m);
	CHECK(model_read(&m, fuzz_scratch(), NULL, &f) == 0);
	check_model(&m);
	for (size_t i = 0; i + FLIP_BYTES <= size && i < (size_t)MAX_FLIPS * FLIP_BYTES; i += FLIP_BYTES)
		b.p[(data[i] << 8 | data[i + 1]) % b.len] ^= (char)data[i + 2];
	int fd = fuzz_file((const uint8_t *)b.p, b.len, path);
	if (model_read(&changed, path, NULL, &f) == 0) {
		if (changed.checked)
			CHECK(changed.nparams == m.nparams && memcmp(changed.params, m.params, m.nparams * sizeof *m.params) == 0);
		model_free(&changed);
	} else {
		CHECK(f.msg[0]);
	}
	model_free(&m);
	buf_free(&b);
	close(fd);
}

/* A configuration, a NUL, and a file: the configuration inside that file, and bytes that change a checkpoint of the configuration. */
int fuzz_checkpoint(const uint8_t *data, size_t size)
{
	struct config cfg;
	struct fail f;
	char *text = fuzz_text(data, size);
	size_t n = strlen(text), rest = n < size ? size - n - 1 : 0;
	const uint8_t *file = data + size - rest;
	joined(text, file, rest);
	config_defaults(&cfg);
	if (config_parse(&cfg, text, n, &f) == 0 && config_check(&cfg, &f) == 0 && is_small(&cfg))
		own(&cfg, file, rest);
	free(text);
	return 0;
}

#include "model/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

static const char network[] = "input: {shape: [1, 3, 3]}\n"
                              "model: {latent: 1, encoder: [{conv2d: {out: 2, kernel: 2}}, relu, flatten, {linear: 2}],\n"
                              "  decoder: [{linear: 4}, {unflatten: [1, 2, 2]}, {conv_transpose2d: {out: 1, kernel: 2}}]}\n";

static int import_once(struct model *m, const struct config *cfg, const struct assignments *renames, const char *path)
{
	struct safetensors s;
	struct fail f = {{0}};
	struct import o = {.renames = renames, .eps = IMPORT_EPS};
	if (safetensors_read(&s, path, &f)) {
		CHECK(f.msg[0]);
		return -1;
	}
	CHECK(model_build(m, cfg, &f) == 0);
	int r = import_tensors(&o, m, &s, &f);
	safetensors_free(&s);
	if (r) {
		CHECK(f.msg[0]);
		model_free(m);
	}
	return r;
}

/* A rename, a NUL, and a file: what is imported is finite, and the same again. */
int fuzz_import(const uint8_t *data, size_t size)
{
	struct config cfg;
	struct fail f;
	struct model m, again;
	char path[64], *rename = fuzz_text(data, size);
	size_t n = strlen(rename), rest = n < size ? size - n - 1 : 0;
	struct assignments renames = {.v = {rename}, .n = n > 0};
	config_defaults(&cfg);
	CHECK(config_parse(&cfg, network, strlen(network), &f) == 0 && config_check(&cfg, &f) == 0);
	int fd = fuzz_file(data + size - rest, rest, path);
	if (import_check_renames(&renames, &f) == 0 && import_once(&m, &cfg, &renames, path) == 0) {
		for (size_t i = 0; i < m.nparams; i++)
			CHECK(isfinite(m.params[i]));
		CHECK(import_once(&again, &cfg, &renames, path) == 0);
		CHECK(memcmp(m.params, again.params, m.nparams * sizeof *m.params) == 0);
		model_free(&m);
		model_free(&again);
	}
	close(fd);
	free(rename);
	return 0;
}

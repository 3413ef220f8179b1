#include "influence/curvature.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "influence/whitening.h"

static const char yaml[] = "input: {shape: [1, 2, 2]}\n"
			   "model: {latent: 2, encoder: [flatten, {linear: 4}], decoder: [{linear: 3}, {unflatten: [3, 1, 1]}, {conv_transpose2d: {out: 1, kernel: 2}}]}\n";

/* A file that is accepted has finite factors, and either an inverse with finite numbers or a reason why there is none. */
int fuzz_curvature(const uint8_t *data, size_t size)
{
	static struct whitening w;
	struct model m = {.params = NULL};
	struct config cfg;
	struct curvature c;
	struct fail f;
	char path[64], hash[17];
	config_defaults(&cfg);
	CHECK(config_parse(&cfg, yaml, sizeof yaml - 1, &f) == 0 && config_check(&cfg, &f) == 0 && model_build(&m, &cfg, &f) == 0);
	strcpy(m.id, "0123456789abcdef");
	int fd = fuzz_file(data, size, path);
	if (curvature_read(&c, &m, path, hash, &f)) {
		CHECK(f.msg[0]);
	} else {
		CHECK(strlen(hash) == 16 && c.records > 0 && c.n == 3);
		for (int i = 0; i < c.n; i++)
			for (int k = 0; k < c.layer[i].np * c.layer[i].np; k++)
				CHECK(isfinite(c.layer[i].p[k]));
		for (int i = 0; i < c.n && c.has_eigenvalues; i++)
			for (int k = 0; k < c.layer[i].np * c.layer[i].nk; k++)
				CHECK(isfinite(c.layer[i].lambda[k]) && c.layer[i].lambda[k] >= 0);
		for (int kind = CURVATURE_KFAC; kind <= CURVATURE_EKFAC; kind++)
			if (whitening_open(&w, &c, (enum curvature_kind)kind, 0.1, &f) == 0) {
				CHECK(w.enc[1].p == 4 && w.enc[1].k == 5 && w.dec[2].b == 1);
				whitening_close(&w);
			} else
				CHECK(f.msg[0]);
		curvature_free(&c);
	}
	close(fd);
	model_free(&m);
	return 0;
}

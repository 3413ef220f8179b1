/* vae-train: trains a beta-VAE on a stream of records. */
#include <string.h>
#include <unistd.h>

#include "tool/train_stream.h"

static bool check_options(struct cli *c, const struct train_stream *t)
{
	if (!cli_require(c, t->config, "-c NAME") || !cli_require(c, t->output, "-o NAME.vae"))
		return false;
	if (t->output && strcmp(t->output, "-") == 0)
		return cli_usage(c, "-o names the directory to make, and '-' is standard output, which -p writes to");
	if (!cli_check_overwrite(c, "-o", t->output) || !cli_check_overwrite(c, "-c", t->config))
		return false;
	if ((t->pass || c->rejects) && c->keys_per_file) { /* in a stream of records that is written, keys must differ */
		c->keys_by_file = 1;
		c->keys_per_file = 0;
		if (!cli_check_keys(c))
			return false;
	}
	if (!t->pass && c->level != WRITER_BY_NAME)
		return cli_usage(c, "-z compresses what -p writes, and requires -p");
	if (t->resume && c->replace)
		return cli_usage(c, "--resume continues the training in NAME.vae, and --replace starts a new one: they exclude each other");
	if (!c->trace != !t->trace.truth.tests)
		return cli_usage(c, "--trace FILE and -t TESTS require each other");
	if (c->trace && t->resume)
		return cli_usage(c, "--trace writes every step of a training, and --resume repeats none: they exclude each other");
	if (!cli_check_stdin(c, "-t", t->trace.truth.tests) || !cli_check_overwrite(c, "-t", t->trace.truth.tests))
		return false;
	return t->save_every >= 0 || cli_usage(c, "--save-every takes seconds, 0 or more");
}

int main(int argc, char **argv)
{
	static struct train_stream t = {.save_every = 60, .trace.to.fd = -1};
	team_open(&t.team);
	struct cli c = {.silent = t.team.rank > 0};
	t.data.limit = (size_t)sysconf(_SC_PHYS_PAGES) / 2 * (size_t)sysconf(_SC_PAGESIZE);
	const struct cli_opt opts[] = {
		{'c', "config", "NAME", CLI_TEXT, &t.config, "network and training: a preset (mnist-mlp, beta-vae-h, ...) or a YAML file"},
		{'o', "output", "NAME.vae", CLI_TEXT, &t.output, "the directory to make: checkpoints, log, configuration"},
		{0, "replace", NULL, CLI_FLAG, &c.replace, "replace NAME.vae, when the new model is finished"},
		{0, "resume", NULL, CLI_FLAG, &t.resume, "continue the training in NAME.vae, if there is one, to the same bits"},
		{0, "save-every", "SECONDS", CLI_REAL, &t.save_every, "how often to save the state for --resume (default 60; 0: only at checkpoints)"},
		{0, "curvature", NULL, CLI_FLAG, &t.curvature, "estimate the curvature of the last checkpoint from the training records, for --curvature kfac and inputs"},
		{0, "trace", "FILE", CLI_TEXT, &c.trace, "write, for every step and test record of -t, by how much its loss fell and what influences predict (sgd)"},
		{'t', "tests", "TESTS", CLI_TEXT, &t.trace.truth.tests, "test records for --trace"},
		{0, "mem", "SIZE", CLI_SIZE, &t.data.limit, "memory for decoded records; more go to a file in $TMPDIR (default: half of the memory)"},
		{0, "seed", "N", CLI_KEY, NULL, "seed of initial weights, order, noise and held-out records (--set train.seed=N)", .key = "train.seed"},
		CLI_SET(&c),
		{'p', "pass", NULL, CLI_FLAG, &t.pass, "write the records to standard output when the training is finished"},
		{'z', NULL, "LEVEL", CLI_LEVEL, &c.level, "compress the output of -p with zstd (default level 3)"},
		CLI_ON_ERROR(&c),
		CLI_JOBS(&c),
		CLI_INPUT(&c),
		CLI_RECORDS(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-train", "[FILE ...]", "Trains a beta-VAE on records and leaves its checkpoints in NAME.vae.", opts, argc, argv) ||
	    !check_options(&c, &t)) {
		team_close();
		return c.silent ? EXIT_OK : c.status;
	}
	struct fail f = {{0}};
	int r = train_stream_run(&t, &c, &f);
	int status = flow_finish(&t.flow, r, &f);
	train_stream_free(&t);
	team_close();
	return c.silent ? EXIT_OK : status; /* mpirun ends all processes when one fails; rank 0 must print its message first */
}

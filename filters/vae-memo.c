/* vae-memo: appends the memorization score of every record, from models that are trained with and without it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool/memo_stream.h"

/* I/N */
static bool read_task(struct cli *c, const char *text, struct memo_stream *m)
{
	char *end = NULL;
	m->task = text ? strtol(text, &end, 10) : 0;
	m->tasks = text && *end == '/' ? strtol(end + 1, &end, 10) : 0;
	if (text && (*end || m->task < 1 || m->task > m->tasks || m->tasks > SUBSETS_MOST))
		return cli_usage(c, "--task takes I/N, the number of a task and how many there are, as in 3/10, not '%s'", text);
	return !text || c->level == WRITER_BY_NAME || cli_usage(c, "-z compresses the records, and with --task none are passed on");
}

/* --halves and --leave: what they need, and what is for folds alone. */
static bool check_truth(struct cli *c, struct memo_stream *m)
{
	if (m->halves && m->truth.leave)
		return cli_usage(c, "--halves and --leave exclude each other");
	m->kind = m->halves ? SUBSETS_HALVES : m->truth.leave ? SUBSETS_LEAVE : SUBSETS_FOLDS;
	if (m->kind == SUBSETS_FOLDS)
		return !m->truth.tests || cli_usage(c, "-t is for --halves and --leave");
	const char *name = m->halves ? "--halves" : "--leave";
	if (!m->truth.tests)
		return cli_usage(c, "%s requires -t TESTS, the records whose losses are compared", name);
	if (m->halves && (m->halves < 3 || m->halves > 100000))
		return cli_usage(c, "--halves takes 3 to 100000 models");
	if (m->every_checkpoint || m->out_scores || c->level != WRITER_BY_NAME || c->rejects)
		return cli_usage(c, "%s passes no records on, and takes no --checkpoints all, --out-scores, -z or -r", name);
	return true;
}

static bool check_options(struct cli *c, const char *task, struct memo_stream *m)
{
	if (!cli_require(c, m->config, "-c NAME") || !cli_require(c, m->output, "-o NAME.memo") || !read_task(c, task, m))
		return false;
	if (m->output && strcmp(m->output, "-") == 0)
		return cli_usage(c, "-o names the directory of the models; records are written to standard output");
	if (m->folds < 2 || m->folds > 10000)
		return cli_usage(c, "--folds takes 2 to 10000: each model is trained on all folds but one");
	if (m->repeats < 1 || m->repeats > 10000 || m->draws < 1 || m->draws > 1000000)
		return cli_usage(c, "--repeats takes 1 to 10000, and -d 1 to 1000000");
	return check_truth(c, m) && cli_check_stdin(c, "-t", m->truth.tests) && cli_check_stdin(c, "--leave", m->truth.leave) && cli_check_overwrite(c, "-o", m->output) && cli_check_overwrite(c, "-c", m->config) && cli_check_overwrite(c, "-t", m->truth.tests) && cli_check_overwrite(c, "--leave", m->truth.leave);
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	static struct memo_stream m = {.folds = 10, .repeats = 1, .draws = 128, .save_every = 60};
	const char *task = NULL;
	int which = 0;
	static const char *const whiches[] = {"last", "all", NULL};
	m.data.limit = (size_t)sysconf(_SC_PHYS_PAGES) / 2 * (size_t)sysconf(_SC_PAGESIZE);
	const struct cli_opt opts[] = {
		{'c', "config", "NAME", CLI_TEXT, &m.config, "network and training of every model: a preset (mnist-mlp, ...) or a YAML file"},
		{'o', "output", "NAME.memo", CLI_TEXT, &m.output, "the directory of the models' numbers; an existing one is continued"},
		{0, "folds", "K", CLI_INT, &m.folds, "parts of the records, each left out of one model (default 10)"},
		{0, "repeats", "L", CLI_INT, &m.repeats, "how often, with other folds each time (default 1)"},
		{0, "halves", "M", CLI_INT, &m.halves, "instead: M models of a random half each, for vae-eval --lds"},
		{0, "leave", "KEYS", CLI_TEXT, &m.truth.leave, "instead: a model without each record that is listed in KEYS; writes a table"},
		{'t', "tests", "TESTS", CLI_TEXT, &m.truth.tests, "test records of --halves and --leave"},
		{'d', "draws", "N", CLI_INT, &m.draws, "noise draws of log p(x) (default 128)"},
		{0, "checkpoints", "WHICH", CLI_CHOICE, &which, "last (default), or all: also append memo_STEP, logp_in_STEP and logp_out_STEP", whiches},
		{0, "out-scores", NULL, CLI_FLAG, &m.out_scores, "also loss, recon, kl and self influence under the models that did not see the record"},
		{0, "task", "I/N", CLI_TEXT, &task, "train only the models of task I of N, and pass no records on"},
		{0, "keep-models", NULL, CLI_FLAG, &m.keep_models, "keep the models in NAME.memo"},
		{0, "save-every", "SECONDS", CLI_REAL, &m.save_every, "how often to save the state of a training (default 60; 0: only at checkpoints)"},
		{0, "mem", "SIZE", CLI_SIZE, &m.data.limit, "memory for decoded records; more go to a file in $TMPDIR (default: half of the memory)"},
		{0, "seed", "N", CLI_KEY, NULL, "seed of folds and trainings (--set train.seed=N)", .key = "train.seed"},
		CLI_SET(&c),
		{'z', NULL, "LEVEL", CLI_LEVEL, &c.level, "compress the output with zstd (default level 3)"},
		CLI_NAMES(&c),
		CLI_ON_ERROR(&c),
		CLI_JOBS(&c),
		CLI_KEYS(&c),
		CLI_RECORDS(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-memo", "[FILE ...]", "Appends the memorization score of every record, from models trained with and without it.", opts, argc, argv) ||
	    (m.every_checkpoint = which, !check_options(&c, task, &m)))
		return c.status;
	struct fail f = {{0}};
	int r = memo_stream_run(&m, &c, &f);
	int status = flow_finish(&m.frame.flow, r, &f);
	memo_stream_free(&m);
	return status;
}

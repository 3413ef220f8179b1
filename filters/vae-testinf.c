/* vae-testinf: appends the VAE-TracIn influence of every record over given test records. */
#include <string.h>

#include "tool/test_scorer.h"

static bool check_merge(struct cli *c, const struct test_scorer *t)
{
	if (t->model || t->test_file || t->sanity || t->k || c->output || c->rejects || c->matrix || c->set.n)
		return cli_usage(c, "--merge reads files of --influence and no records: only --top and --influence go with it");
	if (!c->nfiles || cli_reads_stdin(c))
		return cli_usage(c, "--merge requires FILEs, those that --influence of each shard wrote");
	return cli_require(c, c->influence, "--influence FILE") && (t->top <= 1000000 || cli_usage(c, "--top takes at most 1000000"));
}

static bool check_options(struct cli *c, const struct test_scorer *t)
{
	if (t->merge)
		return check_merge(c, t);
	if (!cli_require(c, t->model, "-m NAME.vae"))
		return false;
	if (!t->test_file == !t->sanity)
		return cli_usage(c, "one of -t TESTS and --sanity N is required");
	if (t->test_file && strcmp(t->test_file, "-") == 0)
		return cli_usage(c, "-t takes a file, not standard input");
	if (t->top > 1000000 || t->k > 1000000000 || t->sanity > 1000000000)
		return cli_usage(c, "--top takes at most 1000000, --candidates and --sanity 1000000000");
	if (t->sanity && (c->output || c->rejects || t->k || t->test_noise.path))
		return cli_usage(c, "--sanity writes no records, and its test records are those of the stream: not with -o, -r, --candidates or --eps-tests");
	if (t->k && t->noise.path)
		return cli_usage(c, "--eps gives noise by a record's position, and --candidates leaves records out: they exclude each other");
	return curvature_options_check(c, &t->curvature) && cli_check_model(c, t->model) && cli_check_overwrite(c, "-t", t->test_file) && cli_check_overwrite(c, "--eps", t->noise.path) &&
	       cli_check_overwrite(c, "--eps-tests", t->test_noise.path);
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct test_scorer t = TEST_SCORER_INIT;
	const struct cli_opt opts[] = {
		{'m', "model", "NAME.vae", CLI_TEXT, &t.model, "the model: a directory of vae-train, or one of its checkpoints"},
		{'t', "tests", "TESTS", CLI_TEXT, &t.test_file, "test records: append the influence over them"},
		{0, "sanity", "N", CLI_INT, &t.sanity, "the first N records are the tests; write no records, but print a table"},
		{0, "checkpoints", "WHICH", CLI_TEXT, &t.checkpoints, "last (default), all, or steps such as 5000,10000; their influences are added"},
		{'d', "draws", "M", CLI_KEY, NULL, "noise draws for each record (default: the model's, usually 16)", .key = "score.draws"},
		CLI_GRADIENT,
		CLI_CURVATURE(&t.curvature),
		{0, "normalize", "WHICH", CLI_CHOICE, &t.normalize, "none (default), train (by the length of the record's gradient) or both (cosine)", normalize_words},
		{0, "candidates", "K", CLI_INT, &t.k, "score only the K records with the most influence over each test record, as estimated by few draws"},
		{0, "influence", "FILE", CLI_TEXT, &c.influence, "write proponents and opponents of each test record to FILE"},
		{0, "top", "N", CLI_INT, &t.top, "how many of each (default 10; with --sanity 0.1 %)"},
		{0, "merge", NULL, CLI_FLAG, &t.merge, "merge FILEs, which --influence wrote for shards, into the file of --influence"},
		{0, "matrix", "FILE.npy", CLI_TEXT, &c.matrix, "write all influences to FILE.npy: float32 [record, test]"},
		{0, "mem", "SIZE", CLI_SIZE, &t.budget, "memory for the gradients of test records; more go to a file in $TMPDIR (default 2G)"},
		{0, "seed", "N", CLI_KEY, NULL, "seed of the noise (--set score.seed=N)", .key = "score.seed"},
		{0, "eps", "FILE.npy", CLI_TEXT, &t.noise.path, "read the noise from FILE: float32 [record, draw, latent]"},
		{0, "eps-tests", "FILE.npy", CLI_TEXT, &t.test_noise.path, "the same for the test records"},
		CLI_SET(&c),
		CLI_SCORING(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-testinf", "[FILE ...]", "Appends the VAE-TracIn influence of every record over test records.", opts, argc, argv) ||
	    !check_options(&c, &t))
		return c.status;
	struct fail f = {{0}};
	if (t.merge) {
		if (test_scorer_merge(&t, &c, &f))
			cli_failed(&c, &f);
		return cli_end(&c, c.status);
	}
	cli_wait_input(&c);
	int r = test_scorer_run(&t, &c, &f);
	int status = flow_finish(&t.frame.flow, r, &f);
	test_scorer_close(&t);
	return status;
}

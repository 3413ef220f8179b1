/* vae-ckpt: lists, shows, verifies, thins, imports and exports checkpoints, scores records with them, or estimates their curvature. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ckpt.h"
#include "influence/curvature.h"
#include "model/import.h"
#include "model/model_dir.h"
#include "stream/writer.h"

/* The options that are not for every verb. */
enum {
	MODEL = 1 << 0,
	CHECKPOINTS = 1 << 1,
	KEEP = 1 << 2,
	BY = 1 << 3,
	DRY_RUN = 1 << 4,
	CONFIG = 1 << 5,
	OUTPUT = 1 << 6,
	REPLACE = 1 << 7,
	SET = 1 << 8,
	EVAL = 1 << 9, /* all that only eval and logp have */
	NOISE = 1 << 10,
	LIMIT = 1 << 11, /* all that only curvature has */
	RENAME = 1 << 12, /* all that only import has */
	DIRECTIONS = 1 << 13,
};

static const struct verb {
	const char *name;
	int (*run)(struct cli *, const struct ckpt *, struct fail *);
	int required, optional; /* options */
	enum { NO_FILES, FILES, OPTIONAL_FILES } files;
	int (*read)(struct cli *, const struct ckpt *); /* instead of run() */
} verbs[] = {
	{"list", ckpt_list, MODEL, CHECKPOINTS, NO_FILES},
	{"show", ckpt_show, MODEL, CHECKPOINTS, NO_FILES},
	{"verify", ckpt_verify, MODEL, CHECKPOINTS, NO_FILES},
	{"thin", ckpt_thin, MODEL | KEEP, BY | DRY_RUN, NO_FILES},
	{"import", ckpt_import, CONFIG | OUTPUT, REPLACE | SET | RENAME, FILES},
	{"export", ckpt_export, MODEL | OUTPUT, CHECKPOINTS, NO_FILES},
	{"eval", NULL, MODEL, CHECKPOINTS | OUTPUT | REPLACE | SET | NOISE | EVAL | DIRECTIONS, OPTIONAL_FILES, ckpt_eval},
	{"logp", NULL, MODEL, CHECKPOINTS | OUTPUT | REPLACE | SET | NOISE | EVAL, OPTIONAL_FILES, ckpt_logp},
	{"curvature", NULL, MODEL, CHECKPOINTS | SET | NOISE | LIMIT, OPTIONAL_FILES, ckpt_curvature},
};

static const struct verb *find_verb(const struct cli *c)
{
	for (size_t i = 0; c->verb && i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].name, c->verb) == 0)
			return &verbs[i];
	return NULL;
}

/* Every option that is given is one of the verb's. */
static bool check_options(struct cli *c, const struct ckpt *o, const struct verb *v)
{
	const struct {
		int option, given;
		const char *name, *arg;
	} all[] = {
		{MODEL, o->model != NULL, "-m", " NAME.vae"},
		{CONFIG, o->config != NULL, "-c", " NAME"},
		{OUTPUT, c->output || c->output_stdout, "-o", ""},
		{KEEP, o->keep != NULL, "--keep", " N"},
		{CHECKPOINTS, o->which != NULL, "--checkpoints", ""},
		{BY, o->by >= 0, "--by", ""},
		{DRY_RUN, c->dry_run, "-n", ""},
		{REPLACE, c->replace, "--replace", ""},
		{EVAL, c->rejects != NULL, "-r", ""},
		{EVAL, c->on_error != ON_ERROR_PASS, "--on-error", ""},
		{NOISE, o->draws != NULL, "-d", ""},
		{NOISE, o->seed != NULL, "--seed", ""},
		{LIMIT, o->limit >= 0, "--limit", ""},
		{LIMIT, o->targets >= 0, "--targets", ""},
		{LIMIT, o->ekfac, "--ekfac", ""},
		{LIMIT, o->eps != NULL, "--eps", ""},
		{RENAME, o->renames.n, "--rename", ""},
		{RENAME, !isnan(o->norm_eps), "--batchnorm-eps", ""},
		{DIRECTIONS, o->directions >= 0, "--input-curvature", ""},
		{SET, c->set.n, "--set", ""}, /* also by -d and --seed */
		{EVAL, *c->prefix, "--prefix", ""},
		{NOISE, c->keys_by_file, "--keys-per-file", ""},
		{EVAL, c->key_prefix != NULL, "--key-prefix", ""},
		{EVAL, c->level != WRITER_BY_NAME, "-z", ""},
		{NOISE, c->limits.record != READER_LIMITS.record, "--max-record", ""},
		{EVAL, c->limits.in_flight != READER_LIMITS.in_flight, "--mem", ""},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (!all[i].given && (v->required & all[i].option))
			return cli_usage(c, "%s requires %s%s", v->name, all[i].name, all[i].arg);
		if (all[i].given && !((v->required | v->optional) & all[i].option))
			return cli_usage(c, "%s takes no %s", v->name, all[i].name);
	}
	return true;
}

static bool check(struct cli *c, const struct ckpt *o, const struct verb *v)
{
	if (!v)
		return cli_usage(c, "list, show, verify, thin, import, export, eval, logp or curvature is required%s%s", c->verb ? ", not " : "", c->verb ? c->verb : "");
	if (!check_options(c, o, v))
		return false;
	if (v->run == ckpt_import && c->output_stdout)
		return cli_usage(c, "import makes a directory, and '-' is standard output: -o NAME.vae is required");
	if (v->files != OPTIONAL_FILES && (v->files == FILES) != (c->nfiles > 0))
		return cli_usage(c, v->files ? "%s requires the files to import" : "%s takes no files", v->name);
	char *end;
	long keep = o->keep ? strtol(o->keep, &end, 10) : 1;
	if (o->keep && (*end || end == o->keep || keep < 1 || keep > 1000000000))
		return cli_usage(c, "--keep takes a number of checkpoints, at least 1, not '%s'", o->keep);
	if (o->limit == 0 || o->limit > 1000000000000)
		return cli_usage(c, "--limit takes a number of records, at least 1");
	if (o->directions == 0 || o->directions > 1000000)
		return cli_usage(c, "--input-curvature takes a number of directions, at least 1");
	struct fail f = {{0}};
	if (import_check_renames(&o->renames, &f))
		return cli_usage(c, "%s", f.msg);
	if (o->norm_eps < 0)
		return cli_usage(c, "--batchnorm-eps takes a number, at least 0");
	return cli_check_model(c, o->model) && cli_check_overwrite(c, "-c", o->config) && cli_check_overwrite(c, "--eps", o->eps) &&
	       (v->run != ckpt_import || cli_check_overwrite(c, "-o", c->output));
}

int main(int argc, char **argv)
{
	struct cli c = {.has_verb = 1};
	struct ckpt o = {.by = -1, .limit = -1, .targets = -1, .norm_eps = NAN, .directions = -1};
	const struct cli_opt opts[] = {
		{'m', "model", "NAME.vae", CLI_TEXT, &o.model, "the model, or one of its checkpoints (all but import)"},
		{0, "checkpoints", "WHICH", CLI_TEXT, &o.which, "last, all, or steps (default: last for show, export and logp, else all)"},
		{0, "keep", "N", CLI_TEXT, &o.keep, "keep at most N checkpoints (thin)"},
		{0, "by", "WHAT", CLI_CHOICE, &o.by, "keep those evenly spaced (even; default), or where the loss fell most (loss) (thin)", thin_words},
		{'n', "dry-run", NULL, CLI_FLAG, &c.dry_run, "remove nothing; only say what would be removed (thin)"},
		{'c', "config", "NAME", CLI_TEXT, &o.config, "the preset or YAML file whose network the tensors fit (import)"},
		{0, "rename", "FROM=TO", CLI_ASSIGNMENT, &o.renames, "names that begin with FROM begin with TO; may be given again (import)"},
		{0, "batchnorm-eps", "E", CLI_REAL, &o.norm_eps, "eps of the BatchNorm layers that are folded (import; default: 1e-5)"},
		{'d', "draws", "M", CLI_KEY, &o.draws, "noise draws for each record (eval, curvature; default: the model's, usually 16; logp: 128)", .key = "score.draws"},
		{0, "seed", "N", CLI_KEY, &o.seed, "seed of the noise (eval, logp, curvature)", .key = "score.seed"},
		{0, "input-curvature", "V", CLI_INT, &o.directions, "also append the curvature of the loss in the input, in V random directions (eval)"},
		{0, "targets", "WHICH", CLI_CHOICE, &o.targets, "gradients of the records (data; default), or of targets drawn from the model (curvature)", targets_words},
		{0, "ekfac", NULL, CLI_FLAG, &o.ekfac, "also find what --curvature ekfac requires, in a second pass over the records (curvature)"},
		{0, "eps", "FILE.npy", CLI_TEXT, &o.eps, "read the noise from FILE: float32 [record, draw, latent] (curvature)"},
		{0, "limit", "N", CLI_INT, &o.limit, "use only the first N records (curvature)"},
		{0, "on-error", "WHAT", CLI_CHOICE, &c.on_error, "records that cannot be read: pass, reject (to -r) or fail (eval, logp)", on_error_words},
		{'r', "rejects", "FILE", CLI_TEXT, &c.rejects, "write rejected records to FILE (eval, logp)"},
		{0, "replace", NULL, CLI_FLAG, &c.replace, "replace the directory (import), or existing fields of the same names (eval, logp)"},
		{0, "prefix", "P", CLI_TEXT, &c.prefix, "put P before the names of the appended fields (eval, logp)"},
		{'j', "jobs", "N", CLI_INT, &c.jobs, "worker threads (eval, logp, curvature; default: the number of processors)"},
		{'o', "output", "FILE", CLI_TEXT, &c.output, "the directory (import), or the file (export, eval, logp; zstd if it ends in .zst), whole or not at all"},
		{'z', NULL, "LEVEL", CLI_LEVEL, &c.level, "compress the output with zstd (eval, logp; default level 3)"},
		{0, "set", "KEY=VALUE", CLI_ASSIGNMENT, &c.set, "set a key of the configuration; may be given again (import, eval, logp, curvature)", .check = config_check_assignments},
		{0, "keys-per-file", NULL, CLI_FLAG, &c.keys_by_file, "FILEs may have keys in common: put the FILE's name before each key (eval, logp, curvature)"},
		{0, "key-prefix", "P", CLI_TEXT, &c.key_prefix, "begin every key with P, as in shard7/ (eval, logp)"},
		{0, "max-record", "SIZE", CLI_SIZE, &c.limits.record, "refuse a record of more bytes (eval, logp, curvature; default 1G)"},
		{0, "mem", "SIZE", CLI_SIZE, &c.limits.in_flight, "memory for records that wait or are scored (eval, logp; default 1G)"},
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-ckpt", "list | show | verify | thin | import FILE ... | export | eval [FILE ...] | logp [FILE ...] | curvature [FILE ...]",
	               "Lists, shows, verifies, thins, imports and exports checkpoints; scores records with them, or estimates their curvature.", opts, argc, argv))
		return c.status;
	const struct verb *v = find_verb(&c);
	if (!check(&c, &o, v))
		return c.status;
	if (v->read == ckpt_curvature) { /* it writes no records */
		c.keys_per_file = c.keys_by_file;
		c.keys_by_file = 0;
	}
	struct fail f = {{0}};
	if (v->read)
		return v->read(&c, &o);
	int r = v->run(&c, &o, &f);
	if (r)
		cli_failed(&c, &f);
	return cli_end(&c, r ? EXIT_FAILED : EXIT_OK);
}

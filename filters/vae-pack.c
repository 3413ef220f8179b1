/* vae-pack: IDX files, tables of numbers or a directory to a stream of records. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tool/progress.h"
#include "stream/name.h"
#include "pack/pack.h"

struct tick {
	struct progress progress;
};

static void on_tick(void *ctx, const struct pack *p, double total)
{
	struct tick *t = ctx;
	progress_show(&t->progress, (double)p->seen, total, (double)p->packed, NULL);
}

enum format { IDX, CSV, NPY, DIRECTORY, UNKNOWN };

/* Whether a path ends in .EXT, or .EXT.gz. */
static int ends_in(const char *path, const char *ext)
{
	size_t n = strlen(path), k = strlen(ext);
	n -= n >= 3 && strcasecmp(path + n - 3, ".gz") == 0 ? 3 : 0;
	return n > k && path[n - k - 1] == '.' && strncasecmp(path + n - k, ext, k) == 0;
}

/* By the name, unless --format says. */
static enum format format_of(const char *path, const char *said)
{
	static const char *const names[] = {"idx", "csv", "npy"};
	struct stat st;
	for (int i = 0; said && i < 3; i++)
		if (strcmp(said, names[i]) == 0)
			return (enum format)i;
	if (said)
		return UNKNOWN;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return DIRECTORY;
	return ends_in(path, "csv") || ends_in(path, "tsv") ? CSV : ends_in(path, "npy") ? NPY : IDX;
}

/* One character, or \t; -1 when it can be no separator. */
static int separator_of(const char *path, const char *said)
{
	if (!said)
		return ends_in(path, "tsv") ? '\t' : ',';
	if (strcmp(said, "\\t") == 0)
		return '\t';
	return said[0] && !said[1] && (unsigned char)said[0] < 0x80 && !strchr("\"\r\n.+-", said[0]) && !isalnum((unsigned char)said[0]) ? said[0] : -1;
}

static int pack(struct cli *c, struct pack *p, enum format format, struct fail *f)
{
	const char *path = c->files[0], *labels = c->nfiles > 1 ? c->files[1] : NULL;
	struct stat st;
	if (strcmp(path, "-") != 0 && stat(path, &st))
		return fail_errno(f, "%s", path);
	if (labels && (format == DIRECTORY || format == CSV))
		return fail_set(f, format == CSV ? "%s: a CSV file is packed alone; --label names its column of labels" : "%s: a directory is packed alone, without labels", path);
	p->out = writer_open(c->output, c->level, f);
	if (!p->out)
		return -1;
	int r = format == DIRECTORY ? pack_directory(p, path, f) : format == CSV ? pack_csv(p, path, f)
	        : format == NPY     ? pack_npy(p, path, labels, f) : pack_idx(p, path, labels, f);
	if (r) {
		writer_abort(p->out);
		return -1;
	}
	return writer_close(p->out, f);
}

static bool check_options(struct cli *c, struct pack *p, const char *only, const char *said, const char *separator, enum format *format)
{
	struct fail f = {{0}};
	const char *ext;
	char probe[600];
	if (c->nfiles < 1 || c->nfiles > 2)
		return cli_usage(c, "one IDX or npy file and perhaps one of labels, or one CSV file or directory, is required");
	*format = format_of(c->files[0], said);
	if (*format == UNKNOWN)
		return cli_usage(c, "--format is idx, csv or npy, not '%s'", said);
	if ((p->label || p->header || separator) && *format != CSV)
		return cli_usage(c, "--label, --header and --separator are for CSV files, and '%s' is not one (--format csv makes it one)", c->files[0]);
	p->separator = separator_of(c->files[0], separator);
	if (p->separator < 0)
		return cli_usage(c, "--separator takes one character that is in no number and no name, or \\t, not '%s'", separator);
	if (c->nfiles > 1 && strcmp(c->files[0], "-") == 0 && strcmp(c->files[1], "-") == 0)
		return cli_usage(c, "standard input is named twice");
	snprintf(probe, sizeof probe, "%s0.png", p->prefix);
	if (name_split(probe, &ext) == 0 || strcmp(ext, "png") != 0)
		return cli_usage(c, "--key-prefix '%s': a key has no dot after its last slash, and is no __x__/", p->prefix);
	if (only && !(p->only = expr_parse(only, &f))) {
		fail_add(&f, "--only");
		return cli_invalid(c, &f);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct cli c = {.separate_output = 1};
	struct pack p = {.prefix = ""};
	const char *only = NULL, *said = NULL, *separator = NULL;
	long limit = 0;
	const struct cli_opt opts[] = {
		{0, "key-prefix", "P", CLI_TEXT, &p.prefix, "begin every key with P, as in train/"},
		{0, "only", "EXPR", CLI_TEXT, &only, "pack only what matches, as in 'cls == 9'"},
		{0, "limit", "N", CLI_INT, &limit, "stop after N records"},
		{0, "label", "NAME|N", CLI_TEXT, &p.label, "the column of a CSV file that becomes .cls, by name or number from 1"},
		{0, "header", NULL, CLI_FLAG, &p.header, "the first line of a CSV file holds names, also where some are numbers"},
		{0, "separator", "C", CLI_TEXT, &separator, "what stands between the cells of a CSV file (default a comma; a tab in .tsv)"},
		{0, "format", "NAME", CLI_TEXT, &said, "idx, csv or npy, where the name does not say so"},
		CLI_OUTPUT(&c),
		CLI_BASE(&c),
	};
	enum format format = UNKNOWN;
	if (!cli_begin(&c, "vae-pack", "IMAGES.idx[.gz] [LABELS.idx[.gz]] | TABLE.csv[.gz] | ARRAY.npy[.gz] [LABELS.npy[.gz]] | DIR",
	               "Packs IDX files, tables of numbers or a directory into a stream of records.", opts, argc, argv) ||
	    !check_options(&c, &p, only, said, separator, &format))
		return c.status;
	struct tick t;
	struct fail f = {{0}};
	progress_begin(&t.progress, &c, "records");
	p.progress = on_tick;
	p.ctx = &t;
	p.limit = (uint64_t)limit;
	int r = pack(&c, &p, format, &f);
	progress_end(&t.progress);
	expr_free((struct expr *)p.only);
	if (!r && p.missing)
		cli_note(&c, "%llu records lack a name of --only and were not packed", (unsigned long long)p.missing);
	if (!r && *p.own_output)
		cli_note(&c, "%s is the output: not packed", c.output ? c.output : p.own_output);
	if (!r && p.skipped)
		cli_note(&c, "%llu directory entries skipped: links, special or dot files, or names without an extension", (unsigned long long)p.skipped);
	if (!r && !p.seen)
		cli_note(&c, "%s holds no record", c.files[0]);
	if (!r)
		r = fields_set_int(&c.counts, "records", (int64_t)p.packed, &f) || fields_set_int(&c.counts, "seen", (int64_t)p.seen, &f) ||
		    fields_set_int(&c.counts, "skipped", (int64_t)p.skipped, &f);
	if (r)
		cli_failed(&c, &f);
	return cli_end(&c, r ? EXIT_FAILED : EXIT_OK);
}

/* vae-pack: IDX files or a directory to a stream of records. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "name.h"
#include "pack.h"

struct tick {
	struct progress progress;
};

static void on_tick(void *ctx, const struct pack *p, double total)
{
	struct tick *t = ctx;
	progress_show(&t->progress, (double)p->seen, total, (double)p->packed, NULL);
}

static int pack(struct cli *c, struct pack *p, struct fail *f)
{
	struct stat st;
	if (stat(c->files[0], &st))
		return fail_errno(f, "%s", c->files[0]);
	int dir = S_ISDIR(st.st_mode);
	if (dir && c->nfiles > 1)
		return fail_set(f, "%s: a directory is packed alone, without labels", c->files[0]);
	p->out = writer_open(c->output, c->level, f);
	if (!p->out)
		return -1;
	int r = dir ? pack_directory(p, c->files[0], f) : pack_idx(p, c->files[0], c->nfiles > 1 ? c->files[1] : NULL, f);
	if (r) {
		writer_abort(p->out);
		return -1;
	}
	return writer_close(p->out, f);
}

int main(int argc, char **argv)
{
	struct cli c = {.tool = NULL};
	struct pack p = {.prefix = ""};
	const char *only = NULL;
	long limit = 0;
	const struct cli_opt opts[] = {
		{0, "key-prefix", "P", CLI_TEXT, &p.prefix, "begin every key with P, as in train/"},
		{0, "only", "EXPR", CLI_TEXT, &only, "pack only what matches, as in 'cls == 9'"},
		{0, "limit", "N", CLI_INT, &limit, "stop after N records"},
		CLI_OUTPUT(&c),
		CLI_BASE(&c),
	};
	int status = cli_begin(&c, "vae-pack", "IMAGES.idx[.gz] [LABELS.idx[.gz]] | DIR",
	                       "Packs IDX files or a directory into a stream of records.", opts, argc, argv);
	if (status >= 0)
		return status;
	if (c.nfiles < 1 || c.nfiles > 2)
		return cli_usage(&c, "one IDX file of pictures and perhaps one of labels, or one directory, is wanted");
	const char *ext;
	char probe[600];
	snprintf(probe, sizeof probe, "%s0.png", p.prefix);
	if (name_split(probe, &ext) == 0 || strcmp(ext, "png") != 0)
		return cli_usage(&c, "--key-prefix '%s': a key has no dot behind its last slash, and is no __x__/", p.prefix);
	struct tick t;
	struct fail f = {{0}};
	if (only && !(p.only = expr_parse(only, &f))) {
		fail_add(&f, "--only");
		return cli_refused(&c, &f);
	}
	progress_begin(&t.progress, &c, "records");
	p.tick = on_tick;
	p.ctx = &t;
	p.limit = (uint64_t)limit;
	int r = pack(&c, &p, &f);
	progress_end(&t.progress);
	expr_free((struct expr *)p.only);
	if (!r && p.missing)
		cli_note(&c, "%llu records lack a name of --only and were not packed", (unsigned long long)p.missing);
	if (!r && p.skipped)
		cli_note(&c, "%llu directory entries skipped: links, special or dot files, or names without an extension", (unsigned long long)p.skipped);
	if (!r)
		r = fields_set_int(&c.counts, "records", (int64_t)p.packed, &f) || fields_set_int(&c.counts, "seen", (int64_t)p.seen, &f) ||
		    fields_set_int(&c.counts, "skipped", (int64_t)p.skipped, &f);
	if (r)
		cli_failed(&c, &f);
	return cli_end(&c, r ? EXIT_FAILED : EXIT_OK);
}

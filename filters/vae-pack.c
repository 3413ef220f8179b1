/* vae-pack: packs IDX files, tables of numbers, a directory or an archive into a stream of records. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "pack/pack.h"
#include "stream/name.h"
#include "tool/progress.h"

enum format { IDX, CSV, NPY, ARCHIVE, DIRECTORY, BY_NAME };
static const char *const format_words[] = {"idx", "csv", "npy", "archive", NULL};
enum { AS_PICTURE, AS_VECTOR };
static const char *const as_words[] = {"picture", "vector", NULL};

static const char *const missing_words[] = {"error", "skip", "mean", "mark", NULL};

struct options {
	int format; /* enum format */
	int as;
	const char *only, *separator, *thousands;
	long limit;
};

/* Whether the path ends in .EXT or .EXT.gz, in upper or lower case. */
static int ends_in(const char *path, const char *ext)
{
	size_t n = strlen(path), k = strlen(ext);
	n -= n >= 3 && strcasecmp(path + n - 3, ".gz") == 0 ? 3 : 0;
	return n > k && path[n - k - 1] == '.' && strncasecmp(path + n - k, ext, k) == 0;
}

static enum format format_of(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return DIRECTORY;
	if (ends_in(path, "zip") || ends_in(path, "7z") || ends_in(path, "rar"))
		return ARCHIVE;
	return ends_in(path, "csv") || ends_in(path, "tsv") ? CSV : ends_in(path, "npy") || ends_in(path, "npz") ? NPY : IDX;
}

/* The character, or -1 if the text is neither \t nor one character that can separate numbers and names. */
static int separator_of(const char *path, const char *text)
{
	if (!text)
		return ends_in(path, "tsv") ? '\t' : ',';
	if (strcmp(text, "\\t") == 0)
		return '\t';
	return text[0] && !text[1] && (unsigned char)text[0] < 0x80 && !strchr("\"\r\n.+-", text[0]) && !isalnum((unsigned char)text[0]) ? text[0] : -1;
}

static bool check_options(struct cli *c, struct options *o, struct pack *p)
{
	const char *ext;
	char member[600];
	if (c->nfiles < 1 || c->nfiles > 2)
		return cli_usage(c, "give one IDX or npy file and optionally a file of labels, or one CSV file, one directory, or one archive");
	if (o->format == BY_NAME)
		o->format = (int)format_of(c->files[0]);
	if ((p->label || p->header || o->separator || p->columns || p->skip || p->categories || p->missing_cells || p->decimal_comma || o->thousands) && o->format != CSV)
		return cli_usage(c, "--label, --columns, --skip, --categories, --missing, --header, --separator, --decimal-comma and --thousands are for CSV files, and '%s' is not one (--format csv makes it one)", c->files[0]);
	p->as_vector = o->as == AS_VECTOR;
	if (p->as_vector && o->format != NPY)
		return cli_usage(c, "--as vector is for npy files, and '%s' is not one (--format npy makes it one)", c->files[0]);
	if (p->follow && o->format != DIRECTORY)
		return cli_usage(c, "--follow is for directories, and '%s' is not one", c->files[0]);
	if ((p->classes || p->together) && o->format != DIRECTORY && o->format != ARCHIVE)
		return cli_usage(c, "--classes and --together are for directories and archives, and '%s' is neither", c->files[0]);
	if (o->format == ARCHIVE && strcmp(c->files[0], "-") == 0)
		return cli_usage(c, "an archive is not read from standard input: name its file");
	p->separator = separator_of(c->files[0], o->separator);
	if (!o->separator && p->decimal_comma && p->separator == ',')
		p->separator = ';';
	if (p->columns && p->skip)
		return cli_usage(c, "--columns and --skip exclude each other");
	p->thousands = o->thousands ? (unsigned char)*o->thousands : 0;
	if (o->thousands && (!p->thousands || o->thousands[1] || !strchr(".,' _", p->thousands) || p->thousands == (p->decimal_comma ? ',' : '.') || p->thousands == p->separator))
		return cli_usage(c, "--thousands takes one of . , ' _ and a space, neither the separator nor the decimal point, not '%s'", o->thousands);
	if (p->missing_cells >= MISSING_MEAN && strcmp(c->files[0], "-") == 0)
		return cli_usage(c, "--missing %s reads the table twice: name a file, not standard input", missing_words[p->missing_cells]);
	if (p->categories && strcmp(c->files[0], "-") == 0)
		return cli_usage(c, "--categories reads the table twice: name a file, not standard input");
	if (p->separator < 0)
		return cli_usage(c, "--separator takes one character that is in no number and no name, or \\t, not '%s'", o->separator);
	if (c->nfiles > 1 && strcmp(c->files[0], "-") == 0 && strcmp(c->files[1], "-") == 0)
		return cli_usage(c, "standard input is named twice");
	snprintf(member, sizeof member, "%s0.png", p->prefix);
	if (name_split(member, &ext) == 0 || strcmp(ext, "png") != 0)
		return cli_usage(c, "--key-prefix '%s': a key has no dot after its last slash, and does not begin with __x__/", p->prefix);
	p->limit = (uint64_t)o->limit;
	struct fail f = {{0}};
	if (!o->only || (p->only = expr_parse(o->only, &f)))
		return true;
	fail_add(&f, "--only");
	return cli_invalid(c, &f);
}

static int pack(const struct cli *c, enum format format, struct pack *p, struct fail *f)
{
	const char *path = c->files[0], *labels = c->nfiles > 1 ? c->files[1] : NULL;
	struct stat st;
	if (strcmp(path, "-") != 0 && stat(path, &st))
		return fail_errno(f, "%s", path);
	if (labels && format == CSV)
		return fail_set(f, "%s: a CSV file is packed alone: name its column of labels with --label", path);
	if (labels && (format == DIRECTORY || format == ARCHIVE))
		return fail_set(f, "%s: %s is packed alone, without labels", path, format == DIRECTORY ? "a directory" : "an archive");
	p->out = writer_open(c->output, c->level, f);
	if (!p->out)
		return -1;
	int r = format == DIRECTORY ? pack_directory(p, path, f)
	        : format == ARCHIVE ? pack_archive(p, path, f)
	        : format == CSV     ? pack_csv(p, path, f)
	        : format == NPY     ? pack_npy(p, path, labels, f)
	                            : pack_idx(p, path, labels, f);
	if (!r)
		return writer_close(p->out, f);
	writer_abort(p->out);
	return -1;
}

static void show_progress(void *progress, const struct pack *p, double total)
{
	progress_show(progress, (double)p->seen, total, (double)p->packed, NULL);
}

static void print_warnings(const struct cli *c, const struct pack *p)
{
	cli_note_count(c, p->missing, "record lacks a field that --only needs: not packed", "records lack a field that --only needs: not packed");
	if (*p->own_output)
		cli_note(c, "%s is the output: not packed", c->output ? c->output : p->own_output);
	cli_note_count(c, p->rows_skipped, "row with missing values was not packed", "rows with missing values were not packed");
	cli_note_count(c, p->skipped, "file skipped: a link, special or dot file, or a name without an extension",
	               "files skipped: links, special or dot files, or names without an extension");
	if (!p->seen)
		cli_note(c, "%s has no records", c->files[0]);
}

int main(int argc, char **argv)
{
	struct progress progress;
	struct cli c = {.separate_output = 1};
	struct pack p = {.prefix = "", .progress = show_progress, .ctx = &progress};
	struct options o = {.format = BY_NAME};
	const struct cli_opt opts[] = {
		{0, "key-prefix", "P", CLI_TEXT, &p.prefix, "begin every key with P, as in train/"},
		{0, "only", "EXPR", CLI_TEXT, &o.only, "pack only the records that match, as in 'cls == 9'"},
		{0, "limit", "N", CLI_INT, &o.limit, "stop after N records"},
		{0, "label", "NAME|N,...", CLI_TEXT, &p.label, "the column of a CSV file that becomes .cls, by name or number from 1; others become fields"},
		{0, "columns", "NAME|N,...", CLI_TEXT, &p.columns, "pack only these columns of a CSV file"},
		{0, "skip", "NAME|N,...", CLI_TEXT, &p.skip, "leave these columns of a CSV file out"},
		{0, "categories", "NAME|N,...", CLI_TEXT, &p.categories, "columns of texts: each text becomes a column of 0 and 1"},
		{0, "missing", "WHAT", CLI_CHOICE, &p.missing_cells, "cells that are empty, NA, NaN, null or ?: error, skip the row, mean, or mark (mean, and a column of 0 and 1)", missing_words},
		{0, "decimal-comma", NULL, CLI_FLAG, &p.decimal_comma, "numbers of a CSV file are as in 1,5; the default of --separator is ;"},
		{0, "thousands", "C", CLI_TEXT, &o.thousands, "the character between groups of three digits in a CSV file"},
		{0, "header", NULL, CLI_FLAG, &p.header, "the first line of a CSV file is a header, even if some of its cells are numbers"},
		{0, "separator", "C", CLI_TEXT, &o.separator, "the character between the cells of a CSV file (default: a comma; a tab in .tsv)"},
		{0, "follow", NULL, CLI_FLAG, &p.follow, "follow symbolic links in a directory"},
		{0, "classes", NULL, CLI_FLAG, &p.classes, "of a directory or an archive: make .cls of the names of its subdirectories"},
		{0, "together", NULL, CLI_FLAG, &p.together, "of a directory or an archive: pack all files of one name as one record, whose key is the name"},
		{0, "format", "NAME", CLI_CHOICE, &o.format, "the format of the files: idx, csv, npy or archive (default: by the name)", format_words},
		{0, "as", "NAME", CLI_CHOICE, &o.as, "what unsigned bytes of an npy file are: picture (the default, if the shape is that of pictures) or vector", as_words},
		CLI_OUTPUT(&c),
		CLI_BASE(&c),
	};
	if (!cli_begin(&c, "vae-pack", "IMAGES.idx[.gz] [LABELS.idx[.gz]] | TABLE.csv[.gz] | ARRAY.npy[.gz] [LABELS.npy[.gz]] | DIR | ARCHIVE.zip",
	               "Makes a stream of records from IDX files, tables, arrays, a directory or an archive (zip, 7z, rar).", opts, argc, argv) ||
	    !check_options(&c, &o, &p))
		return c.status;
	struct fail f = {{0}};
	progress_begin(&progress, &c, "records");
	int r = pack(&c, (enum format)o.format, &p, &f);
	progress_end(&progress);
	expr_free((struct expr *)p.only);
	if (!r) {
		print_warnings(&c, &p);
		r = fields_set_int(&c.counts, "records", (int64_t)p.packed, &f) || fields_set_int(&c.counts, "seen", (int64_t)p.seen, &f) ||
		    fields_set_int(&c.counts, "skipped", (int64_t)p.skipped, &f);
	}
	if (r)
		cli_failed(&c, &f);
	return cli_end(&c, r ? EXIT_FAILED : EXIT_OK);
}

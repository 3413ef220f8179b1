/* cli.h - what every tool's command line shares.
 *
 * A tool is a table of options bound to variables; -h is printed from the table. Exit statuses:
 * 0 done, 1 failed (data, I/O), 2 usage, 3 a policy stopped it.
 */
#ifndef VF_CLI_H
#define VF_CLI_H

#include "base/fail.h"
#include "model/config.h"
#include "stream/fields.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_POLICY = 3 };

enum cli_kind {
	CLI_FLAG,  /* int *, set to 1 */
	CLI_TEXT,  /* const char ** */
	CLI_LIST,  /* struct assignments *, may be given again */
	CLI_INT,   /* long *, from 0 up */
	CLI_REAL,  /* double * */
	CLI_SIZE,  /* size_t *: bytes, also as in 512K, 100M, 2G */
	CLI_LEVEL, /* int *: -z or -zLEVEL */
};

struct cli_opt {
	char letter;      /* 0: long only */
	const char *name; /* NULL: short only */
	const char *arg;  /* NULL: none */
	enum cli_kind kind;
	void *to;
	const char *help;
};

/* Options with the same meaning in every tool that has them. */
struct cli {
	const char *tool;
	int quiet, verbose, level, keys_per_file, replace, dry_run;
	long jobs;             /* worker threads; default: the processors there are */
	const char *output;    /* -o: a file instead of standard output; NULL for -o - */
	int standard;          /* -o - */
	int other;             /* set before cli_begin(): -o is no stream like what is read, and takes the place of no FILE */
	const char *rejects;   /* -r */
	const char *summary;   /* --summary FILE */
	const char *influence; /* --influence FILE */
	const char *save_ref;  /* --save-ref FILE */
	const char *matrix;    /* --matrix FILE */
	const char *prefix;    /* --prefix, never NULL */
	const char *on_error;  /* pass, reject or fail */
	struct assignments set;   /* --set key=value */
	struct fields counts;  /* what --summary will hold */
	int verbs;             /* set before cli_begin(): the first operand is none, but says what to do */
	const char *verb;      /* that one, or NULL */
	char **files;          /* operands */
	int nfiles;
	double started;        /* seconds, monotonic */
};

#define CLI_BASE(c)                                                                                      \
	{'q', "quiet", NULL, CLI_FLAG, &(c)->quiet, "no progress, no remarks; errors only"},             \
	{'v', "verbose", NULL, CLI_FLAG, &(c)->verbose, "say more; progress also when stderr is no terminal"}, \
	{0, "summary", "FILE", CLI_TEXT, &(c)->summary, "write counts and settings to FILE as JSON"},    \
	{'h', "help", NULL, CLI_FLAG, NULL, "print this help"},                                          \
	{'V', "version", NULL, CLI_FLAG, NULL, "print the version"},                                     \
	{0, NULL, NULL, CLI_FLAG, NULL, NULL}
#define CLI_INPUT(c) \
	{0, "keys-per-file", NULL, CLI_FLAG, &(c)->keys_per_file, "every FILE may use the keys of the others again"}
#define CLI_OUTPUT(c)                                                                                    \
	{'o', "output", "FILE", CLI_TEXT, &(c)->output, "write to FILE, whole or not at all (zstd if it ends in .zst)"}, \
	{'z', NULL, "LEVEL", CLI_LEVEL, &(c)->level, "compress the output with zstd (default level 3)"}
#define CLI_JOBS(c) {'j', "jobs", "N", CLI_INT, &(c)->jobs, "worker threads (default: the processors there are)"}
#define CLI_SET(c) {0, "set", "KEY=VALUE", CLI_LIST, &(c)->set, "set a key of the configuration; may be given again"}
#define CLI_NAMES(c)                                                                                     \
	{0, "replace", NULL, CLI_FLAG, &(c)->replace, "replace fields that are there already"},          \
	{0, "prefix", "P", CLI_TEXT, &(c)->prefix, "put P before the names of the fields"}
#define CLI_ON_ERROR(c)                                                                                  \
	{0, "on-error", "WHAT", CLI_TEXT, &(c)->on_error, "records that cannot be read: pass, reject (to -r) or fail"}, \
	{'r', "rejects", "FILE", CLI_TEXT, &(c)->rejects, "where rejected records go"}

/* Sets the locale and SIGPIPE, checks descriptors 0 to 2, parses: -1 to go on, or the exit
 * status to return at once. operands: how -h shows them, NULL for none. */
int cli_begin(struct cli *c, const char *tool, const char *operands, const char *about, const struct cli_opt *opts,
              int argc, char **argv);
/* Prints "TOOL: message" to stderr; returns EXIT_FAILED (or EXIT_USAGE). */
int cli_failed(const struct cli *c, const struct fail *f);
/* What an option says could not be taken: usage, unless it was memory that ran out. */
int cli_refused(const struct cli *c, const struct fail *f);
int cli_usage(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A remark to stderr, unless -q. */
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Writes --summary if it was asked for, closes stdout where text went: the exit status. Frees. */
int cli_end(struct cli *c, int status);
/* Waits until standard input has its first bytes, or ends. */
void cli_wait_input(void);
/* No output may take the place of path (or NULL), which the tool reads for itself, nor of a file in it where it is a
 * directory. -1, or the exit status. */
int cli_keeps(const struct cli *c, const char *option, const char *path);
/* The same for -m and the directory of a model. */
int cli_keeps_model(const struct cli *c, const char *path);
/* One more --set of the tool's own (at most ASSIGNMENTS_ADDED); text is borrowed. */
void cli_add_set(struct cli *c, const char *text);
/* An option that is short for --set score.KEY=VALUE, laid behind those given with --set; not given: NULL. */
struct cli_short {
	const char *key, *value;
	char text[400];
};
void cli_add_shorts(struct cli *c, struct cli_short *s, int n);
/* Puts a prefix before a field's name, into buf (256 bytes). */
const char *cli_field(const struct cli *c, char *name, const char *base);

/* Progress on stderr: a line that is redrawn on a terminal, a line now and then with -v. */
struct progress {
	const struct cli *cli;
	const char *unit;
	double started, shown;
	int drawn;
};
void progress_begin(struct progress *p, const struct cli *c, const char *unit);
/* total 0: not known. note may be NULL. */
void progress_show(struct progress *p, double done, double total, double count, const char *note);
void progress_end(struct progress *p);

#endif

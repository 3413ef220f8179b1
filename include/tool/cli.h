/* cli.h - the command line of a tool.
 *
 * A tool is a table of options bound to variables; -h is printed from the table. Exit statuses:
 * 0 done, 1 failed (data, I/O), 2 wrong usage, 3 stopped by a policy such as --max-drop.
 *
 * The checks return true to go on. They return false when the tool has to end: the message is printed, and
 * c->status is the exit status.
 */
#ifndef VF_CLI_H
#define VF_CLI_H

#include <stdbool.h>

#include "base/fail.h"
#include "model/config.h"
#include "stream/fields.h"
#include "stream/reader.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_POLICY = 3 };

enum cli_kind {
	CLI_FLAG,       /* int *, set to 1 */
	CLI_TEXT,       /* const char ** */
	CLI_CHOICE,     /* int *: the position of the word in choices */
	CLI_INT,        /* long *, 0 or more */
	CLI_REAL,       /* double * */
	CLI_SIZE,       /* size_t *: bytes, also as in 512K, 100M, 2G */
	CLI_LEVEL,      /* int *: -z or -zLEVEL */
	CLI_ASSIGNMENT, /* struct assignments *: key=value, may be given again */
	CLI_KEY,        /* const char **, or NULL: the text is also assigned to the configuration's key, after those of --set */
};

struct cli_opt {
	char letter;      /* 0: long only */
	const char *name; /* NULL: short only */
	const char *arg;  /* NULL: takes none */
	enum cli_kind kind;
	void *to;
	const char *help;
	const char *const *choices; /* of CLI_CHOICE, NULL-terminated */
	const char *key;            /* of CLI_KEY, as in score.seed */
	int (*check)(const struct assignments *set, struct fail *f); /* checks --set; a pointer, so that tools without --set do not link configurations */
};

/* What becomes of a record that cannot be scored. */
enum on_error { ON_ERROR_PASS, ON_ERROR_REJECT, ON_ERROR_FAIL };
extern const char *const on_error_words[];

/* Options with the same meaning in every tool that has them. */
struct cli {
	const char *tool;
	int status; /* the exit status, once a check has returned false */
	int silent; /* set before cli_begin(): another process of the same run prints the messages and writes --summary */
	int quiet, verbose, level, keys_per_file, replace, dry_run;
	int keys_by_file;        /* --keys-per-file of a tool that writes records: the file's name tells keys apart */
	const char *key_prefix;  /* --key-prefix, or NULL */
	struct reader_limits limits; /* --max-record; --mem of a tool that scores */
	long jobs;             /* worker threads; default: the number of processors */
	const char *output;    /* -o: a file instead of standard output; NULL for -o - */
	int output_stdout;     /* -o - was given */
	int separate_output;   /* set before cli_begin(): -o is no stream of records, and may not replace an input */
	const char *rejects;   /* -r */
	const char *summary;   /* --summary FILE */
	const char *influence; /* --influence FILE */
	const char *save_ref;  /* --save-ref FILE */
	const char *matrix;    /* --matrix FILE */
	const char *trace;     /* --trace FILE */
	const char *part;      /* --part FILE */
	const char *columns;   /* --columns FILE of vae-cut */
	const char *prefix;    /* --prefix, never NULL */
	int on_error;          /* enum on_error */
	struct assignments set;
	char key_text[ASSIGNMENTS_ADDED][400]; /* the assignments of CLI_KEY */
	struct fields counts;  /* what --summary will hold */
	int has_verb;          /* set before cli_begin(): the first operand is a verb */
	const char *verb;      /* that one, or NULL */
	char **files;          /* operands */
	int nfiles;
	const char *stdin_option; /* of cli_check_stdin(): the option that reads standard input, or NULL */
	double started;        /* seconds, monotonic */
};

#define CLI_BASE(c)                                                                                      \
	{'q', "quiet", NULL, CLI_FLAG, &(c)->quiet, "errors only: no progress, no warnings"},            \
	{'v', "verbose", NULL, CLI_FLAG, &(c)->verbose, "more messages, and progress also when stderr is no terminal"}, \
	{0, "summary", "FILE", CLI_TEXT, &(c)->summary, "write counts and settings to FILE as JSON"},    \
	{'h', "help", NULL, CLI_FLAG, NULL, "print this help"},                                          \
	{'V', "version", NULL, CLI_FLAG, NULL, "print the version"},                                     \
	{0, NULL, NULL, CLI_FLAG, NULL, NULL}
#define CLI_RECORDS(c) {0, "max-record", "SIZE", CLI_SIZE, &(c)->limits.record, "refuse a record of more bytes (default 1G)"}
#define CLI_IN_FLIGHT(c) {0, "mem", "SIZE", CLI_SIZE, &(c)->limits.in_flight, "memory for records that wait or are scored (default 1G)"}
#define CLI_INPUT(c) \
	{0, "keys-per-file", NULL, CLI_FLAG, &(c)->keys_per_file, "keys must be unique only within each FILE"}
#define CLI_KEYS(c)                                                                                      \
	{0, "keys-per-file", NULL, CLI_FLAG, &(c)->keys_by_file, "FILEs may have keys in common: put the FILE's name before each key"}, \
	{0, "key-prefix", "P", CLI_TEXT, &(c)->key_prefix, "begin every key with P, as in shard7/ (vae-drop --strip removes it)"}
#define CLI_OUTPUT(c)                                                                                    \
	{'o', "output", "FILE", CLI_TEXT, &(c)->output, "write to FILE, whole or not at all (zstd if it ends in .zst)"}, \
	{'z', NULL, "LEVEL", CLI_LEVEL, &(c)->level, "compress the output with zstd (default level 3)"}
#define CLI_JOBS(c) {'j', "jobs", "N", CLI_INT, &(c)->jobs, "worker threads (default: the number of processors)"}
#define CLI_SET(c) {0, "set", "KEY=VALUE", CLI_ASSIGNMENT, &(c)->set, "set a key of the configuration; may be given again", .check = config_check_assignments}
#define CLI_NAMES(c)                                                                                     \
	{0, "replace", NULL, CLI_FLAG, &(c)->replace, "replace existing fields of the same names"},      \
	{0, "prefix", "P", CLI_TEXT, &(c)->prefix, "put P before the names of the appended fields"}
#define CLI_ON_ERROR(c)                                                                                  \
	{0, "on-error", "WHAT", CLI_CHOICE, &(c)->on_error, "records that cannot be read: pass, reject (to -r) or fail", on_error_words}, \
	{'r', "rejects", "FILE", CLI_TEXT, &(c)->rejects, "write rejected records to FILE"}
/* Of a filter that scores records. */
#define CLI_SCORING(c) CLI_ON_ERROR(c), CLI_NAMES(c), CLI_JOBS(c), CLI_OUTPUT(c), CLI_KEYS(c), CLI_RECORDS(c)

/* Sets the locale and signals, guards descriptors 0 to 2, and parses. After -h and -V the result is false, with status
 * EXIT_OK. operands: how -h shows them, NULL for none. */
bool cli_begin(struct cli *c, const char *tool, const char *operands, const char *about, const struct cli_opt *opts,
               int argc, char **argv);
/* The part of cli_begin() that parses (cli_options.c): stores the values where opts says, and sets c->files. False after a usage error, and after
 * -h and -V, which it prints. */
bool cli_parse(struct cli *c, const char *operands, const char *about, const struct cli_opt *opts, int argc, char **argv);
/* Each prints "TOOL: message" to stderr, sets the status, and returns false. */
bool cli_failed(struct cli *c, const struct fail *f);
bool cli_usage(struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The value of an option is invalid: wrong usage, unless memory ran out. */
bool cli_invalid(struct cli *c, const struct fail *f);
/* A warning to stderr, unless -q. */
void cli_note(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, behind a count n; nothing if that is 0. one and many: the format for 1 and for other counts. */
void cli_note_count(const struct cli *c, uint64_t n, const char *one, const char *many, ...)
    __attribute__((format(printf, 3, 5), format(printf, 4, 5)));
/* Writes --summary where it was asked for, and flushes stdout: the exit status. Frees. */
int cli_end(struct cli *c, int status);
/* Fails without value (NULL), naming the option that gives it. */
bool cli_require(struct cli *c, const void *value, const char *option);
/* No output may replace path (or NULL), which the tool reads, nor a file in it where it is a directory. */
bool cli_check_overwrite(struct cli *c, const char *option, const char *path);
/* The prefixes of --keys-per-file and --key-prefix are valid, and differ between files. */
bool cli_check_keys(struct cli *c);
/* The same as cli_check_overwrite() for -m and the directory of a model. */
bool cli_check_model(struct cli *c, const char *path);
/* Standard input is one of the inputs. */
bool cli_reads_stdin(const struct cli *c);
/* The file of an option (or NULL) does not come from standard input if the records do, or the file of an option checked before. */
bool cli_check_stdin(struct cli *c, const char *option, const char *path);
/* Where the first input is standard input: waits until its first bytes are there, or its end. Before it, a tool such as
 * vae-train -p may still be writing the model that is to be read. */
void cli_wait_input(const struct cli *c);
/* Worker threads that compute matrix products: those of -j, or 1 if OpenBLAS was built without thread safety. Prepares this
 * thread for products, and reserves OpenBLAS's memory: -1 if it does not fit. */
int cli_workers(const struct cli *c, struct fail *f);
/* Writes the prefix and a field's name into name (256 bytes), which is returned. */
const char *cli_field(const struct cli *c, char *name, const char *base);

#endif

/* cli_options.h - parses the options of a tool, for cli_begin().
 */
#ifndef VF_CLI_OPTIONS_H
#define VF_CLI_OPTIONS_H

#include "tool/cli.h"

/* Stores the values where opts says, and sets c->files. False after a usage error, and after -h and -V, which are printed. */
bool cli_parse(struct cli *c, const char *operands, const char *about, const struct cli_opt *opts, int argc, char **argv);

#endif

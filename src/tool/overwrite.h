/* overwrite.h - what a tool writes may not replace what it reads, nor another output. */
#ifndef VF_OVERWRITE_H
#define VF_OVERWRITE_H

#include "tool/cli.h"

/* All outputs of the command line: different files, none of them an input, and --summary can be written. */
bool check_outputs(struct cli *c);

#endif

/* overwrite.h - what a tool writes may not replace what it reads, nor another output. The functions return -1 with a message that
 * names the options.
 */
#ifndef VF_OVERWRITE_H
#define VF_OVERWRITE_H

#include "base/fail.h"

struct output {
	const char *option, *path; /* path NULL: not given */
};

/* The outputs are different files, none of which is `-` or, but for the first, the file that standard output goes to. */
int outputs_differ(const struct output *out, int n, struct fail *f);
/* None of them is one of the inputs (none: standard input). */
int outputs_spare_inputs(const struct output *out, int n, char *const *inputs, int ninputs, struct fail *f);
/* None of them, but for that of this option, is the file path, nor a file in the directory path. */
int outputs_spare(const struct output *out, int n, const char *option, const char *path, struct fail *f);

#endif

/* In the place of OpenBLAS in the tools that never multiply (the Makefile lists them): they do not load it, which takes longer than all else at their start. What a
 * tool shares with others refers to products, as the kinds of layers in a configuration do, and these are the functions that mat.c and factor.c call.
 * A call is a mistake in the list. */
#include <stdio.h>
#include <stdlib.h>

static void end_tool(const char *function)
{
	fprintf(stderr, "%s: this tool is linked without OpenBLAS, and multiplies: take it off the list in the Makefile\n", function);
	abort();
}

/* The symbol alone counts. */
#define WITHOUT(function)     \
	void function(void);  \
	void function(void) { end_tool(#function); }

WITHOUT(cblas_dgemm)
WITHOUT(cblas_sgemm)
WITHOUT(cblas_ssyrk)
WITHOUT(dpotrf_)
WITHOUT(dsyevd_)
WITHOUT(dtrtri_)
WITHOUT(openblas_get_parallel)
WITHOUT(openblas_set_num_threads)

#include "base/json.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local jmp_buf out_of_memory;
static _Thread_local int parsing;

static void *allocate(size_t n)
{
	void *p = malloc(n);
	if (!p && parsing)
		longjmp(out_of_memory, 1);
	return p;
}

json_t *json_parse(const char *text, size_t len, size_t flags, json_error_t *e)
{
	json_set_alloc_funcs(allocate, free);
	if (setjmp(out_of_memory)) {
		parsing = 0;
		memset(e, 0, sizeof *e);
		strcpy(e->text, "out of memory");
		e->text[sizeof e->text - 1] = json_error_out_of_memory; /* where json_error_code() finds it */
		return NULL;
	}
	parsing = 1;
	json_t *root = json_loadb(text, len, flags, e);
	parsing = 0;
	return root;
}

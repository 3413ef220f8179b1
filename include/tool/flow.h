/* flow.h - the frame of a filter: a reader, a writer, a file of rejects, and the counts.
 *
 * Order at the end: rejects are put in place before the output ends, so that a record is never in
 * neither. A flow that is aborted leaves no end-of-archive and no rejects file; one whose standard
 * output fails in its last bytes has put the rejects in place.
 */
#ifndef VF_FLOW_H
#define VF_FLOW_H

#include "tool/progress.h"
#include "stream/reader.h"
#include "stream/writer.h"

struct flow {
	struct cli *cli;
	struct reader *in;
	struct writer *out, *rejects; /* NULL for sinks; rejects NULL without -r */
	struct progress progress;
	uint64_t records, failed, rejected; /* read; without a score; written to rejects */
	char first_failure[512];
};

enum { FLOW_TWICE = 1, FLOW_SINK = 2 };

/* Opens input and output as the command line says. Refuses a terminal on either side. */
int flow_open(struct flow *w, struct cli *c, int flags, struct fail *f);
void flow_show_progress(struct flow *w, const char *note);
/* The next record, with progress; loose members that stand between records go straight out.
 * 1, 0 at the end, -1. */
int flow_next(struct flow *w, struct record *r, struct fail *f);
/* Calls each() for all records, until it returns other than 0: then -1. */
int flow_each(struct flow *w, int (*each)(void *ctx, struct record *r, struct fail *f), void *ctx, struct fail *f);
int flow_pass(struct flow *w, struct record *r, struct fail *f);
/* To the rejects (or nowhere without -r); loose members among it go out all the same. */
int flow_reject(struct flow *w, struct record *r, struct fail *f);
/* A record that could not be scored: --on-error decides. why must outlive the call. */
int flow_unscored(struct flow *w, struct record *r, const char *why, struct fail *f);
/* Fails when one of names (NULL-terminated, without the prefix) is there and --replace is not given. */
int flow_claim(const struct flow *w, struct record *r, const char *const *names, struct fail *f);
/* Removes what an earlier run left, after flow_claim(): fields of these names, of all names that begin so (base*), or of all that
 * begin so and go on with a number (base#). */
void flow_clear(const struct flow *w, struct record *r, const char *const *names);
/* A tool whose output is text: writes it to -o, or to standard output, where cli_end() finds a failed write. */
int flow_write_text(const struct flow *w, const struct buf *text, struct fail *f);
/* Ends the streams; remarks on what could not be scored. */
int flow_close(struct flow *w, struct fail *f);
void flow_abort(struct flow *w);

/* The usual end of a tool's main: closes or aborts, frees, prints what failed. */
int flow_finish(struct flow *w, int r, struct fail *f);
/* The end where a policy stopped the tool: nothing is written but what f says, and --summary. */
int flow_stop(struct flow *w, struct fail *f);

#endif

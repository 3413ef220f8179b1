/* flow.h - the streams of a filter: a reader, a writer, a writer of rejects, and the counts.
 *
 * At the end the rejects are put in place before the output ends, so that every record is in one of them. Records that an existing
 * file of rejects has stay in it, unless the input has them too (tool/earlier.h). A flow that is aborted
 * leaves no file of rejects, and no end of archive, so that the next filter fails too. If standard output fails in its last bytes,
 * the rejects are in place already.
 */
#ifndef VF_FLOW_H
#define VF_FLOW_H

#include <sys/stat.h>

#include "input/decode.h"
#include "tool/earlier.h"
#include "tool/progress.h"
#include "stream/reader.h"
#include "stream/writer.h"

struct flow {
	struct cli *cli;
	struct reader *in;
	struct writer *out, *rejects; /* out: NULL with FLOW_SINK; rejects: NULL without -r */
	struct earlier *earlier;      /* the records of the file that the rejects will replace, or NULL */
	struct stat old_rejects;      /* of that file, when this run began */
	uint64_t kept_rejects;        /* those of them that stay in it */
	struct progress progress;
	uint64_t records;          /* read in this pass */
	int emptied;               /* an earlier filter has dropped all records */
	uint64_t bad_metadata;     /* records with a member .json that was asked for and cannot be read */
	uint64_t failed, rejected; /* records without a score; records that went to the rejects */
	struct input_notes notes;  /* pictures with notes; flow_close() warns of them */
	uint64_t scoreless;        /* of the failed: those that could be read */
	char first_failure[512], first_scoreless[512]; /* the first record that could not be read, and the first of the scoreless, and why */
};

/* FLOW_TWICE: the input is read twice. FLOW_SINK: no records are written. */
enum { FLOW_TWICE = 1, FLOW_SINK = 2 };

/* Opens input and outputs as the command line says. Refuses a terminal as input or output. */
int flow_open(struct flow *w, struct cli *c, int flags, struct fail *f);
/* Progress by the bytes that were read; note may be NULL. */
void flow_show_progress(struct flow *w, const char *note);
/* The next record, with progress. Loose members between records are written at once. 1, 0 at the end, -1. */
int flow_next(struct flow *w, struct record *r, struct fail *f);
/* Calls each() for all records; -1 when a call fails. */
int flow_each(struct flow *w, int (*each)(void *ctx, struct record *r, struct fail *f), void *ctx, struct fail *f);
/* Writes the record. */
int flow_pass(struct flow *w, struct record *r, struct fail *f);
/* Writes the record to the rejects, if there are any, and its loose members to the output. */
int flow_reject(struct flow *w, struct record *r, struct fail *f);
/* A record that has no score, because it cannot be read or for another reason (fail_unscored()): --on-error decides between passing it with
 * a field `error`, rejecting it with that field, and failing. */
int flow_unscored(struct flow *w, struct record *r, const struct fail *why, struct fail *f);
/* Fails if the record has one of these fields, unless --replace is given. `error` may be there: it is that of the last tool that
 * could not read the record. names: NULL-terminated, without --prefix. */
int flow_claim(const struct flow *w, struct record *r, const char *const *names, struct fail *f);
/* Removes fields: those of a name; with name* all that begin with it; with name# all that are the name and a number.
 * `error` is removed with --replace only. */
void flow_clear(const struct flow *w, struct record *r, const char *const *names);
/* For a tool that prints text: writes it to -o, or to standard output, where cli_end() checks for a failed write. */
int flow_write_text(const struct flow *w, const struct buf *text, struct fail *f);
/* Ends the streams, warns of records without a score, and sets the counts of --summary. */
int flow_close(struct flow *w, struct fail *f);
void flow_abort(struct flow *w);

/* The end of main: closes the flow, or after a failure (r not 0) aborts it and prints the message. Returns the exit status. */
int flow_finish(struct flow *w, int r, struct fail *f);
/* The end of main after a policy stopped the tool: aborts, prints the message, and writes --summary. Returns the exit status. */
int flow_stop(struct flow *w, struct fail *f);

#endif

/* dropper.h - drops, quarantines or marks the records of a stream that a rule selects. */
#ifndef VF_DROPPER_H
#define VF_DROPPER_H

#include "rank/rule.h"
#include "tool/flow.h"

struct dropper {
	/* set by the caller */
	struct rule rule;
	int mark, strip;      /* mark: drop nothing, append dropped_by; strip: remove the scores of kept records */
	const char *max_drop; /* --max-drop as given, or NULL */
	struct quota limit;   /* its value */

	struct flow flow;
	uint64_t matched;    /* records that the rule selected */
	struct buf last_key; /* of the last record that passed, with strip */
};

/* Reads and writes the stream: 0, -1, or 1 when more records would be dropped than max_drop allows; then nothing is
 * written, and f says so. With max_drop, the stream is read twice. */
int dropper_run(struct dropper *d, struct cli *c, struct fail *f);

#endif

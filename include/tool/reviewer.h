/* reviewer.h - the two passes of `vae-report --review` over a stream. */
#ifndef VF_REVIEWER_H
#define VF_REVIEWER_H

#include "report/review.h"
#include "tool/flow.h"

struct reviewer {
	struct review review; /* the settings in it: by the caller */
	struct flow *flow;    /* opened by reviewer_run() */
	int (*check)(const struct cli *c, const struct report *r, struct fail *f); /* called after the first pass */
	struct progress progress;
};

/* Reads the stream, and appends the page, of at most max bytes, to `page`. */
int reviewer_run(struct reviewer *r, size_t max, struct buf *page, struct fail *f);

#endif

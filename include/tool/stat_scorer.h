/* stat_scorer.h - appends statistics of the payload (stat/picture_stat.h, stat/vector_stat.h) to all records of a stream.
 *
 * With reasons the stream is read twice: the first pass counts how many records show each kind of damage (stat/damage.h), and the
 * second names the damage that is rare. */
#ifndef VF_STAT_SCORER_H
#define VF_STAT_SCORER_H

#include "stat/damage.h"
#include "tool/scoring.h"

struct stat_scorer {
	int reasons; /* set by the caller */

	struct scoring frame;
	struct config cfg;
	int by_content; /* the payload may also be the first member that a decoder takes */
	struct stat_scratch *scratch; /* [workers] */
	struct damage_counts seen;
	uint64_t named[DAMAGES], common[DAMAGES], broken; /* records with each reason; with its signs, which are too common */
};

/* Runs over the stream as the command line says, and sets the counts of --summary. */
int stat_scorer_run(struct stat_scorer *s, struct cli *c, struct fail *f);
/* After flow_finish(&s->frame.flow). */
void stat_scorer_close(struct stat_scorer *s);

#endif

/* earlier.h - the records of an existing file of rejects, which a run that replaces the file must not lose.
 *
 * A run that is killed after its last rename and started again reads what the first run kept, and rejects nothing. So every record
 * of the existing file stays in the new one, unless it is in this run's input too: then this run decides again.
 * Memory: 24 bytes a record.
 */
#ifndef VF_EARLIER_H
#define VF_EARLIER_H

#include "stream/reader.h"
#include "stream/writer.h"

struct earlier;

/* *e becomes NULL if there is no regular file at path, or an empty one. */
int earlier_open(struct earlier **e, const char *path, const struct reader_limits *limits, struct fail *f);
/* A record of this run's input. Fails if the file has a record with the same key and other members (fields do not count), unless
 * repeated keys are allowed. */
int earlier_see(struct earlier *e, const struct record *r, int repeated_keys, struct fail *f);
/* Writes the records that were not seen; *n counts them. Fails if the file has changed since earlier_open(). */
int earlier_copy(struct earlier *e, struct writer *to, uint64_t *n, struct fail *f);
void earlier_close(struct earlier *e);

#endif

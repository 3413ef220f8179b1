/* reference.h - the distribution of a score over a trusted set, kept in a file, so that new records get their
 * percentile and z against it in one pass.
 *
 * The file is JSON (vae-records(5)) with all digits of every number, and ends in a hash of what stands before, so
 * that a file that is damaged is told. Percentiles, and the shares of a joint score of tails, come from order statistics
 * (quantiles.h).
 */
#ifndef VF_REFERENCE_H
#define VF_REFERENCE_H

#include "base/atomic.h"
#include "rank/criterion.h"

/* Which model and options the fields of a criterion were scored with; NULL: the records do not say. A field F that was
 * written under --prefix P has them in Pmodel and Poptions: the longest P that F begins with counts. */
struct provenance {
	const char *whose; /* in messages: "the records before have", or "the reference has" */
	int known;
	char *model[JOINT_MAX_FIELDS], *options[JOINT_MAX_FIELDS];
};

/* The first call takes the origin of a record that has the numbers; later ones fail where a record's differs. */
int provenance_check(struct provenance *o, const struct criterion *b, const struct fields *s, struct fail *f);
void provenance_free(struct provenance *o, int p);

struct reference {
	struct criterion by;
	struct provenance origin;
	struct quantiles score; /* of the trusted records that had it */
	double median, spread;
};

/* Writes a reference: r is sorted, b is fitted. */
int reference_write(const struct ranking *r, const struct criterion *b, const struct provenance *o, struct atomic_file *to, struct fail *f);
/* Anything that reference_write() would not have written is refused. reference_free() in any case. */
int reference_read(struct reference *ref, const char *path, struct fail *f);
/* The share of the trusted records that are as low or lower, in percent; between kept values by their distance. */
double reference_pct(const struct reference *ref, double value);
double reference_z(const struct reference *ref, double value);
void reference_free(struct reference *ref);

#endif

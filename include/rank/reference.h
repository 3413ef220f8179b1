/* reference.h - a reference distribution: that of a score over a trusted set, kept in a file, so that new records get
 * their percentile and z against it in one pass.
 *
 * The file is JSON (vae-records(5)) with all digits of every number. It ends in a hash of the bytes before it, so damage
 * is detected. Percentiles, and the shares of a joint score of tails, come from order statistics (quantiles.h).
 */
#ifndef VF_REFERENCE_H
#define VF_REFERENCE_H

#include "base/atomic.h"
#include "rank/provenance.h"

#define REFERENCE_MAX_BYTES (64u << 20)

struct reference {
	struct criterion criterion;
	struct provenance provenance;
	struct quantiles score; /* of the trusted records that had one */
	double median, spread;
};

/* Writes a reference that was read or merged. */
int reference_save(const struct reference *ref, struct atomic_file *to, struct fail *f);
/* Merges n references, at least one, of the same fields, model and options into all, which reference_free() frees also after a failure;
 * names [n] are for messages. Scores, and the fields of a joint score of tails, are merged as quantiles_merge() does; median and spread
 * are those of the merged values. Fails for distances and for what was learned: these have no exact union. */
int reference_merge(struct reference *all, const struct reference *parts, char *const *names, size_t n, struct fail *f);
/* Writes a reference from a sorted ranking and a fitted criterion. */
int reference_write(const struct ranking *r, const struct criterion *c, const struct provenance *o, struct atomic_file *to, struct fail *f);
/* Fails if the file at path is a reference by the same fields, of the same model and options, with more records: that of a run
 * over a stream that has lost records since. Otherwise the file may be replaced. */
int reference_check_replace(const char *path, const struct ranking *r, const struct criterion *c, const struct provenance *o, struct fail *f);
/* Fails for a file that reference_write() could not have written. Call reference_free() also after a failure. */
int reference_read(struct reference *ref, const char *path, struct fail *f);
/* The percentage of the trusted records with at most this value, linear between order statistics. */
double reference_pct(const struct reference *ref, double value);
/* ranking_z() with the median and spread of the trusted records. */
double reference_z(const struct reference *ref, double value);
void reference_free(struct reference *ref);

#endif

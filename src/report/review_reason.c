#include "report/review_reason.h"

#include <math.h>
#include <string.h>

#include "stream/expr.h"

int review_is_joint(const char *name) { return strncmp(name, "joint", 5) == 0; }

/* Whether a field is in the list of vae-rank, or is matched by a pattern in it; the list may be missing. */
static int explains(const struct review *v, const char *name)
{
	static const char unlike[] = " unlike ";
	const size_t n = strlen(name);
	for (const char *p = v->rank_by; p && *p;) {
		char pattern[256];
		p += strncmp(p, unlike, sizeof unlike - 1) == 0 ? sizeof unlike - 1 : 0;
		size_t len = strcspn(p, ",;");
		if (len < sizeof pattern) {
			memcpy(pattern, p, len);
			pattern[len] = 0;
			if (expr_like(pattern, name, n))
				return 1;
		}
		p += len + (p[len] != 0);
	}
	return !v->rank_by;
}

/* Finds the field of joint_reason, as in "nll high" or "unlike: nll low". Returns its name, inside of it, or NULL. */
static const char *read_joint_reason(const struct suspect *s, size_t *len, int *low)
{
	const char *colon = s->joint_reason ? strstr(s->joint_reason, ": ") : NULL, *name = colon ? colon + 2 : s->joint_reason;
	const char *word = name ? strrchr(name, ' ') : NULL;
	if (!word || (strcmp(word, " low") != 0 && strcmp(word, " high") != 0))
		return NULL;
	*len = (size_t)(word - name);
	*low = word[1] == 'l';
	return name;
}

/* Sets why and low: the score that vae-rank names as the reason; or else the one in which the suspect ranks highest, without joint ones,
 * which say nothing about why. If it is among the 5 % highest in none, the one in which it ranks lowest, if that is among the 5 % lowest. */
static void find_reason(const struct review *v, struct suspect *s)
{
	const struct eval *e = &v->report->eval;
	const double tail = 0.05;
	double highest = 2, lowest = 2, highest_z = 0;
	int high = -1, low = -1, listed = 0;
	size_t len;
	const char *named = read_joint_reason(s, &len, &s->low);
	for (int i = 0; named && i < e->nrequested; i++)
		if (strlen(e->field[i].name) == len && memcmp(e->field[i].name, named, len) == 0 && !isnan(s->value[i])) {
			s->why = i;
			return;
		}
	for (int i = 0; i < e->nrequested; i++)
		listed += !review_is_joint(e->field[i].name) && explains(v, e->field[i].name);
	for (int i = 0; i < e->nrequested; i++) {
		const struct ranking *r = &e->field[i].detection.rank;
		double x = s->value[i], n = (double)r->scored;
		if (isnan(x) || !r->scored || (review_is_joint(e->field[i].name) && e->nrequested > 1) || (listed && !explains(v, e->field[i].name)))
			continue;
		double above = (double)ranking_count_above(r, x) / n, below = (n - (double)ranking_count_above(r, nextafter(x, -INFINITY))) / n, z = ranking_z(r, x);
		if (above < highest || (above == highest && z > highest_z)) {
			highest = above;
			highest_z = z;
			high = i;
		}
		if (below < lowest) {
			lowest = below;
			low = i;
		}
	}
	s->low = highest >= tail && lowest < tail;
	s->why = s->low ? low : high;
}

/* What a person filters by: the field `reason` where there is one, an error, a duplicate, or the score that is high or low. */
static int set_category(struct review *v, struct suspect *s, struct fail *f)
{
	struct buf name = {0};
	int low = s->low;
	size_t len = 0;
	const char *field = read_joint_reason(s, &len, &low);
	if (!field && s->why >= 0) {
		field = v->report->eval.field[s->why].name;
		len = strlen(field);
	}
	const char *given = s->reason ? s->reason : s->error ? "cannot be scored" : s->dup_of ? "duplicate" : NULL;
	if (given ? buf_addf(&name, f, "%s", given) : field ? buf_addf(&name, f, "%s %.*s", low ? "low" : "high", (int)len, field) : buf_addf(&name, f, "no score explains it"))
		return -1;
	size_t i = 0;
	while (i < v->ncategories && i < REVIEW_CATEGORIES && strcmp(v->category[i], name.p) != 0)
		i++;
	s->category = i;
	if (i < v->ncategories) {
		buf_free(&name);
		return 0;
	}
	v->ncategories++;
	v->category[i] = i == REVIEW_CATEGORIES ? strdup("other reasons") : name.p;
	if (i == REVIEW_CATEGORIES)
		buf_free(&name);
	return v->category[i] ? 0 : fail_memory(f);
}

int review_explain(struct review *v, struct suspect *s, struct fail *f)
{
	find_reason(v, s);
	return set_category(v, s, f);
}

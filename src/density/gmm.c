#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "density/density.h"

static double steps(const struct points *x, size_t i, size_t k)
{
	size_t at = i * (size_t)x->d + k;
	return x->u8 ? (double)x->u8[at] : (double)x->f4[at];
}

/* From the member that the mean is kept from: of equal points exactly 0. */
static double offset(const struct gmm *g, const struct points *z, size_t i, size_t c, size_t k)
{
	return steps(z, i, k) - steps(&g->x, g->member[c], k);
}

static double to_mean(const struct gmm *g, const struct points *z, size_t i, size_t c)
{
	double s = 0;
	for (size_t k = 0; k < (size_t)g->d; k++) {
		double t = offset(g, z, i, c, k) - g->mean[c * (size_t)g->d + k];
		s += t * t;
	}
	return s * z->unit * z->unit;
}

int gmm_fit(struct gmm *g, const struct points *x, const uint32_t *cluster, int k, struct fail *f)
{
	size_t n = x->n, d = (size_t)x->d;
	*g = (struct gmm){.x = *x, .cluster = cluster, .k = k, .d = x->d};
	g->size = calloc((size_t)k + 1, sizeof *g->size);
	g->member = calloc((size_t)k + 1, sizeof *g->member);
	g->mean = calloc((size_t)k * d + 1, sizeof *g->mean);
	g->var = calloc((size_t)k + 1, sizeof *g->var);
	g->radius2 = calloc(n + 1, sizeof *g->radius2);
	if (!g->size || !g->member || !g->mean || !g->var || !g->radius2) {
		gmm_free(g);
		return fail_memory_for(f, "a mixture of %d", k);
	}
	for (size_t i = 0; i < n; i++) {
		if (!g->size[cluster[i]]++)
			g->member[cluster[i]] = i;
		for (size_t j = 0; j < d; j++)
			g->mean[cluster[i] * d + j] += offset(g, x, i, cluster[i], j);
	}
	for (size_t c = 0; c < (size_t)k; c++)
		for (size_t j = 0; j < d && g->size[c]; j++)
			g->mean[c * d + j] /= (double)g->size[c];
	for (size_t i = 0; i < n; i++) {
		g->radius2[i] = to_mean(g, x, i, cluster[i]);
		g->var[cluster[i]] += g->radius2[i] / (double)g->size[cluster[i]] / (double)d;
	}
	return 0;
}

void gmm_free(struct gmm *g)
{
	free(g->size);
	free(g->member);
	free(g->mean);
	free(g->var);
	free(g->radius2);
	*g = (struct gmm){.k = 0};
}

double gmm_nll(size_t n, size_t n0, int d, double s2, double vv)
{
	return log((double)n) - log((double)n0) + 0.5 * d * log(2 * M_PI * s2) + vv / (2 * s2);
}

/* mu' = mu - u/(n0-1) and s'^2 = n0/(n0-1) s^2 - n0 uu/((n0-1)^2 d) are the estimates without x_i. */
static double exact(double n, double n0, double d, double s2, double uu, double vv, double zx)
{
	double m = n0 - 1, uv = 0.5 * (uu + vv - zx);
	double rest = n0 / m * (s2 - uu / (m * d));
	if (!(rest > 4 * (n0 + d) * DBL_EPSILON * s2)) /* what n0 d sums round by: the others are one point */
		return NAN;
	double far = vv + 2 * uv / m + uu / (m * m); /* |z - mu'|^2 */
	return log(n0 / m) + log1p(-1 / n) + 0.5 * d * log(rest / s2) + far / (2 * rest) - vv / (2 * s2);
}

double gmm_influence(enum gmm_form form, size_t n, size_t n0, int d, double s2, double uu, double vv, double zx)
{
	double m = (double)n0;
	if (n0 <= 2 || !(s2 > 0))
		return NAN;
	double known = exact((double)n, m, d, s2, uu, vv, zx);
	if (form == GMM_EXACT || isnan(known))
		return known;
	double spread = form == GMM_AS_PRINTED ? vv / s2 : uu * vv / (d * s2);
	return (d + 2) / (2 * m) + (spread - zx) / (2 * m * s2) - 1 / (double)n;
}

double gmm_influence_other_cluster(enum gmm_form form, size_t n) { return form == GMM_EXACT ? log1p(-1 / (double)n) : -1 / (double)n; }

int gmm_test_influence(const struct gmm *g, enum gmm_form form, const double *d2, const struct points *z, size_t j, size_t n, double *out,
             double *nll, uint32_t *cluster, struct fail *why)
{
	size_t nearest = 0;
	for (size_t i = 1; i < n; i++)
		nearest = d2[i] < d2[nearest] ? i : nearest;
	uint32_t c = g->cluster[nearest];
	double vv = to_mean(g, z, j, c);
	*cluster = c;
	*nll = gmm_nll(n, g->size[c], g->d, g->var[c], vv);
	if (!isfinite(*nll))
		return fail_set(why, "its cluster, of %zu records, has no spread", g->size[c]);
	for (size_t i = 0; i < n; i++)
		out[i] = g->cluster[i] == c ? gmm_influence(form, n, g->size[c], g->d, g->var[c], g->radius2[i], vv, d2[i]) : gmm_influence_other_cluster(form, n);
	return 0;
}

/* A mixture of well-separated spherical Gaussians: every cluster has its own mean and one variance, estimated from its points alone
 * (Kong & Chaudhuri 2021, assumption 1 and equation 3). Leaving out a point changes its own cluster only. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "density/gmm.h"

static double steps(const struct points *x, size_t i, size_t k)
{
	size_t at = i * (size_t)x->d + k;
	return x->u8 ? (double)x->u8[at] : (double)x->f4[at];
}

/* Coordinate k of point i relative to the origin of cluster c: exactly 0 for points that equal it. */
static double offset(const struct gmm *g, const struct points *z, size_t i, size_t c, size_t k)
{
	return steps(z, i, k) - steps(&g->x, g->origin[c], k);
}

/* |z_i - mu_c|^2 */
static double radius2(const struct gmm *g, const struct points *z, size_t i, size_t c)
{
	double s = 0;
	for (size_t k = 0; k < (size_t)g->d; k++) {
		double t = offset(g, z, i, c, k) - g->mean[c * (size_t)g->d + k];
		s += t * t;
	}
	return s * z->step * z->step;
}

int gmm_fit(struct gmm *g, const struct points *x, const uint32_t *cluster, int k, struct fail *f)
{
	size_t n = x->n, d = (size_t)x->d;
	*g = (struct gmm){.x = *x, .cluster = cluster, .k = k, .d = x->d};
	g->size = calloc((size_t)k + 1, sizeof *g->size);
	g->origin = calloc((size_t)k + 1, sizeof *g->origin);
	g->mean = calloc((size_t)k * d + 1, sizeof *g->mean);
	g->var = calloc((size_t)k + 1, sizeof *g->var);
	g->radius2 = calloc(n + 1, sizeof *g->radius2);
	if (!g->size || !g->origin || !g->mean || !g->var || !g->radius2) {
		gmm_free(g);
		return fail_memory_for(f, "a mixture of %d clusters", k);
	}
	for (size_t i = 0; i < n; i++) {
		size_t c = cluster[i];
		if (!g->size[c]++)
			g->origin[c] = i;
		for (size_t j = 0; j < d; j++)
			g->mean[c * d + j] += offset(g, x, i, c, j);
	}
	for (size_t c = 0; c < (size_t)k; c++)
		for (size_t j = 0; j < d && g->size[c]; j++)
			g->mean[c * d + j] /= (double)g->size[c];
	for (size_t i = 0; i < n; i++) {
		size_t c = cluster[i];
		g->radius2[i] = radius2(g, x, i, c);
		g->var[c] += g->radius2[i] / (double)g->size[c] / (double)d;
	}
	return 0;
}

void gmm_free(struct gmm *g)
{
	free(g->size);
	free(g->origin);
	free(g->mean);
	free(g->var);
	free(g->radius2);
	*g = (struct gmm){.k = 0};
}

/* --- likelihood and influence --- */

double gmm_nll(size_t n, size_t cluster_size, int d, double var, double vv)
{
	return log((double)n) - log((double)cluster_size) + 0.5 * d * log(2 * M_PI * var) + vv / (2 * var);
}

/* The estimates without x_i, with u = x_i - mu and m = n_c - 1: mu' = mu - u/m and var' = n_c/m var - n_c uu/(m^2 d). */
static double exact_influence(double n, double size, double d, double var, double uu, double vv, double zx)
{
	double m = size - 1, uv = 0.5 * (uu + vv - zx);
	double var_left = size / m * (var - uu / (m * d));
	if (!(var_left > 4 * (size + d) * DBL_EPSILON * var)) /* the rounding error of n_c d sums: the other points are equal */
		return NAN;
	double vv_left = vv + 2 * uv / m + uu / (m * m); /* |z - mu'|^2 */
	return log(size / m) + log1p(-1 / n) + 0.5 * d * log(var_left / var) + vv_left / (2 * var_left) - vv / (2 * var);
}

double gmm_influence(enum gmm_form form, size_t n, size_t cluster_size, int d, double var, double uu, double vv, double zx)
{
	double size = (double)cluster_size;
	if (cluster_size <= 2 || !(var > 0))
		return NAN;
	double exact = exact_influence((double)n, size, d, var, uu, vv, zx);
	if (form == GMM_EXACT || isnan(exact))
		return exact;
	double spread = form == GMM_AS_PRINTED ? vv / var : uu * vv / (d * var);
	return (d + 2) / (2 * size) + (spread - zx) / (2 * size * var) - 1 / (double)n;
}

double gmm_influence_other_cluster(enum gmm_form form, size_t n) { return form == GMM_EXACT ? log1p(-1 / (double)n) : -1 / (double)n; }

int gmm_test_influence(const struct gmm *g, enum gmm_form form, const double *d2, const struct points *z, size_t j, size_t n,
                       double *influence, double *nll, uint32_t *cluster, struct fail *why)
{
	size_t nearest = 0;
	for (size_t i = 1; i < n; i++)
		nearest = d2[i] < d2[nearest] ? i : nearest;
	uint32_t c = g->cluster[nearest];
	double vv = radius2(g, z, j, c);
	*cluster = c;
	*nll = gmm_nll(n, g->size[c], g->d, g->var[c], vv);
	if (!isfinite(*nll))
		return fail_unscored(why, "its cluster, of %zu records, has no spread", g->size[c]);
	for (size_t i = 0; i < n; i++)
		influence[i] = g->cluster[i] == c ? gmm_influence(form, n, g->size[c], g->d, g->var[c], g->radius2[i], vv, d2[i])
		                                  : gmm_influence_other_cluster(form, n);
	return 0;
}

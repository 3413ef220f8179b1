/* kmeans.h - clusters of points by k-means (Lloyd 1982), for the mixture of gmm.h. */
#ifndef VF_KMEANS_H
#define VF_KMEANS_H

#include "density/points.h"

/* Clusters of X: k-means++ (Arthur & Vassilvitskii 2007) and Lloyd's iterations, continued from the best of 10 starts after 10
 * iterations each. Clusters are numbered by size, the largest is 0. cluster [x->n]: 0 to k - 1. Fails if there are
 * fewer distinct points than k. */
int kmeans(const struct points *x, int k, uint64_t seed, const struct exec *exec, uint32_t *cluster, struct fail *f);

#endif

#!/bin/sh
# shellcheck disable=SC1091,SC2016,SC2154 # common.sh; quoted for another shell; set there
# Figures 7 to 9: influences of k-NN, kernel densities and Gaussian mixtures over six clusters in the plane.
. "$VAE_PAPER/common.sh"
[ -e clusters/clusters.svg ] || "$VAE_PAPER/../clusters/clusters.sh" clusters >clusters.txt
cat <<END
## Figures 7 to 9: six clusters in the plane

    examples/clusters/clusters.sh clusters

Mean self influence of the six clusters under k-NN (k = 10), kernel densities and Gaussian mixtures.

$(sed 's/^/    /' clusters.txt)

![Figure 7: six clusters](clusters/clusters.svg)

$(for method in knn kde gmm; do
	echo "![Figure 8: self influence of $method](clusters/$method/plane.svg)"
	echo "![Figure 8: self influence of $method against the log density](clusters/$method/scatter.svg)"
done)

$(for method in knn kde gmm; do
	echo "![Figure 9: influence of $method over the cross](clusters/$method/over/plane.svg)"
	echo "![Figure 9: influence of $method against distance](clusters/over/$method-distance.svg)"
done)

As in the paper k-NN is highest in cluster 4, which has exactly k points, the kernel density in cluster 5, the smallest, and the mixture far
from the centres. The points are new, because the paper does not publish its points.
END

# SPDX-License-Identifier: BSD-3-Clause

"""
=====================
The dimension of data
=====================

Data with many columns often have few degrees of freedom. Here they are estimated from
distances of neighbors, and by autoencoders with a growing number of coordinates.
"""

# %%
# A torus of two dimensions in four
# ---------------------------------
# Each sample is a pair of points on two circles; no projection to the plane shows that
# two numbers suffice.

from skmanifold.datasets import make_flat_torus

torus = make_flat_torus(1500, random_state=0)
print(torus.data.shape)

# %%
# From distances
# --------------
# Distances to the nearest neighbors grow with their rank in a way that depends only on
# the dimension (:func:`~skmanifold.metrics.intrinsic_dimension`). This needs no
# training, but many samples with little noise.

from skmanifold.metrics import intrinsic_dimension

for method in ("twonn", "mle"):
    print(method, round(intrinsic_dimension(torus.data, method=method), 2))

# %%
# By autoencoders
# ---------------
# :func:`~skmanifold.atlas.estimate_dimension` trains one :class:`~skmanifold.AtlasAE`
# for each number of coordinates. With too few, charts cannot reconstruct the samples:
# the error falls until there are enough, and is level from there on. The second curve
# shows how far the charts are from uniform: they cannot fill more coordinates than the
# data have.

import matplotlib.pyplot as plt

from skmanifold.atlas import estimate_dimension
from skmanifold.inspection import DimensionDisplay

estimate = estimate_dimension(torus.data, range(1, 5), random_state=0)
print(estimate.dimension)

DimensionDisplay.from_losses(
    estimate.dimensions,
    {"reconstruction": estimate.reconstruction, "divergence": estimate.divergence},
    dimension=estimate.dimension,
    name="Flat torus",
)
plt.show()

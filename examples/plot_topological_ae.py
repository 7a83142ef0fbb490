# SPDX-License-Identifier: BSD-3-Clause

"""
======================================
TopologicalAE: spheres inside a sphere
======================================

Ten spheres in 101 dimensions lie inside an eleventh, five times as large: the data of
the paper on topological autoencoders. PCA and a plain autoencoder mix the large sphere
with the small ones; :class:`~skmanifold.TopologicalAE` shows that it encloses them.
"""

# %%
# Data
# ----

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA

from skmanifold import TopologicalAE

rng = np.random.RandomState(0)
points = rng.normal(size=(4000, 101))
points *= 5 / np.linalg.norm(points, axis=1, keepdims=True)
centers = rng.normal(scale=1.0, size=(10, 101))
y = np.repeat(np.arange(11), [200] * 10 + [2000])
X = np.where(y[:, None] < 10, points + centers[np.minimum(y, 9)], 5 * points)

# %%
# Three maps
# ----------

models = {
    "PCA": PCA(2),
    "Autoencoder": TopologicalAE(topology_weight=0, random_state=0),
    "TopologicalAE": TopologicalAE(random_state=0),
}
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    Z = model.fit_transform(X)
    outer = y == 10
    ax.scatter(*Z[outer].T, s=2, color="0.75", label="outer sphere")
    ax.scatter(*Z[~outer].T, s=2, c=y[~outer], cmap="tab10")
    ax.set(title=name, xticks=[], yticks=[])
    ax.spines[:].set_color("0.85")
axes[0].legend(markerscale=4)
plt.show()

# %%
# Radii
# -----
# Radius of the outer sphere over that of the ten.


def ratio(points):
    radius = np.linalg.norm(points - points[y < 10].mean(axis=0), axis=1)
    return np.median(radius[y == 10]) / np.median(radius[y < 10])


print(f"data           {ratio(X):.1f}")
for name, model in models.items():
    print(f"{name:14} {ratio(model.transform(X)):.1f}")
plt.show()

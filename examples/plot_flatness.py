# SPDX-License-Identifier: BSD-3-Clause

"""
==============================================
Curved surfaces flattened: DLME, PCA and t-SNE
==============================================

Two surfaces of the DLME paper, both curved in space and both of two dimensions: twin
swiss rolls, two sheets rolled into each other, and the star fruit, a sphere with five
ribs and both poles cut off. A good map shows each as a flat region without folds: two
strips, and a ring. :class:`~skmanifold.DLME` is compared with
:class:`~sklearn.decomposition.PCA` and :class:`~sklearn.manifold.TSNE`. Parameters are
the defaults, except that t-SNE runs for half of its usual iterations to save time.
"""

# %%
# Two surfaces, three maps
# ------------------------

from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from skmanifold import DLME
from skmanifold.datasets import make_star_fruit, make_twin_swiss_roll

surfaces = {
    "twin swiss roll": make_twin_swiss_roll(3000, random_state=0),
    "star fruit": make_star_fruit(1500, random_state=0),
}
methods = {
    "PCA": PCA(n_components=2, random_state=0),
    "t-SNE": TSNE(max_iter=500, random_state=0),
    "DLME": DLME(random_state=0),
}
maps = {
    (surface, name): method.fit_transform(data.data)
    for surface, data in surfaces.items()
    for name, method in methods.items()
}

# %%
# Scores
# ------
# - *angle defect*: the difference between a full turn and the sum of the angles between
#   a point's neighbors, in their order around it; 0 inside flat regions, more at folds
#   and edges;
# - *turning angle*: the angles between consecutive steps, in the map, of shortest paths
#   along the surface. The first row is the surface itself, where paths also
#   turn because the neighbor graph is coarse;
# - *trustworthiness*: are neighbors in the map neighbors in space? *continuity*: are
#   neighbors in space neighbors in the map?

from skmanifold.metrics import continuity, local_curvature, trustworthiness


def evaluate(X, Z):
    return [
        local_curvature(X, Z),
        local_curvature(X, Z, method="turning_angle", random_state=0),
        trustworthiness(X, Z, n_neighbors=10),
        continuity(X, Z, n_neighbors=10),
    ]


columns = ["angle defect", "turning angle", "trustworthiness", "continuity"]
scores = {}
for surface, data in surfaces.items():
    print(f"{surface:16}" + "".join(f"{title:>17}" for title in columns))
    for name in ("in space", *methods):
        Z = maps.get((surface, name), data.data)
        scores[surface, name] = evaluate(data.data, Z)
        cells = "".join(f"{value:17.3f}" for value in scores[surface, name])
        print(f"  {name:14}{cells}")

# %%
# Plot
# ----
# Colors show the position along each roll, and the angle around the axis of the star
# fruit.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap

# a cyclic colormap for the angle, darkened where it is white
cyclic = plt.get_cmap("twilight_shifted")(np.linspace(0.0, 1.0, 256))[:, :3]
cyclic = ListedColormap(0.8 * cyclic)


def draw(axis, Z, surface, data):
    if surface == "star fruit":
        axis.scatter(*Z.T, c=data.target, cmap=cyclic, s=4, linewidths=0)
        return
    for roll, cmap in enumerate(["viridis", "plasma"]):
        rows = data.target == roll
        along = data.coordinates[rows, 0]
        axis.scatter(*Z[rows].T, c=along, cmap=cmap, s=4, linewidths=0)


figure = plt.figure(figsize=(12, 6.4), layout="constrained")
for row, (surface, data) in enumerate(surfaces.items()):
    space = figure.add_subplot(2, 4, 4 * row + 1, projection="3d")
    draw(space, data.data, surface, data)
    space.set_box_aspect(data.data.max(axis=0) - data.data.min(axis=0), zoom=1.3)
    space.view_init(elev=15 if row == 0 else 35, azim=-75)
    space.set_axis_off()
    space.set_title(surface, loc="left")
    for column, name in enumerate(methods, start=2):
        axis = figure.add_subplot(2, 4, 4 * row + column)
        draw(axis, maps[surface, name], surface, data)
        defect = scores[surface, name][0]
        axis.set_title(f"{name}: angle defect {defect:.3f}", loc="left")
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_color("0.85")
        axis.set_aspect("equal", "datalim")
plt.show()

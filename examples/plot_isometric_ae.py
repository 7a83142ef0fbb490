# SPDX-License-Identifier: BSD-3-Clause

"""
=========================================
Unrolling a swiss roll without stretching
=========================================

:class:`~skmanifold.IsometricAE` learns a map from the plane onto the data that keeps
lengths and angles, and its inverse. On a swiss roll, 2,000 points of a rolled-up
rectangle, distances between codes are distances along the rectangle, in the units of
the data.
"""

# %%
# Fit
# ---
# Default parameters, raw points. The exact distances of the roll are used only for
# scores.

from time import perf_counter

import numpy as np
from scipy.stats import spearmanr

from skmanifold import IsometricAE
from skmanifold.datasets import make_swiss_roll
from skmanifold.metrics import isometry_distortion

roll = make_swiss_roll(3000, random_state=0)
X, X_new = roll.data[:2000], roll.data[2000:]

start = perf_counter()
model = IsometricAE(random_state=0)
Z = model.fit_transform(X)
print(f"fit: {perf_counter() - start:.0f} s")

# %%
# Scores
# ------
# - *distortion*: the relative standard deviation of the lengths of the edges of a
#   decoded grid, over those in the plane;
# - *rank correlation* of distances in the plane with exact distances along the roll;
# - *length*: the median ratio of the two, 1 if the units are kept;
# - *reconstruction* of new points: root mean squared error over the standard deviation.

first, second = np.random.default_rng(0).integers(2000, size=(2, 5000))
first, second = first[first != second], second[first != second]
along = np.linalg.norm(roll.coordinates[first] - roll.coordinates[second], axis=1)
distances = np.linalg.norm(Z[first] - Z[second], axis=1)

print(f"distortion         {isometry_distortion(model, Z):.4f}")
print(f"rank correlation   {spearmanr(along, distances)[0]:.5f}")
print(f"length             {np.median(distances / along):.4f}")
error = np.sqrt(-model.score(X_new) / X_new.var(axis=0).sum())
print(f"reconstruction     {error:.4f}")

# %%
# A grid in the plane and on the roll
# -----------------------------------
# The decoder accepts any point of the plane, so it maps the coordinate lines of the
# plane to the roll. Squares stay squares. The differential of the decoder,
# :meth:`~skmanifold.IsometricAE.jacobian`, confirms this at every point: its singular
# values are the local stretch factors.

import matplotlib.pyplot as plt

# the plane turned so that the roll's axis points up
center = Z.mean(axis=0)
axes_of_plane = np.linalg.svd(Z - center, full_matrices=False)[2]
flat = (Z - center) @ axes_of_plane.T
low, high = flat.min(axis=0), flat.max(axis=0)

lines = []
for axis, n_lines in ((0, 19), (1, 5)):
    for value in np.linspace(low[axis], high[axis], n_lines):
        line = np.empty((200, 2))
        line[:, axis] = value
        line[:, 1 - axis] = np.linspace(low[1 - axis], high[1 - axis], 200)
        lines.append(line)

figure = plt.figure(figsize=(12, 4.6), layout="constrained")
grid = figure.add_gridspec(2, 2, width_ratios=(1, 1.5))
space = figure.add_subplot(grid[:, 0], projection="3d")
plane = figure.add_subplot(grid[0, 1])
stretch = figure.add_subplot(grid[1, 1], sharex=plane, sharey=plane)

colors = dict(c=roll.target[:2000], cmap="viridis", linewidths=0)
space.scatter(*X.T, s=6, alpha=0.8, depthshade=False, **colors)
plane.scatter(*flat.T, s=5, **colors)
for line in lines:
    plane.plot(*line.T, color="black", linewidth=0.6)
    space.plot(
        *model.inverse_transform(line @ axes_of_plane + center).T,
        color="black",
        linewidth=0.6,
    )
space.view_init(elev=12, azim=-72)
space.set_box_aspect(np.ptp(X, axis=0), zoom=1.25)
space.set(xticks=[], yticks=[], zticks=[])
space.set_title("The data, and the grid of the plane decoded", loc="left")
plane.set_title("The codes, in the units of the data", loc="left")

factors = np.linalg.svd(model.jacobian(Z), compute_uv=False)
worst = np.abs(factors - 1).max(axis=1)
points = stretch.scatter(*flat.T, s=5, c=100 * worst, cmap="magma_r", linewidths=0)
figure.colorbar(points, ax=stretch, label="percent", shrink=0.9)
stretch.set_title("How much the decoder stretches, at most", loc="left")
for axis in (plane, stretch):
    axis.set_aspect("equal")
    axis.spines[["top", "right"]].set_visible(False)

figure.savefig("plot_isometric_ae.png", dpi=100)
print("The picture is in plot_isometric_ae.png")

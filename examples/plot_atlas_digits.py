# SPDX-License-Identifier: BSD-3-Clause

"""
==============================
An atlas of handwritten digits
==============================

:class:`~skmanifold.AtlasAE` learns scikit-learn's digits as an atlas: 15 charts
with two coordinates each. Each chart is shown by decoding a grid over it. No labels are
used.
"""

# %%
# Fifteen charts
# --------------

from sklearn.datasets import load_digits

from skmanifold.atlas import AtlasAE

X, y = load_digits(return_X_y=True)
atlas = AtlasAE(n_charts=15, random_state=0).fit(X)
print(f"relative error {-atlas.score(X) / X.var(axis=0).sum():.3f}")

# %%
# Decoded grids, side by side
# ---------------------------
# The title of each chart names its digits, the most frequent first.

import matplotlib.pyplot as plt
import numpy as np

figure, axes = plt.subplots(3, 5, figsize=(11, 7.2), layout="constrained")
for chart, axis in enumerate(axes.flat):
    grid = atlas.decode_grid(chart, 5)  # (5, 5, 64)
    images = np.pad(grid.reshape(5, 5, 8, 8), ((0, 0), (0, 0), (2, 2), (2, 2)))
    page = images.transpose(0, 2, 1, 3).reshape(60, 60)
    axis.imshow(page, cmap="gray_r", vmin=0, vmax=16)
    counts = np.bincount(y[atlas.labels_ == chart], minlength=10)
    digits = [d for d in np.argsort(-counts) if counts[d] > 0.1 * counts.sum()]
    axis.set_title(f"chart {chart}: {', '.join(map(str, digits))}", fontsize=10)
    axis.set(xticks=[], yticks=[])
plt.show()

# %%
# Charts that overlap
# -------------------
# The same charts on a circle, each next to those that it overlaps most. Stronger lines
# mean that two charts share more images, those of digits that look alike.

from skmanifold.inspection import AtlasDisplay

AtlasDisplay.from_estimator(atlas, X, image_shape=(8, 8), n_points=3, cmap="gray_r")
plt.show()

# %%
# New digits
# ----------
# Each image is decoded from a random point of a random chart.

figure, axes = plt.subplots(2, 10, figsize=(10, 2.2), layout="constrained")
for axis, image in zip(axes.flat, atlas.sample(20, random_state=0), strict=True):
    axis.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    axis.axis("off")
plt.show()

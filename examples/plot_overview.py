# SPDX-License-Identifier: BSD-3-Clause

"""
===============================================
Maps, an unrolled sheet and charts, at a glance
===============================================

Four maps of scikit-learn's digits, 1,797 images of 64 pixels, by
:class:`~sklearn.decomposition.PCA`, :class:`~sklearn.manifold.Isomap`,
:class:`~sklearn.manifold.TSNE` and :class:`~skmanifold.DLME`; a swiss roll unrolled by
:class:`~skmanifold.IsometricAE`; and the digits as an atlas of small charts, by
:class:`~skmanifold.AtlasAE`. All methods run at their defaults and without labels.
"""

# %%
# Fits
# ----

from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, Isomap

from skmanifold import DLME, AtlasAE, IsometricAE
from skmanifold.datasets import make_swiss_roll

X, y = load_digits(return_X_y=True)
methods = {
    "PCA": PCA(n_components=2, random_state=0),
    "Isomap": Isomap(n_neighbors=10),
    "t-SNE": TSNE(random_state=0),
    "DLME": DLME(random_state=0),
}
maps = {name: method.fit_transform(X) for name, method in methods.items()}

roll = make_swiss_roll(2000, random_state=0)
flat = IsometricAE(random_state=0).fit_transform(roll.data)

atlas = AtlasAE(n_charts=10, random_state=0).fit(X)

# %%
# Pictures
# --------
# The unrolled sheet is rotated so that its longer side is horizontal.

import matplotlib.pyplot as plt
import numpy as np

from skmanifold.inspection import EmbeddingDisplay

figure = plt.figure(figsize=(16, 7.4), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=(1.25, 1))
for axis, (name, Z) in zip(top.subplots(1, 4), maps.items(), strict=True):
    EmbeddingDisplay.from_embedding(Z, y, ax=axis, legend="names")
    axis.set_title(f"Digits by {name}", fontsize=15)
    axis.set_box_aspect(1)
    axis.spines[:].set(visible=True, color="0.85")

space, plane, charts = bottom.subfigures(1, 3, width_ratios=(1, 1.6, 1.6))
colors = dict(c=roll.target, cmap="viridis", s=5, linewidths=0)
axis = space.add_subplot(projection="3d")
axis.scatter(*roll.data.T, depthshade=False, **colors)
axis.view_init(elev=12, azim=-72)
axis.set_box_aspect(np.ptp(roll.data, axis=0), zoom=1.2)
axis.set(xticks=[], yticks=[], zticks=[])
axis.set_title("A swiss roll ...", fontsize=15)

axis = plane.subplots()
flat = PCA(n_components=2).fit_transform(flat)
axis.scatter(*flat.T, **colors)
axis.set_aspect("equal")
axis.set_title("... unrolled by IsometricAE, lengths kept", fontsize=15)

charts.suptitle("Charts of digits by AtlasAE, decoded", fontsize=15)
for chart, axis in enumerate(charts.subplots(2, 5).flat):
    images = atlas.decode_grid(chart, 4).reshape(4, 4, 8, 8)
    images = np.pad(images, ((0, 0), (0, 0), (1, 1), (2, 2)))
    page = images.transpose(0, 2, 1, 3).reshape(40, 48)
    axis.imshow(page, cmap="gray_r", vmin=0, vmax=16)
    axis.set(xticks=[], yticks=[])

figure.savefig("plot_overview.png", dpi=100)
print("The picture is in plot_overview.png")

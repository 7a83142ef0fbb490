# SPDX-License-Identifier: BSD-3-Clause

"""
======================================
A folder of images: color, gray or ink
======================================

From image files to a map by :class:`~skmanifold.DLME`. The images have different sizes
and random colors, which hide the digits until they are removed.
"""

# %%
# A folder
# --------
# Scikit-learn's digits are written as PNG files, each with ink and paper of random
# colors. For your own images, start at the next section.

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

digits = load_digits()
rng = np.random.default_rng(0)
folder = tempfile.TemporaryDirectory()
for i, (digit, kind) in enumerate(zip(digits.images, digits.target, strict=True)):
    ink, paper = rng.uniform(0, 255, (2, 3))
    share = digit[..., np.newaxis] / 16
    pixels = (share * ink + (1 - share) * paper).astype(np.uint8)
    side = int(rng.integers(24, 49))
    Image.fromarray(pixels).resize((side, side)).save(
        Path(folder.name) / f"{i:04}-is-a-{kind}.png"
    )

# %%
# From files to samples
# ---------------------
# All images are resized to one size; their pixels become columns. Here file names end
# with the class, which is used only for colors and scores.

paths = sorted(Path(folder.name).glob("*.png"))
images = np.stack(
    [np.asarray(Image.open(path).convert("RGB").resize((16, 16))) for path in paths]
)
y = np.array([path.stem[-1] for path in paths])
print(f"{len(images)} images of shape {images.shape[1:]}")

# %%
# Color, gray, ink
# ----------------
# *Color* keeps all three channels. *Gray* keeps the brightness, but a digit may be dark
# on light in one image and light on dark in another. *Ink* is the distance of each
# pixel from the color of the paper, that of the border, over the largest distance in
# the image. In your own images, also remove differences without a meaning.

gray = np.stack([np.asarray(Image.fromarray(image).convert("L")) for image in images])
border = np.ones((16, 16), dtype=bool)
border[1:-1, 1:-1] = False
paper = np.median(images[:, border], axis=1)
ink = np.linalg.norm(images - paper[:, np.newaxis, np.newaxis], axis=3)
ink /= ink.max(axis=(1, 2), keepdims=True)

# %%
# Three maps
# ----------
# Accuracy is that of a ten-neighbor classifier on the map, in cross-validation.

from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skmanifold import DLME

samples = {"color": images, "gray": gray, "ink": ink}
maps, accuracy = {}, {}
for name, pixels in samples.items():
    X = pixels.reshape(len(pixels), -1)
    maps[name] = DLME(random_state=0).fit_transform(X)
    accuracy[name] = cross_val_score(KNeighborsClassifier(10), maps[name], y).mean()
    print(f"{name:6} {accuracy[name]:.2f}")

# %%
# Colors are the digits.

import matplotlib.pyplot as plt

from skmanifold.inspection import EmbeddingDisplay

figure, axes = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
for axis, (name, Z) in zip(axes, maps.items(), strict=True):
    legend = "names" if name == "ink" else False
    EmbeddingDisplay.from_embedding(Z, y, ax=axis, legend=legend)
    axis.set_title(f"{name}: accuracy {accuracy[name]:.2f}", loc="left")
plt.show()

# %%
# The images on the map
# ---------------------
# Neighbors on the map of colors share the color of the paper; on the map of ink, the
# digit. ``EmbeddingDisplay.to_html``, or
# :func:`~skmanifold.inspection.write_explorer`, shows the image under the pointer.

figure, axes = plt.subplots(1, 2, figsize=(12, 6), layout="constrained")
for axis, name in zip(axes, ("color", "ink"), strict=True):
    EmbeddingDisplay.from_embedding(
        maps[name], images=images, ax=axis, n_images=60, scatter_kwargs={"color": "0.8"}
    )
    axis.set_title(name, loc="left")
plt.show()

folder.cleanup()

# %%
# :ref:`images` covers shifted objects, features of a pretrained network, and images
# that do not fit into memory.

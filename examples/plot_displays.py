# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""
==================================================
Looking at an embedding, and into it: the Displays
==================================================

:mod:`skmanifold.inspection` draws an embedding and answers questions about it: what it
has kept, where it can be trusted, whether training settled, and how sure its clusters
are. The embedding is :class:`~skmanifold.DLME`'s of scikit-learn's digits here, but a
Display takes the embedding of any method.
"""

# %%
# The embedding
# -------------
# The classes only give the colors. With ``image_shape`` some samples are drawn as what
# they are, as many as do not cover each other.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from skmanifold import DLME
from skmanifold.inspection import EmbeddingDisplay

X, y = load_digits(return_X_y=True)
dlme = DLME(random_state=0).fit(X)

figure, axes = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
EmbeddingDisplay.from_estimator(dlme, X, y, ax=axes[0], legend=False)
EmbeddingDisplay.from_estimator(dlme, X, y, image_shape=(8, 8), ax=axes[1])
plt.show()

# %%
# For a page to explore in a browser, with the image of the sample under the pointer,
# search, and a lasso that exports rows, call ``to_html`` of the Display.
#
# What it has kept
# ----------------
# Left: how many of the k nearest neighbors are kept, for each k, against chance. DLME
# is far ahead of a linear map where neighborhoods are small, and behind it where they
# are a good part of the data. Right: distances of pairs of samples. DLME's hardly
# follow those of the input: how far apart two groups are drawn says little.

from sklearn.decomposition import PCA

from skmanifold.inspection import NeighborhoodPreservationDisplay, ShepardDisplay

pca = PCA(n_components=2, random_state=0).fit(X)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
NeighborhoodPreservationDisplay.from_estimator(
    {"PCA": pca, "DLME": dlme}, X, ax=axes[0]
)
ShepardDisplay.from_estimator(dlme, X, random_state=0, ax=axes[1])
plt.show()

# %%
# Where it can be trusted
# -----------------------
# Left: by how much the distances to the nearest neighbors are spread (red) or
# compressed (blue), against the median. No density should be read off a map in which
# this varies so much. Right: for each sample, whether its neighbors on the map are
# near in the data. Few samples are dark, most of them between groups.

from skmanifold.inspection import DistortionDisplay

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
for measure, axis in zip(("expansion", "trustworthiness"), axes, strict=True):
    DistortionDisplay.from_estimator(dlme, X, measure=measure, ax=axis)
plt.show()

# %%
# How sure clusters are, and how they lie
# ---------------------------------------
# Ten clusters are found on the map of PCA, where they overlap. Left: their memberships.
# A row is a sample; color beside the diagonal says between which clusters the doubts
# are. Right: seen from the cluster of a row, is the cluster of a column at the same
# rank among the distances as in the input (blue)? Else the number says by how many
# ranks farther it is drawn.

from sklearn.mixture import GaussianMixture

from skmanifold.inspection import ClusterConfidenceDisplay, ClusterRankDisplay

Z = pca.transform(X)
mixture = GaussianMixture(n_components=10, random_state=0).fit(Z)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
ClusterConfidenceDisplay.from_estimator(mixture, Z, kind="matrix", ax=axes[0])
ClusterRankDisplay.from_embedding(X, Z, mixture.predict(Z), name="PCA", ax=axes[1])
plt.show()

# %%
# Whether training settled
# ------------------------
# Each term of the loss, and what a schedule sets in gray. The sum rises while the
# weight of the repulsion does; what counts is that it is level at the end.

from skmanifold.inspection import TrainingCurveDisplay

TrainingCurveDisplay.from_estimator(dlme)
plt.show()

# %%
# Charts are drawn by :class:`~skmanifold.inspection.AtlasDisplay`, in
# :ref:`sphx_glr_auto_examples_plot_atlas_digits.py`, holes by
# :class:`~skmanifold.inspection.BarcodeDisplay`, in
# :ref:`sphx_glr_auto_examples_plot_atlas_homology.py`.

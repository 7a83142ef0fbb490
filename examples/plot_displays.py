# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""
=======================================================
Displays: what an embedding keeps and where to trust it
=======================================================

:mod:`skmanifold.inspection` plots an embedding, the neighborhoods and distances that it
keeps, the course of training, and the confidence of its clusters. The embedding is
:class:`~skmanifold.DLME`'s of scikit-learn's digits here, but a Display takes the
embedding of any method.
"""

# %%
# The embedding
# -------------
# Classes give the colors. With ``image_shape`` some samples are shown as images, as
# many as do not cover each other.

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
# ``display.to_html`` writes a page for the browser, with the image of the sample under
# the pointer, search, and a lasso that exports samples.
#
# What it keeps
# -------------
# Left: how many of the k nearest neighbors are kept, for each k, against chance. DLME
# is far ahead of a linear map where neighborhoods are small, and behind it where they
# are a good part of the data. Right: distances of pairs of samples. DLME's hardly
# follow those of the input: the distance between two groups on the map means little.

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
# near in the data. Most of the few dark samples lie between groups.

from skmanifold.inspection import DistortionDisplay

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
for measure, axis in zip(("expansion", "trustworthiness"), axes, strict=True):
    DistortionDisplay.from_estimator(dlme, X, measure=measure, ax=axis)
plt.show()

# %%
# How sure clusters are, and how they are arranged
# ------------------------------------------------
# Ten clusters are found on the map of PCA, where they overlap. Left: their memberships.
# A row is a sample; color off the diagonal shows which clusters it might belong to as
# well. Right: seen from the cluster of a row, is the cluster of a column at the same
# rank among the distances as in the input (blue)? If not, the number is the difference
# of ranks.

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
# Each term of the loss, and scheduled weights in gray. The sum rises while the weight
# of the repulsion does; it should be level at the end.

from skmanifold.inspection import TrainingCurveDisplay

TrainingCurveDisplay.from_estimator(dlme)
plt.show()

# %%
# Charts are plotted by :class:`~skmanifold.inspection.AtlasDisplay`, in
# :ref:`sphx_glr_auto_examples_plot_atlas_digits.py`, holes by
# :class:`~skmanifold.inspection.BarcodeDisplay`, in
# :ref:`sphx_glr_auto_examples_plot_atlas_homology.py`.

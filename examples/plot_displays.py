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
# The classes only give the colours. With ``image_shape`` some samples are drawn as what
# they are.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skmanifold import DLME
from skmanifold.inspection import EmbeddingDisplay

X, y = load_digits(return_X_y=True)
dlme = DLME(random_state=0).fit(X)
pca = PCA(n_components=2, random_state=0).fit(X)

figure, axes = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
EmbeddingDisplay.from_estimator(pca, X, y, ax=axes[0], legend=False)
EmbeddingDisplay.from_estimator(dlme, X, y, image_shape=(8, 8), ax=axes[1])
plt.show()

# %%
# For a page to explore in a browser, with the image of the sample under the pointer,
# search, and a lasso that exports rows, call ``to_html`` of the Display.
#
# What it has kept
# ----------------
# Left: how many of the k nearest neighbours are kept, for each k, against chance. DLME
# is far ahead where neighbourhoods are small. Right: distances of pairs of samples.
# DLME's do not follow those of the input, which is the price: how far apart two groups
# are drawn says little.

from skmanifold.inspection import NeighborhoodPreservationDisplay, ShepardDisplay

figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
NeighborhoodPreservationDisplay.from_estimator(
    {"PCA": pca, "DLME": dlme}, X, ax=axes[0]
)
ShepardDisplay.from_estimator(dlme, X, random_state=0, ax=axes[1])
plt.show()

# %%
# Where it can be trusted
# -----------------------
# Left: by how much the distances to the nearest neighbours are spread (red) or
# compressed (blue), against the median. No density should be read off a map in which
# this varies so much. Right: for each sample, whether its neighbours on the map are
# near in the data. Few samples are dark, most of them between groups.

from skmanifold.inspection import DistortionDisplay

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
for measure, axis in zip(("expansion", "trustworthiness"), axes, strict=True):
    DistortionDisplay.from_estimator(dlme, X, measure=measure, ax=axis)
plt.show()

# %%
# How sure clusters are, and how they lie
# ---------------------------------------
# Left: the memberships of ten clusters, found on the map. A row is a sample; colour
# beside the diagonal says between which clusters the doubts are. Right: seen from the
# cluster of a row, is the cluster of a column at the same rank among the distances as
# in the input (blue)? Else the number says by how many ranks farther it is drawn.

from sklearn.mixture import GaussianMixture

from skmanifold.inspection import ClusterConfidenceDisplay, ClusterRankDisplay

mixture = GaussianMixture(n_components=10, random_state=0).fit(dlme.embedding_)
labels = mixture.predict(dlme.embedding_)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
ClusterConfidenceDisplay.from_estimator(
    mixture, dlme.embedding_, kind="matrix", ax=axes[0]
)
ClusterRankDisplay.from_embedding(X, dlme.embedding_, labels, name="DLME", ax=axes[1])
plt.show()

# %%
# Whether training settled
# ------------------------
# Each term of the loss, and what a schedule sets in grey. The sum rises while the
# weight of the repulsion does; what counts is that it is level at the end.

from skmanifold.inspection import TrainingCurveDisplay

TrainingCurveDisplay.from_estimator(dlme)
plt.show()

# %%
# Charts are drawn by :class:`~skmanifold.inspection.AtlasDisplay`, in
# :ref:`sphx_glr_auto_examples_plot_atlas_digits.py`, holes by
# :class:`~skmanifold.inspection.BarcodeDisplay`, in
# :ref:`sphx_glr_auto_examples_plot_atlas_homology.py`.

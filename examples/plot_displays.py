# SPDX-License-Identifier: BSD-3-Clause

"""
=======================================================
Displays: what an embedding keeps and where to trust it
=======================================================

:mod:`skmanifold.inspection` plots an embedding, the neighborhoods and distances that it
keeps, the course of training, and the confidence of clusters. Here
:class:`~skmanifold.DLME` embeds scikit-learn's digits, but Displays accept the
embedding of any method.
"""

# %%
# The embedding
# -------------
# Colors are classes. With ``image_shape`` some samples are shown as images, without
# overlap.

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
# Left: the share of the k nearest neighbors that is kept, for each k, adjusted for
# chance. DLME is far ahead of a linear map for small neighborhoods, and behind it for
# those that are a large part of the data. Right: distances of pairs of samples. DLME's
# hardly follow those of the input: distances between groups on the map mean little.

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
# Left: the expansion (red) or compression (blue) of the distances to the nearest
# neighbors, relative to the median. Do not interpret densities on a map whose
# expansion varies so much. Right: trustworthiness of each sample. Most of the few dark
# samples lie between groups.

from skmanifold.inspection import DistortionDisplay

figure, axes = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
for measure, axis in zip(("expansion", "trustworthiness"), axes, strict=True):
    DistortionDisplay.from_estimator(dlme, X, measure=measure, ax=axis)
plt.show()

# %%
# Confidence and arrangement of clusters
# --------------------------------------
# Ten clusters on the map of PCA, where they overlap. Left: their memberships. Rows are
# samples; color off the diagonal shows other likely clusters. Right: ranks of the
# distances from the cluster of a row to that of a column. Blue ranks equal those in the
# input; elsewhere the number is the difference.

from sklearn.mixture import GaussianMixture

from skmanifold.inspection import ClusterConfidenceDisplay, ClusterRankDisplay

Z = pca.transform(X)
mixture = GaussianMixture(n_components=10, random_state=0).fit(Z)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
ClusterConfidenceDisplay.from_estimator(mixture, Z, kind="matrix", ax=axes[0])
ClusterRankDisplay.from_embedding(X, Z, mixture.predict(Z), name="PCA", ax=axes[1])
plt.show()

# %%
# Convergence
# -----------
# Each term of the loss, and scheduled weights in gray. The sum rises with the weight of
# the repulsion; it should be level at the end.

from skmanifold.inspection import TrainingCurveDisplay

TrainingCurveDisplay.from_estimator(dlme)
plt.show()

# %%
# For charts see :class:`~skmanifold.inspection.AtlasDisplay` in
# :ref:`sphx_glr_auto_examples_plot_atlas_digits.py`, for loops and voids
# :class:`~skmanifold.inspection.BarcodeDisplay` in
# :ref:`sphx_glr_auto_examples_plot_atlas_homology.py`.

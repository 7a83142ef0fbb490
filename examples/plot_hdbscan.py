# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""
======================
Clusters of any number
======================

A density-based method needs no number of clusters, and leaves samples between them to
the noise. It wants few dimensions with room between the groups, as a map has them.
"""

# %%
# A map first
# -----------
# Two components are right for this: more of them hold the same groups, with fewer
# samples in each part of the space. :class:`~skmanifold.DLME` leaves room between
# groups with the default repulsion; no parameter is changed.

from sklearn.datasets import load_digits

from skmanifold import DLME

X, y = load_digits(return_X_y=True)
seen, new = slice(0, 1500), slice(1500, None)
dlme = DLME(random_state=0).fit(X[seen])
Z = dlme.embedding_

# %%
# Then the clusters
# -----------------
# ``min_cluster_size`` is the parameter that counts: a hundredth of the samples finds
# groups of that size and more. Raise it to a fiftieth if groups are known to be large,
# and they come in pieces. ``min_samples`` is how many neighbors make a dense place; 5
# is that of the map's own neighbors, and larger values leave more to the noise. Leave
# ``cluster_selection_method`` at "eom": "leaf" cuts the groups of a map to pieces.

from sklearn.cluster import HDBSCAN

hdbscan = HDBSCAN(min_cluster_size=max(5, len(Z) // 100), min_samples=5, copy=True)
labels = hdbscan.fit_predict(Z)
print(labels.max() + 1, "clusters,", (labels < 0).sum(), "samples are noise")

# %%
# How good is it?
# ---------------
# Labels that are known judge it, noise left out; without labels a second seed does:
# what both find is there.

from sklearn.metrics import adjusted_rand_score

from skmanifold.metrics import trustworthiness

other = DLME(random_state=1).fit_transform(X[seen])
again = HDBSCAN(min_cluster_size=15, min_samples=5, copy=True).fit_predict(other)
kept = labels >= 0
print("with the digits:", round(adjusted_rand_score(y[seen][kept], labels[kept]), 2))
print("with another seed:", round(adjusted_rand_score(labels, again), 2))
print("of the map:", round(trustworthiness(X[seen], Z), 3))

# %%
# The noise, which has the label -1, is gray in every Display
# (:class:`~skmanifold.inspection.EmbeddingDisplay`).

import matplotlib.pyplot as plt

from skmanifold.inspection import EmbeddingDisplay

EmbeddingDisplay.from_embedding(Z, labels, legend="names", name="HDBSCAN on the map")
plt.show()

# %%
# New samples
# -----------
# HDBSCAN has no ``predict``. The map has ``transform``, so that the nearest neighbors
# there say which cluster is that of a new sample. The samples unlike any that were
# fitted, as ``score_samples`` tells, are better left to the noise.

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

nearest = KNeighborsClassifier(5).fit(Z, labels)
found = nearest.predict(dlme.transform(X[new]))
limit = np.quantile(dlme.score_samples(X[seen]), 0.001)
found[dlme.score_samples(X[new]) < limit] = -1

EmbeddingDisplay.from_estimator(
    dlme, X[seen], labels, X_new=X[new], y_new=found, name="New samples"
)
plt.show()

# SPDX-License-Identifier: BSD-3-Clause

"""
========================================
HDBSCAN on a map: clusters of any number
========================================

A density-based method needs no number of clusters, and labels samples between clusters
as noise. It works best in few dimensions with gaps between the groups, as in a map.
"""

# %%
# A map
# -----
# Use two components: more of them show the same groups at a lower density.
# :class:`~skmanifold.DLME` separates groups at its defaults.

from sklearn.datasets import load_digits

from skmanifold import DLME

X, y = load_digits(return_X_y=True)
seen, new = slice(0, 1500), slice(1500, None)
dlme = DLME(random_state=0).fit(X[seen])
Z = dlme.embedding_

# %%
# Clusters
# --------
# ``min_cluster_size`` matters most: start with 2% of the samples, at least 10. If one
# large group breaks apart, decrease ``nu_embedding`` (0.01) to pack groups.
# ``min_samples`` is the number of neighbors of a dense sample; 5 is ``n_neighbors`` of
# the map, and larger values label more samples as noise. Keep
# ``cluster_selection_method="eom"``: "leaf" splits the groups of a map.

from sklearn.cluster import HDBSCAN

size = max(10, len(Z) // 50)
hdbscan = HDBSCAN(min_cluster_size=size, min_samples=5, copy=True)
labels = hdbscan.fit_predict(Z)
print(labels.max() + 1, "clusters,", (labels < 0).sum(), "samples are noise")

# %%
# Scores
# ------
# Compare with known labels, without the noise. If there are none, compare two seeds,
# and trust clusters that both find.

from sklearn.metrics import adjusted_rand_score

from skmanifold.metrics import trustworthiness

other = DLME(random_state=1).fit_transform(X[seen])
again = HDBSCAN(min_cluster_size=size, min_samples=5, copy=True).fit_predict(other)
kept = labels >= 0
print("with the digits:", round(adjusted_rand_score(y[seen][kept], labels[kept]), 2))
print("with another seed:", round(adjusted_rand_score(labels, again), 2))
print("of the map:", round(trustworthiness(X[seen], Z), 3))

# %%
# :class:`~skmanifold.inspection.EmbeddingDisplay` plots the noise, label -1, in gray.

import matplotlib.pyplot as plt

from skmanifold.inspection import EmbeddingDisplay

EmbeddingDisplay.from_embedding(Z, labels, legend="names", name="HDBSCAN on the map")
plt.show()

# %%
# New samples
# -----------
# HDBSCAN has no ``predict``, but the map has ``transform``: assign a new sample to the
# cluster of its nearest neighbors there. Label samples unlike the training data, which
# ``score_samples`` detects, as noise.

import numpy as np
from sklearn.neighbors import KNeighborsClassifier

nearest = KNeighborsClassifier(5).fit(Z, labels)
predicted = nearest.predict(dlme.transform(X[new]))
limit = np.quantile(dlme.score_samples(X[seen]), 0.001)
predicted[dlme.score_samples(X[new]) < limit] = -1

EmbeddingDisplay.from_estimator(
    dlme, X[seen], labels, X_new=X[new], y_new=predicted, name="New samples"
)
plt.show()

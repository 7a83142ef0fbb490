# SPDX-License-Identifier: BSD-3-Clause

"""
===================================================
AtlasTriplet: search among digits of unseen classes
===================================================

:class:`~skmanifold.AtlasTriplet` learns a distance from the digits 0 to 4, with
four charts of five coordinates. It is then evaluated on the digits 5 to 9: is the
nearest other image of the same class?
"""

# %%
# Learn from five classes
# -----------------------

from sklearn.datasets import load_digits

from skmanifold.atlas import AtlasTriplet

X, y = load_digits(return_X_y=True)
known = y < 5
model = AtlasTriplet(image_shape=(8, 8), random_state=0).fit(X[known], y[known])

# %%
# Search among five others
# ------------------------
# The learned distance, with soft and with hard charts, is compared with as many
# principal components and with raw pixels. With soft charts an image is 24 numbers,
# with hard charts a chart and five coordinates. Hard charts follow the labels alone,
# and forget the features of other digits. On these small, clean images no shorter code
# has a higher recall than the 64 pixels.

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.base import clone
from sklearn.decomposition import PCA

X_new, y_new = X[~known], y[~known]


def recall(distances, k=1):
    distances = distances.copy()
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return (y_new[nearest] == y_new[:, None]).any(axis=1).mean()


hard = clone(model).set_params(membership="hard").fit(X[known], y[known])
distances = {
    "4 soft charts": model.distance(X_new, X_new),
    "64 pixels": cdist(X_new, X_new),
    "4 hard charts": hard.distance(X_new, X_new),
}
for n in (24, 6):
    pca = PCA(n_components=n).fit(X[known]).transform(X_new)
    distances[f"{n} principal components"] = cdist(pca, pca)
for name, matrix in distances.items():
    print(f"{name:24} R@1 {recall(matrix):.3f}   R@4 {recall(matrix, 4):.3f}")

# %%
# Found images
# ------------
# Some images of unseen classes, each with its six nearest neighbors. Frames mark other
# classes.

import matplotlib.pyplot as plt

matrix = distances["4 soft charts"].copy()
np.fill_diagonal(matrix, np.inf)
queries = [np.flatnonzero(y_new == digit)[i] for digit in range(5, 10) for i in (3, 9)]
figure, axes = plt.subplots(len(queries), 7, figsize=(5.6, 8), layout="constrained")
for row, query in zip(axes, queries, strict=True):
    shown = [query, *np.argsort(matrix[query], kind="stable")[:6]]
    for axis, i in zip(row, shown, strict=True):
        axis.imshow(X_new[i].reshape(8, 8), cmap="gray_r")
        axis.set(xticks=[], yticks=[])
        wrong = y_new[i] != y_new[query]
        axis.spines[:].set(visible=wrong, color="#CC3311", linewidth=3)
axes[0, 0].set_title("query")
axes[0, 3].set_title("nearest neighbors")
plt.show()

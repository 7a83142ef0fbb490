# SPDX-License-Identifier: BSD-3-Clause

"""
====================================================
Vectors stored in a few bytes: charts, PCA, or codes
====================================================

A chart number and a few coordinates of eight bits each are a short code of a vector.
How well does it retrieve the nearest neighbors of the vectors? Here images of digits
are stored in 3 to 9 bytes: as chart and coordinates, learned by
:class:`~skmanifold.MSimCLR` or by :class:`~skmanifold.AtlasAE`; as principal components
of eight bits each; and as a product code, k-means in each of several parts of the
vector.
"""

# %%
# Recall of the ten nearest neighbors
# ------------------------------------
# Queries are other vectors and are not compressed: a query has its exact coordinates,
# or its exact distance to each center of the product code.

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from skmanifold.atlas import AtlasAE, MSimCLR

X, _ = load_digits(return_X_y=True)
order = np.random.RandomState(0).permutation(len(X))
stored, queries = X[order[:1500]], X[order[1500:]]
true = np.argsort(cdist(queries, stored), axis=1, kind="stable")[:, :10]


def recall(distances):
    retrieved = np.argsort(distances, axis=1, kind="stable")[:, :10]
    return np.mean(
        [len(np.intersect1d(a, b)) / 10 for a, b in zip(retrieved, true, strict=True)]
    )


def eight_bits(values, low, high):
    """Values as they are read from eight bits."""
    step = (high - low) / 255
    return low + np.clip(np.round((values - low) / step), 0, 255) * step


def principal_components(n_bytes):
    pca = PCA(n_bytes, random_state=0).fit(stored)
    Z = pca.transform(stored)
    return cdist(pca.transform(queries), eight_bits(Z, Z.min(axis=0), Z.max(axis=0)))


def product_code(n_bytes):
    """k-means of 256 centers in each of n_bytes parts of the rotated vector."""
    pca = PCA(random_state=0).fit(stored)
    Z, Z_queries = pca.transform(stored), pca.transform(queries)
    result = 0.0
    for part in range(n_bytes):
        # every n-th component: parts of about the same variance
        columns = np.arange(part, Z.shape[1], n_bytes)
        kmeans = KMeans(256, n_init=1, max_iter=20, random_state=0).fit(Z[:, columns])
        apart = cdist(Z_queries[:, columns], kmeans.cluster_centers_, "sqeuclidean")
        result = result + apart[:, kmeans.labels_]
    return result


def contrast_charts(n_bytes):
    """One byte for the chart, the others for its coordinates."""
    model = MSimCLR(16, n_bytes - 1, n_neighbors=4, max_epochs=12, random_state=0).fit(
        stored
    )
    chart, y = model.charts(stored)
    query_chart, y_query = model.charts(queries)
    distances = cdist(y_query, eight_bits(y, 0.0, 1.0))
    # the own chart first, and the others after it, in no order
    return distances + 10.0 * (query_chart[:, None] != chart)


def autoencoder_charts(n_bytes):
    """One byte for the chart; what its decoder makes of the code is compared."""
    model = AtlasAE(16, n_bytes - 1, random_state=0, max_epochs=40).fit(stored)
    chart, y = model.charts(stored)
    blocks = np.zeros((len(stored), 16, n_bytes))
    rows = np.arange(len(stored))
    blocks[rows, chart, 0] = 1
    blocks[rows, chart, 1:] = eight_bits(y, 0.0, 1.0)
    return cdist(queries, model.inverse_transform(blocks.reshape(len(stored), -1)))


methods = {
    "product code": product_code,
    "AtlasAE, 16 charts": autoencoder_charts,
    "principal components": principal_components,
    "MSimCLR, 16 charts": contrast_charts,
}
sizes = [3, 5, 9]
recalls = {
    name: [recall(method(n_bytes)) for n_bytes in sizes]
    for name, method in methods.items()
}
print(f"{'bytes per vector':22}" + "".join(f"{size:8}" for size in sizes))
for name, row in recalls.items():
    print(f"{name:22}" + "".join(f"{value:8.3f}" for value in row))

# %%
# Result
# ------
# The product code retrieves most neighbors and needs no network. Charts with a decoder
# come next, ahead of principal components of equal size. Contrastive charts gain little
# from further bytes and soon come last: they keep similarity, not distances, and have
# no distances between charts.

import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
for (name, row), color, marker in zip(
    recalls.items(), ["#332288", "#CC6677", "#117733", "#DDAA33"], "osD^", strict=True
):
    axis.plot(sizes, row, color=color, marker=marker, label=name)
axis.set(xlabel="bytes per vector", ylabel="recall of 10 neighbors", ylim=(0, 1))
axis.set_xticks(sizes)
axis.spines[["top", "right"]].set_visible(False)
axis.legend(frameon=False)
plt.show()

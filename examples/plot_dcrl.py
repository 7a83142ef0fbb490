# SPDX-License-Identifier: BSD-3-Clause

"""
=================================================
DCRL: clusters of digits that keep their geometry
=================================================

:class:`~skmanifold.DCRL` clusters scikit-learn's digits, 1,797 images of 64 pixels, in
a latent space of ten dimensions. Assignments are soft, and the clusters keep the order
of their distances in the input. Labels are used only for scoring.
"""

# %%
# A fit
# -----
# Initial clusters come from neighborhood embeddings, without labels. We compare with
# k-means on the pixels and on a t-SNE map.

from time import perf_counter

from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE

from skmanifold import DCRL

X, y = load_digits(return_X_y=True)

start = perf_counter()
dcrl = DCRL(n_clusters=10, n_init=1, random_state=0).fit(X)
print(f"DCRL: {perf_counter() - start:.0f} s")

spaces = {"pixels": X, "t-SNE": TSNE(random_state=0).fit_transform(X)}
clusterings = {
    f"k-means, {name}": (Z, KMeans(10, n_init=10, random_state=0).fit_predict(Z))
    for name, Z in spaces.items()
}
clusterings["DCRL"] = dcrl.embedding_, dcrl.labels_

# %%
# Scores
# ------
# - *accuracy*: of clusters matched with classes;
# - *CRA*, cluster rank accuracy: the order of the distances from each cluster to the
#   others, compared with the input;
# - *trust*: are neighbors in the latent space also neighbors in the input?
#
# k-means on a map such as t-SNE finds the groups but loses their arrangement. k-means
# on the pixels keeps it by definition, but misses groups.

from skmanifold.metrics import (
    cluster_rank_accuracy,
    clustering_accuracy,
    trustworthiness,
)

print(f"{'':16} accuracy    CRA   trust")
for name, (Z, labels) in clusterings.items():
    print(
        f"{name:16} {clustering_accuracy(y, labels):8.3f} "
        f"{cluster_rank_accuracy(X, Z, labels):6.2f} "
        f"{trustworthiness(X, Z, n_neighbors=(3, 7)):7.4f}"
    )

# %%
# Plot
# ----
# Left: the first two principal components of the latent space, with the decoded center
# of each cluster. Right: the images with the least confident assignments, and the
# probabilities of their two most likely clusters.

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from sklearn.decomposition import PCA

pca = PCA(2).fit(dcrl.embedding_)
points = pca.transform(dcrl.embedding_)
places = pca.transform(dcrl.cluster_centers_)
centers = dcrl.inverse_transform(dcrl.cluster_centers_).reshape(-1, 8, 8)

# Paul Tol's "muted" scheme
colors = np.array(
    "#CC6677 #332288 #DDCC77 #117733 #88CCEE "
    "#882255 #44AA99 #999933 #AA4499 #000000".split()
)

figure = plt.figure(figsize=(12, 6), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=(1.2, 1))
axis = left.subplots()
axis.scatter(*points.T, c=colors[dcrl.labels_], s=5, linewidths=0)
for cluster, (place, image) in enumerate(zip(places, centers, strict=True)):
    picture = OffsetImage(image, zoom=3.5, cmap="gray_r", clim=(0, 16))
    frame = dict(edgecolor=colors[cluster], linewidth=2)
    axis.add_artist(AnnotationBbox(picture, place, pad=0.1, bboxprops=frame))
axis.set_title("Latent space: clusters and their decoded centers", loc="left")
axis.set(xticks=[], yticks=[])
axis.spines[:].set_color("0.85")
axis.set_aspect("equal", "datalim")

shares = dcrl.predict_proba(X)
unsure = np.argsort(shares.max(axis=1))[:12]
right.suptitle("Least confident, with the two most likely clusters", x=0.02, ha="left")
for row, axis in zip(unsure, right.subplots(3, 4).flat, strict=True):
    axis.imshow(X[row].reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
    first, second = np.argsort(-shares[row])[:2]
    for i, cluster in enumerate((first, second)):
        # below the image, as long as the share
        axis.barh(8.4 + i, 8 * shares[row, cluster], 0.8, -0.5, color=colors[cluster])
        axis.text(
            8 * shares[row, cluster],
            8.4 + i,
            f"{shares[row, cluster]:.2f}",
            va="center",
            fontsize=8,
        )
    axis.set(xlim=(-0.5, 7.5), ylim=(10, -0.5), xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
plt.show()

# SPDX-License-Identifier: BSD-3-Clause

"""
===================================================
DLME, PCA and t-SNE on images of handwritten digits
===================================================

:class:`~skmanifold.DLME` embeds scikit-learn's digits, 1,797 images of 64 pixels, in
two dimensions, with its default parameters and on the raw pixels, next to
:class:`~sklearn.decomposition.PCA` and :class:`~sklearn.manifold.TSNE`. Labels are used
only for scores and colors.
"""

# %%
# Three embeddings
# ----------------
# The progress bar is a callback of scikit-learn.

from time import perf_counter

from sklearn.callback import ProgressBar
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from skmanifold import DLME

X, y = load_digits(return_X_y=True)

methods = {
    "PCA": PCA(n_components=2, random_state=0),
    "t-SNE": TSNE(random_state=0),
    "DLME": DLME(random_state=0).set_callbacks(ProgressBar()),
}

embeddings, seconds = {}, {}
for name, method in methods.items():
    print(f"{name} ...", flush=True)
    start = perf_counter()
    embeddings[name] = method.fit_transform(X)
    seconds[name] = perf_counter() - start

# %%
# Scores
# ------
# - *linear SVM*: accuracy of a linear support vector classifier on the standardized
#   embedding, in 10-fold cross-validation: are the classes simple regions?
# - *k-means*: accuracy of ten clusters matched with classes: are the classes separate
#   groups?
# - *10-NN*: accuracy of a classifier by the ten nearest neighbors, in 10-fold
#   cross-validation: do neighbors share a class?
# - *trustworthiness*: are the 15 nearest neighbors in the embedding also neighbors in
#   the data? It needs no labels.

from sklearn.cluster import KMeans
from sklearn.manifold import trustworthiness
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmanifold.metrics import clustering_accuracy


def evaluate(Z):
    folds = StratifiedKFold(n_splits=10, shuffle=True, random_state=1)
    svm = make_pipeline(StandardScaler(), SVC(kernel="linear"))
    clusters = KMeans(n_clusters=10, n_init=10, random_state=0).fit_predict(Z)
    return {
        "linear SVM": cross_val_score(svm, Z, y, cv=folds).mean(),
        "k-means": clustering_accuracy(y, clusters),
        "10-NN": cross_val_score(KNeighborsClassifier(10), Z, y, cv=folds).mean(),
        "trustworthiness": trustworthiness(X, Z, n_neighbors=15),
    }


scores = {name: evaluate(Z) for name, Z in embeddings.items()}

columns = [*scores["DLME"], "seconds"]
print(" ".join(f"{title:>{max(8, len(title))}}" for title in ["", *columns]))
for name, row in scores.items():
    cells = [f"{value:{max(8, len(title))}.3f}" for title, value in row.items()]
    print(f"{name:8} {' '.join(cells)} {seconds[name]:8.1f}")

# %%
# Plot
# ----
# Each class is labeled at its median. The colors are colorblind-safe.

import matplotlib.pyplot as plt

from skmanifold.inspection import EmbeddingDisplay

figure, axes = plt.subplots(1, 3, figsize=(12, 4.3), layout="constrained")
for axis, (name, Z) in zip(axes, embeddings.items(), strict=True):
    EmbeddingDisplay.from_embedding(Z, y, ax=axis, legend="names")
    accuracy = scores[name]["linear SVM"]
    axis.set_title(f"{name}: linear SVM {accuracy:.3f}", loc="left")

figure.savefig("plot_digits.png", dpi=120)
print("The picture is in plot_digits.png")

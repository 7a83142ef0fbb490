# SPDX-License-Identifier: BSD-3-Clause

"""
====================================================
A map of texts: sparse tf-idf vectors, in a pipeline
====================================================

:class:`~skmanifold.DLME` embeds the documentation of SciPy's functions, some 1,200
short texts from nine submodules, as sparse tf-idf vectors. The texts come with SciPy,
so nothing is downloaded; the same code works for
:func:`sklearn.datasets.fetch_20newsgroups`.
"""

# %%
# Texts and their topics
# ----------------------
# The topic of a text is the submodule of its function. Examples and references are
# removed, because they name the submodule. Topics are used only for colors and scores.

import importlib
import inspect

import numpy as np
from sklearn.model_selection import train_test_split

topics = np.array(
    "fft interpolate linalg ndimage optimize signal sparse special stats".split()
)
categories = {}  # by text, as some functions have two names
for label, topic in enumerate(topics):
    module = importlib.import_module(f"scipy.{topic}")
    for name in module.__all__:
        value = getattr(module, name)
        text = "" if inspect.ismodule(value) else inspect.getdoc(value) or ""
        for heading in ("\nExamples\n", "\nReferences\n"):
            text = text.split(heading)[0]
        if len(text) > 200:
            categories.setdefault(text, (label, name))
texts = list(categories)
y, names = map(np.array, zip(*categories.values(), strict=True))
train, test = train_test_split(
    np.arange(len(texts)), test_size=0.25, stratify=y, random_state=0
)
train_texts, test_texts = [[texts[i] for i in rows] for rows in (train, test)]
print(f"{len(train)} training texts, {len(test)} test texts")

# %%
# From words to the plane
# -----------------------
# The estimator accepts the sparse matrix. It is compared with latent semantic analysis
# in two dimensions, a linear map. Accuracy is that of predicting the topic of a test
# text by its ten nearest training texts; the last line uses the words themselves. A
# larger ``nu_embedding`` spreads the many small groups of texts.

from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skmanifold import DLME

words = TfidfVectorizer(
    sublinear_tf=True, stop_words="english", min_df=3, token_pattern="[a-z]{3,}"
)
X = words.fit_transform(train_texts)
print(f"{X.shape[1]} words, {X.nnz / X.shape[0]:.0f} of them in a text")

models = {
    "LSA": make_pipeline(words, TruncatedSVD(n_components=2, random_state=0)),
    "DLME": make_pipeline(words, DLME(n_neighbors=10, random_state=0)),
}
maps = {name: model.fit_transform(train_texts) for name, model in models.items()}


def vote(Z, Z_test):
    return KNeighborsClassifier(10).fit(Z, y[train]).score(Z_test, y[test])


accuracy = {name: vote(maps[name], models[name].transform(test_texts)) for name in maps}
accuracy[f"{X.shape[1]} words"] = vote(X, words.transform(test_texts))
for name, value in accuracy.items():
    print(f"{name:12} {value:.3f}")

# %%
# New texts
# ---------
# The pipeline embeds new texts as well. Here are the first held-out function of each
# topic, and the functions with the nearest texts on the map.

from sklearn.neighbors import NearestNeighbors

nearest = NearestNeighbors(n_neighbors=3).fit(maps["DLME"])
shown = [test[y[test] == label][0] for label in range(len(topics))]
places = models["DLME"].transform([texts[i] for i in shown])
for i, rows in zip(
    shown, nearest.kneighbors(places, return_distance=False), strict=True
):
    around = ", ".join(f"{topics[y[j]]}.{names[j]}" for j in train[rows])
    print(f"{topics[y[i]] + '.' + names[i]:30} near {around}")

# %%
# Both maps
# ---------
# Large points are the held-out functions above.

import matplotlib.pyplot as plt

from skmanifold.inspection import EmbeddingDisplay

figure, axes = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
for axis, (name, Z) in zip(axes, maps.items(), strict=True):
    EmbeddingDisplay.from_embedding(
        Z,
        topics[y[train]],
        Z_new=models[name].transform([texts[i] for i in shown]),
        y_new=topics[y[shown]],
        ax=axis,
        legend=name == "DLME",
    )
    axis.set_title(f"{name}: accuracy {accuracy[name]:.2f}", loc="left")
plt.show()

# SPDX-License-Identifier: BSD-3-Clause

"""
========================================
TLDR: short codes to find similar images
========================================

:class:`~skmanifold.TLDR` learns short codes for similarity search without labels, from
the nearest neighbors of the training data. Here it is compared with PCA on images of
digits that were not in the training data.
"""

# %%
# Data and codes
# --------------
# Half of the digits are the collection to search, the others are the queries. The
# results of a query are ranked by the cosine similarity of the codes; its score is the
# average precision of results that show the same digit.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import train_test_split

from skmanifold import TLDR

X, queries, y, y_queries = train_test_split(
    *load_digits(return_X_y=True), test_size=0.5, random_state=0
)


def mean_average_precision(codes, query_codes):
    order = np.argsort(-cosine_similarity(query_codes, codes), axis=1)
    relevant = y[order] == y_queries[:, np.newaxis]
    precision = relevant.cumsum(axis=1) / np.arange(1, len(codes) + 1)
    return ((precision * relevant).sum(axis=1) / relevant.sum(axis=1)).mean()


# %%
# Scores by the length of the code
# --------------------------------

lengths = [2, 4, 8, 16, 32]
methods = {
    "PCA": lambda d: PCA(d, random_state=0),
    "TLDR": lambda d: TLDR(d, random_state=0),
    'TLDR(encoder="mlp")': lambda d: TLDR(d, encoder="mlp", random_state=0),
}
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for name, make in methods.items():
    scores = []
    for d in lengths:
        model = make(d).fit(X)
        codes = model.transform(X), model.transform(queries)
        scores.append(mean_average_precision(*codes))
    ax.plot(lengths, scores, "o-", label=name)
    print(f"{name:20}", *(f"{score:.2f}" for score in scores))
raw = mean_average_precision(X - X.mean(axis=0), queries - X.mean(axis=0))
ax.axhline(raw, color="0.6", linestyle="--", label="pixels")
ax.set(xscale="log", xlabel="numbers per image", ylabel="mean average precision")
ax.set_xticks(lengths, lengths)
ax.minorticks_off()
ax.legend()
plt.show()

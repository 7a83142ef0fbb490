# SPDX-License-Identifier: BSD-3-Clause

"""
=======================
A map with a few labels
=======================

With ``label_weight`` above 0, :class:`~skmanifold.DLME` uses the labels that are known.
Here one image in ten is labeled; -1 means unknown. New images are embedded by both maps
and classified by the labels of their neighbors there.
"""

# %%
# Data
# ----

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from skmanifold import DLME
from skmanifold.inspection import EmbeddingDisplay

X, X_new, y, y_new = train_test_split(
    *load_digits(return_X_y=True), test_size=400, random_state=0
)
labeled = np.random.default_rng(0).uniform(size=len(y)) < 0.1
partly = np.where(labeled, y, -1)

# %%
# Two maps of the new images
# --------------------------

figure, axes = plt.subplots(1, 2, figsize=(9, 4.5), layout="constrained")
for ax, weight in zip(axes, (0, 1), strict=True):
    model = DLME(label_weight=weight, random_state=0).fit(X, partly)
    neighbors = KNeighborsClassifier(10).fit(model.embedding_[labeled], y[labeled])
    Z = model.transform(X_new)
    accuracy = neighbors.score(Z, y_new)
    print(f"label_weight={weight}: {accuracy:.3f} of the new images recognized")
    EmbeddingDisplay.from_embedding(Z, y_new, ax=ax, legend="names")
    ax.set_title(f"label_weight={weight}: {accuracy:.0%}")

# %%
# For comparison, neighbors in pixel space.

neighbors = KNeighborsClassifier(10).fit(X[labeled], y[labeled])
print(f"pixels: {neighbors.score(X_new, y_new):.3f}")
plt.show()

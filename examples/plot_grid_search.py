# SPDX-License-Identifier: BSD-3-Clause

"""
=============================================
Choosing parameters: pipeline and grid search
=============================================

An embedding that is a function can be cross-validated: it is fitted on some samples and
scored on others. Here :class:`~sklearn.model_selection.GridSearchCV` searches over two
parameters of :class:`~skmanifold.DLME` at the end of a pipeline, with two scorers of
:mod:`skmanifold.metrics`, on the 178 wines of scikit-learn.
"""

# %%
# Two questions, two scorers
# --------------------------
# *Trustworthiness* measures whether neighbors in the embedding of held-out wines are
# also neighbors in the data; it needs no labels. The columns have different units, so
# the reference is standardized columns, for all candidates: comparing each candidate
# with its own preprocessing would favor the preprocessing that is easiest to embed.
# *Neighborhood hit* measures whether neighbors are wines of the same kind; labels are
# used only for scoring.

from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skmanifold.metrics import get_scorer, make_embedding_scorer, neighborhood_hit

X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.3, stratify=y, random_state=0
)
scoring = {
    "trustworthiness": get_scorer(
        "trustworthiness", reference=StandardScaler().fit(X_train).transform
    ),
    "neighborhood_hit": make_embedding_scorer(neighborhood_hit, n_neighbors=5),
}

# %%
# The search
# ----------
# The first step of the pipeline is a logarithm, because ratios of concentrations
# matter; scaling is part of the model. Nine candidates and three folds make 27 fits,
# each with 100 epochs, half the default for so few samples.

import numpy as np
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from skmanifold import DLME

pipeline = Pipeline(
    [
        ("log", FunctionTransformer(np.log1p)),
        ("embed", DLME(max_epochs=100, random_state=0)),
    ]
)
grid = {
    "embed__n_neighbors": [3, 5, 15],
    "embed__nu_embedding": [0.01, 0.1, 1.0],
}
search = GridSearchCV(
    pipeline,
    grid,
    scoring=scoring,
    refit="trustworthiness",
    cv=StratifiedKFold(3, shuffle=True, random_state=0),
)
search.fit(X_train, y_train)
print(search.best_params_)
for name, scorer in scoring.items():
    print(f"{name:17} on the test set {scorer(search, X_test, y_test):.3f}")

# %%
# Result
# ------
# Means and standard deviations over the folds; ignore differences within these. The
# best candidate embeds the 124 training wines, and then the test wines, the large
# points.

import matplotlib.pyplot as plt

from skmanifold.inspection import EmbeddingDisplay

shape = [len(values) for values in grid.values()]
figure, axes = plt.subplots(
    1, 3, figsize=(12, 4.2), layout="constrained", width_ratios=(1, 1, 1.25)
)
for axis, name in zip(axes, scoring, strict=False):
    mean, std = (
        search.cv_results_[f"{statistic}_test_{name}"].reshape(shape)
        for statistic in ("mean", "std")
    )
    low, high = mean.min() - 0.02, mean.max()
    axis.imshow(mean, cmap="viridis", vmin=low, vmax=high, aspect="auto")
    for row, column in np.ndindex(*shape):
        axis.text(
            column,
            row,
            f"{mean[row, column]:.3f}\n± {std[row, column]:.3f}",
            ha="center",
            va="center",
            color="black" if mean[row, column] > (low + high) / 2 else "white",
        )
    axis.set_xticks(range(shape[1]), grid["embed__nu_embedding"])
    axis.set_yticks(range(shape[0]), grid["embed__n_neighbors"])
    axis.set(xlabel="nu_embedding", ylabel="n_neighbors")
    axis.set_title(name, loc="left")

EmbeddingDisplay.from_embedding(
    search.transform(X_train),
    y_train,
    Z_new=search.transform(X_test),
    y_new=y_test,
    ax=axes[2],
    legend="names",
)
axes[2].set_title("the best candidate by trustworthiness", loc="left")
plt.show()

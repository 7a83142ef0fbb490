# SPDX-License-Identifier: BSD-3-Clause

"""
==================================================
MSimCLR: sixteen small charts instead of one plane
==================================================

Contrastive learning in two dimensions: :class:`~skmanifold.MSimCLR` maps images
of handwritten digits to sixteen charts with two coordinates each, and, with one chart
and no regularization, to one plane, which is plain SimCLR with the same network. Both
are unsupervised. Labels then train one affine classifier per chart, and score it on
held-out images.
"""

# %%
# Two models of one network
# -------------------------
# Views are made from the image alone (``n_neighbors=None``), as in the paper, by small
# shifts, rotations, changes of size and shears.

from time import perf_counter

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmanifold.atlas import MSimCLR

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

shared = dict(image_shape=(8, 8), n_neighbors=None, max_epochs=60, random_state=0)
models = {
    "SimCLR": MSimCLR(n_charts=1, regularization_weight=0, **shared),
    "MSimCLR": MSimCLR(n_charts=16, **shared),
}
for name, model in models.items():
    start = perf_counter()
    model.fit(X_train)
    print(f"{name}: {perf_counter() - start:.0f} s")

# %%
# One affine classifier per chart
# -------------------------------
# :class:`~skmanifold.atlas.ChartwiseClassifier` fits one classifier to the coordinates
# of each chart in the output of ``transform``.

from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from skmanifold.atlas import ChartwiseClassifier

accuracy = {}
for name, model in models.items():
    train, test = model.embedding_, model.transform(X_test)
    for kind, classifier in [
        ("affine", LogisticRegression(C=1e3, max_iter=5000)),
        ("SVC", SVC(C=10)),
    ]:
        charts = ChartwiseClassifier(classifier).fit(train, y_train)
        accuracy[name, kind] = charts.score(test, y_test)
        print(f"{name:8} {kind:7} {accuracy[name, kind]:.3f}")

q = models["MSimCLR"].predict_proba(X_test)
print(f"mean largest membership {q.max(axis=1).mean():.2f}")

# %%
# Plot
# ----
# Each image is plotted at its coordinates. The frame of each chart is the unit square.

import matplotlib.pyplot as plt
import numpy as np

# Paul Tol's "muted" scheme, with its two light colors darkened for thin strokes
colors = np.array(
    "#CC6677 #332288 #C09A20 #117733 #3B9BD0 "
    "#882255 #44AA99 #999933 #AA4499 #000000".split()
)


def draw(axis, coordinates, labels, size):
    for digit in range(10):
        rows = labels == digit
        axis.scatter(
            *coordinates[rows].T, c=colors[digit], marker=f"${digit}$", s=size, lw=0
        )
    axis.set(xticks=[], yticks=[], xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    axis.set_aspect("equal")


figure = plt.figure(figsize=(12, 6.2), layout="constrained")
left, right = figure.subfigures(1, 2)
axis = left.subplots()
draw(axis, models["SimCLR"].charts(X_test)[1], y_test, 50)
left.suptitle(f"SimCLR: affine classifier {accuracy['SimCLR', 'affine']:.3f}")
chart, coordinates = models["MSimCLR"].charts(X_test)
for j, axis in enumerate(right.subplots(4, 4).flat):
    draw(axis, coordinates[chart == j], y_test[chart == j], 42)
right.suptitle(
    "MSimCLR, 16 charts: affine classifier per chart "
    f"{accuracy['MSimCLR', 'affine']:.3f}"
)
plt.show()

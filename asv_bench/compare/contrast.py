# SPDX-License-Identifier: BSD-3-Clause

"""Charts against flat representations of the same network.

``python -m asv_bench.compare.contrast --parts contrast --n_components 2 4 8``

- *contrast*: accuracy of one linear classifier per chart on held-out samples, for
  MSimCLR and for plain SimCLR: the same network with one chart and no regularization,
  with either projection head and with the loss of the package lightly. Plain SimCLR
  gets the better of two linear classifiers, on its coordinates and on their logits.
  Dead charts have less than a tenth of the mean mass.
- *columns*: accuracy of the same classifier on the columns of a table, and on
  MSimCLR's hard and soft charts of it.
- *triplets*: classes are split by the seed. *R@1* is the recall of the nearest neighbor
  among classes not seen in training, *known* the accuracy of five neighbors on held-out
  samples of known classes: for the input, for principal components (as many numbers as
  a sample has in soft and in hard charts) and for AtlasTriplet: soft charts at their
  start and trained, as in the paper (without the distances of the inputs), and hard.
"""

import time

import numpy as np

from asv_bench.compare.data import IMAGE_SHAPES, load, split_rows, stratified_rows
from asv_bench.compare.methods import import_peer
from asv_bench.compare.parts import Part, make_parts_parser, run_parts

# Number of samples for fitting and scoring classifiers; networks use all.
MOST_ROWS = 10_000


# Accuracy of linear classifiers ---------------------------------------------


def linear_accuracy(train, test, y_train, y_test):
    """Return the accuracy of a logistic regression on standardized features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=10, max_iter=1000))
    return model.fit(train, y_train).score(test, y_test)


def logits(coordinates):
    """Return the logits of coordinates in [0, 1]."""
    inside = np.clip(coordinates, 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))


def held_out(name, n_rows):
    """Return training samples and labels, test samples and labels, and image shape."""
    data = load(name)
    train, test = split_rows(data)
    if n_rows is not None:
        train = train[stratified_rows(data.y[train], n_rows)]
    samples = data.X[train], data.y[train], data.X[test], data.y[test]
    return *samples, IMAGE_SHAPES.get(name)


def with_loss_of_lightly(**parameters):
    """Return plain SimCLR with lightly's loss."""
    import torch

    from skmanifold.atlas import MSimCLR

    NTXentLoss = import_peer("lightly.loss").NTXentLoss

    class ByLightly(MSimCLR):
        def _make_objective(self, data, networks):
            objective = super()._make_objective(data, networks)
            contrast = NTXentLoss(self.temperature)

            def loss(batch, progress):
                *views, _ = batch
                z = objective.projections(*objective.encoder.charts(torch.cat(views)))
                with torch.autocast(z.device.type, enabled=False):
                    return {"contrast": contrast(*z.float().chunk(2))}

            objective.forward = loss
            return objective

    return ByLightly(**parameters)


FLAT = {"n_charts": 1, "regularization_weight": 0}
SIMCLR = {
    "SimCLR, mlp head": {**FLAT, "projection": "mlp"},
    "SimCLR, paper head": {**FLAT, "projection": "paper"},
    "SimCLR, loss of lightly": {**FLAT, "projection": "mlp"},
}


def contrast(model, data, n_neighbors, n_components, seed, rows=None):
    """Fit and score SimCLR, or MSimCLR with the charts of ``"MSimCLR, k=16"``."""
    from skmanifold.atlas import MSimCLR

    make = with_loss_of_lightly if model.endswith("lightly") else MSimCLR
    parameters = SIMCLR.get(model) or {"n_charts": int(model.partition("k=")[2])}
    X, y, X_test, y_test, image_shape = held_out(data, rows)
    start = time.perf_counter()
    model = make(
        n_components=n_components,
        n_neighbors=n_neighbors or None,
        image_shape=image_shape,
        random_state=seed,
        **parameters,
    ).fit(X)
    seconds = time.perf_counter() - start
    fitted = stratified_rows(y, MOST_ROWS)
    scored = stratified_rows(y_test, MOST_ROWS)
    blocks = model.embedding_[fitted], model.transform(X_test[scored])
    labels = y[fitted], y_test[scored]
    accuracy = linear_accuracy(*blocks, *labels)
    if parameters["n_charts"] == 1:
        flat = (logits(block[:, 1:]) for block in blocks)
        accuracy = max(accuracy, linear_accuracy(*flat, *labels))
    q = model.predict_proba(X)
    return {
        "accuracy": accuracy,
        "dead charts": int((q.mean(axis=0) < 0.1 / q.shape[1]).sum()),
        "largest q": float(q.max(axis=1).mean()),
        "seconds": seconds,
        "epoch s": seconds / model.n_iter_,
    }


def columns(data, seed, rows=None):
    """Compare charts of a table with its columns, as features of one classifier."""
    from skmanifold.atlas import MSimCLR

    X, y, X_test, y_test, _ = held_out(data, rows)
    model = MSimCLR(random_state=seed).fit(X)
    accuracy = {"columns": linear_accuracy(X, X_test, y, y_test)}
    for membership in ("hard", "soft"):
        model.set_params(membership=membership)
        blocks = model.transform(X), model.transform(X_test)
        accuracy[membership] = linear_accuracy(*blocks, y, y_test)
    return accuracy


# Recall of neighbors among unseen classes ------------------------------------


def recall(distances, y):
    """Return the fraction of samples whose nearest neighbor has their class."""
    distances = distances.copy()
    np.fill_diagonal(distances, np.inf)
    return float((y[distances.argmin(axis=1)] == y).mean())


def triplets(data, d, k, seed, rows=None):
    """Learn from half of the classes; search among the others, and predict."""
    from sklearn.decomposition import PCA
    from sklearn.metrics import pairwise_distances
    from sklearn.model_selection import train_test_split
    from sklearn.neighbors import KNeighborsClassifier

    from skmanifold.atlas import AtlasTriplet

    dataset = load(data, rows)
    classes = np.random.default_rng(seed).permutation(np.unique(dataset.y))
    known = np.isin(dataset.y, classes[: len(classes) // 2])
    X_new, y_new = dataset.X[~known], dataset.y[~known]
    X, X_test, y, y_test = train_test_split(
        dataset.X[known],
        dataset.y[known],
        test_size=0.25,
        stratify=dataset.y[known],
        random_state=seed,
    )
    figures = {}
    spaces = {"input": None, "PCA as soft": k * (d + 1), "PCA as hard": d + 1}
    for space, n in spaces.items():
        rows = X, X_test, X_new
        if n is not None:
            pca = PCA(min(n, *X.shape), random_state=seed).fit(X)
            rows = [pca.transform(part) for part in rows]
        figures[f"R@1, {space}"] = recall(pairwise_distances(rows[2]), y_new)
        classifier = KNeighborsClassifier().fit(rows[0], y)
        figures[f"known, {space}"] = classifier.score(rows[1], y_test)
    models = {
        # so short a step that nothing moves
        "start": {"max_epochs": 1, "learning_rate": 1e-12},
        "soft": {},
        "paper": {"distance_weight": 0.0},
        "hard": {"membership": "hard"},
    }
    for kind, parameters in models.items():
        model = AtlasTriplet(
            k, d, image_shape=IMAGE_SHAPES.get(data), random_state=seed, **parameters
        ).fit(X, y)
        figures[f"R@1, {kind}"] = recall(model.distance(X_new, X_new), y_new)
        figures[f"known, {kind}"] = model.score(X_test, y_test)
    return figures


# Parts ----------------------------------------------------------------------------

SPACES = ("input", "PCA as soft", "start", "soft", "paper", "PCA as hard", "hard")
PARTS = {
    "contrast": Part(
        contrast,
        {
            "data": ("digits",),
            "rows": (None,),
            "n_neighbors": (4, 0),
            "n_components": (2,),
            "model": (*SIMCLR, *(f"MSimCLR, k={k}" for k in (1, 4, 16, 32))),
        },
        {"accuracy": 3, "dead charts": 1, "largest q": 2, "seconds": 0, "epoch s": 2},
    ),
    "columns": Part(
        columns,
        {"data": ("vowel", "pbmc68k", "pendigits"), "rows": (None,)},
        {"columns": 3, "hard": 3, "soft": 3},
    ),
    "triplets": Part(
        triplets,
        {"data": ("digits",), "rows": (None,), "d": (5,), "k": (4,)},
        {f"{figure}, {space}": 3 for figure in ("R@1", "known") for space in SPACES},
    ),
}


def main(arguments=None):
    """Run the command line."""
    parser = make_parts_parser("contrast", __doc__, PARTS)
    run_parts("contrast", PARTS, parser.parse_args(arguments))


if __name__ == "__main__":
    main()

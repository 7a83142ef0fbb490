# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Charts against flat representations of the same network.

``python -m asv_bench.compare.contrast`` prints two tables.

- *contrast*: accuracy of one affine classifier per chart on held-out rows, for MSimCLR
  and for plain SimCLR, which is the same network with one chart and no regularisation.
  Plain SimCLR has two rows, one for each projection head, and each gets the better of
  two linear classifiers, on its coordinates and on their logits. Beside it the charts
  with less than a tenth of their fair mass, and the mean largest membership.
- *triplets*: recall of the nearest neighbours among classes that were not seen in
  training, for AtlasTriplet with soft and with hard charts, and for a triplet loss on
  the unit sphere of one dimension more.

Every figure is the mean over seeds, with the standard deviation. ``--charts`` and
``--components`` take lists: ``--components 2 4 8 --charts 1 4 16 32`` is the curve of
the paper's table. Data are read from the folder that SKMANIFOLD_DATA names; digits come
with scikit-learn.
"""

import argparse
import os
import time

import numpy as np

from asv_bench.compare.data import load, split_rows, stratified_rows

IMAGE_SHAPES = {
    "digits": (8, 8),
    "mnist": (28, 28),
    "fashion_mnist": (28, 28),
    "coil20": (32, 32),
}

# Rows on which classifiers are fitted and judged; networks see all.
MOST_ROWS = 10_000


# Accuracy of linear classifiers ---------------------------------------------


def linear_accuracy(train, test, y_train, y_test):
    """Accuracy of a multinomial logistic regression on standardised columns."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=10, max_iter=1000))
    return model.fit(train, y_train).score(test, y_test)


def logits(coordinates):
    """Coordinates in [0, 1] on the whole line."""
    inside = np.clip(coordinates, 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))


def held_out(name, n_rows):
    """Rows to train on and to judge on, and the shape of an image."""
    data = load(name)
    train, test = split_rows(data)
    if n_rows is not None:
        train = train[stratified_rows(data.y[train], n_rows)]
    return data.X[train], data.y[train], data.X[test], data.y[test], IMAGE_SHAPES[name]


def contrast_once(name, n_rows, seed, options):
    """Fit one model and judge it."""
    from skmanifold.atlas import MSimCLR

    X, y, X_test, y_test, image_shape = held_out(name, n_rows)
    start = time.perf_counter()
    model = MSimCLR(image_shape=image_shape, random_state=seed, **options).fit(X)
    seconds = time.perf_counter() - start
    fitted = stratified_rows(y, MOST_ROWS)
    judged = stratified_rows(y_test, MOST_ROWS)
    blocks = model.embedding_[fitted], model.transform(X_test[judged])
    labels = y[fitted], y_test[judged]
    accuracy = linear_accuracy(*blocks, *labels)
    if options["n_charts"] == 1:
        flat = (logits(block[:, 1:]) for block in blocks)
        accuracy = max(accuracy, linear_accuracy(*flat, *labels))
    q = model.predict_proba(X)
    return {
        "accuracy": accuracy,
        "dead charts": int((q.mean(axis=0) < 0.1 / q.shape[1]).sum()),
        "largest q": q.max(axis=1).mean(),
        "seconds": seconds,
    }


def contrast_rows(args):
    """The models of the table, by name."""
    views = {"n_neighbors": None if args.neighbors == 0 else args.neighbors}
    if args.epochs:
        views["max_epochs"] = args.epochs
    for d in args.components:
        for projection in ("mlp", "paper"):
            plain = {"n_charts": 1, "regularization": 0, "projection": projection}
            yield f"SimCLR, {projection} head, d={d}", {"n_components": d, **plain}
        for k in args.charts:
            yield f"MSimCLR, k={k}, d={d}", {"n_components": d, "n_charts": k}
    args.options = views


# Recall of neighbours among unseen classes ------------------------------------


def flat_triplet(n_components, seed, n_epochs, image_shape):
    """A triplet loss on the unit sphere, with AtlasTriplet's network and batches."""
    from torch import nn
    from torch.nn import functional as F

    from skmanifold.atlas import AtlasTriplet
    from skmanifold.atlas._trunks import make_trunk
    from skmanifold.losses import batch_all_triplets

    class Sphere(nn.Module):
        def __init__(self, trunk, n_features):
            super().__init__()
            self.trunk = trunk
            self.head = nn.Linear(n_features, n_components)

        def forward(self, x):
            return F.normalize(self.head(self.trunk(x)), dim=1)

    class Objective(nn.Module):
        def __init__(self, inputs, labels, encoder):
            super().__init__()
            self.encoder = encoder
            self.register_buffer("inputs", inputs, persistent=False)
            self.register_buffer("labels", labels, persistent=False)

        def forward(self, batch, progress):
            rows, _ = batch
            z = self.encoder(self.inputs[rows])
            # the slope of a root at zero is infinite
            distances = (2 - 2 * z @ z.t()).clamp(min=1e-8).sqrt()
            return {"triplets": batch_all_triplets(distances, self.labels[rows])}

    def make_objective(data):
        import torch

        trunk, width = make_trunk(
            None,
            data.inputs,
            image_shape=(*image_shape, 1),
            layers=(),
            feature_dim=model.feature_dim,
        )
        labels = torch.from_numpy(model._encoded(data))
        return Objective(data.inputs, labels, Sphere(trunk, width))

    model = AtlasTriplet(
        image_shape=image_shape, max_epochs=n_epochs, random_state=seed
    )
    model._make_objective = make_objective
    # one "chart" whose block is the point of the sphere
    model._present = lambda outputs: outputs
    model._fitted_attributes = lambda objective, outputs, data: {}
    return model


def recall(distances, y, ks=(1, 2, 4, 8)):
    """Share of rows with a row of their class among their k nearest others."""
    distances = distances.copy()
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, : max(ks)]
    hits = y[nearest] == y[:, None]
    return {f"R@{k}": hits[:, :k].any(axis=1).mean() for k in ks}


def triplets_once(name, seed, d, k, n_epochs, which):
    """Fit one model on half of the classes and search among the others."""
    from scipy.spatial.distance import cdist

    from skmanifold.atlas import AtlasTriplet

    data = load(name)
    classes = np.unique(data.y)
    known = np.isin(data.y, classes[: len(classes) // 2])
    X, y, X_new, y_new = data.X[known], data.y[known], data.X[~known], data.y[~known]
    if which == "pixels":
        return {"": recall(cdist(X_new, X_new), y_new)}
    image_shape = IMAGE_SHAPES[name]
    if which == "flat":
        model = flat_triplet(d, seed, n_epochs, image_shape).fit(X, y)
        Z = model.transform(X_new)
        return {"": recall(cdist(Z, Z), y_new)}
    model = AtlasTriplet(
        k,
        d,
        image_shape=image_shape,
        max_epochs=n_epochs,
        random_state=seed,
        **({"regularization": 0.0} if which == "free" else {}),
    ).fit(X, y)
    result = {}
    for membership in ("soft", "hard") if k > 1 else ("soft",):
        model.set_params(membership=membership)
        result[f", {membership}" if k > 1 else ""] = recall(
            model.distance(X_new, X_new), y_new
        )
    return result


def triplet_rows(args):
    """The models of the table: name, dimension, charts, kind."""
    for d in args.components:
        for k in args.charts:
            if k > 1:
                yield f"AtlasTriplet, k={k}, d={d}", d, k, "atlas"
        yield f"unit sphere of {d + 1} dimensions", d + 1, 1, "flat"
    yield "unit sphere of 16 dimensions", 16, 1, "flat"
    yield "AtlasTriplet, k=1, d=64", 64, 1, "atlas"
    yield "the same without regularisation", 64, 1, "free"
    yield "unit sphere of 64 dimensions", 64, 1, "flat"
    yield "pixels", 0, 0, "pixels"


# Tables -----------------------------------------------------------------------


def summary(rows):
    """Mean and standard deviation of each figure, as text."""
    return "  ".join(
        f"{key} {np.mean([row[key] for row in rows]):.3f}"
        f"+-{np.std([row[key] for row in rows]):.3f}"
        for key in rows[0]
    )


def contrast_table(args):
    """Print the first table."""
    for name, options in list(contrast_rows(args)):
        found = [
            contrast_once(args.data, args.rows, seed, {**options, **args.options})
            for seed in range(args.seeds)
        ]
        print(f"{args.data:14} {name:26} {summary(found)}", flush=True)


def triplet_table(args):
    """Print the second table."""
    for name, d, k, which in triplet_rows(args):
        found = [
            triplets_once(args.data, seed, d, k, args.epochs or "auto", which)
            for seed in range(1 if which == "pixels" else args.seeds)
        ]
        for kind in found[0]:
            rows = [one[kind] for one in found]
            print(f"{args.data:14} {name + kind:32} {summary(rows)}", flush=True)


def main(arguments=None):
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "tables", nargs="*", help="'contrast' and 'triplets'; both if none is named"
    )
    parser.add_argument("--data", default="digits", choices=sorted(IMAGE_SHAPES))
    parser.add_argument("--rows", type=int, help="rows to train on; all by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--components", type=int, nargs="+", default=[2])
    parser.add_argument("--charts", type=int, nargs="+", help="16 and 8 by default")
    parser.add_argument("--epochs", type=int, help="instead of the automatic number")
    parser.add_argument(
        "--neighbors",
        type=int,
        default=4,
        help="n_neighbors of the views; 0 for views of the sample alone",
    )
    args = parser.parse_args(arguments)
    # before torch is imported: one thread, so that runs side by side do not fight
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    charts = args.charts
    unknown = set(args.tables) - {"contrast", "triplets"}
    if unknown:
        parser.error(f"unknown tables: {', '.join(sorted(unknown))}")
    for name, table, k in [
        ("contrast", contrast_table, 16),
        ("triplets", triplet_table, 8),
    ]:
        if name in (args.tables or ["contrast", "triplets"]):
            args.charts = charts or [k]
            table(args)


if __name__ == "__main__":
    main()

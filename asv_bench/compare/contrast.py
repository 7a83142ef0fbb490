# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Charts against flat representations of the same network.

``python -m asv_bench.compare.contrast contrast --components 2 4 8 --charts 1 4 16 32``

- *contrast*: accuracy of one linear classifier per chart on held-out samples, for
  MSimCLR
  and for plain SimCLR: the same network with one chart and no regularization, with
  either projection head and with the loss of the package lightly. Plain SimCLR gets the
  better of two linear classifiers, on its coordinates and on their logits. Dead charts
  have less than a tenth of the mean mass.
- *triplets*: recall of nearest neighbors among classes not seen in training, for
  AtlasTriplet with soft and hard charts, trained and untrained, and for a triplet loss
  on the unit sphere of one more dimension, trained as long and twice as long.
"""

import dataclasses
import time

import numpy as np

from asv_bench.compare.data import IMAGE_SHAPES, load, split_rows, stratified_rows
from asv_bench.compare.methods import import_peer
from asv_bench.compare.runner import carry_out, make_parser
from asv_bench.compare.tables import markdown, mean_table

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
    return data.X[train], data.y[train], data.X[test], data.y[test], IMAGE_SHAPES[name]


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


def contrast_once(name, n_rows, seed, **options):
    """Fit and score one model."""
    from skmanifold.atlas import MSimCLR

    make = with_loss_of_lightly if options.pop("lightly", False) else MSimCLR
    if options.get("n_neighbors") == 0:
        options["n_neighbors"] = None
    X, y, X_test, y_test, image_shape = held_out(name, n_rows)
    start = time.perf_counter()
    model = make(image_shape=image_shape, random_state=seed, **options).fit(X)
    seconds = time.perf_counter() - start
    fitted = stratified_rows(y, MOST_ROWS)
    scored = stratified_rows(y_test, MOST_ROWS)
    blocks = model.embedding_[fitted], model.transform(X_test[scored])
    labels = y[fitted], y_test[scored]
    accuracy = linear_accuracy(*blocks, *labels)
    if options["n_charts"] == 1:
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


# Recall of neighbors among unseen classes ------------------------------------


def flat_triplet(n_components, seed, n_epochs, image_shape, *, times=1):
    """Return a triplet loss on the unit sphere, with AtlasTriplet's network.

    It is trained ``times`` times as long as AtlasTriplet.
    """
    import torch
    from torch import nn
    from torch.nn import functional as F

    from skmanifold.atlas import AtlasTriplet
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
            # the gradient of a root at zero is infinite
            distances = (2 - 2 * z @ z.t()).clamp(min=1e-8).sqrt()
            return {"triplets": batch_all_triplets(distances, self.labels[rows])}

    class FlatTriplet(AtlasTriplet):
        def _plan(self, n_samples, n_features):
            plan = super()._plan(n_samples, n_features)
            return dataclasses.replace(plan, n_steps=times * plan.n_steps)

        def _make_objective(self, data, networks):
            labels = torch.from_numpy(self._encoded(data))
            trunk = networks["encoder"].parts.trunk
            return Objective(data.inputs, labels, Sphere(trunk, self.feature_dim))

        def _present(self, outputs):
            return outputs

        def _fitted_attributes(self, objective, outputs, data):
            return {}

    if n_epochs != "auto":
        n_epochs *= times
    return FlatTriplet(image_shape=image_shape, max_epochs=n_epochs, random_state=seed)


def recall(distances, y, ks=(1, 2, 4, 8)):
    """Return the fraction of samples with their class among their k nearest."""
    distances = distances.copy()
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, : max(ks)]
    hits = y[nearest] == y[:, None]
    return {f"R@{k}": float(hits[:, :k].any(axis=1).mean()) for k in ks}


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
    if which.startswith("flat"):
        times = 2 if which == "flat, longer" else 1
        model = flat_triplet(d, seed, n_epochs, image_shape, times=times).fit(X, y)
        Z = model.transform(X_new)
        return {"": recall(cdist(Z, Z), y_new)}
    model = AtlasTriplet(
        k,
        d,
        image_shape=image_shape,
        max_epochs=n_epochs,
        random_state=seed,
    )
    if which == "free":
        model.set_params(regularization_weight=0.0)
    elif which == "untrained":
        # one epoch without learning, so that batch norms see the data
        model.set_params(max_epochs=1, learning_rate=1e-12)
    model.fit(X, y)
    result = {}
    for membership in ("soft", "hard") if k > 1 else ("soft",):
        model.set_params(membership=membership)
        result[f", {membership}" if k > 1 else ""] = recall(
            model.distance(X_new, X_new), y_new
        )
    return result


# Jobs and tables -----------------------------------------------------------------


def one(table, **job):
    """Fit and score one model of a table."""
    if table == "contrast":
        job.pop("model")
        return contrast_once(job.pop("data"), job.pop("rows"), job.pop("seed"), **job)
    kinds = triplets_once(
        job["data"], job["seed"], job["d"], job["k"], job["epochs"], job["which"]
    )
    return {
        f"{name}{kind}": value
        for kind, figures in kinds.items()
        for name, value in figures.items()
    }


def contrast_jobs(options, charts):
    """Yield the jobs of the first table, without seeds."""
    common = {"table": "contrast", "data": options.data, "rows": options.rows}
    common["n_neighbors"] = options.neighbors
    if options.epochs:
        common["max_epochs"] = options.epochs
    flat = {"n_charts": 1, "regularization_weight": 0}
    models = {
        "SimCLR, mlp head": {**flat, "projection": "mlp"},
        "SimCLR, paper head": {**flat, "projection": "paper"},
        "SimCLR, loss of lightly": {**flat, "projection": "mlp", "lightly": True},
        **{f"MSimCLR, k={k}": {"n_charts": k} for k in charts},
    }
    for d in options.components:
        for model, parameters in models.items():
            yield {**common, "model": model, "n_components": d, **parameters}


def triplet_jobs(options, charts):
    """Yield the jobs of the second table, without seeds."""
    models = {}
    for d in options.components:
        for k in charts:
            models[f"AtlasTriplet, k={k}, d={d}"] = d, k, "atlas"
            models[f"AtlasTriplet, k={k}, d={d}, untrained"] = d, k, "untrained"
        sphere = f"unit sphere of {d + 1} dimensions"
        models[sphere] = d + 1, 1, "flat"
        # the length of training was tuned for charts
        models[f"{sphere}, twice as long"] = d + 1, 1, "flat, longer"
    models["unit sphere of 16 dimensions"] = 16, 1, "flat"
    models["AtlasTriplet, k=1, d=64"] = 64, 1, "atlas"
    models["the same without regularization"] = 64, 1, "free"
    models["unit sphere of 64 dimensions"] = 64, 1, "flat"
    models["pixels"] = 0, 0, "pixels"
    common = {"table": "triplets", "data": options.data}
    common["epochs"] = options.epochs or "auto"
    for model, (d, k, which) in models.items():
        yield {**common, "model": model, "d": d, "k": k, "which": which}


# table -> (jobs, default charts, keys of a line, columns)
TABLES = {
    "contrast": (
        contrast_jobs,
        [16],
        ("data", "rows", "n_neighbors", "n_components", "model"),
        {"accuracy": 3, "dead charts": 1, "largest q": 2, "seconds": 0, "epoch s": 2},
    ),
    "triplets": (
        triplet_jobs,
        [8],
        ("data", "model"),
        {"R@1": 3, "R@1, soft": 3, "R@1, hard": 3, "R@8": 3},
    ),
}


def main(arguments=None):
    """Run the command line."""
    parser = make_parser("contrast", __doc__)
    parser.add_argument(
        "tables", nargs="*", help="'contrast' and 'triplets'; both if none is named"
    )
    parser.add_argument("--data", default="digits", choices=sorted(IMAGE_SHAPES))
    parser.add_argument("--rows", type=int, help="samples to train on (default: all)")
    parser.add_argument("--components", type=int, nargs="+", default=[2])
    parser.add_argument("--charts", type=int, nargs="+", help="default: 16 and 8")
    parser.add_argument("--epochs", type=int, help="instead of the automatic number")
    parser.add_argument(
        "--neighbors",
        type=int,
        default=4,
        help="n_neighbors of the views; 0 means views of the sample alone",
    )
    options = parser.parse_args(arguments)
    unknown = set(options.tables) - set(TABLES)
    if unknown:
        parser.error(f"unknown tables: {', '.join(sorted(unknown))}")
    for name in options.tables or TABLES:
        make, charts, keys, columns = TABLES[name]
        models = make(options, options.charts or charts)
        jobs = [{**job, "seed": seed} for job in models for seed in options.seeds]
        rows = carry_out("contrast", jobs, options)
        rows = [row for row in rows if row["job"]["table"] == name]
        print(markdown(mean_table(rows, keys, columns)))


if __name__ == "__main__":
    main()

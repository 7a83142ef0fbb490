# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""DCRL beside the clusterings that a user would otherwise pick.

``python -m asv_bench.compare.clustering`` fits each (method, data set, seed) in a new
process, one after the other, appends one row per fit to a file of JSON lines and prints
a Markdown table of the means. ``--table`` only prints the table of such a file.

The number of clusters is that of the classes. Accuracy matches clusters with classes;
CRA, trustworthiness, continuity and RRE (3 to 7 neighbours) compare the input with the
space in which a method clusters, with the clusters that it has found. IDEC and DEC are
DCRL with their weights and the start that their papers prescribe: k-means in the latent
space of the pretrained autoencoder is replaced by k-means on the rows; "idec-start" has
DCRL's start instead. "dcrl-wide" is DCRL with the network of its paper.

A data set is a name of :mod:`asv_bench.compare.data`, alone or with a number of rows
(``mnist:10000``, stratified), or ``mnist-test``, the last 10,000 rows of MNIST. With
``/image`` behind the name, DCRL is told the shape of the images. ``--split 1400`` fits
on the first rows only and judges the others by ``predict``.
"""

import argparse
import contextlib
import time

import numpy as np

from asv_bench.compare.child import measured, warm_up
from asv_bench.compare.data import load, parse_name
from asv_bench.compare.jobs import add_options, carry_out, markdown
from asv_bench.compare.methods import METHODS as EMBEDDINGS
from asv_bench.compare.methods import import_peer

# Past this many rows, what costs the square of their number is measured on the first.
MAX_ROWS = 5_000
SHAPES = {"digits": (8, 8), "coil20": (32, 32)}
DEC_WEIGHTS = {
    "reconstruction_weight": 0.0,
    "cluster_weight": 1.0,
    "local_weight": 0.0,
    "rank_weight": 0.0,
    "alignment_weight": 0.0,
    "label_hold": 0.0,
    "center_learning_rate": 1.0,
    "init": "k-means",
}
IDEC_WEIGHTS = {**DEC_WEIGHTS, "reconstruction_weight": 1.0, "cluster_weight": 0.1}
# parameters of DCRL
OURS = {
    "dcrl": {},
    "dcrl-wide": {
        "layers": (500, 500, 2000),
        "norm": "none",
        "activation": "relu",
    },
    "dec": DEC_WEIGHTS,
    "idec": IDEC_WEIGHTS,
    "idec-start": {**IDEC_WEIGHTS, "init": "embedding"},
}


class KMeansOn:
    """k-means in the space of a transformer, or in that of the input."""

    def __init__(self, transformer, n_clusters, seed):
        from sklearn.cluster import KMeans

        self.transformer = transformer
        self.kmeans = KMeans(n_clusters, n_init=10, random_state=seed)

    def fit(self, X):
        """Embed and cluster."""
        self.embedding_ = X
        if self.transformer is not None:
            self.embedding_ = self.transformer.fit_transform(X)
        self.labels_ = self.kmeans.fit_predict(self.embedding_)
        return self

    def predict(self, X):
        """Clusters of new rows."""
        if self.transformer is not None:
            X = self.transformer.transform(X)
        return self.kmeans.predict(np.asarray(X, dtype=self.embedding_.dtype))


class HDBSCANOn(KMeansOn):
    """HDBSCAN at its defaults in the space of a transformer; it has no new rows."""

    predict = None

    def __init__(self, transformer):
        from sklearn.cluster import HDBSCAN

        self.transformer = transformer
        self.kmeans = HDBSCAN(copy=True)


class ClustPy:
    """A deep clustering of ClustPy, at its defaults, on columns of mean 0.

    Rows are divided by one number, as its authors' examples do with images.
    """

    def __init__(self, name, n_clusters, seed):
        self.make = getattr(import_peer("clustpy.deep"), name)
        self.parameters = {"n_clusters": n_clusters, "random_state": seed}

    def fit(self, X):
        """Train and cluster."""
        self.center, self.spread = X.mean(axis=0), X.std()
        model = self.make(**self.parameters)
        self.model = model.fit(self._scaled(X))
        self.embedding_ = model.transform(self._scaled(X))
        self.labels_ = model.labels_.astype(int)
        return self

    def _scaled(self, X):
        return ((X - self.center) / self.spread).astype(np.float32)

    def predict(self, X):
        """Clusters of new rows."""
        return self.model.predict(self._scaled(X)).astype(int)


class InTheInput:
    """A clustering without a space of its own."""

    def __init__(self, clusterer):
        self.clusterer = clusterer

    def fit(self, X):
        """Cluster."""
        self.embedding_ = X
        self.labels_ = self.clusterer.fit_predict(X)
        return self

    def predict(self, X):
        """Clusters of new rows."""
        return self.clusterer.predict(X)


def make(method, n_clusters, seed, shape):
    """A new model, at its defaults."""
    if method in OURS:
        from skmanifold import DCRL

        return DCRL(n_clusters, image_shape=shape, random_state=seed, **OURS[method])
    if method == "k-means":
        return KMeansOn(None, n_clusters, seed)
    if method in ("umap", "umap-hdbscan"):
        from umap import UMAP

        start = UMAP(random_state=seed, n_jobs=1)
        if method == "umap-hdbscan":
            return HDBSCANOn(start)
        return KMeansOn(start, n_clusters, seed)
    if method == "dlme":
        from skmanifold import DLME

        return KMeansOn(DLME(random_state=seed), n_clusters, seed)
    if method.startswith("clustpy"):
        return ClustPy(method.partition("-")[2].upper(), n_clusters, seed)
    if method == "mixture":
        from sklearn.mixture import GaussianMixture

        return InTheInput(
            GaussianMixture(n_clusters, reg_covar=1e-3, random_state=seed)
        )
    from sklearn.cluster import SpectralClustering

    return InTheInput(
        SpectralClustering(n_clusters, affinity="nearest_neighbors", random_state=seed)
    )


METHODS = (
    "dcrl",
    "dcrl-wide",
    "k-means",
    "mixture",
    "spectral",
    "umap",
    "umap-hdbscan",
    "dlme",
    "idec",
    "idec-start",
    "dec",
    "clustpy-dec",
    "clustpy-idec",
    "clustpy-dcn",
)


def read(name):
    """Rows, classes, and the shape of the images or None."""
    name, _, image = name.partition("/")
    if image not in ("", "image"):
        raise ValueError(f"Behind the slash goes 'image', not {image!r}.")
    if name == "mnist-test":
        data = load("mnist")
        X, y, base = data.X[-10_000:], data.y[-10_000:], "mnist"
    else:
        base, n_rows = parse_name(name)
        data = load(base, n_rows)
        X, y = data.X, data.y
    y = np.unique(y, return_inverse=True)[1]
    return X, y, SHAPES.get(base, (28, 28)) if image else None


def judge(X, y, model):
    """Scores of a fitted model."""
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    from skmanifold.metrics import (
        cluster_rank_accuracy,
        clustering_accuracy,
        continuity,
        mean_relative_rank_error,
        trustworthiness,
    )

    labels, Z = model.labels_, np.asarray(model.embedding_)
    part = slice(0, MAX_ROWS)
    near = {"n_neighbors": (3, 7)}
    errors = mean_relative_rank_error(X[part], Z[part], **near)
    scores = {
        "ACC": clustering_accuracy(y, labels),
        "NMI": normalized_mutual_info_score(y, labels),
        "NMI max": normalized_mutual_info_score(y, labels, average_method="max"),
        "ARI": adjusted_rand_score(y, labels),
        "CRA": cluster_rank_accuracy(X, Z, labels),
        "trust": trustworthiness(X[part], Z[part], **near),
        "continuity": continuity(X[part], Z[part], **near),
        "RRE": np.mean(errors),
    }
    return {name: float(value) for name, value in scores.items()}


@contextlib.contextmanager
def phases_timed():
    """Yield a dictionary that DCRL's phases write their CPU seconds into."""
    from skmanifold import DCRL
    from skmanifold.base._run import Run

    seconds, running = {}, []

    def timed(function, name_of):
        def wrapper(self, *args, **kwargs):
            name = name_of(kwargs)
            if running:  # the start trains networks of its own
                return function(self, *args, **kwargs)
            running.append(name)
            start = time.process_time()
            try:
                return function(self, *args, **kwargs)
            finally:
                running.pop()
                seconds[name] = time.process_time() - start

        return wrapper

    train, start = Run.train, DCRL._starting_labels
    Run.train = timed(train, lambda kwargs: kwargs.get("phase") or "training")
    DCRL._starting_labels = timed(start, lambda kwargs: "start")
    try:
        yield seconds
    finally:
        Run.train, DCRL._starting_labels = train, start


def one(method, data, seed, split=None):
    """Fit once; the figures."""
    from skmanifold.metrics import clustering_accuracy

    X, y, shape = read(data)
    held_out = None
    if split is not None:
        held_out = X[split:], y[split:]
        X, y = X[:split], y[:split]
    model = make(method, int(y.max()) + 1, seed, shape)
    compiled = {}
    if method.startswith("umap"):
        job = {"task": "embed", "seed": seed, "threads": 1, "params": {}}
        compiled = warm_up(EMBEDDINGS["umap"], job, *X.shape)
    with contextlib.ExitStack() as stack:
        phases = stack.enter_context(phases_timed()) if method in OURS else {}
        _, figures = measured(lambda: model.fit(X))
    found = {
        **judge(X, y, model),
        "fit s": figures["wall_s"],
        "fit CPU s": figures["cpu_s"],
        "fit MiB": figures["peak_mib"],
        **compiled,
        **{f"{name} CPU s": value for name, value in phases.items()},
        "clusters": len(np.unique(model.labels_)),
    }
    if held_out is not None and model.predict and method != "spectral":
        found["ACC new"] = clustering_accuracy(held_out[1], model.predict(held_out[0]))
    return found


COLUMNS = {
    "ACC": 3,
    "NMI": 3,
    "ARI": 3,
    "CRA": 3,
    "trust": 3,
    "continuity": 3,
    "RRE": 3,
    "ACC new": 3,
    "fit CPU s": 0,
    "start CPU s": 0,
}


def ordered(rows):
    """Rows by data and split, DCRL first and its peers by their names."""

    def key(row):
        job = row["job"]
        method = job["method"]
        return job["data"], job.get("split") or 0, method != "dcrl", method

    return sorted(rows, key=key)


def jobs(options):
    """What is to be measured."""
    for data in options.data:
        for seed in options.seeds:
            for method in options.methods:
                job = {"method": method, "data": data, "seed": seed}
                yield job if options.split is None else {**job, "split": options.split}


def main(arguments=None):
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", nargs="*", default=["digits"])
    parser.add_argument("--methods", nargs="*", default=METHODS, choices=METHODS)
    parser.add_argument("--split", type=int, help="fit on so many first rows only")
    add_options(parser, "clustering.jsonl")
    options = parser.parse_args(arguments)
    rows = carry_out("clustering", jobs(options), options)
    print(markdown(ordered(rows), ("data", "split", "method"), COLUMNS))


if __name__ == "__main__":
    main()

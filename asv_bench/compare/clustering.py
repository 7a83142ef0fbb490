# SPDX-License-Identifier: BSD-3-Clause

"""DCRL compared with other clustering methods.

``python -m asv_bench.compare.clustering --data digits coil20 --methods dcrl k-means``

The number of clusters is that of the classes; ``dcrl-auto``, ``hdbscan`` and
``umap-hdbscan`` find it, where the noise of HDBSCAN counts as a cluster. Accuracy
matches clusters with classes; CRA, trustworthiness, continuity and RRE (3 to 7
neighbors) compare the input with the space in which a method clusters. ``idec`` and
``dec`` are DCRL with the weights of these papers, but its own optimizer and number of
steps, initialized by k-means on the input instead of a pretrained latent space;
``idec-start`` is initialized like DCRL.
``dcrl-wide`` is DCRL with the network of its paper.

A data set is a name of :mod:`asv_bench.compare.data`, optionally with a number of
samples (``mnist:10000``, stratified), or ``mnist-test``, the last 10,000 samples of
MNIST. With ``/image`` after the name, DCRL gets the shape of the images.
``--split 1400`` fits the first samples only and scores ``predict`` on the rest.
"""

import functools

import numpy as np

from asv_bench.compare.data import IMAGE_SHAPES, load, parse_name
from asv_bench.compare.embedding import warm_up
from asv_bench.compare.methods import METHODS as EMBEDDINGS
from asv_bench.compare.methods import import_peer, make_model
from asv_bench.compare.process import measured
from asv_bench.compare.runner import carry_out, make_parser
from asv_bench.compare.tables import markdown, mean_table

# Above this many samples, scores of quadratic cost use the first ones.
MAX_ROWS = 5_000
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
    "dcrl-auto": {"n_clusters": "auto"},
    "dcrl-wide": {
        "encoder_layers": (500, 500, 2000),
        "norm": "none",
        "activation": "relu",
    },
    "dec": DEC_WEIGHTS,
    "idec": IDEC_WEIGHTS,
    "idec-start": {**IDEC_WEIGHTS, "init": "embedding"},
}


class Clustering:
    """Clusterer on the output of a transformer, or on the input itself."""

    def __init__(self, clusterer, transformer=None):
        self.clusterer = clusterer
        self.transformer = transformer

    def fit(self, X):
        """Embed and cluster."""
        self.embedding_ = X if self.transformer is None else (
            self.transformer.fit_transform(X)
        )  # fmt: skip
        self.labels_ = self.clusterer.fit_predict(self.embedding_)
        return self

    def predict(self, X):
        """Return the clusters of new samples."""
        if self.transformer is not None:
            X = self.transformer.transform(X)
        return self.clusterer.predict(np.asarray(X, dtype=self.embedding_.dtype))


class ClustPy:
    """Deep clustering of ClustPy with default parameters.

    X is centered and divided by its standard deviation, as in the authors' examples.
    """

    def __init__(self, name, n_clusters, seed):
        make = getattr(import_peer("clustpy.deep"), name)
        self.model = make(n_clusters=n_clusters, random_state=seed)

    def _scaled(self, X):
        return ((X - self.center) / self.spread).astype(np.float32)

    def fit(self, X):
        """Train and cluster."""
        self.center, self.spread = X.mean(axis=0), X.std()
        self.model = self.model.fit(self._scaled(X))
        self.embedding_ = self.model.transform(self._scaled(X))
        self.labels_ = self.model.labels_.astype(int)
        return self

    def predict(self, X):
        """Return the clusters of new samples."""
        return self.model.predict(self._scaled(X)).astype(int)


METHODS = (
    *("dcrl", "dcrl-auto", "dcrl-wide", "k-means", "mixture", "spectral", "hdbscan"),
    *("umap", "umap-hdbscan", "dlme", "idec", "idec-start", "dec", "clustpy-dec"),
    *("clustpy-idec", "clustpy-dcn"),
)
# Methods without predict.
TRANSDUCTIVE = ("spectral", "hdbscan", "umap-hdbscan")


def make(method, n_clusters, seed, shape):
    """Return a new model with default parameters."""
    from sklearn.cluster import HDBSCAN, KMeans, SpectralClustering
    from sklearn.mixture import GaussianMixture

    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    if method in OURS:
        from skmanifold import DCRL

        options = {"n_clusters": n_clusters, **OURS[method]}
        return DCRL(image_shape=shape, random_state=seed, **options)
    if method.startswith("clustpy"):
        return ClustPy(method.partition("-")[2].upper(), n_clusters, seed)
    if method in ("dlme", "umap", "umap-hdbscan"):
        name = method.partition("-")[0].upper()
        clusterer = HDBSCAN(copy=True) if method == "umap-hdbscan" else kmeans
        return Clustering(clusterer, make_model(name, seed))
    clusterers = {
        "hdbscan": HDBSCAN(copy=True),
        "k-means": kmeans,
        "mixture": GaussianMixture(n_clusters, reg_covar=1e-3, random_state=seed),
        "spectral": SpectralClustering(
            n_clusters, affinity="nearest_neighbors", random_state=seed
        ),
    }
    return Clustering(clusterers[method])


def read(name):
    """Return samples, classes, and the image shape or None."""
    name, _, image = name.partition("/")
    if image not in ("", "image"):
        raise ValueError(f"The part after the slash must be 'image', got {image!r}.")
    if name == "mnist-test":
        data, base = load("mnist"), "mnist"
        X, y = data.X[-10_000:], data.y[-10_000:]
    else:
        base, n_rows = parse_name(name)
        data = load(base, n_rows)
        X, y = data.X, data.y
    y = np.unique(y, return_inverse=True)[1]
    return X, y, IMAGE_SHAPES[base] if image else None


def score(X, y, model):
    """Return the scores of a fitted model."""
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


def one(method, data, seed, split=None):
    """Fit once and score the clusters."""
    from skmanifold.metrics import clustering_accuracy

    X, y, shape = read(data)
    held_out = None
    if split is not None:
        held_out = X[split:], y[split:]
        X, y = X[:split], y[:split]
    model = make(method, int(y.max()) + 1, seed, shape)
    compiled = {}
    if method.startswith("umap"):
        umap = EMBEDDINGS["umap"]
        compiled = warm_up(umap, functools.partial(umap.make, seed, 1), *X.shape)
    _, figures = measured(lambda: model.fit(X))
    results = {
        **score(X, y, model),
        "fit s": figures["wall_s"],
        "fit CPU s": figures["cpu_s"],
        "fit MiB": figures["peak_mib"],
        **compiled,
        "clusters": len(np.unique(model.labels_)),
    }
    if held_out is not None and method not in TRANSDUCTIVE:
        results["ACC new"] = clustering_accuracy(
            held_out[1], model.predict(held_out[0])
        )
    return results


KEYS = ("data", "split", "method")
COLUMNS = {
    **{"ACC": 3, "NMI": 3, "ARI": 3, "CRA": 3, "trust": 3, "continuity": 3, "RRE": 3},
    **{"clusters": 0, "ACC new": 3, "fit CPU s": 0},
}


def main(arguments=None):
    """Run the command line."""
    parser = make_parser("clustering", __doc__)
    parser.add_argument("--data", nargs="+", default=["digits"])
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=METHODS)
    parser.add_argument("--split", type=int, help="number of first samples to fit")
    options = parser.parse_args(arguments)
    jobs = [
        {"method": method, "data": data, "seed": seed}
        | ({} if options.split is None else {"split": options.split})
        for data in options.data
        for seed in options.seeds
        for method in options.methods
    ]
    rows = carry_out("clustering", jobs, options)
    print(markdown(mean_table(rows, KEYS, COLUMNS)))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: BSD-3-Clause

"""Charts: intrinsic dimension, compression, overlap.

``python -m asv_bench.compare.charts --parts dimension compression``

- dimension: spaces of known dimension, estimated by
  :func:`skmanifold.atlas.estimate_dimension` with defaults or ``--n_charts``, and by
  TwoNN and maximum likelihood.
- compression: vectors stored in a few bytes, as chart and 8-bit coordinates, as 8-bit
  principal components, or as product codes of faiss (PQ, and OPQ with a rotation).
  Recall of the ten nearest neighbors, by Euclidean distance in the input, of queries
  that are not stored. Queries are not compressed, but compared with decoded codes.
  MSimCLR has no decoder; it compares coordinates, with the query's chart first.
- overlap: 15 charts of MNIST. Do charts overlap where digits are similar? The figure is
  the probability that a linear classifier on pixels (five-fold) confuses digits of two
  charts, for the ten pairs of charts with the largest overlap, and for all pairs.
  ``--picture FILE`` only plots the charts of the first seed.
"""

import numpy as np
from scipy.spatial.distance import cdist

from asv_bench.compare.data import load, stratified_rows
from asv_bench.compare.parts import Part, make_parts_parser, run_parts
from asv_bench.compare.process import measured

# space -> (generator, its options, dimension)
SPACES = {
    "T1": ("make_flat_torus", {"dimension": 1}, 1),
    "T2": ("make_flat_torus", {"dimension": 2}, 2),
    "T3": ("make_flat_torus", {"dimension": 3}, 3),
    "T4": ("make_flat_torus", {"dimension": 4}, 4),
    "S2": ("make_sphere", {"dimension": 2}, 2),
    "S3": ("make_sphere", {"dimension": 3}, 3),
    "swiss roll": ("make_swiss_roll", {}, 2),
}
N_CHARTS = 16
# size of the subsample of larger data sets
MOST_STORED = 8000
N_QUERIES = 300


def points(space, n_samples, seed):
    """Return samples of a space."""
    from skmanifold import datasets

    generator, options, _ = SPACES[space]
    return getattr(datasets, generator)(n_samples, random_state=seed, **options).data


# Dimension ------------------------------------------------------------------


def dimension(case, seed, *, n_samples=3000, dimensions=range(1, 8), **parameters):
    """Estimate the dimension of one space by three methods."""
    from skmanifold.atlas import estimate_dimension
    from skmanifold.metrics import intrinsic_dimension

    X = points(case, n_samples, seed)
    truth = SPACES[case][2]
    estimate, cost = measured(
        lambda: estimate_dimension(X, dimensions, random_state=seed, **parameters)
    )
    return {
        "truth": truth,
        "atlas": estimate.dimension,
        "TwoNN": intrinsic_dimension(X, method="twonn"),
        "MLE": intrinsic_dimension(X, method="mle"),
        "right": float(estimate.dimension == truth),
        "reconstruction": estimate.reconstruction.tolist(),
        "divergence": estimate.divergence.tolist(),
        "bend": [None if np.isnan(bend) else bend for bend in estimate.bend.tolist()],
        "fit CPU s": cost["cpu_s"],
    }


# Compression -----------------------------------------------------------------


def nearest(distances, n_neighbors=10):
    """Return the column indices of the smallest distances of each row."""
    return np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors]


def recall(retrieved, true):
    """Return the fraction of true neighbors that were retrieved."""
    hits = [len(np.intersect1d(a, b)) for a, b in zip(retrieved, true, strict=True)]
    return float(np.sum(hits) / true.size)


def eight_bits(values, low, high):
    """Quantize values to eight bits."""
    step = np.maximum((high - low) / 255, np.finfo(np.float64).tiny)
    return low + np.clip(np.round((values - low) / step), 0, 255) * step


def principal_components(stored, queries, n_bytes, seed):
    """Return neighbors by 8-bit principal components."""
    from sklearn.decomposition import PCA

    pca = PCA(n_bytes, random_state=seed).fit(stored)
    Z = pca.transform(stored)
    Z = eight_bits(Z, Z.min(axis=0), Z.max(axis=0))
    return nearest(cdist(pca.transform(queries), Z))


def product_code(stored, queries, n_bytes, seed, *, rotated):
    """Return neighbors by a product code of faiss."""
    import faiss

    n_features = stored.shape[1]
    # "np": no polysemous training, which is for searches by bits
    kind = f"PQ{n_bytes}x8np"
    if rotated:
        kind = f"OPQ{n_bytes},{kind}"
    index = faiss.index_factory(n_features, kind)
    code = faiss.downcast_index(index.index) if rotated else index
    code.pq.cp.seed = seed
    stored = np.ascontiguousarray(stored, dtype=np.float32)
    index.train(stored)
    index.add(stored)
    return index.search(np.ascontiguousarray(queries, dtype=np.float32), 10)[1]


def decoded_charts(stored, queries, n_bytes, seed, **parameters):
    """Return neighbors by decoding AtlasAE's chart and coordinates."""
    from skmanifold.atlas import AtlasAE

    model = AtlasAE(N_CHARTS, n_bytes - 1, random_state=seed, **parameters).fit(stored)
    chart, coordinates = model.charts(stored)
    rows = np.arange(len(stored))
    blocks = np.zeros((len(stored), model.n_charts_, n_bytes))
    blocks[rows, chart, 0] = 1
    blocks[rows, chart, 1:] = eight_bits(coordinates, 0.0, 1.0)
    decoded = model.inverse_transform(blocks.reshape(len(stored), -1))
    return nearest(cdist(queries, decoded))


def contrast_charts(stored, queries, n_bytes, seed, **parameters):
    """Return neighbors by MSimCLR's chart and coordinates."""
    from skmanifold.atlas import MSimCLR

    model = MSimCLR(N_CHARTS, n_bytes - 1, random_state=seed, **parameters).fit(stored)
    chart, coordinates = model.charts(stored)
    query_chart, query_coordinates = model.charts(queries)
    distances = cdist(query_coordinates, eight_bits(coordinates, 0.0, 1.0))
    # the query's chart first, then all others
    apart = query_chart[:, np.newaxis] != chart
    return nearest(distances + 2 * np.sqrt(n_bytes) * apart)


CODES = {
    "faiss PQ": (product_code, {"rotated": False}),
    "faiss OPQ": (product_code, {"rotated": True}),
    "PCA": (principal_components, {}),
    "AtlasAE": (decoded_charts, {}),
    "MSimCLR": (contrast_charts, {}),
}


def compression(case, seed, *, data, n_bytes):
    """Measure the recall of one code."""
    everything = load(data)
    rows = stratified_rows(everything.y, MOST_STORED + N_QUERIES, seed)
    X = everything.X[rows].astype(np.float64)
    X = X[np.random.default_rng(seed).permutation(len(X))]
    queries, stored = np.split(X, [N_QUERIES])
    function, parameters = CODES[case]
    retrieved, cost = measured(
        lambda: function(stored, queries, n_bytes, seed, **parameters)
    )
    true = nearest(cdist(queries, stored))
    return {"recall@10": recall(retrieved, true), "fit CPU s": cost["cpu_s"]}


# Overlap -------------------------------------------------------------------------


def confusions(X, y):
    """Return the probabilities that a linear classifier confuses classes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import confusion_matrix
    from sklearn.model_selection import cross_val_predict

    rows = stratified_rows(y, 5000)
    model = LogisticRegression(max_iter=500)
    predicted = cross_val_predict(model, X[rows] / X.max(), y[rows])
    return confusion_matrix(y[rows], predicted, normalize="true")


def overlap(case, seed, *, picture=None, n_charts=15, **parameters):
    """Measure whether overlapping charts contain similar digits."""
    from skmanifold.atlas import AtlasAE

    data = load(case)
    X, y = data.X, data.y
    model = AtlasAE(n_charts, random_state=seed, **parameters)
    _, cost = measured(lambda: model.fit(X))
    shares = np.array(
        [
            np.bincount(y[model.labels_ == chart], minlength=y.max() + 1)
            for chart in range(model.n_charts_)
        ],
        dtype=float,
    )
    counts = shares.sum(axis=1)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1)
    alike = confusions(X, y)
    alike = shares @ ((alike + alike.T) / 2) @ shares.T
    a, b = np.triu_indices(model.n_charts_, 1)
    order = np.argsort(-model.chart_overlap_[a, b], kind="stable")[:10]
    if picture:
        plot(model, X, picture)
    return {
        "of the ten": float(alike[a, b][order].mean()),
        "of all": float(alike[a, b].mean()),
        "ratio": float(alike[a, b][order].mean() / alike[a, b].mean()),
        "pairs": [
            [int(shares[i].argmax()), int(shares[j].argmax())]
            for i, j in zip(a[order], b[order], strict=True)
        ],
        "dead": int(np.sum(counts * n_charts < 0.1 * len(X))),
        "relative squared error": float(-model.score(X) / X.var(axis=0).sum()),
        "fit CPU s": cost["cpu_s"],
    }


def plot(model, X, path):
    """Plot the charts, connected by overlap."""
    import matplotlib

    matplotlib.use("Agg")
    from skmanifold.inspection import AtlasDisplay

    display = AtlasDisplay.from_estimator(
        model, X, image_shape=(28, 28), n_points=3, cmap="gray_r"
    )
    display.figure_.savefig(path, dpi=100)


# Parts ------------------------------------------------------------------------

PARTS = {
    "dimension": Part(
        dimension,
        {"case": tuple(SPACES), "n_charts": (None,)},
        {"truth": 0, "atlas": 1, "right": 2, "TwoNN": 2, "MLE": 2, "fit CPU s": 0},
    ),
    "compression": Part(
        compression,
        {"data": ("digits",), "n_bytes": (2, 4, 8), "case": tuple(CODES)},
        {"recall@10": 3, "fit CPU s": 1},
    ),
    "overlap": Part(
        overlap,
        {"case": ("mnist",)},
        {"of the ten": 3, "of all": 3, "ratio": 1, "fit CPU s": 0},
    ),
}


def main(arguments=None):
    """Run the command line."""
    parser = make_parts_parser("charts", __doc__, PARTS)
    parser.add_argument("--picture", help="file for a plot of MNIST's charts")
    options = parser.parse_args(arguments)
    if options.picture:
        print(overlap("mnist", options.seeds[0], picture=options.picture))
    else:
        run_parts("charts", PARTS, options)


if __name__ == "__main__":
    main()

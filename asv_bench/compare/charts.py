# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Charts: intrinsic dimension, reconstruction, short codes, overlap.

``python -m asv_bench.compare.charts --parts dimension reconstruction compression``

- dimension: spaces of known dimension, by :func:`skmanifold.atlas.estimate_dimension`
  at its defaults or with ``--charts``, beside TwoNN and maximum likelihood.
- reconstruction: new points of the flat 3-torus by AtlasAE with charts of three
  coordinates.
- compression: vectors stored in a few bytes, as a chart and coordinates of eight bits,
  as principal components of eight bits, and as product codes of faiss (PQ, and OPQ,
  which rotates first). Recall of the ten nearest neighbors, by Euclidean distance in
  the input, of queries that are not stored. Only stored vectors are short: a query is
  compared with what each method decodes from a code. MSimCLR has no decoder; it
  compares coordinates, the query's own chart first.
- overlap: 15 charts of MNIST. Do charts overlap where digits look alike? The figure is
  the probability that a linear classifier on pixels (five-fold) confuses digits of two
  charts: for the ten pairs of charts that overlap most, and for all pairs.
  ``--picture FILE`` only plots the charts of the first seed.
"""

from time import perf_counter, process_time

import numpy as np
from scipy.spatial.distance import cdist

from asv_bench.compare.data import load, stratified_rows
from asv_bench.compare.runner import carry_out, make_parser
from asv_bench.compare.tables import markdown, mean_table

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
# subsample of larger data sets
MOST_STORED = 8000
N_QUERIES = 300


def points(space, n_samples, seed):
    """Return points of a space."""
    from skmanifold import datasets

    generator, options, _ = SPACES[space]
    return getattr(datasets, generator)(n_samples, random_state=seed, **options).data


# Dimension and reconstruction ------------------------------------------------


def dimension(case, seed, *, n_samples=3000, dimensions=range(1, 8), **parameters):
    """Estimate the dimension of one space in three ways."""
    from skmanifold.atlas import estimate_dimension
    from skmanifold.metrics import intrinsic_dimension

    X = points(case, n_samples, seed)
    truth = SPACES[case][2]
    start, cpu = perf_counter(), process_time()
    found = estimate_dimension(X, dimensions, random_state=seed, **parameters)
    seconds, cpu = perf_counter() - start, process_time() - cpu
    return {
        "truth": truth,
        "atlas": found.dimension,
        "TwoNN": intrinsic_dimension(X, method="twonn"),
        "MLE": intrinsic_dimension(X, method="mle"),
        "right": float(found.dimension == truth),
        "reconstruction": found.reconstruction.tolist(),
        "divergence": found.divergence.tolist(),
        "bend": [None if np.isnan(bend) else bend for bend in found.bend.tolist()],
        "seconds": seconds,
        "fit CPU s": cpu,
    }


def reconstruction(case, seed, *, n_samples=3000, n_new=1000, **parameters):
    """Reconstruct new points of one space with charts of its dimension."""
    from skmanifold.atlas import AtlasAE

    X, X_new = np.split(points(case, n_samples + n_new, seed), [n_samples])
    start, cpu = perf_counter(), process_time()
    model = AtlasAE(n_components=SPACES[case][2], random_state=seed, **parameters).fit(
        X
    )
    seconds, cpu = perf_counter() - start, process_time() - cpu
    squared = -model.score(X_new) / X_new.var(axis=0).sum()
    return {
        "relative error": float(np.sqrt(squared)),
        "relative squared error": float(squared),
        "seconds": seconds,
        "fit CPU s": cpu,
    }


# Codes of a few bytes --------------------------------------------------------


def nearest(distances, n_neighbors=10):
    """Return the columns of the smallest distances of each row."""
    return np.argsort(distances, axis=1, kind="stable")[:, :n_neighbors]


def recall(found, true):
    """Return the share of the true neighbors that were found."""
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found, true, strict=True)]
    return float(np.sum(hits) / true.size)


def eight_bits(values, low, high):
    """Return values as they are read from eight bits."""
    step = np.maximum((high - low) / 255, np.finfo(np.float64).tiny)
    return low + np.clip(np.round((values - low) / step), 0, 255) * step


def principal_components(stored, queries, n_bytes, seed):
    """Return neighbors by principal components of eight bits."""
    from sklearn.decomposition import PCA

    pca = PCA(n_bytes, random_state=seed).fit(stored)
    Z = pca.transform(stored)
    Z = eight_bits(Z, Z.min(axis=0), Z.max(axis=0))
    return nearest(cdist(pca.transform(queries), Z))


def product_code(stored, queries, n_bytes, seed, *, rotated):
    """Return neighbors by a product code of faiss."""
    import faiss

    n_features = stored.shape[1]
    # "np": no polysemous training, which only a search by bits uses
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
    """Return neighbors by what AtlasAE decodes from a chart and coordinates."""
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
    # the own chart first, then all others
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
    start, cpu = perf_counter(), process_time()
    found = function(stored, queries, n_bytes, seed, **parameters)
    return {
        "recall@10": recall(found, nearest(cdist(queries, stored))),
        "seconds": perf_counter() - start,
        "fit CPU s": process_time() - cpu,
    }


# Charts that overlap -----------------------------------------------------------


def confusions(X, y):
    """Return the probabilities that a linear classifier confuses classes."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import confusion_matrix
    from sklearn.model_selection import cross_val_predict

    rows = stratified_rows(y, 5000)
    model = LogisticRegression(max_iter=500)
    found = cross_val_predict(model, X[rows] / X.max(), y[rows])
    return confusion_matrix(y[rows], found, normalize="true")


def overlap(case, seed, *, picture=None, n_charts=15, **parameters):
    """Measure whether charts that overlap hold digits that look alike."""
    from skmanifold.atlas import AtlasAE

    data = load(case)
    X, y = data.X, data.y
    start, cpu = perf_counter(), process_time()
    model = AtlasAE(n_charts, random_state=seed, **parameters).fit(X)
    seconds, cpu = perf_counter() - start, process_time() - cpu
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
        "seconds": seconds,
        "fit CPU s": cpu,
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


# What is measured, and the tables ---------------------------------------------

# part -> (function, cases, keys of a line, columns)
PARTS = {
    "dimension": (
        dimension,
        tuple(SPACES),
        ("case", "n_charts"),
        {"truth": 0, "atlas": 1, "right": 2, "TwoNN": 2, "MLE": 2, "fit CPU s": 0},
    ),
    "reconstruction": (
        reconstruction,
        ("T3",),
        ("case",),
        {"relative error": 3, "relative squared error": 4, "fit CPU s": 0},
    ),
    "compression": (
        compression,
        tuple(CODES),
        ("data", "n_bytes", "case"),
        {"recall@10": 3, "fit CPU s": 1},
    ),
    "overlap": (
        overlap,
        ("mnist",),
        ("case",),
        {"of the ten": 3, "of all": 3, "ratio": 1, "fit CPU s": 0},
    ),
}


def one(part, case, seed, **options):
    """Measure one case."""
    return PARTS[part][0](case, seed, **options)


def main(arguments=None):
    """Run the parts that are asked for."""
    parser = make_parser("charts", __doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--cases", nargs="+", help="only these cases")
    parser.add_argument("--data", nargs="+", default=["digits"], help="of compression")
    parser.add_argument(
        "--bytes", nargs="+", type=int, default=[2, 4, 8], help="of compression"
    )
    parser.add_argument("--charts", type=int, help="of dimension (default: its own)")
    parser.add_argument("--picture", help="file for a plot of MNIST's charts")
    options = parser.parse_args(arguments)
    if options.picture:
        print(overlap("mnist", options.seeds[0], picture=options.picture))
        return
    jobs = []
    for part in options.parts:
        grid = [{}]
        if part == "dimension" and options.charts:
            grid = [{"n_charts": options.charts}]
        if part == "compression":
            grid = [
                {"data": data, "n_bytes": n_bytes}
                for data in options.data
                for n_bytes in options.bytes
            ]
        jobs += [
            {"part": part, "case": case, **more, "seed": seed}
            for more in grid
            for case in PARTS[part][1]
            if case in (options.cases or PARTS[part][1])
            for seed in options.seeds
        ]
    rows = carry_out("charts", jobs, options)
    for part, (_, _, keys, columns) in PARTS.items():
        some = [row for row in rows if row["job"]["part"] == part]
        if some:
            print(markdown(mean_table(some, keys, columns)))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: BSD-3-Clause

"""Short codes: retrieval with TLDR, and the plane of TopologicalAE.

``python -m asv_bench.compare.codes --parts retrieval plane --seeds 0 1 2 3 4``

- *retrieval*: maps are fitted on the training samples, which are then searched by the
  codes of the test samples, by cosine. mAP is the mean average precision of the class,
  R@k the share of the k nearest training samples in X that are among the k nearest by
  code. At most 10,000 samples are fitted and 2,000 are queries. "texts" are the tf-idf
  vectors of the documentation of SciPy, and their topics.
- *transform*: TLDR and PCA map one sample, 1,000 and all of a set in turn, many times;
  the shortest times in milliseconds. The method is the type of the samples.
- *step*: DLME and DCRL on X, and on 32 components of TLDR or PCA (half as many as
  columns if there are fewer); 2,000 samples. The figures of DLME are of its two
  coordinates, with k-means; those of DCRL of its clusters.
- *plane*: maps to two dimensions. "spheres" are the data of the paper on topological
  autoencoders, ten spheres of 500 samples and a larger one of 5,000 around them, in 101
  dimensions; of images 10,000 are fitted. KL compares
  densities of X and of the embedding at three widths, relative to the largest distance;
  trustworthiness, continuity and relative rank errors (RRE, both directions) are means
  over 10 to 200 neighbors. Measured on 2,500 samples.
"""

import importlib
import inspect
from time import perf_counter

import numpy as np

from asv_bench.compare.data import load, parse_name, split_rows, stratified_rows
from asv_bench.compare.methods import make_model
from asv_bench.compare.parts import Part, make_parts_parser, run_parts
from asv_bench.compare.tables import cell, grouped, values_of

N_FITTED, N_QUERIES = 10_000, 2_000
TOPICS = "fft interpolate linalg ndimage optimize signal sparse special stats".split()


# Retrieval ------------------------------------------------------------------------


def texts():
    """Return tf-idf vectors of the documentation of SciPy's functions, and topics."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    labels = {}  # by text, as some functions have two names
    for label, topic in enumerate(TOPICS):
        module = importlib.import_module(f"scipy.{topic}")
        for name in module.__all__:
            value = getattr(module, name)
            text = "" if inspect.ismodule(value) else inspect.getdoc(value) or ""
            for heading in ("\nExamples\n", "\nReferences\n"):
                text = text.split(heading)[0]
            if len(text) > 200:
                labels.setdefault(text, label)
    words = TfidfVectorizer(
        sublinear_tf=True, stop_words="english", min_df=3, token_pattern="[a-z]{3,}"
    )
    X = words.fit_transform(labels).astype(np.float32)
    return X, np.array(list(labels.values()))


def parts_of(name):
    """Return training samples and labels, and queries and their labels."""
    if name == "texts":
        X, y = texts()
        train = stratified_rows(y, int(0.8 * len(y)))
        test = np.setdiff1d(np.arange(len(y)), train)
    else:
        data = load(*parse_name(name))
        X, y = data.usual_input(), data.y
        train, test = split_rows(data)
    train = train[stratified_rows(y[train], N_FITTED)]
    test = test[stratified_rows(y[test], N_QUERIES)]
    return X[train], y[train], X[test], y[test]


def reducer(method, d, seed, is_sparse):
    """Return a map to ``d`` dimensions."""
    from sklearn.decomposition import PCA, TruncatedSVD
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.random_projection import GaussianRandomProjection

    from skmanifold import TLDR, MSimCLR

    if method == "MSimCLR":
        return MSimCLR(
            n_charts=1, n_components=d, regularization_weight=0, random_state=seed
        )
    if method == "random projection":
        return GaussianRandomProjection(d, random_state=seed)
    if method.startswith("TLDR"):
        encoder = method.partition(", ")[2] or "linear"
        return TLDR(d, encoder=encoder, random_state=seed)
    pca = (TruncatedSVD if is_sparse else PCA)(d, random_state=seed)
    return pca if method == "PCA" else make_pipeline(pca, StandardScaler())


def unit(X):
    """Return samples divided by their lengths."""
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-12)


def retrieval(data, method, d, seed):
    """Search training samples by the codes of test samples."""
    from scipy.sparse import issparse
    from sklearn.neighbors import NearestNeighbors

    X, y, X_new, y_new = parts_of(data)
    if d >= min(X.shape):
        return {}
    model = reducer(method, d, seed, issparse(X))
    start = perf_counter()
    codes = model.fit_transform(X)
    seconds = perf_counter() - start
    start = perf_counter()
    new = model.transform(X_new)
    transform_seconds = perf_counter() - start
    if method == "MSimCLR":  # the first column is the chart
        codes, new = codes[:, 1:] - 0.5, new[:, 1:] - 0.5
    order = np.argsort(-unit(new) @ unit(codes).T, axis=1, kind="stable")
    relevant = y[order] == y_new[:, np.newaxis]
    precision = relevant.cumsum(axis=1) / np.arange(1, len(y) + 1)
    average = (precision * relevant).sum(axis=1) / relevant.sum(axis=1)
    raw = NearestNeighbors(n_neighbors=10).fit(X).kneighbors(X_new)[1]
    figures = {"mAP": float(average.mean())}
    for k in (1, 5, 10):
        common = map(np.isin, raw[:, :k], order[:, :k])
        figures[f"R@{k}"] = float(np.mean(list(common)))
    return figures | {"seconds": seconds, "transform, ms": 1e3 * transform_seconds}


def transform(data, method, d, seed):
    """Measure the milliseconds of TLDR and PCA to map samples of a type, in turn.

    One sample, 1,000 and all that the set has; fitted on at most 10,000.
    """
    from scipy.sparse import issparse

    X = texts()[0] if data == "texts" else load(*parse_name(data)).usual_input()
    X = X.astype(method)
    models = {
        name: reducer(name, d, seed, issparse(X)).fit(X[:N_FITTED])
        for name in ("PCA", "TLDR")
    }
    figures = {"columns": X.shape[1], "samples": X.shape[0]}
    for title, n, n_times in (("1", 1, 300), ("1000", 1000, 60), ("all", None, 10)):
        new = X[:n]
        times = {name: [] for name in models}
        for _ in range(n_times):
            for name, model in models.items():
                start = perf_counter()
                model.transform(new)
                times[name].append(1e3 * (perf_counter() - start))
        figures |= {f"{name}, {title}": min(times[name]) for name in models}
    return figures


# A step before DLME and DCRL -------------------------------------------------------


def step(data, method, seed, n_samples=2_000):
    """Fit DLME or DCRL on samples, or on codes of them."""
    from sklearn.metrics import normalized_mutual_info_score

    from asv_bench.compare.quality import score_embedding
    from skmanifold import DCRL, DLME
    from skmanifold.metrics import clustering_accuracy

    dataset = load(data, n_samples)
    X, y = dataset.usual_input(), dataset.y
    before, _, last = method.rpartition(", ")
    d = min(32, X.shape[1] // 2)
    first = reducer(before, d, seed, is_sparse=False) if before else None
    if last == "DLME":
        codes = first.fit_transform(X) if before else X
        Z = DLME(random_state=seed).fit_transform(codes)
        scores = score_embedding(X, y, Z)
        names = {"accuracy": "kmeans", "NMI": "nmi", "10-NN": "knn"}
        figures = {name: scores[score] for name, score in names.items()}
        return figures | {"trustworthiness": scores["trustworthiness"]}
    options = {"representation": first} if before else {}
    labels = DCRL(len(np.unique(y)), random_state=seed, **options).fit_predict(X)
    return {
        "accuracy": float(clustering_accuracy(y, labels)),
        "NMI": float(normalized_mutual_info_score(y, labels)),
    }


# The plane ------------------------------------------------------------------------


def spheres(seed, n_inner=500, d=101):
    """Return ten spheres of radius 5 within one of radius 25, and their labels."""
    rng = np.random.RandomState(seed)
    points = rng.normal(size=(20 * n_inner, d))
    points *= 5 / np.linalg.norm(points, axis=1, keepdims=True)
    centers = rng.normal(size=(10, d))
    y = np.repeat(np.arange(11), [n_inner] * 10 + [10 * n_inner])
    inner = y < 10
    X = np.where(inner[:, None], points + centers[np.minimum(y, 9)], 5 * points)
    return X.astype(np.float32), y


def density(distances, sigma):
    """Return each sample's density, with sum 1."""
    relative = distances / distances.max()
    values = np.exp(-np.square(relative) / sigma).sum(axis=1)
    return values / values.sum()


def divergence(before, after, sigma):
    """Return the KL divergence of the densities before from those after."""
    p, q = density(before, sigma), density(after, sigma)
    return float((p * np.log(p / q)).sum())


def samples_of(data, seed):
    """Return the samples to embed, and their labels."""
    if data == "spheres":
        return spheres(seed)
    dataset = load(data, N_FITTED)
    return dataset.usual_input(), dataset.y


def plane(data, method, seed, n_scored=2_500):
    """Embed samples in the plane and compare both spaces."""
    from scipy.spatial.distance import cdist

    from skmanifold.metrics import (
        continuity,
        distance_rmse,
        mean_relative_rank_error,
        trustworthiness,
    )

    X, y = samples_of(data, seed)
    if method == "plain autoencoder":
        model = make_model("TopologicalAE", seed, topology_weight=0)
    else:
        model = make_model(method, seed)
    start = perf_counter()
    Z = np.asarray(model.fit_transform(X))
    seconds = perf_counter() - start
    figures = {}
    if hasattr(model, "inverse_transform") and method != "UMAP":
        error = np.square(X - model.inverse_transform(Z)).mean()
        figures["reconstruction error"] = float(error)
    rows = stratified_rows(y, n_scored)
    X, Z = X[rows].astype(float), Z[rows].astype(float)
    before, after = cdist(X, X), cdist(Z, Z)
    for sigma in (0.01, 0.1, 1.0):
        figures[f"KL {sigma:g}"] = divergence(before, after, sigma)
    last = min(200, len(X) // 3)
    near = {"n_neighbors": (10, last)}
    return figures | {
        "trustworthiness": trustworthiness(X, Z, **near),
        "continuity": continuity(X, Z, **near),
        "RRE": mean_relative_rank_error(X, Z, **near),
        "RMSE": distance_rmse(X, Z),
        "seconds": seconds,
    }


# Parts and tables -----------------------------------------------------------------

SETS = ("digits", "pendigits", "coil20", "mnist", "fashion_mnist", "texts")
PEERS = ("PCA", "PCA, whitened", "random projection")
REDUCERS = (*PEERS, "MSimCLR", "TLDR", "TLDR, factorized", "TLDR, mlp")
AUTOENCODERS = ("TopologicalAE", "plain autoencoder", "IsometricAE")
STEPS = ("DLME", "TLDR, DLME", "PCA, DLME", "DCRL", "TLDR, DCRL", "PCA, DCRL")
TYPES = ("float32", "float64")
TIMES = [f"{name}, {n}" for n in ("1", "1000", "all") for name in ("PCA", "TLDR")]
PARTS = {
    "retrieval": Part(
        retrieval,
        {"data": SETS, "d": (8, 16, 32, 64), "method": REDUCERS},
        dict.fromkeys(("mAP", "R@1", "R@5", "R@10"), 3)
        | {"seconds": 1, "transform, ms": 1},
    ),
    "transform": Part(
        transform,
        {"data": ("digits", "mnist", "texts"), "method": TYPES, "d": (32,)},
        {"columns": 0, "samples": 0} | dict.fromkeys(TIMES, 2),
    ),
    "step": Part(
        step,
        {"data": ("digits", "pendigits", "coil20"), "method": STEPS},
        dict.fromkeys(("accuracy", "NMI", "10-NN", "trustworthiness"), 3),
    ),
    "plane": Part(
        plane,
        {
            "data": ("spheres", "mnist", "fashion_mnist"),
            "method": (*AUTOENCODERS, "UMAP", "t-SNE", "PCA"),
        },
        {"KL 0.01": 3, "KL 0.1": 3, "KL 1": 4, "trustworthiness": 3, "continuity": 3}
        | {"RRE": 3, "RMSE": 1, "reconstruction error": 3},
    ),
}


def by_dimension(rows, *figures):
    """Return a table of figures of retrieval, with a column for each dimension."""
    rows = [row for row in rows if row["found"] and row["job"]["part"] == "retrieval"]
    columns = [(figure, d) for figure in figures for d in (8, 16, 32, 64)]
    table = [["data", "method", *(f"{figure}, {d}" for figure, d in columns)]]
    groups = grouped(rows, ("data", "method", "d"))
    for data in SETS:
        for method in REDUCERS:
            values = (
                values_of(groups.get((data, method, str(d)), []), figure)
                for figure, d in columns
            )
            cells = [cell(v, 3, deviation=False) for v in values]
            table.append([data, method, *cells])
    return table


def main(arguments=None):
    """Run the command line."""
    parser = make_parts_parser("codes", __doc__, PARTS)
    run_parts("codes", PARTS, parser.parse_args(arguments))


if __name__ == "__main__":
    main()

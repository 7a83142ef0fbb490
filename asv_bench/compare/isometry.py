# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Isometry: surfaces, rings of views, reconstruction, and inverse transforms.

``python -m asv_bench.compare.isometry --parts surfaces rings --seeds 0 1 2``

- surfaces: swiss roll, S-curve and half sphere, 2,000 samples without noise, default
  parameters; 1,000 further samples are held out.
- rings: COIL-20, where the 72 views of each object form a ring. The figure is the
  coefficient of variation of the distances between consecutive views, averaged over
  objects.
- reconstruction: test images of MNIST with 16 components, compared with a plain
  autoencoder of the same networks and number of steps.
- inverse: new samples of the swiss roll and of digits, embedded in two dimensions and
  decoded: the error relative to the spread of the data, and the cost. AtlasAE has its
  default number of charts, with two coordinates each.
"""

from time import perf_counter, process_time

import numpy as np
from scipy.stats import spearmanr

from asv_bench.compare.data import load, split_rows
from asv_bench.compare.runner import carry_out, make_parser
from asv_bench.compare.tables import markdown, mean_table
from skmanifold.datasets import make_open_sphere, make_s_curve, make_swiss_roll
from skmanifold.metrics import isometry_distortion

SURFACES = {
    "swiss roll": make_swiss_roll,
    "S-curve": make_s_curve,
    "open sphere": make_open_sphere,
}
N_VIEWS = 72


def isometric_ae(**parameters):
    """Return an IsometricAE, importing torch only here."""
    from skmanifold import IsometricAE

    return IsometricAE(**parameters)


def azimuthal_floor(codes):
    """Return the distortion of the half sphere's azimuthal equidistant projection.

    No map of a half sphere is isometric; this one is close to the best.
    """

    def decode(z):
        angle = np.linalg.norm(z, axis=1, keepdims=True)
        return np.hstack([z * np.sinc(angle / np.pi), np.cos(angle)])

    return isometry_distortion(decode, codes)


def surface(name, seed, *, n_samples=2000, n_new=1000, **parameters):
    """Fit a surface and measure the result."""
    bunch = SURFACES[name](n_samples + n_new, random_state=seed)
    X, X_new = np.split(bunch.data, [n_samples])
    start = perf_counter()
    model = isometric_ae(random_state=seed, **parameters).fit(X)
    seconds = perf_counter() - start
    Z = model.embedding_
    i, j = np.random.default_rng(seed).integers(n_samples, size=(2, 1000))
    i, j = i[i != j], j[i != j]
    along = bunch.geodesic_distances(i, j).diagonal()
    distances = np.linalg.norm(Z[i] - Z[j], axis=1)
    row = {
        "distortion": isometry_distortion(model, Z),
        "rank correlation": float(spearmanr(along, distances)[0]),
        "length": float(np.median(distances / along)),
        "held-out error": float(np.sqrt(-model.score(X_new) / X_new.var(axis=0).sum())),
        "seconds": seconds,
    }
    if name == "open sphere":
        row["floor"] = azimuthal_floor(bunch.coordinates[:n_samples])
    return row


def ring_variation(Z, n_views=N_VIEWS):
    """Return the coefficient of variation of consecutive distances, averaged.

    Samples are ordered by object and view; the last view precedes the first.
    """
    rings = np.asarray(Z, dtype=np.float64).reshape(-1, n_views, np.shape(Z)[1])
    steps = np.linalg.norm(rings - np.roll(rings, -1, axis=1), axis=2)
    return float((steps.std(axis=1) / steps.mean(axis=1)).mean())


def ring_method(name, seed):
    """Return a method compared on COIL-20."""
    if name.startswith("IsometricAE"):
        image_shape = (32, 32) if name.endswith("convolutional") else None
        return isometric_ae(random_state=seed, image_shape=image_shape)
    if name == "UMAP":
        from umap import UMAP

        return UMAP(random_state=seed, n_jobs=1)
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE, Isomap

    return {
        "t-SNE": TSNE(random_state=seed),
        "Isomap": Isomap(n_neighbors=10),
        "PCA": PCA(2, random_state=seed),
    }[name]


def ring(name, seed):
    """Embed COIL-20 in two dimensions and measure its rings."""
    X = load("coil20").usual_input()  # ordered by object and view
    method = ring_method(name, seed)
    start = perf_counter()
    Z = method.fit_transform(X)
    return {"variation": ring_variation(Z), "seconds": perf_counter() - start}


def reconstruction_method(name, seed, n_components=16):
    """Return an autoencoder compared on MNIST."""
    plain = {"isometry_weight": 0, "pseudo_inverse_weight": 0}
    return isometric_ae(
        n_components=n_components,
        anchor=None,
        random_state=seed,
        image_shape=(28, 28) if name.endswith("convolutional") else None,
        **(plain if name.startswith("plain") else {}),
    )


def reconstruction(name, seed, n_rows=None):
    """Measure the reconstruction error of test images, with pixels in [0, 1]."""
    data = load("mnist", n_rows)
    train, test = split_rows(data)
    X = data.usual_input()
    method = reconstruction_method(name, seed)
    start = perf_counter()
    method.fit(X[train])
    return {
        "squared error x 1e3": -1e3 * method.score(X[test]) / X.shape[1],
        "seconds": perf_counter() - start,
    }


INVERTIBLE = ("IsometricAE", "AtlasAE", "plain autoencoder", "UMAP", "PCA")


def invertible(name, seed, **parameters):
    """Return a method with an inverse transform."""
    if name in ("UMAP", "PCA"):
        return ring_method(name, seed)
    if name == "AtlasAE":
        from skmanifold import AtlasAE

        return AtlasAE(random_state=seed, **parameters)
    if name == "plain autoencoder":
        parameters |= {"isometry_weight": 0, "pseudo_inverse_weight": 0, "anchor": None}
    return isometric_ae(random_state=seed, **parameters)


def inverse(case, seed, **parameters):
    """Embed new samples in two dimensions and decode them."""
    data, _, name = case.partition(": ")
    if data == "swiss roll":
        X = make_swiss_roll(3000, random_state=seed).data
    else:
        X = load(data).X
    X = np.random.default_rng(seed).permutation(X)
    X, X_new = np.split(X, [2 * len(X) // 3])
    start = perf_counter()
    method = invertible(name, seed, **parameters).fit(X)
    seconds = perf_counter() - start
    Z = method.transform(X_new)
    if name == "UMAP":  # its first call compiles
        method.inverse_transform(Z[:5])
    start = process_time()
    decoded = method.inverse_transform(Z)
    milliseconds = 1e3 * (process_time() - start)
    squared = np.square(X_new - decoded).sum(axis=1).mean() / X_new.var(axis=0).sum()
    return {
        "new points' error": float(np.sqrt(squared)),
        "way back, CPU ms for 1,000": 1e3 * milliseconds / len(Z),
        "seconds": seconds,
    }


RINGS = ("UMAP", "t-SNE", "Isomap", "PCA")
OURS = ("IsometricAE", "IsometricAE, convolutional")
PLAIN = ("plain autoencoder", "plain autoencoder, convolutional")
# part -> (function, cases)
PARTS = {
    "surfaces": (surface, tuple(SURFACES)),
    "rings": (ring, (*OURS, *RINGS)),
    "reconstruction": (reconstruction, (*OURS, *PLAIN)),
    "inverse": (
        inverse,
        tuple(f"{data}: {x}" for data in ("swiss roll", "digits") for x in INVERTIBLE),
    ),
}
KEYS = ("case",)
COLUMNS = {
    "distortion": 4,
    "floor": 4,
    "rank correlation": 5,
    "held-out error": 4,
    "variation": 3,
    "squared error x 1e3": 2,
    "new points' error": 3,
    "way back, CPU ms for 1,000": 1,
    "seconds": 0,
}


def one(part, case, seed):
    """Measure one case."""
    return PARTS[part][0](case, seed)


def main(arguments=None):
    """Run the command line."""
    parser = make_parser("isometry", __doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--cases", nargs="+", help="only these cases")
    options = parser.parse_args(arguments)
    jobs = [
        {"part": part, "case": case, "seed": seed}
        for part in options.parts
        for case in PARTS[part][1]
        if case in (options.cases or PARTS[part][1])
        for seed in options.seeds
    ]
    rows = carry_out("isometry", jobs, options)
    print(markdown(mean_table(rows, ("part", *KEYS), COLUMNS)))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: BSD-3-Clause

"""Isometry: surfaces, rings of views, reconstruction, and inverse transforms.

``python -m asv_bench.compare.isometry --parts surfaces rings --seeds 0 1 2``

- surfaces: swiss roll, S-curve and half sphere, 2,000 samples without noise, default
  parameters; 1,000 further samples are held out.
- rings: COIL-20, where the 72 views of each object form a ring, embedded with all
  objects or each by itself. Figures are the coefficient of variation of the steps
  between consecutive views, and the error of the steps relative to those of the
  pixels, after the best scale for each ring; both averaged over objects. The pixels
  themselves are a case.
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
from asv_bench.compare.methods import make_model
from asv_bench.compare.parts import Part, make_parts_parser, run_parts
from skmanifold.datasets import make_open_sphere, make_s_curve, make_swiss_roll
from skmanifold.metrics import isometry_distortion

SURFACES = {
    "swiss roll": make_swiss_roll,
    "S-curve": make_s_curve,
    "open sphere": make_open_sphere,
}
N_VIEWS = 72
OURS = ("IsometricAE", "IsometricAE, convolutional")
PLAIN = ("plain autoencoder", "plain autoencoder, convolutional")


def shape_for(name, image_shape):
    """Return the shape of the images for a convolutional network, else None."""
    return image_shape if name.endswith("convolutional") else None


def azimuthal_floor(codes):
    """Return the distortion of the half sphere's azimuthal equidistant projection.

    No map of a half sphere is isometric; this one is close to the best.
    """

    def decode(z):
        angle = np.linalg.norm(z, axis=1, keepdims=True)
        return np.hstack([z * np.sinc(angle / np.pi), np.cos(angle)])

    return isometry_distortion(decode, codes)


def surface(case, seed, *, n_samples=2000, n_new=1000, **parameters):
    """Fit a surface and measure the result."""
    bunch = SURFACES[case](n_samples + n_new, random_state=seed)
    X, X_new = np.split(bunch.data, [n_samples])
    start = process_time()
    model = autoencoder("IsometricAE", seed, **parameters).fit(X)
    seconds = process_time() - start
    Z = model.embedding_
    i, j = np.random.default_rng(seed).integers(n_samples, size=(2, 1000))
    i, j = i[i != j], j[i != j]
    along = bunch.geodesic_distances(i, j).diagonal()
    distances = np.linalg.norm(Z[i] - Z[j], axis=1)
    row = {
        "distortion": isometry_distortion(model, Z),
        "rank correlation": float(spearmanr(along, distances)[0]),
        "held-out error": float(np.sqrt(-model.score(X_new) / X_new.var(axis=0).sum())),
        "fit CPU s": seconds,
    }
    if case == "open sphere":
        row["floor"] = azimuthal_floor(bunch.coordinates[:n_samples])
    return row


def ring_steps(Z):
    """Return the distances between consecutive views, (n_objects, n_views).

    Samples are ordered by object and view; the last view precedes the first.
    """
    rings = np.asarray(Z, dtype=np.float64).reshape(-1, N_VIEWS, np.shape(Z)[1])
    return np.linalg.norm(rings - np.roll(rings, -1, axis=1), axis=2)


def ring_variation(Z):
    """Return the coefficient of variation of consecutive distances, averaged."""
    steps = ring_steps(Z)
    return float((steps.std(axis=1) / steps.mean(axis=1)).mean())


def ring_error(Z, X):
    """Return the error of the steps relative to those of X, averaged over rings.

    Each ring has its best scale, so 0 is a similarity and 1 has no step in common.
    """
    steps, truth = ring_steps(Z), ring_steps(X)
    cosine = (steps * truth).sum(axis=1) / np.sqrt(
        (steps**2).sum(axis=1) * (truth**2).sum(axis=1)
    )
    return float(np.sqrt(np.maximum(1 - cosine**2, 0)).mean())


def autoencoder(name, seed, **parameters):
    """Return an IsometricAE, or one without its isometry terms."""
    if name.startswith("plain"):
        parameters |= {"isometry_weight": 0, "pseudo_inverse_weight": 0, "anchor": None}
    return make_model("IsometricAE", seed, **parameters)


def ring(objects, case, seed):
    """Embed COIL-20 in two dimensions and measure its rings."""
    X = load("coil20").usual_input()  # ordered by object and view
    parts = [X] if objects == "all" else np.split(X, len(X) // N_VIEWS)
    start = process_time()
    Z = np.concatenate([ring_embedding(part, case, seed) for part in parts])
    return {
        "variation": ring_variation(Z),
        "error": ring_error(Z, X),
        "fit CPU s": process_time() - start,
    }


def ring_embedding(X, case, seed):
    """Return the codes of a method, or the pixels."""
    if case == "pixels":
        return X
    if case in OURS:
        method = autoencoder(case, seed, image_shape=shape_for(case, (32, 32)))
    else:
        method = make_model(case, seed)
    return method.fit_transform(X)


def reconstruction_method(case, seed):
    """Return an autoencoder compared on MNIST."""
    image_shape = shape_for(case, (28, 28))
    return autoencoder(
        case, seed, n_components=16, anchor=None, image_shape=image_shape
    )


def reconstruction(case, seed, n_rows=None):
    """Measure the reconstruction error of test images, with pixels in [0, 1]."""
    data = load("mnist", n_rows)
    train, test = split_rows(data)
    X = data.usual_input()
    method = reconstruction_method(case, seed)
    start = perf_counter()
    method.fit(X[train])
    return {
        "squared error x 1e3": -1e3 * method.score(X[test]) / X.shape[1],
        "seconds": perf_counter() - start,
    }


INVERTIBLE = ("IsometricAE", "AtlasAE", "plain autoencoder", "UMAP", "PCA")


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
    if name in ("IsometricAE", "plain autoencoder"):
        method = autoencoder(name, seed, **parameters)
    else:
        method = make_model(name, seed, **parameters)
    method.fit(X)
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


PARTS = {
    "surfaces": Part(
        surface,
        {"case": tuple(SURFACES)},
        {
            **{"distortion": 4, "floor": 4, "rank correlation": 5},
            **{"held-out error": 4, "fit CPU s": 0},
        },
    ),
    "rings": Part(
        ring,
        {
            "objects": ("all", "each"),
            "case": (*OURS, "UMAP", "t-SNE", "Isomap", "PCA", "pixels"),
        },
        {"variation": 3, "error": 3, "fit CPU s": 0},
    ),
    "reconstruction": Part(
        reconstruction,
        {"case": (*OURS, *PLAIN)},
        {"squared error x 1e3": 2, "seconds": 0},
    ),
    "inverse": Part(
        inverse,
        {
            "case": tuple(
                f"{data}: {name}"
                for data in ("swiss roll", "digits")
                for name in INVERTIBLE
            )
        },
        {"new points' error": 3, "way back, CPU ms for 1,000": 1, "seconds": 0},
    ),
}


def main(arguments=None):
    """Run the command line."""
    parser = make_parts_parser("isometry", __doc__, PARTS)
    run_parts("isometry", PARTS, parser.parse_args(arguments))


if __name__ == "__main__":
    main()

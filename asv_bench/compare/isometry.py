# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Reproduce the figures of IsometricAE: surfaces, rings of images, reconstruction.

``python -m asv_bench.compare.isometry --parts surfaces rings --seeds 0 1 2``

- surfaces: swiss roll, S-curve and open sphere (a half sphere), 2,000 points without
  noise, default parameters; 1,000 further points are held out.
- rings: COIL-20, where each object's 72 views, one every five degrees, are a ring. How
  much the distances between consecutive views vary in the plane, as the standard
  deviation over the mean, mean over the objects; beside UMAP and t-SNE.
- reconstruction: MNIST, 16 components, of the test images; beside a plain autoencoder
  of the same networks and the same number of steps.

The last two read the files of :mod:`asv_bench.compare.data`. One row of JSON is printed
for each fit, then the means over the seeds.
"""

import argparse
import json
import sys
from time import perf_counter

import numpy as np
from scipy.stats import spearmanr

from asv_bench.compare.data import load, split_rows
from skmanifold.datasets import make_open_sphere, make_s_curve, make_swiss_roll
from skmanifold.metrics import isometry_distortion

SURFACES = {
    "swiss roll": make_swiss_roll,
    "S-curve": make_s_curve,
    "open sphere": make_open_sphere,
}
N_VIEWS = 72


def isometric_ae(**parameters):
    """Return an IsometricAE; torch is imported when it is needed."""
    from skmanifold import IsometricAE

    return IsometricAE(**parameters)


def azimuthal_floor(codes):
    """Distortion of the half sphere's azimuthal equidistant chart at these codes.

    No chart of a cap is an isometry. This one is close to the best, and is what the
    figures of the open sphere are to be read against.
    """

    def decode(z):
        angle = np.linalg.norm(z, axis=1, keepdims=True)
        return np.hstack([z * np.sinc(angle / np.pi), np.cos(angle)])

    return isometry_distortion(decode, codes)


def surface(name, seed, *, n_samples=2000, n_new=1000, **parameters):
    """Fit one surface and return its figures."""
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
    """Variation of the distances between consecutive views, mean over the objects.

    Rows are ordered by object and view; the last view of an object is followed by its
    first.
    """
    rings = np.asarray(Z, dtype=np.float64).reshape(-1, n_views, np.shape(Z)[1])
    steps = np.linalg.norm(rings - np.roll(rings, -1, axis=1), axis=2)
    return float((steps.std(axis=1) / steps.mean(axis=1)).mean())


def ring_methods(seed):
    """Return the methods that are compared on COIL-20, by name."""
    from sklearn.manifold import TSNE
    from umap import UMAP

    return {
        "IsometricAE": isometric_ae(image_shape=(32, 32), random_state=seed),
        "IsometricAE, layers": isometric_ae(random_state=seed),
        "UMAP": UMAP(random_state=seed, n_jobs=1),
        "t-SNE": TSNE(random_state=seed),
    }


def reconstruction_methods(seed, n_components=16):
    """Return the two autoencoders that are compared on MNIST, by name."""
    common = {
        "n_components": n_components,
        "image_shape": (28, 28),
        "anchor": None,
        "random_state": seed,
    }
    return {
        "IsometricAE": isometric_ae(**common),
        "plain autoencoder": isometric_ae(isometry=0, pseudo_inverse=0, **common),
    }


def surface_rows(seeds):
    """Yield the figures of all surfaces."""
    for name in SURFACES:
        for seed in seeds:
            yield {
                "part": "surfaces",
                "case": name,
                "seed": seed,
                **surface(name, seed),
            }


def ring_rows(seeds):
    """Yield the figures of the rings of COIL-20."""
    data = load("coil20")
    X = data.usual_input()  # ordered by object and view
    for seed in seeds:
        for name, method in ring_methods(seed).items():
            start = perf_counter()
            Z = method.fit_transform(X)
            yield {
                "part": "rings",
                "case": name,
                "seed": seed,
                "variation": ring_variation(Z),
                "seconds": perf_counter() - start,
            }


def reconstruction_rows(seeds, n_rows=None):
    """Yield the errors of the test images of MNIST, in pixels of range [0, 1]."""
    data = load("mnist", n_rows)
    train, test = split_rows(data)
    X = data.usual_input()
    for seed in seeds:
        for name, method in reconstruction_methods(seed).items():
            start = perf_counter()
            method.fit(X[train])
            yield {
                "part": "reconstruction",
                "case": name,
                "seed": seed,
                "squared error x 1e3": -1e3 * method.score(X[test]) / X.shape[1],
                "seconds": perf_counter() - start,
            }


def summary(rows):
    """Return lines of text: mean and standard deviation over the seeds."""
    cases = {}
    for row in rows:
        cases.setdefault((row["part"], row["case"]), []).append(row)
    lines = []
    for (part, case), group in cases.items():
        cells = []
        for name in group[0]:
            if name in ("part", "case", "seed"):
                continue
            values = [row[name] for row in group]
            cells.append(f"{name} {np.mean(values):.4g} +- {np.std(values):.2g}")
        lines.append(f"{part:14} {case:20} {'; '.join(cells)}")
    return lines


PARTS = {
    "surfaces": surface_rows,
    "rings": ring_rows,
    "reconstruction": reconstruction_rows,
}


def main(arguments=None):
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=["surfaces"])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(range(5)))
    options = parser.parse_args(arguments)
    rows = []
    for part in options.parts:
        for row in PARTS[part](options.seeds):
            print(json.dumps(row), flush=True)
            rows.append(row)
    print("\n".join(summary(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

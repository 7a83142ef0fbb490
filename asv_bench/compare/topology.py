# SPDX-License-Identifier: BSD-3-Clause

"""Betti numbers of known spaces: votes, trained or untrained charts, Vietoris-Rips.

``python -m asv_bench.compare.topology --spaces circle torus --seeds 0 1 2``

A run is correct if all Betti numbers over Z/2 and Z/3 are. The votes are those of
:func:`skmanifold.topology.estimate_betti_numbers`; the other ways get a number of
charts that was chosen for the space. Vietoris-Rips is ripser's, on 200 farthest
points (``rips``) or on all samples (``rips_all``, of at most 1,000 samples of curves
and of the plane). ``--noise 0.1`` embeds the spaces isometrically in 100 dimensions and
adds noise of this size per coordinate, relative to the root mean square radius; the
votes then have ``denoise=True``, and all other methods get data denoised by
:func:`skmanifold.topology.denoise`. A random start uses random samples as prototypes.
"""

import importlib
import itertools
import statistics
import time

import numpy as np
from scipy.spatial.distance import cdist

from asv_bench.compare.runner import carry_out, make_parser
from asv_bench.compare.tables import markdown

# space -> (title, generator, its options, number of charts, dimension); without a
# number of charts, a space is for votes and Vietoris-Rips only
_PLANES = "projective plane, 4 features", "make_projective_plane", {"n_features": 4}
SPACES = {
    "circle": ("circle", "make_circle", {}, 4, 1),
    "S2": ("sphere", "make_sphere", {}, 8, 2),
    "flat_torus": ("flat torus", "make_flat_torus", {}, 16, 2),
    "RP2_4d": (*_PLANES, 12, 2),
    "RP2_6d": ("projective plane, 6 features", _PLANES[1], {"n_features": 6}, 12, 2),
    "RP2_4d_16": (*_PLANES, 16, 2),
    "torus": ("torus", "make_torus", {}, 32, 2),
    "torus_16": ("torus", "make_torus", {}, 16, 2),
    "klein": ("Klein bottle", "make_klein_bottle", {}, None, 2),
    "trefoil": ("trefoil knot", "make_trefoil", {"n_samples": 1000}, None, 1),
    "two_circles": ("circle in a circle", "two_circles", {}, None, 1),
    "three_circles": ("three circles", "three_circles", {}, None, 1),
    "two_densities": ("two circles, one sparse", "two_densities", {}, None, 1),
    "figure_eight": ("figure eight", "figure_eight", {}, None, 1),
    "wedge": ("sphere and circle that touch", "wedge", {}, None, 2),
    "gaussian": ("Gaussian cloud", "gaussian", {}, None, 1),
    "square": ("square", "square", {}, None, 1),
    "moons": ("two moons", "moons", {}, None, 1),
}
# way to compute Betti numbers -> title
WAYS = {
    "votes": "votes, untrained",
    "trained": "trained charts",
    "trained_random": "trained charts, random start",
    "untrained": "soft cover, untrained",
    "untrained_random": "soft cover, untrained, random start",
    "rips": "Vietoris-Rips",
    "rips_all": "Vietoris-Rips, all samples",
}
FIELDS = (2, 3)


def circles(rng, *sizes_and_centers):
    """Return samples of unit circles in the plane."""
    parts = []
    for n_samples, center in sizes_and_centers:
        t = rng.uniform(0, 2 * np.pi, n_samples)
        parts.append(np.column_stack([np.cos(t), np.sin(t)]) + center)
    return np.concatenate(parts)


def two_circles(seed):
    """Return a circle in a circle."""
    from sklearn.datasets import make_circles

    X, _ = make_circles(400, factor=0.3, noise=0.02, random_state=seed)
    return X, (2, 2)


def three_circles(seed):
    """Return three circles side by side."""
    rng = np.random.RandomState(seed)
    return circles(rng, (300, (0, 0)), (300, (3, 0)), (300, (1.5, 3))), (3, 3)


def two_densities(seed):
    """Return two circles, one of them with a fifth of the samples."""
    return circles(np.random.RandomState(seed), (800, (0, 0)), (160, (3, 0))), (2, 2)


def figure_eight(seed):
    """Return two circles that touch."""
    return circles(np.random.RandomState(seed), (500, (-1, 0)), (500, (1, 0))), (1, 2)


def wedge(seed):
    """Return a sphere and a circle that touch."""
    from skmanifold.datasets import make_sphere

    sphere = make_sphere(2000, random_state=seed).data
    circle = circles(np.random.RandomState(seed), (500, (2, 0)))
    return np.concatenate([sphere, np.pad(circle, ((0, 0), (0, 1)))]), (1, 1, 1)


def gaussian(seed):
    """Return a normal distribution in the plane."""
    return np.random.RandomState(seed).normal(size=(1000, 2)), (1,)


def square(seed):
    """Return a uniform distribution in a square."""
    return np.random.RandomState(seed).uniform(size=(1000, 2)), (1,)


def moons(seed):
    """Return two half circles with a little noise."""
    from sklearn.datasets import make_moons

    return make_moons(500, noise=0.05, random_state=seed)[0], (2,)


def data(space, n_samples, noise, seed):
    """Return samples of a space and its Betti numbers over each field."""
    from skmanifold import datasets

    _, generator, options, _, dimension = SPACES[space]
    if generator in globals():
        X, numbers = globals()[generator](seed)
        betti_numbers = dict.fromkeys(FIELDS, numbers)
    else:
        options = {"n_samples": n_samples, **options}
        bunch = getattr(datasets, generator)(random_state=seed, **options)
        X, betti_numbers = bunch.data, bunch.betti_numbers
    if noise:
        rng = np.random.default_rng(seed)
        basis, _ = np.linalg.qr(rng.normal(size=(100, X.shape[1])))
        X = X - X.mean(axis=0)
        radius = np.sqrt((X**2).sum(axis=1).mean())
        X = X @ basis.T + noise * radius * rng.normal(size=(len(X), 100))
    truth = {}
    for field in FIELDS:
        numbers = tuple(betti_numbers[field])[: dimension + 1]
        truth[field] = numbers + (0,) * (dimension + 1 - len(numbers))
    return X, truth


def cover(way, X, n_charts, dimension, seed):
    """Return the memberships of the samples."""
    from skmanifold.atlas import AtlasAE
    from skmanifold.topology import soft_cover

    init = "random" if way.endswith("_random") else "k-means"
    if way.startswith("untrained"):
        return soft_cover(X, n_charts, init=init, random_state=seed)
    model = AtlasAE(n_charts, dimension, init=init, random_state=seed)
    return model.fit(X).predict_proba(X)


def rips(X, dimension, n_landmarks):
    """Return the Betti numbers of the Vietoris-Rips filtration on farthest points.

    They are those of the longest constant interval with at most five components,
    before the complex becomes contractible for good.
    """
    import gudhi
    from ripser import ripser

    chosen = gudhi.choose_n_farthest_points(
        points=X, nb_points=n_landmarks, starting_point=0
    )
    distances = cdist(chosen, chosen)
    # beyond this value the complex is a cone
    end = distances.max(axis=1).min()
    betti = {}
    for field in FIELDS:
        bars = ripser(
            distances, distance_matrix=True, maxdim=dimension, coeff=field, thresh=end
        )["dgms"]
        changes = np.unique(np.concatenate([bar.ravel() for bar in bars]))
        changes = np.append(changes[changes < end], end)
        intervals = []
        for start, stop in itertools.pairwise(changes):
            numbers = tuple(
                int(np.sum((bar[:, 0] <= start) & (bar[:, 1] > start))) for bar in bars
            )
            if intervals and intervals[-1][0] == numbers:
                intervals[-1][1] += stop - start
            else:
                intervals.append([numbers, stop - start])
        if len(intervals) > 1 and not any(intervals[-1][0][1:]):
            intervals.pop()
        few = [interval for interval in intervals if 1 <= interval[0][0] <= 5]
        longest = max(few, key=lambda interval: interval[1], default=[None])
        betti[field] = longest[0]
    return betti


def one(space, way, noise, seed, n_samples=3000):
    """Run one method once."""
    from skmanifold.topology import betti_numbers, denoise, estimate_betti_numbers

    # imports are not measured
    if way.startswith("rips"):
        importlib.import_module("ripser")
    elif way != "votes":
        importlib.import_module("skmanifold.atlas")
    importlib.import_module("gudhi")
    *_, n_charts, dimension = SPACES[space]
    X, truth = data(space, n_samples, noise, seed)
    start, cpu = time.perf_counter(), time.process_time()
    if noise and way != "votes":
        X = denoise(X)
    extra = {}
    if way.startswith("rips"):
        betti = rips(X, dimension, 200 if way == "rips" else len(X))
    elif way == "votes":
        results = {
            field: estimate_betti_numbers(
                X, dimension, field=field, denoise=noise > 0, random_state=seed
            )
            for field in FIELDS
        }
        betti = {field: result.numbers for field, result in results.items()}
        extra = {
            "confidence": [results[field].confidence for field in FIELDS],
            "decided": all(result.decided for result in results.values()),
            "votes": [results[field].votes for field in FIELDS],
        }
    else:
        q = cover(way, X, n_charts, dimension, seed)
        results = {
            field: betti_numbers(q, dimension, field=field, rank=2 if noise else 1)
            for field in FIELDS
        }
        betti = {field: result.numbers for field, result in results.items()}
        extra = {
            "confidence": [results[field].confidence for field in FIELDS],
            "decided": all(result.decided for result in results.values()),
            "dead": int(np.sum(q.mean(axis=0) * n_charts < 0.1)),
            "largest_q": float(q.max(axis=1).mean()),
        }
    return {
        "right": all(betti[field] == truth[field] for field in FIELDS),
        "found": [betti[field] for field in FIELDS],
        "fit s": time.perf_counter() - start,
        "fit CPU s": time.process_time() - cpu,
        **extra,
    }


def runs(space, way):
    """Return whether a method has results for a space."""
    *_, n_charts, dimension = SPACES[space]
    if way == "rips_all":
        return n_charts is None and dimension == 1
    if way in ("votes", "rips"):
        # they are not given the number of charts
        return not space.endswith("_16")
    return n_charts is not None


def table(rows):
    """Return correct seeds by space and method, and median CPU seconds.

    Where answers can be undecided, also the number of seeds that are decided, and of
    those that are wrong.
    """
    groups = {}
    for row in rows:
        job = row["job"]
        case = job["noise"], list(SPACES).index(job["space"])
        groups.setdefault(case, {}).setdefault(job["way"], []).append(row["found"])
    ways = [way for way in WAYS if any(way in group for group in groups.values())]
    lines = [["noise", "space", "charts", *(WAYS[way] for way in ways)]]
    for (noise, i), group in sorted(groups.items()):
        title, *_, n_charts, _ = list(SPACES.values())[i]
        line = [f"{noise:g}", title, str(n_charts or "-")]
        for way in ways:
            results = group.get(way, [])
            text = "-"
            if results:
                seconds = statistics.median(result["fit CPU s"] for result in results)
                right = sum(result["right"] for result in results)
                text = f"{right} of {len(results)}, {seconds:.1f} s"
                if all("decided" in result for result in results):
                    decided = [result for result in results if result["decided"]]
                    wrong = sum(not result["right"] for result in decided)
                    text += f"; {len(decided)} decided, {wrong} of them wrong"
            line.append(text)
        lines.append(line)
    return lines


def main(arguments=None):
    """Run the command line."""
    parser = make_parser("topology", __doc__, n_seeds=10)
    parser.add_argument("--spaces", nargs="+", default=list(SPACES), choices=SPACES)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=WAYS)
    parser.add_argument("--noise", type=float, default=0.0)
    options = parser.parse_args(arguments)
    jobs = [
        {"space": space, "way": way, "noise": options.noise, "seed": seed}
        for space in options.spaces
        for way in options.ways
        if runs(space, way)
        for seed in options.seeds
    ]
    print(markdown(table(carry_out("topology", jobs, options))))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: BSD-3-Clause

"""A page of maps: each method's embedding of each data set, at defaults.

``python -m asv_bench.compare.maps`` fits each method once, seed 0, and writes
``doc/pictures/maps.png``. Colors are classes, which no fit sees.
"""

import numpy as np

from asv_bench.compare.data import load, parse_name
from asv_bench.compare.methods import METHODS
from asv_bench.compare.runner import ROOT

PICTURE = ROOT / "doc" / "pictures" / "maps.png"
TITLES = {"dlme": "DLME", "umap": "UMAP", "opentsne": "t-SNE", "pacmap": "PaCMAP"}
SETS = {
    "digits": "digits",
    "coil20": "COIL-20",
    "pendigits:5000": "pendigits",
    "pbmc68k": "pbmc68k",
    "mnist:10000": "MNIST",
    "fashion_mnist:10000": "Fashion-MNIST",
}


def embed(label, data, seed=0):
    """Return a method's embedding of its usual input."""
    method = METHODS[label]
    X = data.X if method.raw else data.usual_input()
    model = method.make(seed, 1)
    return np.asarray(method.fit_transform(model, X))


def main():
    """Draw a row of maps for each data set and save the figure."""
    from matplotlib.figure import Figure

    from skmanifold.inspection import EmbeddingDisplay

    shape = len(SETS), len(TITLES)
    figure = Figure((2.6 * shape[1], 2.6 * shape[0]), layout="constrained")
    for (name, title), row in zip(SETS.items(), figure.subplots(*shape), strict=True):
        data = load(*parse_name(name))
        for label, ax in zip(TITLES, row, strict=True):
            display = EmbeddingDisplay(embedding=embed(label, data), y=data.y)
            display.plot(ax=ax, legend=False)
            ax.set_title(TITLES[label] if name == next(iter(SETS)) else "")
            ax.set(xlabel="", ylabel="", xticks=[], yticks=[])
        row[0].set_ylabel(f"{title}, {len(data.y):,} samples")
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: BSD-3-Clause

"""Overhead of training, of transforming one sample, and of imports.

``python -m asv_bench.compare.speed --parts epochs row`` prints tables of CPU seconds.
Compared methods alternate in one process, so ratios are valid on a busy machine too.

- *epochs*: our epoch against a plain torch loop with the same network, Adam, and
  batches of the same size from a DataLoader.
- *idec*: an epoch of DCRL, and of DCRL with the weights of IDEC, against ClustPy's IDEC
  with layers and batches of the same size.
- *profile*: a step of each estimator, the seconds of a fit outside of training, and the
  shares of groups of torch operators.
- *row*: ``transform`` of one sample, and its part outside of the network.
- *import*: importing a package, alone and after ``sklearn.base``.
"""

import contextlib
import subprocess
import sys
import time

import numpy as np

from asv_bench.compare.data import IMAGE_SHAPES, load, stratified_rows
from asv_bench.compare.methods import import_peer
from asv_bench.compare.parts import Part, make_parts_parser, run_parts

ROUNDS = 3
EPOCHS = 4


def rows_of(name, n_rows):
    """Return samples, number of classes and image shape."""
    data = load(name)
    rows = stratified_rows(data.y, n_rows)
    return data.X[rows], len(np.unique(data.y)), IMAGE_SHAPES[name]


def profiled():
    """Return torch's CPU profiler."""
    import torch

    activities = [torch.profiler.ProfilerActivity.CPU]
    return torch.profiler.profile(activities=activities)


def watched(cls, around=contextlib.nullcontext, **parameters):
    """Return an estimator and a dictionary that records its last training phase.

    Each phase is trained inside the context ``around()``.
    """
    record = {}

    class Watched(cls):
        def _learn(self, data, run):
            train = run.train

            def keep(objective, batches, **options):
                record.update(objective=objective, batches=batches, ends=[])
                with around() as record["context"]:
                    return train(objective, batches, **options)

            run.train = keep
            return super()._learn(data, run)

        def _report(self, phase, epoch, n_epochs, history):
            record["ends"].append(time.process_time())

    return Watched(max_epochs=EPOCHS, verbose=True, **parameters), record


def seconds_of_epochs(record):
    """Return the CPU seconds of each epoch except the first."""
    return np.diff(record["ends"])


def started(n_rows, n_classes):
    """Return parameters of DCRL that skip its initialization, which is not measured.

    Labels are not held, so every epoch is of the later, longer kind.
    """
    return {
        "n_clusters": n_classes,
        "init": np.arange(n_rows) % n_classes,
        "label_hold": 0.0,
        "pretraining_epochs": 1,
    }


def ratio(ours, theirs):
    """Return median seconds and their ratio from lists of seconds, one per round."""
    ours, theirs = (float(np.median(np.concatenate(s))) for s in (ours, theirs))
    return {"ours s": ours, "other s": theirs, "ratio": ours / theirs}


def epochs(method, data, seed, rows=None):
    """Time our epochs and those of a plain loop, alternating."""
    from asv_bench.compare import plain_loops
    from skmanifold import DCRL, AtlasAE, MSimCLR

    X, n_classes, image_shape = rows_of(data, rows)
    cls, parameters, plain = {
        "DCRL": (DCRL, started(len(X), n_classes), plain_loops.dcrl),
        "AtlasAE": (AtlasAE, {}, plain_loops.atlas),
        "MSimCLR": (MSimCLR, {"image_shape": image_shape}, plain_loops.msimclr),
    }[method]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        model, record = watched(cls, random_state=seed, **parameters)
        model.fit(X)
        ours.append(seconds_of_epochs(record))
        theirs.append(plain(model, record))
    return ratio(ours, theirs)


def idec(method, data, seed, rows=None):
    """Time epochs of DCRL and of ClustPy's IDEC, alternating."""
    from asv_bench.compare.clustering import IDEC_WEIGHTS
    from skmanifold import DCRL

    weights = IDEC_WEIGHTS if method == "IDEC" else {}
    peer = import_peer("clustpy.deep").IDEC
    from clustpy.deep.neural_networks import FeedforwardAutoencoder

    X, n_classes, _ = rows_of(data, rows)
    scaled = (X - X.mean(axis=0)) / X.std()
    ours, theirs = [], []
    for _ in range(ROUNDS):
        parameters = {**weights, **started(len(X), n_classes)}
        model, record = watched(DCRL, random_state=seed, **parameters)
        model.fit(X)
        ours.append(seconds_of_epochs(record))
        widths = [X.shape[1], *model.encoder_layers, model.n_components]
        seconds = []
        for n_epochs in (1, 1 + EPOCHS):
            network = FeedforwardAutoencoder(widths)
            other = peer(
                n_classes,
                batch_size=record["batches"].batch_size,
                pretrain_epochs=1,
                clustering_epochs=n_epochs,
                neural_network=network,
                random_state=seed,
            )
            start = time.process_time()
            other.fit(scaled)
            seconds.append(time.process_time() - start)
        theirs.append([(seconds[1] - seconds[0]) / EPOCHS])
    return ratio(ours, theirs)


# Profile of a fit -------------------------------------------------------------------

# group -> name prefixes of torch operators
GROUPS = {
    "products": ("mm", "addmm", "bmm", "baddbmm", "mkldnn_convolution", "convolution"),
    "norms": ("native_layer_norm", "native_batch_norm", "native_group_norm"),
    "activations": ("gelu", "relu", "threshold", "silu", "softplus", "sigmoid"),
    "casts and copies": ("copy_", "cat", "clone", "_to_copy", "contiguous"),
    "indexing": ("index", "gather", "embedding", "scatter", "grid_sampler"),
    "distances": ("_cdist", "cdist", "_euclidean_dist", "pow", "sqrt", "square"),
    "optimizer": ("_fused_adam", "_foreach", "Optimizer.step", "lerp"),
    "elementwise and sums": (
        *("add", "sub", "mul", "div", "neg", "abs", "sgn", "exp", "log"),
        *("_log_softmax", "sum", "mean", "amax", "clamp", "where", "masked_fill"),
        *("fill_", "reciprocal"),
        *("maximum", "minimum", "softmax", "_softmax", "norm", "linalg_vector_norm"),
    ),
    "autograd": ("autograd", "torch::autograd"),
}


def group_of(event):
    """Return the group of a torch operator."""
    name = event.removeprefix("aten::")
    groups = (g for g, prefixes in GROUPS.items() if name.startswith(prefixes))
    return next(groups, "other")


def shares(method, data, seed, rows=None):
    """Measure a step, the seconds outside of training, and the share of each group."""
    import skmanifold

    X, n_classes, image_shape = rows_of(data, rows)
    parameters = started(len(X), n_classes) if method == "DCRL" else {}
    if method == "MSimCLR":
        parameters = {"image_shape": image_shape}
    cls = getattr(skmanifold, method)
    fit_seconds = []
    for around in (contextlib.nullcontext, profiled):
        model, record = watched(cls, around=around, random_state=seed, **parameters)
        start = time.process_time()
        model.fit(X)
        fit_seconds.append(time.process_time() - start)
        if around is contextlib.nullcontext:
            epoch = float(np.median(seconds_of_epochs(record)))
    groups = dict.fromkeys((*GROUPS, "other"), 0.0)
    for event in record["context"].key_averages():
        groups[group_of(event.key)] += event.self_cpu_time_total
    total = sum(groups.values())
    return {
        "step ms": 1e3 * epoch / len(record["batches"]),
        "epoch s": epoch,
        "before and after s": fit_seconds[0] - EPOCHS * epoch,
        **{name: seconds / total for name, seconds in groups.items()},
    }


# One sample -----------------------------------------------------------------------


def row(method, data, seed, rows=None):
    """Time ``transform`` of one sample and the network alone, alternating."""
    import torch

    import skmanifold
    from skmanifold._engine._apply import BLOCK_ROWS

    X, n_classes, _ = rows_of(data, rows)
    parameters = started(len(X), n_classes) if method == "DCRL" else {}
    model = getattr(skmanifold, method)(
        max_epochs=1, random_state=seed, **parameters
    ).fit(X)
    sizes = {"network of a row": 1, "network of a block": BLOCK_ROWS}
    inputs = {
        name: torch.from_numpy(model._scaler.transform(X[:size]))
        for name, size in sizes.items()
    }
    seconds = {name: [] for name in ("one row", *sizes)}

    def clock(name, function):
        start = time.process_time()
        function()
        seconds[name].append(time.process_time() - start)

    def alone(x):
        with torch.inference_mode():
            return model.network_(x)

    for _ in range(300):
        clock("one row", lambda: model.transform(X[:1]))
        for name, x in inputs.items():
            clock(name, lambda x=x: alone(x))
    figures = {f"{name}, ms": 1e3 * float(np.median(s)) for name, s in seconds.items()}
    figures["beyond the block, ms"] = (
        figures["one row, ms"] - figures["network of a block, ms"]
    )
    return figures


# Import ---------------------------------------------------------------------------


def imports(method, seed):
    """Time a line of Python, alone and after importing ``sklearn.base``."""
    program = "{}; import time; start = time.process_time(); {}; "
    program += "print(time.process_time() - start)"
    first = {"alone s": "pass", "beyond s": "import sklearn.base"}
    seconds = {name: [] for name in first}
    for _ in range(ROUNDS):
        for name, before in first.items():
            command = [sys.executable, "-c", program.format(before, method)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds[name].append(float(done.stdout))
    return {name: float(np.median(values)) for name, values in seconds.items()}


def of_fits(methods):
    """Return the entries of jobs that fit methods."""
    return {"method": methods, "data": ("digits",), "rows": (None,)}


RATIO = {"ours s": 3, "other s": 3, "ratio": 2}
ROW = ("one row", "network of a row", "network of a block", "beyond the block")
IMPORTS = ("import skmanifold", "from skmanifold import DLME")
IMPORTS += ("import torch", "import umap")
PARTS = {
    "epochs": Part(epochs, of_fits(("DCRL", "MSimCLR", "AtlasAE")), RATIO),
    "idec": Part(idec, of_fits(("DCRL", "IDEC")), RATIO),
    "profile": Part(
        shares,
        of_fits(("DLME", "DCRL", "IsometricAE", "AtlasAE", "MSimCLR")),
        {"step ms": 1, "before and after s": 1} | dict.fromkeys((*GROUPS, "other"), 2),
    ),
    "row": Part(
        row,
        of_fits(("DLME", "DCRL")),
        {f"{part}, ms": 2 for part in ROW},
    ),
    "import": Part(
        imports,
        {"method": IMPORTS},
        {"alone s": 3, "beyond s": 3},
    ),
}


def main(arguments=None):
    """Run the command line."""
    parser = make_parts_parser("speed", __doc__, PARTS, n_seeds=3)
    run_parts("speed", PARTS, parser.parse_args(arguments))


if __name__ == "__main__":
    main()

# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Overhead of training, of one sample and of imports.

``python -m asv_bench.compare.speed --parts epochs row`` prints tables of CPU seconds.
What is compared alternates in one process, so ratios hold on a busy machine too.

- *epochs*: an epoch of our training against a loop of plain torch with the same
  network, Adam, and batches of the same size from a DataLoader.
- *idec*: an epoch of DCRL, and of DCRL with the weights of IDEC, against one of
  ClustPy's IDEC with layers and batches of the same size.
- *step*: a training step of DLME: the share of matrix products in torch's profile, and
  its rate of operations over that of its products alone.
- *profile*: a step of each estimator, the seconds of a fit outside training, and the
  shares of groups of torch's operators.
- *row*: ``transform`` of one sample, and of it what is not the network.
- *import*: importing a package, alone and after ``sklearn.base``.
"""

import contextlib
import itertools
import subprocess
import sys
import time

import numpy as np

from asv_bench.compare.data import IMAGE_SHAPES, load, stratified_rows
from asv_bench.compare.methods import import_peer
from asv_bench.compare.runner import carry_out, make_parser
from asv_bench.compare.tables import markdown, mean_table

ROUNDS = 3
EPOCHS = 4


def rows_of(name, n_rows):
    """Return samples, the number of classes and the shape of an image."""
    data = load(name)
    rows = stratified_rows(data.y, n_rows)
    return data.X[rows], len(np.unique(data.y)), IMAGE_SHAPES[name]


def profiled():
    """Return torch's profiler of the CPU."""
    import torch

    activities = [torch.profiler.ProfilerActivity.CPU]
    return torch.profiler.profile(activities=activities)


def watched(cls, around=contextlib.nullcontext, **parameters):
    """Return an estimator and a dictionary of its last phase of training.

    ``around()`` is the context in which each phase is trained.
    """
    seen = {}

    class Watched(cls):
        def _learn(self, data, run):
            train = run.train

            def keep(objective, batches, **options):
                seen.update(objective=objective, batches=batches, ends=[])
                with around() as seen["context"]:
                    return train(objective, batches, **options)

            run.train = keep
            return super()._learn(data, run)

        def _report(self, phase, epoch, n_epochs, history):
            seen["ends"].append(time.process_time())

    return Watched(max_epochs=EPOCHS, verbose=True, **parameters), seen


def seconds_of_epochs(seen):
    """Return the CPU seconds of each epoch but the first."""
    return np.diff(seen["ends"])


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
    """Return the figures of two lists of seconds, one list per round."""
    ours, theirs = (float(np.median(np.concatenate(s))) for s in (ours, theirs))
    return {"ours s": ours, "other s": theirs, "ratio": ours / theirs}


def epochs(method, data, rows, seed):
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
        model, seen = watched(cls, random_state=seed, **parameters)
        model.fit(X)
        ours.append(seconds_of_epochs(seen))
        theirs.append(plain(model, seen))
    return ratio(ours, theirs)


def idec(method, data, rows, seed):
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
        model, seen = watched(DCRL, random_state=seed, **parameters)
        model.fit(X)
        ours.append(seconds_of_epochs(seen))
        widths = [X.shape[1], *model.layers, model.n_components]
        taken = []
        for n_epochs in (1, 1 + EPOCHS):
            network = FeedforwardAutoencoder(widths)
            other = peer(
                n_classes,
                batch_size=seen["batches"].rows.batch_size,
                pretrain_epochs=1,
                clustering_epochs=n_epochs,
                neural_network=network,
                random_state=seed,
            )
            start = time.process_time()
            other.fit(scaled)
            taken.append(time.process_time() - start)
        theirs.append([(taken[1] - taken[0]) / EPOCHS])
    return ratio(ours, theirs)


# A step of DLME -----------------------------------------------------------------


def products(widths, n_rows, dtypes):
    """Return a function of the matrix products in a step, and their operations."""
    import torch

    layers = []
    for (n_in, n_out), dtype in zip(itertools.pairwise(widths), dtypes, strict=True):
        x, w, g = (
            torch.randn(*shape).to(dtype)
            for shape in ((n_rows, n_in), (n_out, n_in), (n_rows, n_out))
        )
        layers.append((x, w, g))

    def compute():
        for i, (x, w, g) in enumerate(layers):
            x @ w.t()
            g.t() @ x
            if i:  # inputs need no gradient
                g @ w

    count = sum(
        (6 if i else 4) * n_rows * a * b
        for i, (a, b) in enumerate(itertools.pairwise(widths))
    )
    return compute, count


def step(method, data, rows, seed):
    """Measure the matrix products in a step of DLME."""
    import torch

    from skmanifold import DLME
    from skmanifold._engine import resolve_precision

    X, _, _ = rows_of(data, rows)
    model, seen = watched(DLME, random_state=seed)
    model.fit(X)
    seconds = np.median(seconds_of_epochs(seen)) / len(seen["batches"])

    model, profile = watched(DLME, around=profiled, random_state=seed)
    model.fit(X)
    events = profile["context"].key_averages()
    times = {event.key: event.self_cpu_time_total for event in events}
    multiplying = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
    share = sum(times.get(name, 0) for name in multiplying) / sum(times.values())

    encoder, batches = seen["objective"].encoder, seen["batches"]
    linear = [m for m in encoder.modules() if isinstance(m, torch.nn.Linear)]
    widths = [linear[0].in_features, *(layer.out_features for layer in linear)]
    heads = [id(encoder.structure.head), id(encoder.embedding.head)]
    hidden = resolve_precision("auto", torch.device("cpu"))
    dtypes = [torch.float32 if id(m) in heads else hidden for m in linear]
    compute, count = products(widths, 2 * batches.rows.batch_size, dtypes)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as in training
    taken = []
    for _ in range(50):
        start = time.process_time()
        compute()
        taken.append(time.process_time() - start)
    torch.set_num_threads(before)
    alone = np.median(taken)
    return {
        "step ms": 1e3 * seconds,
        "products ms": 1e3 * float(alone),
        "products, of profile": share,
        "GFLOP/s": 1e-9 * count / seconds,
        "products' GFLOP/s": 1e-9 * count / float(alone),
        "ratio": float(alone) / seconds,
    }


# Where a fit's time goes ------------------------------------------------------------

# group -> prefixes of the names of torch's operators
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
    """Return the group of an operator of torch."""
    name = event.removeprefix("aten::")
    found = (g for g, prefixes in GROUPS.items() if name.startswith(prefixes))
    return next(found, "other")


def shares(method, data, rows, seed):
    """Measure a step, the seconds outside training, and the share of each group."""
    import skmanifold

    X, n_classes, image_shape = rows_of(data, rows)
    parameters = started(len(X), n_classes) if method == "DCRL" else {}
    if method == "MSimCLR":
        parameters = {"image_shape": image_shape}
    cls = getattr(skmanifold, method)
    whole = []
    for around in (contextlib.nullcontext, profiled):
        model, seen = watched(cls, around=around, random_state=seed, **parameters)
        start = time.process_time()
        model.fit(X)
        whole.append(time.process_time() - start)
        if around is contextlib.nullcontext:
            epoch = float(np.median(seconds_of_epochs(seen)))
    groups = dict.fromkeys((*GROUPS, "other"), 0.0)
    for event in seen["context"].key_averages():
        groups[group_of(event.key)] += event.self_cpu_time_total
    total = sum(groups.values())
    return {
        "step ms": 1e3 * epoch / len(seen["batches"]),
        "epoch s": epoch,
        "before and after s": whole[0] - EPOCHS * epoch,
        **{name: seconds / total for name, seconds in groups.items()},
    }


# One sample -----------------------------------------------------------------------


def row(method, data, rows, seed):
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
    taken = {name: [] for name in ("one row", *sizes)}

    def clock(name, function):
        start = time.process_time()
        function()
        taken[name].append(time.process_time() - start)

    def alone(x):
        with torch.inference_mode():
            return model.network_(x)

    for _ in range(300):
        clock("one row", lambda: model.transform(X[:1]))
        for name, x in inputs.items():
            clock(name, lambda x=x: alone(x))
    found = {f"{name}, ms": 1e3 * float(np.median(s)) for name, s in taken.items()}
    found["beyond the block, ms"] = (
        found["one row, ms"] - found["network of a block, ms"]
    )
    return found


# Import ---------------------------------------------------------------------------


def imports(method, data, rows, seed):
    """Time a line of Python, alone and after importing ``sklearn.base``."""
    program = "{}; import time; start = time.process_time(); {}; "
    program += "print(time.process_time() - start)"
    first = {"alone s": "pass", "beyond s": "import sklearn.base"}
    taken = {name: [] for name in first}
    for _ in range(ROUNDS):
        for name, before in first.items():
            command = [sys.executable, "-c", program.format(before, method)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            taken[name].append(float(done.stdout))
    return {name: float(np.median(seconds)) for name, seconds in taken.items()}


PARTS = {
    "epochs": epochs,
    "idec": idec,
    "step": step,
    "profile": shares,
    "row": row,
    "import": imports,
}
METHODS = {
    "epochs": ("DCRL", "MSimCLR", "AtlasAE"),
    "idec": ("DCRL", "IDEC"),
    "step": ("DLME",),
    "profile": ("DLME", "DCRL", "IsometricAE", "AtlasAE", "MSimCLR"),
    "row": ("DLME", "DCRL"),
    "import": (
        *("import skmanifold", "from skmanifold import DLME"),
        *("import torch", "import umap"),
    ),
}
COLUMNS = {
    "epochs": {"ours s": 3, "other s": 3, "ratio": 2},
    "idec": {"ours s": 3, "other s": 3, "ratio": 2},
    "step": {
        **{"step ms": 2, "products ms": 2, "products, of profile": 2},
        **{"GFLOP/s": 0, "products' GFLOP/s": 0, "ratio": 2},
    },
    "profile": {
        **{"step ms": 1, "before and after s": 1},
        **dict.fromkeys((*GROUPS, "other"), 2),
    },
    "row": {
        **{"one row, ms": 2, "network of a row, ms": 2},
        **{"network of a block, ms": 2, "beyond the block, ms": 2},
    },
    "import": {"alone s": 3, "beyond s": 3},
}
KEYS = ("method", "data", "rows")


def one(part, **job):
    """Measure one line of a table."""
    return PARTS[part](**job)


def tables(rows):
    """Return the table of each part that was measured, by its name."""
    found = {}
    for part, columns in COLUMNS.items():
        some = [row for row in rows if row["job"]["part"] == part]
        if some:
            found[part] = mean_table(some, KEYS, columns)
    return found


def main(arguments=None):
    """Run the command line."""
    parser = make_parser("speed", __doc__, n_seeds=3)
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    add("--data", nargs="+", choices=IMAGE_SHAPES, default=["digits"])
    add("--rows", type=int, help="stratified subsample (default: all)")
    options = parser.parse_args(arguments)
    jobs = [
        {"part": part, "method": method, "data": data, "rows": options.rows, "seed": s}
        for part in options.parts
        for method in METHODS[part]
        for data in (["-"] if part == "import" else options.data)
        for s in (options.seeds[:1] if part == "import" else options.seeds)
    ]
    for part, table in tables(carry_out("speed", jobs, options)).items():
        print(f"{part}\n\n{markdown(table)}\n")


if __name__ == "__main__":
    main()

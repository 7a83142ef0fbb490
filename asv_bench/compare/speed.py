# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What training and one row cost beyond what they cannot do without.

``python -m asv_bench.compare.speed`` prints tables of CPU seconds; what is compared
takes turns, so that the ratios hold on a machine that does other work too.

- *epochs*: an epoch of our training against a loop of plain torch: the same network,
  the loss written as the formula reads, Adam, batches of the same size from a
  DataLoader.
- *idec*: an epoch of DCRL, and of DCRL with the weights of IDEC, against one of
  ClustPy's IDEC with a network of the same layers and batches of the same size.
- *step*: a training step of DLME: the share of it that matrix products take, by torch's
  profiler, and the rate of operations in it over the rate of nothing but its products.
- *profile*: a step of each estimator, the seconds of a fit that are not training, and
  the shares of training that groups of torch's operators take.
- *row*: ``transform`` of one row, and what of it is not the network.
- *import*: importing a package, in a new process and in one that has imported
  ``sklearn.base``.

Each measurement has a process of its own and a line in a file. Data are read from the
folder that SKMANIFOLD_DATA names; digits come with scikit-learn.
"""

import argparse
import contextlib
import copy
import functools
import itertools
import subprocess
import sys
import time

import numpy as np

from asv_bench.compare.data import load, stratified_rows
from asv_bench.compare.jobs import add_options, carry_out, markdown
from asv_bench.compare.methods import import_peer

IMAGE_SHAPES = {"digits": (8, 8), "mnist": (28, 28), "fashion_mnist": (28, 28)}
ROUNDS = 3
EPOCHS = 4


def rows_of(name, n_rows):
    """Rows, the number of classes and the shape of an image."""
    data = load(name)
    X = np.asarray(data.X, dtype=np.float32)
    if n_rows is not None and n_rows < len(X):
        X = X[stratified_rows(data.y, n_rows)]
    return X, len(np.unique(data.y)), IMAGE_SHAPES[name]


def watched(cls, around=contextlib.nullcontext, **parameters):
    """An estimator, and what it keeps of its last phase of training.

    ``around()`` is the context that each phase is trained in.
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
    """CPU seconds of each epoch but the first."""
    return np.diff(seen["ends"])


# Loops as one writes them without us ------------------------------------------


def by_hand(parameters, dataset, batch_size, loss):
    """CPU seconds of each epoch of a plain loop but the first.

    ``loss(rows, first)`` is that of a batch, ``first`` if it is an epoch's first one.
    """
    import torch

    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=batch_size, shuffle=True, drop_last=True
    )
    ends = []
    for _ in range(EPOCHS):
        for i, batch in enumerate(loader):
            optimizer.zero_grad()
            loss(batch, i == 0).backward()
            optimizer.step()
        ends.append(time.process_time())
    return np.diff(ends)


def dcrl_by_hand(model, seen):
    """DCRL: reconstruction, clusters, local distances, ranks, alignment."""
    import torch
    from torch.nn import functional as F
    from torch.utils.data import TensorDataset

    objective, batches = seen["objective"], seen["batches"]
    network, decoder = (
        copy.deepcopy(module).train().requires_grad_(True)
        for module in (objective.encoder.network, objective.decoder.features)
    )
    centers = torch.nn.Parameter(objective.clusters.centers.detach().clone())
    features, n_clusters = objective.features, len(centers)
    wanted = objective.distances
    neighbors, distances = batches.neighbors, batches.distances
    state = {}

    def assign(z):
        kernel = 1 / (1 + torch.cdist(z, centers) ** 2)
        return kernel / kernel.sum(1, keepdim=True)

    def refresh():
        with torch.no_grad():
            z = network(features)
            q = assign(z)
            p = q**2 / q.sum(0)
            state["p"] = p / p.sum(1, keepdim=True)
            state["labels"] = q.argmax(1)

    def loss(batch, first):
        if first:
            refresh()
        x, rows = batch
        slot = torch.randint(neighbors.shape[1], (len(rows),))
        others = neighbors[rows, slot]
        z_a, z_b = network(x), network(features[others])
        error = F.mse_loss(
            decoder(torch.cat([z_a, z_b])), features[torch.cat([rows, others])]
        )
        clusters = F.kl_div(assign(z_a).log(), state["p"][rows], reduction="batchmean")
        labels = state["labels"][rows]
        same = labels == state["labels"][others]
        lengths = (z_a - z_b).norm(dim=1)
        local = ((lengths - distances[rows, slot]).abs() * same).mean()
        ranks = (torch.cdist(centers, centers) - wanted).abs().mean()
        align = sum(
            (z_a[labels == j].mean(0) - centers[j]).norm()
            for j in range(n_clusters)
            if (labels == j).any()
        )
        return error + clusters + local + ranks + align

    return by_hand(
        [*network.parameters(), *decoder.parameters(), centers],
        TensorDataset(features, torch.arange(len(features))),
        batches.rows.batch_size,
        loss,
    )


def plain_mmd(q, y, draws, scale):
    """Squared MMD of memberships and coordinates from uniform charts."""
    import torch

    total = 0.0
    for j in range(q.shape[1]):
        a, u, w = y[:, j], draws[:, j], q[:, j]
        own = 1 / (1 + torch.cdist(a, a) ** 2 / scale)
        cross = 1 / (1 + torch.cdist(a, u) ** 2 / scale)
        n, m, k = len(a), len(u), q.shape[1]
        total = total + (w @ own @ w - w @ w) / (n * (n - 1))
        total = total - 2 * (w @ cross).sum() / (k * n * m)
    return total


def atlas_by_hand(model, seen):
    """AtlasAE: reconstruction by each chart, locality, uniform charts."""
    import torch
    from torch.utils.data import TensorDataset

    objective, batches = seen["objective"], seen["batches"]
    encoder, decoder = (
        copy.deepcopy(module).train().requires_grad_(True)
        for module in (objective.encoder, objective.decoder)
    )
    prototypes = encoder.parts.heads.prototypes

    def loss(batch, first):
        (x,) = batch
        q, y = encoder.charts(x)
        errors = ((decoder.decode(y) - x.unsqueeze(1)) ** 2).sum(2)
        d2 = torch.cdist(x, prototypes) ** 2
        draws = torch.rand(len(x) // 2, *y.shape[1:])
        mmd = q.shape[1] * plain_mmd(q, y, draws, y.shape[2] / 24)
        return (q * (errors + d2)).sum(1).mean() / objective.variance + mmd

    return by_hand(
        [*encoder.parameters(), *decoder.parameters()],
        TensorDataset(objective.inputs),
        batches.rows.batch_size,
        loss,
    )


def msimclr_by_hand(model, seen):
    """MSimCLR: two views, NT-Xent, uniform charts, balance and sharpness."""
    import torch
    from torch.nn import functional as F
    from torch.utils.data import TensorDataset

    objective, batches = seen["objective"], seen["batches"]
    encoder, projections = (
        copy.deepcopy(module).train().requires_grad_(True)
        for module in (objective.encoder, objective.projections)
    )
    shape = (*model.image_shape, 1)

    def view(x):
        images = x.unflatten(1, shape).permute(0, 3, 1, 2)
        theta = torch.eye(2, 3) + 0.15 * (2 * torch.rand(len(x), 2, 3) - 1)
        grid = F.affine_grid(theta, images.shape, align_corners=False)
        moved = F.grid_sample(images, grid, align_corners=False)
        return moved.permute(0, 2, 3, 1).flatten(1)

    def loss(batch, first):
        (x,) = batch
        n = len(x)
        q, y = encoder.charts(torch.cat([view(x), view(x)]))
        z = F.normalize(projections(q, y), dim=1)
        logits = z @ z.t() / objective.temperature
        logits = logits.masked_fill(torch.eye(2 * n, dtype=torch.bool), -torch.inf)
        contrast = F.cross_entropy(logits, (torch.arange(2 * n) + n) % (2 * n))
        mmd = plain_mmd(q[:n], y[:n], torch.rand(64, *y.shape[1:]), y.shape[2] / 24)
        mass = q.mean(0)
        balance = (mass * (mass + 1e-8).log()).sum()
        return contrast + mmd + balance + (1 - (q**2).sum(1).mean())

    return by_hand(
        [*encoder.parameters(), *projections.parameters()],
        TensorDataset(batches.inputs),
        batches.rows.batch_size,
        loss,
    )


def started(n_rows, n_classes):
    """Parameters of DCRL with labels for a start: its start is not what is measured.

    Nor are they held, so that every epoch is of the later, longer kind.
    """
    return {
        "n_clusters": n_classes,
        "init": np.arange(n_rows) % n_classes,
        "label_hold": 0.0,
        "pretraining_epochs": 1,
    }


def ratio(ours, theirs):
    """Figures of two lists of seconds of epochs, a list for each round."""
    ours, theirs = (float(np.median(np.concatenate(one))) for one in (ours, theirs))
    return {"ours s": ours, "other s": theirs, "ratio": ours / theirs}


def epochs(method, data, rows, seed):
    """Our epochs and those of a plain loop, in turns."""
    from skmanifold import DCRL, AtlasAE, MSimCLR

    X, n_classes, image_shape = rows_of(data, rows)
    cls, parameters, hand = {
        "DCRL": (DCRL, {}, dcrl_by_hand),
        "AtlasAE": (AtlasAE, {}, atlas_by_hand),
        "MSimCLR": (MSimCLR, {"image_shape": image_shape}, msimclr_by_hand),
    }[method]
    if method == "DCRL":
        parameters = started(len(X), n_classes)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        model, seen = watched(cls, random_state=seed, **parameters)
        model.fit(X)
        ours.append(seconds_of_epochs(seen))
        theirs.append(hand(model, seen))
    return ratio(ours, theirs)


def idec(method, data, rows, seed):
    """Epochs of DCRL and of ClustPy's IDEC, in turns."""
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
    """A function of the matrix products of a network's step, and their operations."""
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
            if i:  # nothing flows back into the inputs
                g @ w

    count = sum(
        (6 if i else 4) * n_rows * a * b
        for i, (a, b) in enumerate(itertools.pairwise(widths))
    )
    return compute, count


def step(method, data, rows, seed):
    """What a step of DLME consists of."""
    import torch

    from skmanifold import DLME
    from skmanifold._engine import resolve_precision

    X, _, _ = rows_of(data, rows)
    model, seen = watched(DLME, random_state=seed)
    model.fit(X)
    seconds = np.median(seconds_of_epochs(seen)) / len(seen["batches"])

    profile = functools.partial(
        torch.profiler.profile, activities=[torch.profiler.ProfilerActivity.CPU]
    )
    model, profiled = watched(DLME, around=profile, random_state=seed)
    model.fit(X)
    events = profiled["context"].key_averages()
    times = {event.key: event.self_cpu_time_total for event in events}
    multiplying = ("aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm")
    share = sum(times.get(name, 0) for name in multiplying) / sum(times.values())

    encoder, batches = seen["objective"].encoder, seen["batches"]
    linear = [m for m in encoder.modules() if isinstance(m, torch.nn.Linear)]
    widths = [linear[0].in_features, *(layer.out_features for layer in linear)]
    heads = [id(encoder.structure.head), id(encoder.embedding.head)]
    hidden = resolve_precision("auto", torch.device("cpu"))
    dtypes = [torch.float32 if id(one) in heads else hidden for one in linear]
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

# group -> beginnings of the names of torch's operators
GROUPS = {
    "products": ("mm", "addmm", "bmm", "baddbmm", "mkldnn_convolution", "convolution"),
    "norms": ("native_layer_norm", "native_batch_norm", "native_group_norm"),
    "activations": ("gelu", "relu", "threshold", "silu", "softplus", "sigmoid"),
    "casts and copies": ("copy_", "cat", "clone", "_to_copy", "contiguous"),
    "indexing": ("index", "gather", "embedding", "scatter", "grid_sampler"),
    "distances": ("_cdist", "cdist", "_euclidean_dist", "pow", "sqrt", "square"),
    "optimiser": ("_fused_adam", "_foreach", "Optimizer.step", "lerp"),
    "elementwise and sums": (
        *(
            "add",
            "sub",
            "mul",
            "div",
            "neg",
            "abs",
            "sgn",
            "exp",
            "log",
            "_log_softmax",
        ),
        *(
            "sum",
            "mean",
            "amax",
            "clamp",
            "where",
            "masked_fill",
            "fill_",
            "reciprocal",
        ),
        *("maximum", "minimum", "softmax", "_softmax", "norm", "linalg_vector_norm"),
    ),
    "autograd": ("autograd", "torch::autograd"),
}


def group_of(event):
    """Group of an operator of torch."""
    name = event.removeprefix("aten::")
    found = (g for g, beginnings in GROUPS.items() if name.startswith(beginnings))
    return next(found, "other")


def shares(method, data, rows, seed):
    """Seconds of a step and around training; what each group takes of training."""
    import torch

    import skmanifold

    X, n_classes, image_shape = rows_of(data, rows)
    parameters = started(len(X), n_classes) if method == "DCRL" else {}
    if method == "MSimCLR":
        parameters = {"image_shape": image_shape}
    profile = functools.partial(
        torch.profiler.profile, activities=[torch.profiler.ProfilerActivity.CPU]
    )
    cls = getattr(skmanifold, method)
    whole = []
    for around in (contextlib.nullcontext, profile):
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


# One row --------------------------------------------------------------------------


def row(method, data, rows, seed):
    """``transform`` of one row, in turns with the network alone."""
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
    """Seconds of a line of Python, alone and after what scikit-learn begins with."""
    program = "{}; import time; start = time.process_time(); {}; "
    program += "print(time.process_time() - start)"
    first = {"alone s": "pass", "beyond s": "import sklearn.base"}
    taken = {name: [] for name in first}
    for _ in range(5):
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
        "import skmanifold",
        "from skmanifold import DLME",
        "import torch",
        "import umap",
    ),
}
COLUMNS = {
    "epochs": {"ours s": 3, "other s": 3, "ratio": 2},
    "idec": {"ours s": 3, "other s": 3, "ratio": 2},
    "step": {
        "step ms": 2,
        "products ms": 2,
        "products, of profile": 2,
        "GFLOP/s": 0,
        "products' GFLOP/s": 0,
        "ratio": 2,
    },
    "profile": {
        "step ms": 1,
        "before and after s": 1,
        **dict.fromkeys((*GROUPS, "other"), 2),
    },
    "row": {
        "one row, ms": 2,
        "network of a row, ms": 2,
        "network of a block, ms": 2,
        "beyond the block, ms": 2,
    },
    "import": {"alone s": 3, "beyond s": 3},
}
KEYS = ("method", "data", "rows")


def one(part, **job):
    """One line of a table."""
    return PARTS[part](**job)


def tables(rows):
    """The table of each part that was measured, by its name."""
    found = {}
    for part, columns in COLUMNS.items():
        some = [row for row in rows if row["job"]["part"] == part]
        if some:
            found[part] = markdown(some, KEYS, columns)
    return found


def main(arguments=None):
    """Parse the command line and print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    add("--data", nargs="+", choices=IMAGE_SHAPES, default=["digits"])
    add("--rows", type=int, help="stratified; all by default")
    add_options(parser, "speed.jsonl", n_seeds=3)
    options = parser.parse_args(arguments)
    jobs = [
        {"part": part, "method": method, "data": data, "rows": options.rows, "seed": s}
        for part in options.parts
        for method in METHODS[part]
        for data in (["-"] if part == "import" else options.data)
        for s in (options.seeds[:1] if part == "import" else options.seeds)
    ]
    for part, table in tables(carry_out("speed", jobs, options)).items():
        print(f"{part}\n\n{table}\n")


if __name__ == "__main__":
    main()

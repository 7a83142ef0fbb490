# SPDX-License-Identifier: BSD-3-Clause

"""One fit in several processes.

Each script below runs in a process of its own and forks: the children need not import
torch again. The last test is a real ``torchrun``.
"""

import os
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import skmanifold
from tests.processes import run_python

pytestmark = pytest.mark.skipif(
    not hasattr(os, "fork") or sys.platform == "darwin", reason="needs fork and gloo"
)

PRELUDE = """
import os, signal, sys, time, traceback, warnings
warnings.simplefilter("error")
import numpy as np
import torch
from torch import distributed, nn
from sklearn.datasets import load_digits
from skmanifold import DLME
from skmanifold._engine import SampleBatches, Training, local_generator, make_optimizers
from skmanifold._engine import _distributed, sharded, train
from skmanifold.base import _fit, _inference
from skmanifold.nn import MLP
from skmanifold.training import TrainingOptions

folder = sys.argv[1]

def together(n_processes, function, name):
    '''Run function(rank) in forked processes; their exit codes.'''
    children = []
    for rank in range(n_processes):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                distributed.init_process_group(
                    "gloo", init_method=f"file://{folder}/{name}", rank=rank,
                    world_size=n_processes,
                )
                function(rank)
                code = 0
                # who leaves first would cut off the last message to the others
                open(f"{folder}/{name}-done-{rank}", "w").close()
                others = [f"{folder}/{name}-done-{i}" for i in range(n_processes)]
                until = time.monotonic() + 5
                while time.monotonic() < until and not all(map(os.path.exists, others)):
                    time.sleep(0.01)
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        children.append(child)
    return [os.waitpid(child, 0)[1] for child in children]
"""

SAME_OBJECTIVE = """
class Pairs(nn.Module):
    '''A loss over all pairs of a batch, with all that makes sharing hard.'''

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            MLP(10, 6, layers=(8,), norm="batch", output_norm="batch"),  # by batch
            nn.Sequential(MLP(6, 5, layers=(7,)), nn.GELU()),  # by row
            nn.ModuleDict({"twice": nn.Linear(5, 5, bias=False)}),
        )
        self.decoder = MLP(5, 10, layers=(9,), norm="layer")
        self.centers = nn.Parameter(torch.randn(3, 5))
        self.register_buffer("inputs", torch.randn(101, 10))

    def forward(self, batch, progress):
        x = self.inputs[batch[0]]
        z = sharded(self.encoder, x, function=self.codes)
        again = sharded(self.encoder, x + 0.1, function=self.codes)
        distances = (z[:, None] - again).square().sum(2)
        to_centers = (z[:, None] - self.centers).square().sum(2)
        return {
            "pairs": distances.add(1).log().mean(),
            "centers": to_centers.softmax(1).square().sum(1).mean(),
            "decoded": (sharded(self.decoder, z) - x).square().sum(1).mean(),
        }

    def codes(self, x):
        first, second, parts = self.encoder
        return parts["twice"](parts["twice"](second(first(x))))

def fit():
    torch.manual_seed(0)
    objective = Pairs().double()
    training = Training(
        n_epochs=2,
        optimizers=make_optimizers(
            objective, optimizer="adamw", learning_rate=1e-3, weight_decay=1e-4
        ),
        generator=local_generator(1),
    )
    # a batch of 25: shares of 13 and 12, or of 7, 7, 7 and 4
    history = train(objective, SampleBatches(101, 25, "cpu"), training)
    weights = {n: p.detach().numpy() for n, p in objective.named_parameters()}
    return {**weights, "loss": np.array(history["loss"])}

np.savez(f"{folder}/1-0.npz", **fit())
rows_seen = []
for n in (2, 4):
    def run(rank):
        plain = MLP.forward
        def counted(self, x):
            rows_seen.append(len(x))
            return plain(self, x)
        MLP.forward = counted
        np.savez(f"{folder}/{n}-{rank}.npz", **fit(), rows=np.unique(rows_seen))
        MLP.forward = plain
    assert together(n, run, f"store{n}") == [0] * n
"""

FITS = """
X = load_digits().data[:300]
small = dict(structure_layers=(16,), structure_dim=4, batch_size=50, device="cpu")

# -- all end with the same bits, whatever seed each would have drawn by itself

def fit(rank):
    model = DLME(max_epochs=2, random_state=None, verbose=True, **small).fit(X)
    assert not model.network_.encoder._forward_hooks
    np.savez(f"{folder}/fit-{rank}.npz", embedding=model.embedding_)

assert together(2, fit, "store_fit") == [0, 0]

# -- a memory map that all open: the same bits as an array, inputs on the disk too

np.save(f"{folder}/X.npy", X)

def mapped(rank):
    on_disk = []
    def allocator_like(X, original=_fit.allocator_like):
        def make_room(*args):
            room = original(X)(*args)
            on_disk.append(isinstance(room, np.memmap))
            return room
        return make_room
    _fit.allocator_like = allocator_like
    _inference._LEAST_BYTES_ON_DISK = 1000
    rows = np.load(f"{folder}/X.npy", mmap_mode="r")
    model = DLME(max_epochs=2, random_state=0, **small)
    embedding = model.fit(rows).embedding_
    assert on_disk == [True]
    np.testing.assert_array_equal(embedding, model.fit(X).embedding_)
    np.savez(f"{folder}/mapped-{rank}.npz", embedding=embedding)

assert together(2, mapped, "store_mapped") == [0, 0]

# -- other rows in one of them

def other(rank):
    try:
        DLME(max_epochs=1, random_state=0, **small).fit(X + rank)
    except ValueError as error:
        assert "X differs between the processes" in str(error)
    else:
        raise AssertionError

assert together(2, other, "store_other") == [0, 0]

# -- one is killed in its third epoch; the others say so, and the rest goes on

options = TrainingOptions(checkpoint=f"{folder}/fit.pt")
model = DLME(max_epochs=5, random_state=0, training=options, **small)

def killed(rank):
    class Dies(DLME):
        def _report(self, phase, epoch, n_epochs, history):
            if rank == 1 and epoch == 2:
                os.kill(os.getpid(), signal.SIGKILL)
    Dies.__name__ = "DLME"
    dies = Dies(**model.set_params(verbose=True).get_params(deep=False))
    start = time.monotonic()
    try:
        dies.fit(X)
    except RuntimeError as error:
        assert "Another process of this distributed fit has ended" in str(error)
        assert time.monotonic() - start < 60
        assert not hasattr(dies, "embedding_")
    else:
        raise AssertionError

assert together(2, killed, "store_killed") == [0, signal.SIGKILL]
assert os.path.exists(f"{folder}/fit.pt")

def resumed(rank):
    model.set_params(verbose=False).fit(X)
    np.savez(f"{folder}/resumed-{rank}.npz", embedding=model.embedding_)

def whole(rank):
    model.set_params(verbose=False, training=None).fit(X)
    np.savez(f"{folder}/whole-{rank}.npz", embedding=model.embedding_)

assert together(2, resumed, "store_resumed") == [0, 0]
assert together(2, whole, "store_whole") == [0, 0]
assert not os.path.exists(f"{folder}/fit.pt")
"""

EVERY = """
import copy
import skmanifold
from skmanifold._engine import _arithmetic, _device
from skmanifold.base import FitData, Run, _run

X, y = load_digits(return_X_y=True)
X, y = X[:120], y[:120]
# Centers that begin just as far apart as wanted lie in a kink of DCRL's rank loss,
# where rounding decides on a gradient's sign.
wanted = dict(max_epochs=1, pretraining_epochs=1, representation_epochs=1,
              batch_size=30, n_clusters=3, n_charts=3, n_jobs=1, random_state=0,
              arrange_centers=False,
              training=TrainingOptions(precision="float32"))
names = sorted(skmanifold._ESTIMATORS)
rows_seen, linear = [], _arithmetic._LAYERS[nn.Linear]

def counted(layer, x):
    rows_seen.append(len(x))
    return linear(layer, x.to(layer.weight.dtype))

_arithmetic._LAYERS[nn.Linear] = counted

# Whole fits in double precision: in single precision a few steps of an optimizer make
# percents of the last bits of gradients that are hardly more than rounding.
build, apply_in_blocks, init = Run.build, _run.apply_in_blocks, FitData.__init__

def build_in_double(self, *args):
    return build(self, *args).double()

def data_in_double(self, X, inputs, *args, **kwargs):
    init(self, X, inputs.double(), *args, **kwargs)

def apply_in_single(module, *args, **kwargs):
    module = copy.deepcopy(module).to(torch.float32)
    return apply_in_blocks(module, *args, **kwargs)

to_float = torch.Tensor.float

def float_from_half(self):
    return self if self.dtype == torch.float64 else to_float(self)

Run.build, FitData.__init__ = build_in_double, data_in_double
_run.apply_in_blocks = apply_in_single
frozen_networks = _fit.frozen_networks

def frozen_in_single(*args):
    frozen = frozen_networks(*args)
    return {name: network.to(torch.float32) for name, network in frozen.items()}

_fit.frozen_networks = frozen_in_single
torch.Tensor.float = float_from_half
_device._SinglePrecision._set = staticmethod(lambda dtype: None)
torch.set_default_dtype(torch.float64)

def fits(n):
    def run(rank):
        for name in names:
            cls = getattr(skmanifold, name)
            known = cls().get_params(deep=False)
            model = cls(**{k: v for k, v in wanted.items() if k in known})
            rows_seen.clear()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                model.fit(X, y)
            Z, loss = model.embedding_, model.history_["loss"]
            found = dict(Z=Z, loss=loss, rows=np.mean(rows_seen))
            np.savez(f"{folder}/{name}-{n}-{rank}.npz", **found)
    return run

for n in (1, 2, 4):
    assert together(n, fits(n), f"store_every_{n}") == [0] * n
print(*names)
"""

TORCHRUN = """
import sys
import numpy as np
from sklearn.datasets import load_digits
from torch import distributed
from skmanifold import DLME

distributed.init_process_group("gloo")
X = load_digits().data[:300]
model = DLME(max_epochs=2, structure_layers=(16,), random_state=0, verbose=True)
model.fit(X)
rank = distributed.get_rank()
np.save(f"{sys.argv[1]}/{rank}.npy", model.embedding_)
distributed.destroy_process_group()
"""


def test_the_objective_is_that_of_one_process(tmp_path):
    """Two epochs of four steps in double precision, where rounding stays small."""
    run_python("-c", PRELUDE + SAME_OBJECTIVE, tmp_path)
    single = np.load(tmp_path / "1-0.npz")
    for n_processes, share in [(2, 13), (4, 7)]:
        for rank in range(n_processes):
            several = np.load(tmp_path / f"{n_processes}-{rank}.npz")
            # the network with batch normalization by layers, the others by share
            assert several["rows"].tolist() == [min(share, 25 - rank * share), 25]
            for name in single.files:
                # shift before a batch normalization: no gradient but rounding
                if not name.endswith(("0.hidden.0.bias", "0.head.bias")):
                    assert_allclose(
                        several[name], single[name], rtol=1e-7, atol=1e-9, err_msg=name
                    )


def test_every_estimator_is_that_of_one_process(tmp_path):
    """After an epoch of four steps, with 1, 2 and 4 processes."""
    names = run_python("-c", PRELUDE + EVERY, tmp_path).split()
    assert len(names) == len(skmanifold._ESTIMATORS)
    for name in names:
        single = np.load(tmp_path / f"{name}-1-0.npz")
        for n in (2, 4):
            several = [np.load(tmp_path / f"{name}-{n}-{i}.npz") for i in range(n)]
            for result in several:
                case = f"{name}, {n} processes"
                # the network is applied in single precision, eps is 1.2e-7
                assert_allclose(
                    result["Z"],
                    single["Z"],
                    atol=1e-5 * np.abs(single["Z"]).max(),
                    err_msg=case,
                )
                assert_allclose(result["loss"], single["loss"], rtol=1e-9, err_msg=case)
            rows = sum(result["rows"] for result in several)
            assert rows == pytest.approx(single["rows"]), case


def test_fits_of_several_processes_agree(tmp_path):
    output = run_python("-c", PRELUDE + FITS, tmp_path)
    for name in ("fit", "mapped", "resumed", "whole"):
        first, second = (np.load(tmp_path / f"{name}-{i}.npz") for i in (0, 1))
        assert_array_equal(first["embedding"], second["embedding"])
    assert_array_equal(
        np.load(tmp_path / "resumed-0.npz")["embedding"],
        np.load(tmp_path / "whole-0.npz")["embedding"],
    )
    # only the first process prints
    assert output.count("[DLME] epoch 2/2") == 1


def test_processes_of_torchrun_agree(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(TORCHRUN, encoding="utf-8")
    launcher = "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    output = run_python(*launcher, script, tmp_path, env=environment)
    assert_array_equal(np.load(tmp_path / "0.npy"), np.load(tmp_path / "1.npy"))
    assert output.count("[DLME] epoch 2/2") == 1

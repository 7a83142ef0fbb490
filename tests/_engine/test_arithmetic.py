# SPDX-License-Identifier: BSD-3-Clause

import contextlib
import json
import os

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from skmanifold import _exact
from skmanifold._engine._arithmetic import (
    BySample,
    available_threads,
    same_bits,
    use_threads,
)
from skmanifold._exact import has_exact_products
from tests.processes import run_python
from tests.threads import assert_same_for_threads

needs_onednn = pytest.mark.skipif(
    not has_exact_products(), reason="this build of torch has no oneDNN"
)


def rand(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


# Functions of the numbers of a network, and shapes of their arguments.
FUNCTIONS = {
    "linear": (F.linear, [(520, 65), (257, 65), (257,)]),
    "linear of 3 axes": (F.linear, [(13, 40, 65), (257, 65)]),
    "small linear": (F.linear, [(7, 3), (2, 3), (2,)]),
    "linear of a vector": (F.linear, [(5,), (3, 5), (3,)]),
    "matmul": (torch.matmul, [(520, 65), (65, 257)]),
    "operator": (lambda a, b: a @ b, [(520, 65), (65, 257)]),
    "vector": (lambda a, b: a @ b, [(20, 65), (65,)]),
    "method": (lambda a, b: a.mm(b), [(520, 65), (65, 257)]),
    "transposed": (lambda a, b: a.t() @ b.t(), [(65, 520), (257, 65)]),
    "bmm": (torch.bmm, [(3, 40, 5), (3, 5, 6)]),
    "broadcast": (torch.matmul, [(2, 1, 40, 5), (3, 5, 6)]),
    "addmm": (
        lambda c, a, b: torch.addmm(c, a, b, beta=0.5, alpha=-2),
        [(4,), (6, 5), (5, 4)],
    ),
    "baddbmm": (torch.baddbmm, [(3, 1, 6), (3, 40, 5), (3, 5, 6)]),
    "no samples": (torch.matmul, [(0, 5), (5, 3)]),
    "no sum": (F.linear, [(4, 0), (3, 0), (3,)]),
}


def outputs_and_gradients(function, args, context):
    args = [x.clone().requires_grad_() for x in args]
    with context:
        y = function(*args)
        weights = rand(*y.shape, seed=9).to(y.dtype)
        return [y.detach(), *torch.autograd.grad(y, args, weights)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_by_sample_equals_torch(name):
    function, shapes = FUNCTIONS[name]
    args = [rand(*shape, seed=i) for i, shape in enumerate(shapes)]
    result = outputs_and_gradients(function, args, BySample())
    args = [x.double() for x in args]
    exact = outputs_and_gradients(function, args, contextlib.nullcontext())
    for ours, theirs in zip(result, exact, strict=True):
        assert ours.dtype == torch.float32
        assert ours.shape == theirs.shape
        # rounding of float32, for sums of up to 1,000 terms of about unit size
        torch.testing.assert_close(ours.double(), theirs, rtol=2e-5, atol=2e-4)


def large_network(seed=0):
    """Layers with products and arrays both above and below what takes all threads."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(65, 257),
        nn.LayerNorm(257),
        nn.GELU(),
        nn.Linear(257, 129, bias=False),
        nn.LayerNorm(129, bias=False),
        nn.GELU(approximate="tanh"),
        nn.Linear(129, 130),
        nn.BatchNorm1d(130),
        nn.SiLU(),
        nn.LayerNorm(130, elementwise_affine=False),
        nn.Linear(130, 2),
    )


def step_of(network, x, limit=None):
    """Outputs and gradients of a step, the input's too."""
    x = x.clone().requires_grad_()
    n_threads = available_threads(limit)
    with same_bits(network):
        use_threads(n_threads)
        y = network(x)
        gradients = torch.autograd.grad(y.square().sum(), [x, *network.parameters()])
    return [y.detach(), *gradients]


def test_distances_do_not_depend_on_the_position_of_a_sample():
    x, centers, order = rand(192, 64), rand(5, 64, seed=1), torch.arange(191, -1, -1)
    with BySample():
        distances = torch.cdist(x, centers)
        assert torch.equal(torch.cdist(x[order], centers), distances[order])
    torch.testing.assert_close(distances, torch.cdist(x, centers))


def test_layers_compute_what_torch_computes():
    network, x = large_network(), rand(1031, 65)
    result = step_of(network, x)
    exact = step_of(network.double(), x.double())
    for ours, theirs in zip(result, exact, strict=True):
        assert ours.dtype == torch.float32
        scale = float(theirs.abs().max())
        # a bias before a normalization has no gradient but rounding
        if scale > 1e-6:
            torch.testing.assert_close(
                ours.double() / scale, theirs / scale, rtol=0, atol=1e-4
            )


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("n_rows", [3, 250, 1031])
def test_results_do_not_depend_on_the_number_of_threads(precision, n_rows):
    def step():
        halves = precision != torch.float32
        with torch.autocast("cpu", precision, enabled=halves, cache_enabled=False):
            return step_of(large_network(), rand(n_rows, 65))

    assert_same_for_threads(step)


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_long_sums_have_the_same_bits(precision):
    network, x = large_network()[:1].to(precision), rand(5000, 65).to(precision)
    assert_same_for_threads(lambda: step_of(network, x), (1, 3, 8))


def test_what_is_no_layer_runs_on_one_thread():
    class Watch(nn.Linear):
        def forward(self, x):
            seen.append(torch.get_num_threads())
            return super().forward(x)

    seen = []
    torch.set_num_threads(3)
    step_of(nn.Sequential(Watch(65, 3), nn.Tanh()), rand(10, 65))
    assert seen == [1]
    assert torch.get_num_threads() == 3


def test_leaves_no_trace_in_the_module():
    network = large_network()
    before = [dict(vars(layer)) for layer in network.modules()]
    with pytest.raises(KeyError), same_bits(network):
        assert "forward" in vars(network[0])
        raise KeyError
    step_of(network, rand(10, 65))
    for layer, old in zip(network.modules(), before, strict=True):
        assert vars(layer).keys() == old.keys()


@needs_onednn
def test_large_products_take_all_threads(monkeypatch):
    def spy(*args):
        seen.append(torch.get_num_threads())
        return exact_linear(*args)

    seen, exact_linear = [], _exact.exact_linear
    monkeypatch.setattr(_exact, "exact_linear", spy)
    torch.set_num_threads(3)
    layer = nn.Linear(130, 130)
    n_rows = 520
    assert n_rows * 130 * 130 >= _exact._LEAST_PRODUCTS[torch.float32]
    for n_threads in (None, 2, 8):
        step_of(layer, rand(n_rows, 130), n_threads)
    assert seen == [3, 3, 3, 2, 2, 2, 3, 3, 3]


def test_second_derivatives_are_those_of_torch():
    network, x = nn.Sequential(nn.Linear(130, 130), nn.Tanh()), rand(520, 130)
    results = []
    for context in (same_bits(network), contextlib.nullcontext()):
        x = x.clone().requires_grad_()
        with context:
            y = network(x).square().sum()
            (first,) = torch.autograd.grad(y, x, create_graph=True)
            parameters = [x, *network.parameters()]
            results.append(torch.autograd.grad(first.square().sum(), parameters))
    for ours, theirs in zip(*results, strict=True):
        scale = theirs.abs().max()
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=0, atol=1e-5)


def test_gradients_pass_torchs_checks_in_double_precision():
    layer = nn.Linear(3, 2).double()
    x = rand(4, 3).double().requires_grad_()
    with same_bits(layer):
        assert torch.autograd.gradcheck(layer, [x])
        assert torch.autograd.gradgradcheck(layer, [x])


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_transforms_of_torch_work_inside():
    layer = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.GELU())
    w = rand(5, 3, seed=1)
    with same_bits(layer):
        assert torch.func.vmap(torch.func.jacrev(layer))(rand(7, 3)).shape == (7, 5, 3)
    with BySample():
        _, along = torch.func.jvp(
            lambda x: F.linear(x, w), (rand(7, 3),), (rand(7, 3, seed=2),)
        )
    torch.testing.assert_close(along, rand(7, 3, seed=2) @ w.t())


def test_autocast_is_heeded():
    layer, x = nn.Linear(3, 2), rand(4, 3)
    with same_bits(layer), torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
        with torch.autocast("cpu", enabled=False):
            assert layer(x).dtype == torch.float32


# Widths of layers: narrow ones, and those of the estimators' defaults.
ALIKE = """
import itertools
import torch
from torch import nn
from skmanifold._engine._apply import BLOCK_ROWS, has_alike_rows
from skmanifold.atlas._atlas_ae import ChartLinear
from skmanifold.nn import ConvEncoder, MLP

torch.manual_seed(0)
widths = [(k, n) for k in (1, 2, 7, 11, 30, 50, 64, 128, 256) for n in range(1, 17)]
widths += [(50, 512), (512, 128), (784, 512), (128, 64), (256, 10), (1000, 33)]
unlike = []
for n_in, n_out in widths:
    row = torch.randn(n_in).numpy()
    layer = nn.Linear(n_in, n_out)
    if not has_alike_rows(layer, row):
        unlike.append(("linear", n_in, n_out))
    charts = ChartLinear(3, n_in, n_out)
    stacked = lambda x: charts(x.expand(3, -1, -1)).transpose(0, 1).flatten(1)
    if not has_alike_rows(stacked, row):
        unlike.append(("charts", n_in, n_out))
for network in (
    MLP(30, 2, layers=(11, 11)).eval(),
    MLP(64, 64, layers=(512, 128), output_norm="batch").eval(),
    MLP(5, 1, layers=(7,), activation="silu", norm="none").eval(),
    MLP(5, 3, layers=(7, 3), activation="softplus", norm="batch").eval(),
    nn.Sequential(MLP(20, 3), nn.Softmax(1)).eval(),
    ConvEncoder((9, 11), 3, channels=(5, 7)).eval(),
):
    n_in = next(p for p in network.parameters()).shape[1]
    n_in = 99 if isinstance(network, ConvEncoder) else n_in
    if not has_alike_rows(network, torch.randn(n_in).numpy()):
        unlike.append(network)
assert not unlike, unlike
"""

SETTINGS = {
    "as it is": {},
    "oneDNN, AVX2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "oneDNN, SSE4.1": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "oneDNN, AVX-512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "torch, AVX2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "torch, none": {"ATEN_CPU_CAPABILITY": "default"},
    "MKL, AVX2": {"MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "MKL, SSE4.2": {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    "MKL, compatible": {"MKL_CBWR": "COMPATIBLE"},
    "all, AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
}


# One process imports the libraries, which read their settings at the first computation,
# and forks: an import takes longer than the checks. OpenBLAS alone reads its own at
# import.
FORKS = """
import json, os, sys, traceback
import torch
from skmanifold import DLME, atlas
from sklearn.datasets import load_digits

script, settings = json.load(sys.stdin)
failed = []
for name, variables in settings.items():
    child = os.fork()
    if child == 0:
        try:
            os.environ.update(variables)
            if variables.get("ATEN_CPU_CAPABILITY") == "default":
                assert torch.backends.cpu.get_cpu_capability() == "DEFAULT"
            exec(script, {})
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        failed.append(name)
sys.exit(f"failed: {failed}" if failed else 0)
"""


@needs_onednn
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_equal_samples_leave_a_network_alike():
    """Also on processors that know less than this one."""
    run_python("-c", FORKS, input=json.dumps([ALIKE, SETTINGS]))


THREADS = """
import numpy as np
import torch
from sklearn.datasets import load_digits
from skmanifold import DLME
from skmanifold.training import TrainingOptions

X = load_digits().data[:700]
for precision in ("float32", "bfloat16"):
    results = []
    for n_threads in (1, 2, 3):
        torch.set_num_threads(n_threads)
        options = TrainingOptions(precision=precision)
        model = DLME(max_epochs=2, batch_size=350, training=options, random_state=0)
        results.append(model.fit_transform(X))
        assert np.array_equal(model.transform(X[::7]), results[0][::7])
    assert all(np.array_equal(Z, results[0]) for Z in results)
"""


@needs_onednn
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fit_has_the_same_bits_on_any_number_of_threads():
    settings = {name: SETTINGS[name] for name in ("as it is", "all, AVX2")}
    run_python("-c", FORKS, input=json.dumps([THREADS, settings]))


IMPORTS = """
import sys
from sklearn.datasets import load_iris
from skmanifold import DLME, IsometricAE

for method in (DLME, IsometricAE):
    method(max_epochs=1, random_state=0).fit_transform(load_iris().data)
unused = {"torch._dynamo", "torch._inductor", "numba", "sympy"}
assert not unused & set(sys.modules), unused & set(sys.modules)
"""


def test_a_fit_imports_no_compiler():
    run_python("-c", IMPORTS)

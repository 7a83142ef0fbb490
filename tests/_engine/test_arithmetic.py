# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import os
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from skmanifold._engine._arithmetic import (
    _LEAST_PRODUCT,
    SameBits,
    _linear_of_columns,
    _public_onednn_linear,
    has_exact_products,
)

needs_onednn = pytest.mark.skipif(
    not has_exact_products(), reason="this build of torch has no oneDNN"
)


def rand(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator)


# Name, function, shapes of its arguments: large ones take all threads, small ones one.
PRODUCTS = {
    "linear": (F.linear, [(520, 65), (257, 65), (257,)]),
    "linear of 3 axes": (F.linear, [(13, 40, 65), (257, 65)]),
    "small linear": (F.linear, [(7, 3), (2, 3), (2,)]),
    "linear of a vector": (F.linear, [(5,), (3, 5), (3,)]),
    "wide linear": (F.linear, [(300, 60), (500, 60)]),
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
    "none": (torch.matmul, [(0, 5), (5, 3)]),
    "no sum": (F.linear, [(4, 0), (3, 0), (3,)]),
    "gelu": (F.gelu, [(300, 130)]),
    "layer norm": (
        lambda x, w, b: F.layer_norm(x, (130,), w, b),
        [(300, 130), (130,), (130,)],
    ),
    "plain layer norm": (lambda x: F.layer_norm(x, (130,)), [(300, 130)]),
    "elementwise": (
        lambda x, y: ((x * y).square() + 1).log() - (-x.abs() / 2).exp(),
        [(300, 130), (300, 130)],
    ),
}


def outputs_and_gradients(function, shapes, mode, dtype=torch.float32):
    args = [rand(*s, seed=i).to(dtype).requires_grad_() for i, s in enumerate(shapes)]
    with mode:
        y = function(*args)
        weights = rand(*y.shape, seed=9).to(dtype)
        return [y.detach(), *torch.autograd.grad(y, args, weights)]


@pytest.mark.parametrize("name", PRODUCTS)
@pytest.mark.parametrize("by_sample", [False, True])
def test_computes_what_torch_computes(name, by_sample):
    function, shapes = PRODUCTS[name]
    found = outputs_and_gradients(function, shapes, SameBits(by_sample=by_sample))
    exact = outputs_and_gradients(
        function, shapes, torch.enable_grad(), dtype=torch.float64
    )
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.dtype == torch.float32
        assert ours.shape == theirs.shape
        # rounding of float32, for sums of up to 1,000 terms of about unit size
        torch.testing.assert_close(ours.double(), theirs, rtol=2e-5, atol=2e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", PRODUCTS)
def test_the_number_of_threads_does_not_show(name, dtype):
    function, shapes = PRODUCTS[name]
    results = []
    for n_threads in (1, 2, 3, 5):
        torch.set_num_threads(n_threads)
        results.append(outputs_and_gradients(function, shapes, SameBits(), dtype))
        assert torch.get_num_threads() == n_threads
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_long_sums_have_the_same_bits(dtype):
    results = []
    for n_threads in (1, 3, 8):
        torch.set_num_threads(n_threads)
        shapes = [(5000, 80), (70, 80)]
        results.append(outputs_and_gradients(F.linear, shapes, SameBits(), dtype))
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


@needs_onednn
def test_large_products_take_all_threads(monkeypatch):
    from skmanifold._engine import _arithmetic

    seen = []

    def spy(*args):
        seen.append(torch.get_num_threads())
        return original(*args)

    original = _arithmetic._exact_linear
    monkeypatch.setattr(_arithmetic, "_exact_linear", spy)
    torch.set_num_threads(3)
    shapes = [(520, 130), (130, 130)]
    assert 520 * 130 * 130 >= _LEAST_PRODUCT
    outputs_and_gradients(F.linear, shapes, SameBits())
    assert seen == [3, 3, 3]
    outputs_and_gradients(F.linear, shapes, SameBits(2))
    outputs_and_gradients(F.linear, shapes, SameBits(8))
    assert seen[3:] == [2, 2, 2, 3, 3, 3]


def test_second_derivatives():
    x, w = rand(520, 130).requires_grad_(), rand(130, 130, seed=1).requires_grad_()
    results = []
    for mode in (SameBits(), torch.enable_grad()):
        with mode:
            y = torch.tanh(F.linear(x, w))
            (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
            results.append(torch.autograd.grad(first.square().sum(), (x, w)))
    for ours, theirs in zip(*results, strict=True):
        scale = theirs.abs().max()
        torch.testing.assert_close(ours / scale, theirs / scale, rtol=0, atol=1e-5)


def test_gradient_checks_in_double_precision():
    args = [rand(*s).double().requires_grad_() for s in [(4, 3), (2, 3), (2,)]]
    with SameBits():
        assert torch.autograd.gradcheck(F.linear, args)
        assert torch.autograd.gradgradcheck(F.linear, args)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_transforms_of_torch_work_inside():
    w = rand(5, 3, seed=1)
    with SameBits():
        jacobians = torch.func.vmap(torch.func.jacrev(lambda x: torch.tanh(w @ x)))(
            rand(7, 3)
        )
        _, along = torch.func.jvp(
            lambda x: F.linear(x, w), (rand(7, 3),), (rand(7, 3, seed=2),)
        )
    assert jacobians.shape == (7, 5, 3)
    torch.testing.assert_close(along, rand(7, 3, seed=2) @ w.t())


def test_autocast_is_heeded():
    with SameBits(), torch.autocast("cpu", torch.bfloat16):
        assert F.linear(rand(4, 3), rand(2, 3), rand(2)).dtype == torch.bfloat16
        assert torch.matmul(rand(2, 4, 3), rand(2, 3, 5)).dtype == torch.bfloat16
        with torch.autocast("cpu", enabled=False):
            assert F.linear(rand(4, 3), rand(2, 3)).dtype == torch.float32


def test_inside_another_and_after_an_error():
    torch.set_num_threads(3)
    with SameBits():
        assert torch.get_num_threads() == 1
        with pytest.raises(KeyError), SameBits(1, by_sample=True):
            raise KeyError
        assert torch.equal(
            F.linear(rand(2, 3), rand(4, 3)), rand(2, 3) @ rand(4, 3).t()
        )
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize(
    "linear",
    [pytest.param(_public_onednn_linear, marks=needs_onednn), _linear_of_columns],
)
def test_other_ways_to_the_same_layer(linear):
    x, w, b = rand(192, 30), rand(11, 30, seed=1), rand(11, seed=2)
    for bias in (None, b):
        torch.testing.assert_close(linear(x, w, bias), F.linear(x, w, bias))


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
        "OPENBLAS_CORETYPE": "Haswell",
    },
}


def run(script, settings):
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@needs_onednn
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_equal_samples_leave_a_network_alike(settings):
    """Also on processors that know less than this one."""
    run(ALIKE, settings)


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
@pytest.mark.parametrize("setting", ["as it is", "MKL, AVX2", "all, AVX2"])
def test_a_fit_has_the_same_bits_on_any_number_of_threads(setting):
    run(THREADS, SETTINGS[setting])


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
    run(IMPORTS, {})

# SPDX-License-Identifier: BSD-3-Clause

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from torch import nn

from skmanifold import TLDR
from skmanifold.base import _inference, _one_product
from skmanifold.base._one_product import one_product
from skmanifold.base._scaler import Deviations, InputScaler


def table(n=700, d=40, seed=0):
    """Return columns; from the 20th on of other scales, and some constant."""
    rng = np.random.RandomState(seed)
    X = rng.randn(n, d) * np.linspace(1, 1.5, d) + rng.randn(d)
    X[:, [3, 30]] = 7.1, 0.0
    return X


# some samples are far away, and some columns vary later
UNUSUAL = pytest.mark.filterwarnings("ignore::UserWarning")

KINDS = {
    "one scale": (table(), {}),
    "units": (table() * np.logspace(-3, 3, 40), {}),
    "factorized": (table(), {"encoder": "factorized"}),
    "wide": (table(60, 300), {}),
    "counts": (np.random.RandomState(0).poisson(0.3, (400, 50)) * 1.0, {}),
}


@pytest.fixture(scope="module", params=KINDS)
def fitted(request):
    X, options = KINDS[request.param]
    model = TLDR(4, max_epochs=2, random_state=0, **options).fit(X)
    return model, X


def by_network(model, X, deviations=None):
    """Outputs of scaler and network, one after the other."""
    with torch.no_grad():
        rows = model._scaler.transform(X, deviations=deviations)
        return model.network_(torch.from_numpy(rows)).numpy()


def new_samples(X):
    """Samples within and beyond the bounds, and outliers."""
    new = X[:40] * np.linspace(1, 3, 40)[:, np.newaxis]
    new[7] *= 1e4
    new[20] = -9999
    return np.vstack([X[:300], new])


@UNUSUAL
def test_one_product_is_scaler_and_network(fitted):
    model, X = fitted
    assert one_product(model.network_, model._scaler) is not None
    new = new_samples(X)
    expected = by_network(model, new)
    scale = np.abs(expected).max()
    for rows in (new, new.astype(np.float32)):
        before = rows.copy()
        Z = model.transform(rows)
        assert_allclose(Z, expected, rtol=1e-4, atol=1e-5 * scale)
        assert_array_equal(rows, before)


def test_one_product_names_what_the_scaler_names(fitted):
    model, X = fitted
    new = new_samples(X)
    for rows in (X, new, sparse.csr_array(new), new.astype(np.float32)):
        result, expected = Deviations(), Deviations()
        _inference.apply_to_samples(
            model.network_, model._scaler, rows, deviations=result, first=5, fold=True
        )
        model._scaler.transform(rows, deviations=expected, first=5)
        assert result.columns == expected.columns
        assert sorted(result.samples) == sorted(expected.samples)
    assert {row - 5 for row, _ in result.samples} >= {len(new) - 33, len(new) - 20}


@UNUSUAL
@pytest.mark.parametrize("n_threads", [1, 3])
def test_bits_do_not_depend_on_the_company(fitted, n_threads):
    model, X = fitted
    new = new_samples(X)
    whole = model.transform(new)
    torch.set_num_threads(n_threads)
    order = np.random.RandomState(1).permutation(len(new))
    assert np.array_equal(model.transform(new[order]), whole[order])
    for start, stop in [(0, 1), (3, 11), (40, 141), (len(new) - 33, len(new))]:
        part = model.transform(new[start:stop])
        assert np.array_equal(part, whole[start:stop])


@UNUSUAL
@pytest.mark.parametrize("n_threads", [1, 3])
def test_bits_of_sparse_samples_do_not_depend_on_the_company(
    fitted, n_threads, monkeypatch
):
    model, X = fitted
    dense = new_samples(X)
    new = sparse.csr_array(dense)
    whole, expected = model.transform(new), model.transform(dense)
    assert_allclose(whole, expected, rtol=1e-4, atol=1e-5 * np.abs(whole).max())
    torch.set_num_threads(n_threads)
    monkeypatch.setattr(_one_product, "_BLOCK_SIZE", 700)
    order = np.random.RandomState(1).permutation(len(dense))
    assert np.array_equal(model.transform(new[order]), whole[order])
    assert np.array_equal(model.transform(new[40:141]), whole[40:141])
    assert np.array_equal(model.transform(new[[7]]), whole[[7]])


def test_sparse_samples_may_have_any_form():
    X, _ = KINDS["counts"]
    model = TLDR(4, max_epochs=1, random_state=0).fit(X)
    expected = model.transform(sparse.csr_array(X))
    i, j = np.nonzero(X)
    half = X[i, j] / 2
    order = np.random.RandomState(0).permutation(2 * len(half))
    twice = np.tile(half, 2), np.tile(j, 2), np.tile(i, 2)
    values, columns, rows = (x[order][np.argsort(twice[2][order])] for x in twice)
    ends = np.append(0, np.cumsum(np.bincount(rows, minlength=len(X))))
    unsorted = sparse.csr_array((values, columns, ends), shape=X.shape)
    assert not unsorted.has_canonical_format
    assert np.array_equal(model.transform(unsorted), expected)
    assert np.array_equal(unsorted.data, values), "X is left as it is"


def test_sparse_samples_may_have_stored_zeros():
    X = np.random.RandomState(0).uniform(1, 4, (200, 40))
    model = TLDR(3, max_epochs=1, random_state=0).fit(X)
    X[::2, -1] = 0
    stored = sparse.bsr_array(X, blocksize=(2, 2))
    assert stored.nnz == X.size
    Z = model.transform(sparse.csr_array(X))
    assert np.array_equal(model.transform(stored), Z)


@UNUSUAL
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_samples_that_lack_a_value_are_as_dense_ones(dtype):
    X, _ = KINDS["counts"]
    X = np.hstack([X, np.ones((len(X), 1)), 100 + X[:, :1]]).astype(dtype)
    model = TLDR(4, max_epochs=1, random_state=0).fit(X)
    X[3, -1] = X[5, -2] = X[7] = 0
    for rows in (X, X[3:4], X[5:6], X[7:8]):
        result, expected = Deviations(), Deviations()
        for samples, named in ((sparse.csr_array(rows), result), (rows, expected)):
            _inference.apply_to_samples(
                model.network_, model._scaler, samples, deviations=named, fold=True
            )
        assert result == expected
    Z = model.transform(X)
    assert_allclose(
        model.transform(sparse.csr_array(X)), Z, atol=1e-5 * np.abs(Z).max()
    )


def test_samples_that_are_read_only():
    X = np.tile(table(), (5, 1)).astype(np.float32)
    model = TLDR(4, max_epochs=1, random_state=0).fit(X[:700])
    expected = model.transform(X)
    X.flags.writeable = False
    assert np.array_equal(model.transform(X), expected)


def test_changed_weights_are_noticed():
    X = table()
    model = TLDR(4, max_epochs=1, random_state=0).fit(X)
    before = model.transform(X)
    model.network_.encoder.weight.data.mul_(2)
    model.network_.encoder.bias.data.mul_(2)
    assert_allclose(model.transform(X), 2 * before, rtol=1e-5, atol=1e-5)


def test_changed_networks_are_noticed():
    X = table()
    model = TLDR(4, encoder=nn.Sequential(nn.Linear(40, 4)), max_epochs=1)
    model.fit(X)
    calls = []
    handle = model.network_.encoder[0].register_forward_hook(
        lambda *args: calls.append(args)
    )
    model.transform(X)
    assert calls, "hooks are called"
    handle.remove()
    model.network_.encoder.append(nn.ReLU())
    assert model.transform(X).min() == 0


def test_names_a_constant_column_that_varies_in_many_samples(monkeypatch):
    monkeypatch.setattr(_one_product, "_BLOCK_SIZE", 64 * 64)
    X = np.random.RandomState(0).poisson(5.0, (2000, 64)) * 1.0
    X[:, 0] = 0
    scaler = InputScaler().fit(X)
    network = nn.Linear(64, 2).eval()
    # too little for one sample, but not if half of them have it
    X[::2, 0] = 2 * X[:, 1:].std()
    for fold in (False, True):
        deviations = Deviations()
        _inference.apply_to_samples(
            network, scaler, X, deviations=deviations, fold=fold
        )
        assert deviations.columns == {0}


@pytest.mark.parametrize("value", [1e39, 1e200])
def test_huge_values_of_a_constant_column_are_ignored(value):
    X = table()
    scaler = InputScaler().fit(X)
    network = nn.Linear(40, 2).eval().requires_grad_(False)
    before = _inference.apply_to_samples(network, scaler, X, fold=True)
    X[:, 3] = value
    after = _inference.apply_to_samples(network, scaler, X, fold=True)
    assert np.array_equal(before, after)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert one_product(network, InputScaler().fit(X)) is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("column", [0, 3])
def test_samples_that_are_not_finite(value, column):
    X = table()
    model = TLDR(4, max_epochs=1, random_state=0).fit(X)
    X[50, column] = value
    for rows in (X, X.astype(np.float32), sparse.csr_array(X), X[50:51]):
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            model.transform(rows)


def test_new_values_whose_squares_overflow_are_named():
    X = table()
    model = TLDR(4, max_epochs=1, random_state=0).fit(X)
    X[50] = 1e25
    for rows in (X.astype(np.float32), sparse.csr_array(X)):
        with pytest.warns(UserWarning, match="sample 50 "):
            assert np.isfinite(model.transform(rows)).all()
    X[50] = 1e200
    for rows in (X, sparse.csr_array(X)):
        with pytest.raises(ValueError, match="too large for float32"):
            model.transform(rows)


SHARED = nn.Linear(3, 3)


@pytest.mark.parametrize(
    "network",
    [
        SHARED,
        nn.Sequential(SHARED, nn.Sequential(SHARED, nn.Identity())),
        nn.BatchNorm1d(3),
        nn.Sequential(nn.Linear(3, 4, bias=False), nn.BatchNorm1d(4, affine=False)),
        nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 4), nn.Linear(4, 2, bias=False)),
    ],
)
def test_linear_networks_are_one_product(network):
    X = np.random.RandomState(0).randn(50, 3)
    network.train()(torch.from_numpy(X).float())
    network.eval().requires_grad_(False)
    scaler = InputScaler().fit(X)
    expected, outputs = (
        _inference.apply_to_samples(network, scaler, X, fold=fold)
        for fold in (False, True)
    )
    assert_allclose(outputs, expected, atol=1e-6)
    assert one_product(network, scaler) is not None


@pytest.mark.parametrize(
    "network",
    [
        nn.Identity(),
        nn.BatchNorm1d(3, track_running_stats=False),
        nn.Sequential(nn.Linear(3, 2), nn.ReLU()),
        nn.utils.spectral_norm(nn.Linear(3, 2)),
    ],
)
def test_other_networks_have_none(network):
    scaler = InputScaler().fit(np.random.RandomState(0).randn(50, 3))
    assert one_product(network.eval(), scaler) is None


def test_digits_behind_a_large_offset_are_kept():
    X = table()
    far = X + 1e6
    assert one_product(nn.Linear(40, 2), InputScaler().fit(far)) is None
    near, offset = (
        TLDR(2, max_epochs=2, random_state=0).fit(A).transform(A) for A in (X, far)
    )
    assert_allclose(near, offset, atol=1e-3)


@pytest.mark.parametrize("factor", [1e-35, 1e30])
def test_columns_whose_squares_overflow_have_no_product(factor):
    X = table()
    scaler = InputScaler().fit(X * factor)
    assert one_product(nn.Linear(40, 2), scaler) is None


def test_samples_of_fit_are_within_the_bounds():
    X, _ = KINDS["counts"]
    scaler = InputScaler().fit(X)
    result = one_product(nn.Linear(50, 2).eval(), scaler)
    far, entries = result._far(X.astype(np.float32))
    assert far.sum() < 5, "a few norms near the bound"
    assert not len(entries[0])

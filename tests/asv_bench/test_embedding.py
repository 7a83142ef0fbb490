# SPDX-License-Identifier: BSD-3-Clause

"""Embeddings compared: the command, the data and the scores."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from asv_bench.compare import embedding
from asv_bench.compare.data import load, split_rows, stratified_rows
from asv_bench.compare.methods import METHODS, Method
from asv_bench.compare.quality import page_share, score_embedding, score_transform
from asv_bench.compare.runner import latest, read_rows


@pytest.fixture
def compare(tmp_path):
    """The command on 300 digits with PCA; returns the good rows that it wrote."""

    def call(*arguments):
        out = tmp_path / "rows.jsonl"
        common = ["--data", "digits:300", "--seeds", "0", "--methods", "pca"]
        embedding.main([*common, "--out", str(out), *arguments])
        return latest(read_rows(out))

    return call


def test_all_samples_are_embedded(compare, capsys):
    (row,) = compare()
    job, result = row["job"], row["found"]
    assert job == {
        "task": "embed",
        "method": "pca",
        "data": "digits",
        "n_rows": 300,
        "seed": 0,
        "threads": 1,
        "input": "usual",
    }
    assert (result["n_samples"], result["n_features"], result["n_classes"]) == (
        300,
        64,
        10,
    )
    assert result["package"] == "scikit-learn"
    assert result["version"] == row["versions"]["scikit-learn"]
    assert result["import_s"] > 0 and result["wall_s"] > 0
    assert set(embedding.SCORES) <= set(result)
    # figures of PCA on digits: coarse bounds, but not what noise would give
    assert 0.4 < result["svm"] < 0.8
    assert 0.75 < result["trustworthiness"] < 0.9
    assert 0.05 < result["page_share"] < 0.12
    assert (
        f"| digits | 300 | 1 | pca | 1 | {result['svm']:.3f} |"
        in capsys.readouterr().out
    )


def test_new_samples_are_embedded(compare, monkeypatch):
    (row,) = compare("--task", "transform")
    result = row["found"]
    assert result["n_train"] == 240
    scores = [result[name] for name in ("svm", "svm_train", "knn", "knn_train")]
    assert all(0.3 < score < 0.9 for score in scores)
    assert result["samples/s at 10000"] > result["samples/s at 1"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "letters"], "Unknown data set 'letters'"),
        (["--data", "digits:none"], "positive number of samples"),
        (["--methods", "nobody"], "invalid choice: 'nobody'"),
        (["--methods", "absent"], "pip install no-such-package-here"),
        (["--methods", "fixed", "--task", "transform"], "fixed embeds fitted samples"),
    ],
)
def test_wrong_arguments_are_refused(compare, capsys, monkeypatch, arguments, message):
    absent = Method("no-such-package-here", "nowhere", "Nothing")
    monkeypatch.setitem(METHODS, "absent", absent)
    fixed = dataclasses.replace(METHODS["pca"], transform=None)
    monkeypatch.setitem(METHODS, "fixed", fixed)
    with pytest.raises(SystemExit):
        compare(*arguments)
    assert message in capsys.readouterr().err


def test_missing_data_names_the_variable(monkeypatch, tmp_path):
    monkeypatch.setenv("SKMANIFOLD_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="SKMANIFOLD_DATA"):
        load("mnist")


def test_data_are_read_from_a_file(monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.integers(256, size=(7_600, 16), dtype=np.uint8)
    y = rng.integers(3, size=7_600)
    np.savez(tmp_path / "pendigits.npz", X=X, y=y)
    np.savez(tmp_path / "mnist.npz", X=X[:200], y=y[:200])
    monkeypatch.setenv("SKMANIFOLD_DATA", str(tmp_path))

    data = load("pendigits")
    assert data.X.dtype == np.float32
    assert_array_equal(data.usual_input(), X)
    train, test = split_rows(data)
    assert (len(train), train[-1], test[0]) == (7_494, 7_493, 7_494)

    images = load("mnist", 100)
    assert images.X.max() > 1 and images.usual_input().max() <= 1
    assert images.usual_input().dtype == np.float32
    train, test = split_rows(images)
    assert (len(train), len(np.union1d(train, test))) == (80, 100)


def test_generated_data_have_the_requested_size():
    data = load("synthetic784", 3_000)
    assert data.X.shape == (3_000, 784)
    assert data.X.dtype == np.float32
    assert len(np.unique(data.y)) == 20
    assert_array_equal(data.X, load("synthetic784", 3_000).X)
    assert np.bincount(load("clusters100").y).tolist() == [50] * 100
    sizes = np.bincount(load("digits_unequal").y)
    assert sizes[0] == 174 and abs(sizes[1:] - 0.7 * sizes[:-1]).max() < 1


def test_texts_come_with_scipy():
    data = load("docstrings")
    assert data.X.dtype == np.float32 and len(data.X) == len(data.y) > 1_000
    assert data.X.shape[1] > 2_000
    assert_allclose(np.linalg.norm(data.X, axis=1), 1, rtol=1e-6)
    assert (np.bincount(data.y) > 30).all() and len(np.bincount(data.y)) == 9


def test_shifted_images_are_moved_by_few_pixels(monkeypatch, tmp_path):
    images = np.zeros((2, 28, 28), dtype=np.uint8)
    images[0, 10, 20], images[1, 14, 14] = 255, 100
    np.savez(tmp_path / "mnist.npz", X=images.reshape(2, -1), y=[0, 1])
    monkeypatch.setenv("SKMANIFOLD_DATA", str(tmp_path))
    data = load("mnist_shifted", 500)
    assert data.X.shape == (500, 784) and data.X.dtype == np.uint8
    assert data.usual_input().dtype == np.float32 and data.usual_input().max() == 1
    where = np.stack(np.divmod(data.X.argmax(1), 28), 1)
    moved = where - np.array([[10, 20], [14, 14]])[data.y]
    assert len(np.unique(moved, axis=0)) == 25 and np.abs(moved).max() == 2
    assert_array_equal(data.X.max(1), np.array([255, 100])[data.y])


def test_subsample_is_stratified_and_the_same_for_all():
    y = np.repeat([0, 1, 2], [600, 300, 100])
    rows = stratified_rows(y, 100)
    assert_array_equal(np.bincount(y[rows]), [60, 30, 10])
    assert_array_equal(rows, stratified_rows(y, 100))
    assert_array_equal(stratified_rows(y, 5_000), np.arange(1_000))


def test_scores_of_a_perfect_and_of_a_random_embedding():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(4), 60)
    corners = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 9.0]])
    X = corners[y] + rng.normal(size=(240, 2))
    perfect = score_embedding(X, y, X)
    assert 0 < perfect.pop("page_share") < 0.1
    assert all(score == pytest.approx(1.0) for score in perfect.values())
    noise = score_embedding(X, y, rng.normal(size=X.shape))
    assert noise["svm"] < 0.45 and noise["kmeans"] < 0.45 and noise["knn"] < 0.45
    assert noise["nmi"] < 0.1 and abs(noise["spearman"]) < 0.15
    assert noise["trustworthiness"] < 0.65 and noise["continuity"] < 0.65


def test_page_share_counts_cells_of_a_square():
    grid = np.stack(np.meshgrid(np.arange(200.0), np.arange(200.0)), axis=-1)
    page = grid.reshape(-1, 2)
    assert page_share(page) == 1
    # a strip leaves most of the square blank, however it is scaled
    strip = page * [3.0, 0.3]
    assert 0.1 <= page_share(strip) <= 0.12
    assert page_share(1e6 * strip + 7) == page_share(strip)
    # far samples do not make the page larger
    assert page_share(np.vstack([page, [[1e9, 0.0]]])) == pytest.approx(1, abs=0.05)
    assert page_share(np.ones((10, 2))) == 1 / 2500


def test_embedding_that_is_not_finite_is_refused():
    X, y = np.zeros((40, 2)), np.repeat([0, 1], 20)
    X[3] = np.nan
    with pytest.raises(ValueError, match="1 of 40 embedded samples are not finite"):
        score_embedding(X, y, X)
    with pytest.raises(ValueError, match="1 of 40 embedded samples are not finite"):
        score_transform(y, np.zeros((40, 2)), y, X)

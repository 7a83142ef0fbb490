# SPDX-License-Identifier: BSD-3-Clause

import numpy as np
import pytest

from asv_bench.compare import topology


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_points_of_a_space(noise):
    X, truth = topology.data("RP2_4d", 500, noise, 0)
    # over Z/2 the projective plane has a class in each dimension
    assert truth == {2: (1, 1, 1), 3: (1, 0, 0)}
    if not noise:
        assert X.shape == (500, 4)
        return
    clean, _ = topology.data("RP2_4d", 500, 1e-9, 0)
    radius = np.sqrt(np.square(clean).sum(axis=1).mean())
    assert X.shape == (500, 100)
    # the same points, moved; noise is per coordinate and relative to the radius
    assert np.std(X - clean) == pytest.approx(0.1 * radius, rel=0.02)


@pytest.mark.filterwarnings("ignore:The Betti numbers .* are undecided")
@pytest.mark.parametrize(
    ("space", "way"),
    [
        ("circle", "rips"),
        ("RP2_4d", "rips"),
        ("circle", "untrained"),
        ("RP2_6d", "untrained"),
        ("two_circles", "rips"),
        ("two_circles", "rips_all"),
        ("two_circles", "votes"),
        ("gaussian", "votes"),
    ],
)
def test_betti_numbers_are_right(space, way):
    row = topology.one(space, way, 0.0, 0, n_samples=1500)
    assert row["right"]
    _, truth = topology.data(space, 100, 0.0, 0)
    assert [tuple(result) for result in row["found"]] == [truth[2], truth[3]]
    if way == "votes":
        assert row["decided"]


def test_a_space_has_its_methods():
    ways = [
        [way for way in topology.WAYS if topology.runs(space, way)]
        for space in ("torus", "torus_16", "klein", "moons")
    ]
    given = [way for way in topology.WAYS if "trained" in way]
    assert ways == [
        ["votes", *given, "rips"],
        given,
        ["votes", "rips"],
        ["votes", "rips", "rips_all"],
    ]


def test_table_counts_seeds_that_are_right():
    rows = [
        {
            "job": {"space": "circle", "noise": 0.0, "way": way},
            "found": {"right": right, "fit CPU s": seconds},
        }
        for way, right, seconds in (
            ("rips", True, 1.0),
            ("rips", False, 2.0),
            ("rips", True, 9.0),
            ("trained", True, 5.0),
        )
    ]
    assert topology.table(rows) == [
        ["noise", "space", "charts", "trained charts", "Vietoris-Rips"],
        ["0", "circle", "4", "1 of 1, 5.0 s", "2 of 3, 2.0 s"],
    ]


def test_table_counts_votes_that_are_decided():
    rows = [
        {
            "job": {"space": "moons", "noise": 0.1, "way": "votes"},
            "found": {"right": right, "decided": decided, "fit CPU s": 1.0},
        }
        for right, decided in ((True, True), (True, False), (False, True))
    ]
    assert topology.table(rows)[1] == [
        *("0.1", "two moons", "-"),
        "2 of 3, 1.0 s; 2 decided, 1 of them wrong",
    ]

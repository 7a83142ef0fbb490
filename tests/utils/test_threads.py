# SPDX-License-Identifier: BSD-3-Clause

"""The limit of BLAS to one thread."""

import threading

import joblib
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skmanifold.utils._threads import one_blas_thread, one_thread, search_jobs


def threads(api):
    return {
        library["filepath"]: library["num_threads"]
        for library in threadpool_info()
        if library["user_api"] == api
    }


def test_threads_are_limited_and_restored():
    with threadpool_limits(limits=2):
        before = threads("blas"), threads("openmp")
        with one_thread():
            assert set(threads("blas").values()) == {1}
            assert set(threads("openmp").values()) <= {1}
        assert (threads("blas"), threads("openmp")) == before


def test_limits_are_set_one_after_the_other():
    inside, most = [], []

    def step():
        for _ in range(20):
            with one_blas_thread():
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    with threadpool_limits(limits=2, user_api="blas"):
        before = threads("blas")
        others = [threading.Thread(target=step) for _ in range(4)]
        for thread in others:
            thread.start()
        with one_blas_thread(), one_thread():  # a step within a step
            assert set(threads("blas").values()) == {1}
        for thread in others:
            thread.join()
        assert threads("blas") == before
    assert set(most) == {1}


@pytest.mark.parametrize(
    "share, n_jobs, expected",
    [
        (None, -1, 8),
        (None, -2, 7),
        ("3", -1, 3),
        ("3,1", -1, 3),
        ("16", -1, 8),
        ("0", -1, 8),
        ("many", -1, 8),
        ("3", 5, 5),
        ("3", None, None),
    ],
)
def test_a_search_keeps_to_the_share_of_its_process(
    monkeypatch, share, n_jobs, expected
):
    if share is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", share)
    monkeypatch.setattr(joblib, "effective_n_jobs", lambda n_jobs: 9 + n_jobs)
    assert search_jobs(n_jobs) == expected


def test_a_search_keeps_to_the_threads_of_its_worker():
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        result = joblib.Parallel(2)(joblib.delayed(search_jobs)(-1) for _ in range(2))
    assert result == [1, 1]

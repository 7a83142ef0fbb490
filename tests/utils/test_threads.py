# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""The limit of BLAS to one thread."""

import threading

from threadpoolctl import threadpool_info, threadpool_limits

from skmanifold.utils._threads import one_blas_thread, one_thread


def threads(api):
    return {
        library["filepath"]: library["num_threads"]
        for library in threadpool_info()
        if library["user_api"] == api
    }


def test_limits_and_sets_back():
    with threadpool_limits(limits=2):
        before = threads("blas"), threads("openmp")
        with one_thread():
            assert set(threads("blas").values()) == {1}
            assert set(threads("openmp").values()) <= {1}
        assert (threads("blas"), threads("openmp")) == before


def test_one_after_the_other():
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

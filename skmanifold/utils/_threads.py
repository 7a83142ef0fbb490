# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""Limits of threads: of linear algebra, whose bits depend on them, and of searches."""

import contextlib
import os
import threading

import joblib
from threadpoolctl import threadpool_limits

# The limit is the whole process's: of two threads that set it and set back what they
# found, the first to leave would lift it for the other, and the other would leave it in
# place for good. So one after the other; all such steps are short.
_lock = threading.RLock()


@contextlib.contextmanager
def one_blas_thread():
    """Limit BLAS to one thread."""
    with _lock, threadpool_limits(limits=1, user_api="blas"):
        yield


@contextlib.contextmanager
def one_thread():
    """Limit BLAS and the OpenMP loops of the calling thread to one thread."""
    with _lock, threadpool_limits(limits=1):
        yield


def search_jobs(n_jobs):
    """Threads for ``n_jobs`` of a neighbor search.

    "All processors" are those that this process is to use: joblib and dask give each of
    their workers a share, and say so by ``OMP_NUM_THREADS``.
    """
    if n_jobs is None or n_jobs >= 0:
        return n_jobs
    share = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    n_jobs = joblib.effective_n_jobs(n_jobs)
    return min(n_jobs, int(share)) if share.isdigit() and int(share) else n_jobs

# SPDX-License-Identifier: BSD-3-Clause

"""Thread limits for linear algebra and searches."""

import contextlib
import os
import threading

import joblib
from threadpoolctl import threadpool_limits

# The limit applies to the whole process: without a lock, concurrent threads would lift
# it too early or leave it in place.
_lock = threading.RLock()


@contextlib.contextmanager
def one_blas_thread():
    """Limit BLAS to one thread, so that its number does not show in the last bits.

    A context; those of several threads run one at a time.

    Yields
    ------
    None
        Nothing.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.utils import one_blas_thread
    >>> with one_blas_thread():
    ...     np.eye(2) @ np.ones(2)
    array([1., 1.])
    """
    with _lock, threadpool_limits(limits=1, user_api="blas"):
        yield


@contextlib.contextmanager
def one_thread():
    """Limit BLAS and the OpenMP loops of the calling thread to one thread.

    A context, for estimators of scikit-learn whose threads show in the last bits.

    Yields
    ------
    None
        Nothing.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from skmanifold.utils import one_thread
    >>> with one_thread():
    ...     KMeans(2, n_init=1, random_state=0).fit([[0.0], [1.0], [9.0]]).inertia_
    0.5
    """
    with _lock, threadpool_limits(limits=1):
        yield


def search_jobs(n_jobs):
    """Return the number of threads for ``n_jobs`` of a neighbor search.

    joblib and dask limit the processors of each worker by ``OMP_NUM_THREADS``.
    """
    if n_jobs is None or n_jobs >= 0:
        return n_jobs
    share = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    n_jobs = joblib.effective_n_jobs(n_jobs)
    return min(n_jobs, int(share)) if share.isdigit() and int(share) else n_jobs

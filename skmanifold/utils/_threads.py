# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""One thread for linear algebra, whose number of threads shows in the last bits."""

import contextlib
import threading

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

# SPDX-License-Identifier: BSD-3-Clause

from skmanifold.utils._threads import one_blas_thread


def principal_components(X, n_components, random_state=None):
    """Reduce samples to their principal components.

    By the randomized algorithm, with the same bits for any number of threads.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples.
    n_components : int
        Number of components, at most the smaller of both sizes of X.
    random_state : int, RandomState instance or None, default=None
        Seed.

    Returns
    -------
    ndarray of shape (n_samples, n_components)
        The reduced samples.

    Examples
    --------
    >>> import numpy as np
    >>> from skmanifold.utils import principal_components
    >>> principal_components(np.eye(5), 2, random_state=0).shape
    (5, 2)
    """
    # a heavy import, which few fits need
    from sklearn.decomposition import PCA

    pca = PCA(n_components, svd_solver="randomized", random_state=random_state)
    with one_blas_thread():
        return pca.fit_transform(X)

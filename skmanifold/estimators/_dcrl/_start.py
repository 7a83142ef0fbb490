# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

"""What DCRL starts from: labels, and a representation of the user's."""

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics.cluster import contingency_matrix

from skmanifold.utils._threads import one_blas_thread, one_thread
from skmanifold.utils._warnings import warn

# Rows that a representation of the user's is given at once: always as many, since the
# last bits of a matrix product depend on its shape.
BLOCK_ROWS = 256


def kmeans_labels(points, n_clusters, seed):
    n_distinct = len(np.unique(points, axis=0)) if len(points) else 0
    if n_distinct < n_clusters:
        warn(
            f"n_clusters={n_clusters} is more than the {n_distinct} distinct samples; "
            f"using n_clusters={n_distinct}.",
        )
        n_clusters = n_distinct
    kmeans = KMeans(n_clusters, n_init=10, random_state=seed)
    # threads add up the centres in the order in which they finish
    with one_thread():
        labels = kmeans.fit(np.asarray(points, dtype=np.float64)).labels_
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def vote(labelings):
    """Majority of clusterings, matched to the one that agrees most with the others."""
    n_samples = len(labelings[0])

    def matched(labels, wanted):
        counts = contingency_matrix(labels, wanted)
        own, others = linear_sum_assignment(counts, maximize=True)
        names = np.arange(counts.shape[0]) + counts.shape[1]  # unmatched: no vote
        names[own] = others
        return names[labels]

    agreements = [
        sum(np.mean(matched(other, one) == one) for other in labelings)
        for one in labelings
    ]
    reference = labelings[int(np.argmax(agreements))]
    n_clusters = int(reference.max()) + 1
    votes = np.zeros((n_samples, n_clusters))
    for labels in labelings:
        names = matched(labels, reference)
        voting = np.flatnonzero(names < n_clusters)
        votes[voting, names[voting]] += 1.0
    votes[np.arange(n_samples), reference] += 0.5  # decides where votes are equal
    labels = votes.argmax(axis=1)
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def represented(transformer, rows):
    """Rows transformed in blocks of one size, so that each row's result is its own."""
    n_samples = rows.shape[0]
    parts = []
    # threadpool_limits is the whole process's: one at a time
    with one_blas_thread():
        for start in range(0, n_samples, BLOCK_ROWS):
            n_rows = min(BLOCK_ROWS, n_samples - start)
            block = rows[start + np.arange(BLOCK_ROWS) % n_rows]
            part = dense(transformer.transform(block))
            part = np.asarray(part)
            if part.ndim != 2 or len(part) != BLOCK_ROWS:
                raise ValueError(
                    f"representation maps {BLOCK_ROWS} rows to an array of shape "
                    f"{part.shape}; it must return one row for each."
                )
            parts.append(part[:n_rows].astype(np.float64))
    columns = np.concatenate(parts)
    if not np.isfinite(columns).all():
        raise ValueError(
            "representation returned NaN or infinity for rows of X. It must return "
            "finite values."
        )
    return columns


def dense(rows):
    return rows.toarray() if sparse.issparse(rows) else rows

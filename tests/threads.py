# SPDX-License-Identifier: BSD-3-Clause

"""Results that do not depend on torch's number of threads."""

import torch


def assert_same_for_threads(function, numbers=(1, 2, 3, 5)):
    """Assert that a function returns tensors of the same bits and keeps the number."""
    results = []
    for n_threads in numbers:
        torch.set_num_threads(n_threads)
        results.append(function())
        assert torch.get_num_threads() == n_threads
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))
    return results[0]

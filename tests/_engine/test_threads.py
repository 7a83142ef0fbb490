# Authors: The skmanifold developers
# SPDX-License-Identifier: BSD-3-Clause

import threading

import pytest
import torch

from skmanifold._engine import torch_threads


def test_inside_and_outside():
    torch.set_num_threads(2)
    with torch_threads(3):
        assert torch.get_num_threads() == 3
        with torch_threads(None):
            assert torch.get_num_threads() == 3
    assert torch.get_num_threads() == 2


def test_restored_after_an_error():
    torch.set_num_threads(2)
    with pytest.raises(KeyError), torch_threads(1):
        raise KeyError
    assert torch.get_num_threads() == 2


def test_a_thread_that_runs_meanwhile_keeps_its_number():
    torch.set_num_threads(3)
    started, go_on, seen = threading.Event(), threading.Event(), []

    def other():
        seen.append(torch.get_num_threads())
        started.set()
        go_on.wait()
        seen.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    thread.start()
    started.wait()
    with torch_threads(1):
        go_on.set()
        thread.join()
    assert seen == [3, 3]

# SPDX-License-Identifier: BSD-3-Clause

import threading

import torch

from skmanifold._engine import global_rng_seeded, local_generator, named_seed


def test_global_state_is_restored_also_after_an_error():
    before = torch.get_rng_state()
    try:
        with global_rng_seeded(3):
            torch.rand(5)
            raise RuntimeError
    except RuntimeError:
        pass
    assert torch.equal(before, torch.get_rng_state())


def test_the_seed_decides_the_draws():
    def draw(seed):
        with global_rng_seeded(seed):
            return torch.rand(4)

    assert torch.equal(draw(1), draw(1))
    assert not torch.equal(draw(1), draw(2))


def test_threads_do_not_draw_from_each_others_seed():
    expected, drawn = {}, {}

    def draw(seed, into):
        with global_rng_seeded(seed):
            into[seed] = torch.stack([torch.rand(1) for _ in range(200)])

    for seed in range(8):
        draw(seed, expected)
    threads = [threading.Thread(target=draw, args=(s, drawn)) for s in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(expected[s], drawn[s]) for s in range(8))


def test_local_generator_is_seeded():
    a = torch.rand(3, generator=local_generator(1))
    assert torch.equal(a, torch.rand(3, generator=local_generator(1)))


def test_named_seeds_are_of_the_fit_and_the_name():
    seeds = {named_seed(seed, name) for seed in (0, 1) for name in ("ab", "ba", "a")}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert named_seed(7, "neighbors") == named_seed(7, "neighbors")

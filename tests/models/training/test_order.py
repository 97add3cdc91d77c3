"""Each sample once an epoch, whatever the number of workers."""

from __future__ import annotations

import numpy as np
import pytest

from models.training.order import plan_epoch, shard


@pytest.mark.parametrize("num_samples", [1, 7, 8, 9, 64, 101])
@pytest.mark.parametrize("num_workers", [1, 2, 3])
def test_workers_together_hold_each_sample_once(num_samples, num_workers):
    steps = plan_epoch(num_samples, 8, seed=0, epoch=0)
    parts = [
        shard(step, rank, num_workers) for step in steps for rank in range(num_workers)
    ]
    assert sorted(np.concatenate(parts)) == list(range(num_samples))


def test_no_worker_is_left_without_a_sample():
    for num_samples in range(3, 60):
        assert all(
            len(shard(step, r, 3))
            for step in plan_epoch(num_samples, 8, 0, 0)
            for r in range(3)
        )


def test_order_follows_seed_and_epoch():
    def order(seed, epoch):
        return np.concatenate(plan_epoch(50, 8, seed, epoch)).tolist()

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1) and order(1, 0) != order(2, 0)

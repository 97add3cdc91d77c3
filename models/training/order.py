"""Which samples make up which step, for each worker."""

from __future__ import annotations

import numpy as np


def plan_epoch(num_samples: int, batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Indices of each step of an epoch: a shuffle that holds every sample once, cut into steps of about batch_size."""
    order = np.random.default_rng([seed, epoch]).permutation(num_samples)
    return np.array_split(order, count_steps(num_samples, batch_size))


def count_steps(num_samples: int, batch_size: int) -> int:
    return max(1, round(num_samples / batch_size))


def shard(step_indices: np.ndarray, rank: int, num_workers: int) -> np.ndarray:
    """The part of a step that worker `rank` computes. Together the workers hold each index once."""
    return np.array_split(step_indices, num_workers)[rank]

"""A worker's batches, prepared in threads while others are computed, and already where the net is when they are due."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.recipes.config import TrainConfig
from models.tasks.base import Batch, Task
from models.training.order import plan_steps, shard
from models.training.prefetch import prefetch
from models.training.seed import sample_rng
from models.training.workers import Workers
from models.types import Sample

_NUM_THREADS = min(4, os.cpu_count() or 1)  # decoding and resizing release the GIL
_own = threading.local()


def prepare_batches(
    train: Sequence[Sample],
    task: Task,
    num_classes: int,
    config: TrainConfig,
    seed: int,
    first_step: int,
    workers: Workers,
    device: torch.device,
) -> Generator[Batch]:
    """This worker's batches from `first_step` on, over all epochs, their tensors on the device."""

    def prepare(step: tuple[int, np.ndarray]) -> Batch:
        epoch = step[0]
        mine = shard(step[1], workers.rank, workers.num_workers)
        rngs = [sample_rng(seed, epoch, int(i)) for i in mine]
        with _beside_training(device):
            return _move(
                task.make_batch(
                    read_samples(train, mine.tolist()), num_classes, config, rngs
                ),
                device,
            )

    steps = plan_steps(len(train), config.batch_size, seed, config.epochs, first_step)
    with closing(prefetch(steps, prepare, _NUM_THREADS)) as batches:
        for batch in batches:
            for tensor in (batch.images, batch.colour, batch.targets):
                # their memory is another stream's
                if isinstance(tensor, Tensor) and tensor.is_cuda:
                    tensor.record_stream(torch.cuda.current_stream(device))
            yield batch


def read_samples(samples: Sequence[Sample], indices: list[int]) -> list[Sample]:
    """Several samples at once where the sequence knows how (PyTorch's `__getitems__` convention)."""
    read_many = getattr(samples, "__getitems__", None)
    return read_many(indices) if read_many else [samples[i] for i in indices]


@contextmanager
def _beside_training(device: torch.device) -> Iterator[None]:
    """What this thread asks of a GPU in here has its own queue, beside the training's, and is done on leaving."""
    if device.type != "cuda":
        yield
        return
    if not hasattr(_own, "stream"):
        _own.stream = torch.cuda.Stream(device)
    with torch.cuda.stream(_own.stream):
        yield
    _own.stream.synchronize()


def _move(batch: Batch, device: torch.device) -> Batch:
    """Copied from pinned memory, which the GPU reads by itself."""
    if device.type != "cuda":
        return batch
    images, colour, targets = (
        _send(value, device) for value in (batch.images, batch.colour, batch.targets)
    )
    return Batch(batch.frame_ids, images, colour, targets)


def _send(value: Any, device: torch.device) -> Any:
    if not isinstance(value, Tensor) or value.is_cuda:
        return value
    return value.pin_memory().to(device, non_blocking=True)

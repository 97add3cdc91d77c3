"""One step: the loss of a batch and its gradient, in parts where it does not fit in memory; then the weights move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from models.recipes.config import TrainConfig
from models.tasks.base import Batch, Task
from models.training.failures import require_finite, require_memory
from models.training.sharding import whole
from models.training.snapshot import FitState
from models.training.workers import Workers

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


def take_step(
    state: FitState,
    wrapped: nn.Module,
    task: Task,
    batch: Batch,
    num_parts: int,
    config: TrainConfig,
    workers: Workers,
    place: str,
) -> None:
    """Learn from this worker's share of a step, and note its loss. Every worker takes as many parts.

    `wrapped` is `state.net` as the workers share it. Raises NotFiniteError and DoesNotFitError, which name the `place`.
    """
    state.optimizer.zero_grad(set_to_none=True)
    losses = []
    with require_memory(config, place):
        for part, is_last_part in _split(batch, num_parts):
            with nullcontext() if is_last_part else workers.unsynced(wrapped):
                with _autocast(state.device, config.precision):
                    loss = task.loss(wrapped, part) * (len(part) / len(batch))
                require_finite(loss, "loss", part.frame_ids, place)
                state.scaler.scale(loss).backward()
            losses.append(loss.item())
        state.scaler.unscale_(state.optimizer)
        norm = whole(nn.utils.clip_grad_norm_(state.net.parameters(), config.clip_norm))
        # with fp16, a scale that was too large: the step is left out
        if not state.scaler.is_enabled():
            require_finite(norm, "gradient norm", batch.frame_ids, place)
        state.scaler.step(state.optimizer)
    state.scaler.update()
    workers.average_statistics(state.net)
    state.average.update(state.net)
    state.losses.append(sum(losses))
    state.step += 1


def _split(batch: Batch, num_parts: int) -> Iterator[tuple[Batch, bool]]:
    """The parts of a step that are computed one after the other, and whether it is the last."""
    bounds = np.linspace(0, len(batch), num_parts + 1).astype(int)
    for start, end in pairwise(bounds):
        yield (
            (batch if num_parts == 1 else batch.part(int(start), int(end))),
            bool(end == len(batch)),
        )


def _autocast(device: torch.device, precision: str) -> Any:
    return (
        torch.autocast(device.type, _AUTOCAST[precision])
        if precision in _AUTOCAST
        else nullcontext()
    )

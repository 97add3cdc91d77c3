"""What ends a training early by its user's mistake: each error names the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from models.recipes.config import TrainConfig
from models.types import Sample

_CPU_ALLOCATOR = "DefaultCPUAllocator"  # where the CPU has no memory left, torch raises a bare RuntimeError


class NotFiniteError(ValueError):
    """The loss or its gradient is NaN or infinite; the message names the frames of the step."""


class DoesNotFitError(ValueError):
    """A step asks for more memory than there is; the message names the settings that lower it."""


def require_finite(
    value: Tensor, what: str, frame_ids: Sequence[str], place: str
) -> None:
    """Raises NotFiniteError, with the frames of the batch, for a NaN or an infinity."""
    if not torch.isfinite(value):
        raise NotFiniteError(
            f"{what} is {value.item()} in {place}, frames {', '.join(frame_ids)}: "
            "look at these frames and their labels, or lower `lr`"
        )


@contextmanager
def require_memory(config: TrainConfig, place: str) -> Iterator[None]:
    """Turns torch's error into DoesNotFitError, on any device."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and _CPU_ALLOCATOR not in str(
            error
        ):
            raise
        half = " or set precision=bf16," if config.precision == "fp32" else ""
        raise DoesNotFitError(
            f"{place} does not fit in memory: raise accumulate above {config.accumulate},{half} or lower "
            f"batch_size = {config.batch_size} or image_size_px = {config.image_size_px} "
            f"({str(error).strip().splitlines()[0]})"
        ) from error


def require_samples(
    train: Sequence[Sample], val: Sequence[Sample], num_steps: int, num_workers: int
) -> None:
    """Each worker needs an image in each of an epoch's steps."""
    if len(train) // num_steps < num_workers:
        raise ValueError(
            f"{len(train)} training frames in {num_steps} steps an epoch for {num_workers} workers: "
            "add frames, raise `batch_size` or use fewer workers"
        )
    if not len(val):
        raise ValueError(
            "the release has no validation frame: ingest more recordings, or give a 'val' split"
        )

"""The training loop: plain PyTorch, the same for every task, alone or on several workers."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.recipes.config import TrainConfig
from models.tasks.base import Batch, Task
from models.training.optim import WeightAverage, make_optimizer, rate_share, set_rate
from models.training.order import count_steps, plan_epoch, shard
from models.training.seed import repeatable, sample_rng
from models.training.workers import Alone, Workers
from models.types import Sample

_VAL_CHUNK = 64  # validation images in memory at once
Progress = Callable[[dict[str, Any]], None]


class NotFiniteError(ValueError):
    """The loss or its gradient is NaN or infinite; the message names the frames of the step."""


@dataclass
class FitResult:
    """The best weights by the task's quick validation metric, and one history row an epoch."""

    weights: dict[str, Tensor] = field(default_factory=dict)
    metric: float = float("-inf")
    epoch: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)


def fit(
    net: nn.Module, task: Task, train: Sequence[Sample], val: Sequence[Sample], num_classes: int, config: TrainConfig,
    seed: int, workers: Workers | None = None, on_progress: Progress | None = None,
    on_best: Callable[[FitResult], None] | None = None,
) -> FitResult:  # fmt: skip
    """Train `net` (built with the same seed on every worker) and return its best averaged weights.

    `train` and `val` are read by index, in threads. `on_progress` is called on rank 0 after each step and epoch with a
    dict; `on_best` on rank 0 whenever validation improves. Raises NotFiniteError, and ValueError for an empty split.
    """
    workers, say = workers or Alone(), on_progress or (lambda event: None)
    _require_samples(train, val, workers.num_workers)
    device = next(net.parameters()).device
    net.to(memory_format=torch.channels_last)
    wrapped, optimizer, average = workers.wrap(net), make_optimizer(net, config), WeightAverage(net, config.ema_decay)
    shadow, result, started = copy.deepcopy(net).eval(), FitResult(), time.monotonic()
    num_steps = count_steps(len(train), config.batch_size)
    with repeatable(seed + workers.rank):
        for epoch in range(config.epochs):
            epoch_started, losses, lr = time.monotonic(), [], 0.0
            net.train()
            for step, batch in enumerate(_batches(train, task, num_classes, config, seed, epoch, workers)):
                progress = _progress(epoch * num_steps + step, config.epochs * num_steps, started, config, workers)
                lr = set_rate(optimizer, rate_share(progress, config.warmup_share))
                loss = task.loss(wrapped, _move(batch, device))
                _require_finite(loss, "loss", batch, epoch, step)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                norm = nn.utils.clip_grad_norm_(net.parameters(), config.clip_norm)
                _require_finite(norm, "gradient norm", batch, epoch, step)
                optimizer.step()
                average.update(net)
                losses.append(loss.item())
                if workers.rank == 0:
                    say({"kind": "step", "epoch": epoch, "num_epochs": config.epochs, "step": step,
                         "num_steps": num_steps, "progress": progress, "loss": losses[-1], "lr": lr})  # fmt: skip
            train_seconds = time.monotonic() - epoch_started
            row = {"epoch": epoch, "train_loss": float(np.mean(workers.gather(float(np.mean(losses))))), "lr": lr,
                   "images_per_s": len(train) / train_seconds}  # fmt: skip
            is_last = epoch == config.epochs - 1 or progress >= 1
            if is_last or (epoch + 1) % config.score_every == 0:
                shadow.load_state_dict(average.values)
                row[task.metric] = _validate(shadow, task, val, config, workers)
            row["seconds"] = time.monotonic() - epoch_started
            result.history.append(row)
            if workers.rank == 0:
                say({"kind": "epoch", "num_epochs": config.epochs, **row})
            if row.get(task.metric, float("-inf")) > result.metric:
                result.metric, result.epoch = row[task.metric], epoch
                result.weights = {k: v.detach().cpu().clone().contiguous() for k, v in average.values.items()}
                if on_best and workers.rank == 0:
                    on_best(result)
            if is_last:
                break
    return result


@torch.inference_mode()
def _validate(net: nn.Module, task: Task, val: Sequence[Sample], config: TrainConfig, workers: Workers) -> float:
    """The quick metric over the whole split; each worker predicts its share."""
    indices, mine = list(range(workers.rank, len(val), workers.num_workers)), []
    for start in range(0, len(indices), _VAL_CHUNK):
        samples = _read(val, indices[start : start + _VAL_CHUNK])
        predictions = task.predict(net, [s.image_rgb for s in samples], config)
        mine += [(p, s.target) for p, s in zip(predictions, samples, strict=True)]
    pairs = [pair for part in workers.gather(mine) for pair in part]
    return task.score([p for p, _ in pairs], [t for _, t in pairs])


def _batches(
    train: Sequence[Sample], task: Task, num_classes: int, config: TrainConfig, seed: int, epoch: int, workers: Workers
) -> Iterator[Batch]:
    """This worker's batches of one epoch, each prepared in a thread while the one before is computed."""

    def prepare(indices: np.ndarray) -> Batch:
        rngs = [sample_rng(seed, epoch, int(i)) for i in indices]
        return task.make_batch(_read(train, indices.tolist()), num_classes, config, rngs)

    plan = plan_epoch(len(train), config.batch_size, seed, epoch)
    steps = [shard(step, workers.rank, workers.num_workers) for step in plan]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(prepare, steps[0])
        for following in steps[1:]:
            ready, waiting = waiting.result(), pool.submit(prepare, following)
            yield ready
        yield waiting.result()


def _read(samples: Sequence[Sample], indices: list[int]) -> list[Sample]:
    """Several samples at once where the sequence knows how (PyTorch's `__getitems__` convention)."""
    read_many = getattr(samples, "__getitems__", None)
    return read_many(indices) if read_many else [samples[i] for i in indices]


def _progress(step: int, num_steps: int, started: float, config: TrainConfig, workers: Workers) -> float:
    """Share of the training that is over: by steps, or by rank 0's clock where the recipe has a time limit."""
    share = step / num_steps
    if config.max_minutes is None:
        return share
    return max(share, workers.gather((time.monotonic() - started) / (60 * config.max_minutes))[0])


def _move(batch: Batch, device: torch.device) -> Batch:
    return Batch(batch.frame_ids, batch.images.to(device), batch.colour.to(device), batch.targets)


def _require_finite(value: Tensor, what: str, batch: Batch, epoch: int, step: int) -> None:
    if not torch.isfinite(value):
        raise NotFiniteError(f"{what} is {value.item()} in epoch {epoch}, step {step}, "
                             f"frames {', '.join(batch.frame_ids)}: "
                             "look at these frames and their labels, or lower `lr`")  # fmt: skip


def _require_samples(train: Sequence[Sample], val: Sequence[Sample], num_workers: int) -> None:
    if len(train) < num_workers:
        raise ValueError(f"{len(train)} training frames for {num_workers} workers: add frames or use fewer workers")
    if not len(val):
        raise ValueError("the release has no validation frame: ingest more recordings, or give a 'val' split")

"""The training loop: plain PyTorch, the same for every task, alone or on several workers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from models.recipes.config import TrainConfig
from models.tasks.base import Task
from models.training.batches import prepare_batches, read_samples
from models.training.failures import require_memory, require_samples
from models.training.meter import Meter
from models.training.optim import WeightAverage, make_optimizer, set_rate
from models.training.order import count_steps
from models.training.prefetch import prefetch
from models.training.seed import repeatable, seed_step
from models.training.snapshot import FitResult, FitState, Snapshot
from models.training.step import take_step
from models.training.workers import Alone, Workers
from models.types import Sample, Target

_VAL_CHUNK = 64  # validation images in memory at once
_UNSAVED_S = 20.0  # of training, after which an epoch ends with a snapshot
Progress = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Splits:
    """What a net learns from, and what it is scored on: read by index, in threads."""

    train: Sequence[Sample]
    val: Sequence[Sample]
    num_classes: int


def _ignore(*_: Any) -> None:
    pass


@dataclass(frozen=True)
class Callbacks:
    """Who hears of a training. All are called on rank 0.

    `on_progress` gets a dict after each step and each epoch; `on_score` the number of each scored epoch and the
    averaged net; `on_save` a snapshot every `config.save_every` steps, and after an epoch where the last was a while
    ago: it is given on all workers or on none.
    """

    on_progress: Progress = _ignore
    on_save: Callable[[Snapshot], None] | None = None
    on_score: Callable[[int, nn.Module], None] = _ignore


def fit(
    net: nn.Module,
    task: Task,
    splits: Splits,
    config: TrainConfig,
    seed: int,
    workers: Workers | None = None,
    callbacks: Callbacks = Callbacks(),
    resume: Snapshot | None = None,
) -> FitResult:
    """Train `net` (built with the same seed on every worker) and return the averaged weights of the epoch that
    `FitResult` keeps.

    With `resume`, a snapshot that was saved, the training goes on from there and ends with the weights of one that
    never stopped (see `FitState.load` where the number of workers is another).
    Raises NotFiniteError, DoesNotFitError, and ValueError for an empty split.
    """
    workers = workers or Alone()
    train = splits.train
    val = splits.val
    num_classes = splits.num_classes
    num_steps = count_steps(len(train), config.batch_size)
    require_samples(train, val, num_steps, workers.num_workers)
    net.to(memory_format=torch.channels_last)
    scaler = torch.amp.GradScaler(
        next(net.parameters()).device.type, enabled=config.precision == "fp16"
    )
    meter = Meter(net, config.precision, resume.facts["spent"] if resume else None)
    shadow = copy.deepcopy(net).eval()
    wrapped = workers.wrap(net)
    state = FitState(
        net, make_optimizer(net, config), WeightAverage(net, config.ema_decay), scaler
    )
    if resume is not None:
        state.load(resume, workers.rank, workers.num_workers)
    if config.is_compiled:
        wrapped.compile()
    result = state.result
    saved_at = meter.seconds
    score_s = 0.0
    # each holds an image
    num_parts = min(config.accumulate, len(train) // num_steps // workers.num_workers)
    batches = prepare_batches(
        train, task, num_classes, config, seed, state.step, workers, state.device
    )
    with repeatable(seed), closing(batches):
        for epoch in range(state.step // num_steps, config.epochs):
            meter.start_epoch()
            net.train()
            for step in range(state.step % num_steps, num_steps):
                place = f"epoch {epoch}, step {step}"
                with meter.waiting(), require_memory(config, place):
                    batch = next(batches)
                progress = _progress(
                    state.step,
                    config.epochs * num_steps,
                    meter.seconds + _expect_score_s(score_s, len(val), meter, workers),
                    config,
                    workers,
                )
                if progress >= 1 and state.losses:
                    break
                lr = set_rate(state.optimizer, config, progress)
                seed_step(seed, workers.rank, state.step)
                take_step(
                    state, wrapped, task, batch, num_parts, config, workers, place
                )
                meter.count(batch.images)
                if workers.rank == 0:
                    best = {task.metric: result.metric} if result.weights else {}
                    event = {
                        "kind": "step",
                        "epoch": epoch,
                        "num_epochs": config.epochs,
                        "step": step,
                        "num_steps": num_steps,
                        "progress": progress,
                        "loss": state.losses[-1],
                        "lr": lr,
                        "seconds": meter.seconds,
                        "images_per_s": meter.rate * workers.num_workers,
                    }
                    callbacks.on_progress({**event, **best})
                if step + 1 < num_steps and state.step % config.save_every == 0:
                    saved_at = _save(state, workers, meter, callbacks.on_save)
            loss = float(np.mean(workers.gather(float(np.mean(state.losses)))))
            row = {
                "epoch": epoch,
                "train_loss": loss,
                "lr": lr,
                **meter.measure(workers),
            }
            state.losses = []
            is_last = epoch == config.epochs - 1 or progress >= 1
            if is_last or (epoch + 1) % config.score_every == 0:
                began = meter.seconds
                state.average.copy_to(shadow)
                predictions, targets = _answer(shadow, task, val, config, workers)
                row[task.metric] = task.score(predictions, targets)
                task.temper(shadow, predictions, targets)
                if workers.rank == 0:
                    callbacks.on_score(epoch, shadow)
                score_s = meter.seconds - began
            row["seconds"] = meter.epoch_seconds
            result.history.append(row)
            if task.metric in row and result.judge(epoch, row[task.metric], len(val)):
                result.weights = {
                    k: v.detach().cpu().clone().contiguous()
                    for k, v in shadow.state_dict().items()
                }
            if workers.rank == 0:
                callbacks.on_progress(
                    {"kind": "epoch", "num_epochs": config.epochs, **row}
                )
            if is_last or (
                config.patience
                and result.weights
                and epoch - result.best_epoch >= config.patience
            ):
                break
            if (
                state.step % config.save_every == 0
                or workers.gather(meter.seconds - saved_at > _UNSAVED_S)[0]
            ):
                saved_at = _save(state, workers, meter, callbacks.on_save)
    return result


def _save(
    state: FitState,
    workers: Workers,
    meter: Meter,
    on_save: Callable[[Snapshot], None] | None,
) -> float:
    """When it was done, by the meter."""
    if on_save:
        snapshot = state.save(
            workers.gather(state.losses), meter.spend(workers), workers.rank == 0
        )
        if workers.rank == 0:
            on_save(snapshot)
    return meter.seconds


@torch.inference_mode()
def _answer(
    net: nn.Module,
    task: Task,
    val: Sequence[Sample],
    config: TrainConfig,
    workers: Workers,
) -> tuple[list[Any], list[Target]]:
    """Predictions and targets of the whole split, on every worker; each predicts its share."""
    indices = list(range(workers.rank, len(val), workers.num_workers))
    mine = []
    chunks = [
        indices[start : start + _VAL_CHUNK]
        for start in range(0, len(indices), _VAL_CHUNK)
    ]
    for samples in prefetch(chunks, lambda chunk: read_samples(val, chunk), 1):
        predictions = task.predict(net, [s.image_rgb for s in samples], config)
        mine += [(p, s.target) for p, s in zip(predictions, samples, strict=True)]
    pairs = [pair for part in workers.gather(mine) for pair in part]
    return [p for p, _ in pairs], [t for _, t in pairs]


def _progress(
    step: int, num_steps: int, seconds: float, config: TrainConfig, workers: Workers
) -> float:
    """Share of the training that is over: by steps, or by rank 0's clock where the recipe has a time limit.

    `seconds` are those that were spent, and those that the validation at the end will take.
    """
    share = step / num_steps
    if config.max_minutes is None:
        return share
    return max(share, workers.gather(seconds / (60 * config.max_minutes))[0])


def _expect_score_s(
    score_s: float, num_val: int, meter: Meter, workers: Workers
) -> float:
    """How many seconds a validation takes: as many as the last one, or by the rate of training, which takes twice as
    long an image."""
    rate = meter.rate * workers.num_workers
    return score_s or (num_val / (2 * rate) if rate else 0.0)

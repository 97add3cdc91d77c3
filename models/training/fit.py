"""The training loop: plain PyTorch, the same for every task, alone or on several workers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from models.recipes.config import TrainConfig
from models.tasks.base import Batch, Task
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
    run = _begin(net, task, splits, config, seed, workers or Alone(), callbacks, resume)
    batches = prepare_batches(
        splits.train,
        task,
        splits.num_classes,
        config,
        seed,
        run.state.step,
        run.workers,
        run.state.device,
    )
    with repeatable(seed), closing(batches):
        for epoch in range(run.state.step // run.num_steps, config.epochs):
            learnt = _learn_epoch(run, epoch, batches)
            if _close_epoch(run, learnt):
                break
            if _is_to_be_saved(run):
                _save(run)
    return run.state.result


@dataclass
class _Run:
    """A training under way: what stays as it is, and from `state` on what each step or epoch changes."""

    task: Task
    splits: Splits
    config: TrainConfig
    seed: int
    workers: Workers
    callbacks: Callbacks
    wrapped: nn.Module  # `state.net` as the workers share it
    shadow: nn.Module  # holds the averaged weights while it is scored
    num_steps: int  # an epoch
    num_parts: int  # a step
    state: FitState
    meter: Meter
    saved_at: float  # by the meter
    score_s: float = 0.0  # of the last validation; 0 before the first


@dataclass(frozen=True)
class _Learnt:
    """What the steps of an epoch came to; `progress` is the share of the training that was over before the last."""

    epoch: int
    progress: float
    lr: float


def _begin(
    net: nn.Module,
    task: Task,
    splits: Splits,
    config: TrainConfig,
    seed: int,
    workers: Workers,
    callbacks: Callbacks,
    resume: Snapshot | None,
) -> _Run:
    num_steps = count_steps(len(splits.train), config.batch_size)
    require_samples(splits.train, splits.val, num_steps, workers.num_workers)
    # each part holds an image
    num_parts = min(
        config.accumulate, len(splits.train) // num_steps // workers.num_workers
    )
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
    return _Run(
        task,
        splits,
        config,
        seed,
        workers,
        callbacks,
        wrapped,
        shadow,
        num_steps,
        num_parts,
        state,
        meter,
        saved_at=meter.seconds,
    )


def _learn_epoch(run: _Run, epoch: int, batches: Iterator[Batch]) -> _Learnt:
    """Take the steps of the epoch that are left, until time is up."""
    state = run.state
    progress = lr = 0.0
    run.meter.start_epoch()
    state.net.train()
    for step in range(state.step % run.num_steps, run.num_steps):
        place = f"epoch {epoch}, step {step}"
        with run.meter.waiting(), require_memory(run.config, place):
            batch = next(batches)
        progress = _find_progress(run)
        if progress >= 1 and state.losses:
            break
        lr = set_rate(state.optimizer, run.config, progress)
        seed_step(run.seed, run.workers.rank, state.step)
        take_step(
            state,
            run.wrapped,
            run.task,
            batch,
            run.num_parts,
            run.config,
            run.workers,
            place,
        )
        run.meter.count(batch.images)
        if run.workers.rank == 0:
            _tell_step(run, step, _Learnt(epoch, progress, lr))
        if step + 1 < run.num_steps and state.step % run.config.save_every == 0:
            _save(run)
    return _Learnt(epoch, progress, lr)


def _tell_step(run: _Run, step: int, learnt: _Learnt) -> None:
    result = run.state.result
    best = {run.task.metric: result.metric} if result.weights else {}
    event = {
        "kind": "step",
        "epoch": learnt.epoch,
        "num_epochs": run.config.epochs,
        "step": step,
        "num_steps": run.num_steps,
        "progress": learnt.progress,
        "loss": run.state.losses[-1],
        "lr": learnt.lr,
        "seconds": run.meter.seconds,
        "images_per_s": run.meter.rate * run.workers.num_workers,
    }
    run.callbacks.on_progress({**event, **best})


def _close_epoch(run: _Run, learnt: _Learnt) -> bool:
    """Write the epoch's row of the history, with a score where one is due; whether the training is over."""
    state, config, workers = run.state, run.config, run.workers
    epoch, metric, result = learnt.epoch, run.task.metric, run.state.result
    loss = float(np.mean(workers.gather(float(np.mean(state.losses)))))
    row = {
        "epoch": epoch,
        "train_loss": loss,
        "lr": learnt.lr,
        **run.meter.measure(workers),
    }
    state.losses = []
    is_last = epoch == config.epochs - 1 or learnt.progress >= 1
    if is_last or (epoch + 1) % config.score_every == 0:
        row |= _score(run, epoch)
    row["seconds"] = run.meter.epoch_seconds
    result.history.append(row)
    if metric in row and result.judge(epoch, row[metric], len(run.splits.val)):
        result.weights = {
            k: v.detach().cpu().clone().contiguous()
            for k, v in run.shadow.state_dict().items()
        }
    if workers.rank == 0:
        run.callbacks.on_progress({"kind": "epoch", "num_epochs": config.epochs, **row})
    is_out_of_patience = bool(
        config.patience
        and result.weights
        and epoch - result.best_epoch >= config.patience
    )
    return is_last or is_out_of_patience


def _score(run: _Run, epoch: int) -> dict[str, float]:
    """The metric of the averaged net on the whole validation split, and how far it was from being as sure as right."""
    began = run.meter.seconds
    run.state.average.copy_to(run.shadow)
    predictions, targets = _answer(
        run.shadow, run.task, run.splits.val, run.config, run.workers
    )
    metric = run.task.score(predictions, targets)
    found = {run.task.metric: metric}
    calibration = run.task.temper(run.shadow, predictions, targets)
    if calibration is not None:
        found["ece_before"] = calibration.ece_before
        found["ece_after"] = calibration.ece_after
    if run.workers.rank == 0:
        run.callbacks.on_score(epoch, run.shadow)
    run.score_s = run.meter.seconds - began
    return found


def _is_to_be_saved(run: _Run) -> bool:
    """After an epoch: where a snapshot is due by steps, or the last one is a while ago on rank 0's clock."""
    if run.state.step % run.config.save_every == 0:
        return True
    unsaved_s = run.meter.seconds - run.saved_at
    return bool(run.workers.gather(unsaved_s > _UNSAVED_S)[0])


def _save(run: _Run) -> None:
    if run.callbacks.on_save:
        is_kept = run.workers.rank == 0
        losses = run.workers.gather(run.state.losses)
        snapshot = run.state.save(losses, run.meter.spend(run.workers), is_kept)
        if is_kept:
            run.callbacks.on_save(snapshot)
    run.saved_at = run.meter.seconds


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


def _find_progress(run: _Run) -> float:
    """Share of the training that is over: by steps, or by rank 0's clock where the recipe has a time limit.

    The clock counts the seconds that were spent, and those that the validation at the end will take: as many as the
    last one, or by the rate of training, which takes twice as long an image.
    """
    share = run.state.step / (run.config.epochs * run.num_steps)
    if run.config.max_minutes is None:
        return share
    rate = run.meter.rate * run.workers.num_workers
    score_s = run.score_s or (len(run.splits.val) / (2 * rate) if rate else 0.0)
    seconds = run.meter.seconds + score_s
    return max(share, run.workers.gather(seconds / (60 * run.config.max_minutes))[0])

"""Train a model on a release: the plain loop on workers of Ray, or in this process.

Workers read the tables themselves and speak gloo (NCCL on GPUs). Rank 0 appends its progress to a file in the run's
folder, which the caller's side follows, and leaves snapshots there while it trains and what it keeps at the end.
A worker, a driver or a machine that dies costs the steps since the last snapshot: the next attempt, of this call or of
the next one with equal arguments, goes on from there and ends with the same weights. Where fewer workers will do, an
attempt starts with those that there is room for.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from assets.abandoned import KEPT_DAYS, drop_abandoned
from assets.cluster.connection import count_ready, open_ray
from assets.cluster.worker_home import find_home, require_seen
from assets.inference.checkpoint import read_checkpoint, write_checkpoint
from assets.inference.package import ModelPackage, describe, write_package
from assets.pixel_cache import CacheRoom
from assets.pretrained import WeightsFile, find_weights, read_weights
from assets.samples import ReleaseFacts, ReleaseImages, read_release
from assets.tracing import continued, record, span, traceparent
from assets.training.progress import OnProgress, Post, follow_events, write_events
from assets.training.run_folder import name_run, own_folder
from assets.training.run_store import RunStore, drop_abandoned_runs
from assets.training.snapshots import read_newest_snapshot, write_snapshot
from assets.training.spec import Place, TrainingSpec
from assets.training.worker_group import NoRoom, run_group
from assets.workspace import Workspace
from models.augment.crop_plan import CropPlan

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from models.recipes import TrainConfig
    from models.training.snapshot import FitResult, Snapshot
    from models.training.workers import Workers

RUNS = ".runs"  # below the models: what is under way
_KEPT = "kept"
_EVENTS = "events.jsonl"
_SNAPSHOTS = "snapshots"
_FIRST_STAGE = "building the net and reading the first images"
_MAX_FAILURES = 3  # of workers, in one call
_ROOM_S = 300.0  # for fewer workers, which were counted, to find their room
_log = logging.getLogger("daguerre.training")
_CACHE_MARGIN = 1.25  # kept images are this much larger than the input, so that zooming in finds detail


@dataclass(frozen=True)
class _Job:
    """What every worker is told."""

    spec: TrainingSpec
    catalog: Catalog
    weights: WeightsFile | None
    run_folder: str
    pixels: CacheRoom | None
    store: RunStore | None = None
    traceparent: str | None = None  # of the training's span
    # who follows the events, on another machine of a cluster
    post: Post | None = None


def train(
    spec: TrainingSpec, place: Place, on_progress: OnProgress | None = None
) -> ModelPackage:
    """Train on the release's train split, keep the weights that do best on its val split (see `FitResult`), and write
    their package.

    `on_progress` gets a dict a step and an epoch (see `models.training.fit`), one a picture (name, and JPEG in base64),
    and one a stage in which none of them comes (its text). Raises ValueError, naming the remedy, for a release that
    cannot be trained on, and for weights to start from that are not there or do not fit.
    """
    from models.tasks import find_task

    config = spec.config
    release = read_release(place.catalog, spec.release_id, config.task)
    start = find_weights(config)
    runs = place.models_dir.resolve() / RUNS
    drop_abandoned(runs)
    name = name_run(spec, start.sha256 if start else None)
    store = RunStore(place.store, name) if place.store else None
    if place.store:
        drop_abandoned_runs(place.store, KEPT_DAYS)
    enter = partial(_enter, on_progress)
    told = {"task": config.task, "recipe": config.name, "release": spec.release_id}
    with own_folder(runs / name, store) as run_folder, span("training", **told):
        job = _Job(
            spec,
            place.catalog,
            start,
            str(run_folder),
            place.pixels,
            store,
            traceparent(),
        )
        (run_folder / _EVENTS).unlink(missing_ok=True)
        with follow_events(run_folder / _EVENTS, on_progress):
            if place.use_ray:
                _run_on_ray(job, place.ray_address, enter)
            else:
                _run_here(job, release)
        if store and not (run_folder / _KEPT).exists():
            store.bring(run_folder / _KEPT)
        weights, kept = read_checkpoint(run_folder / _KEPT)
    enter("writing the model's package")
    history = [
        {**row, "is_kept": row["epoch"] == kept["epoch"]} for row in kept["history"]
    ]
    if place.device_hour_price is not None:
        history = [
            {**row, "cost": row["device_hours"] * place.device_hour_price}
            for row in history
        ]
    net = find_task(config.task).build(config, len(release.class_names), None)
    net.load_state_dict(weights)
    starts_from = {"origin": start.origin, "sha256": start.sha256} if start else None
    facts = describe(
        config,
        release.class_names,
        spec.release_id,
        spec.seed,
        spec.code_version,
        history,
        starts_from,
    )
    return write_package(place.models_dir, net, config.task, facts)


def _enter(on_progress: OnProgress | None, text: str) -> None:
    if on_progress is not None:
        on_progress({"kind": "stage", "text": text})


def _run_here(job: _Job, release: ReleaseFacts) -> None:
    import torch

    from models.training.workers import Alone

    device = "cuda" if torch.cuda.is_available() else "cpu"
    _fit(job, release, Alone(), device)


def _run_on_ray(job: _Job, address: str | None, enter: Callable[[str], None]) -> None:
    """Workers on Ray until it is done; what a dead worker leaves is taken up by the next attempt.

    A ValueError in a worker is raised here as itself: another attempt would meet it again, and would wait again where
    Ray has too few machines.
    """
    enter("joining Ray" if address else "starting Ray")
    with open_ray(job.spec.num_workers[1], address):
        if address and job.store:
            job = replace(job, post=Post.open(Path(job.run_folder) / _EVENTS))
        for attempt in range(_MAX_FAILURES + 1):
            try:
                return _run_once(job, enter)
            except (ValueError, NoRoom):
                raise
            except Exception as error:
                if attempt == _MAX_FAILURES:
                    raise
                reason = (str(error).strip() or repr(error)).splitlines()[0]
                _log.warning(
                    f"training failed ({reason}): attempt {attempt + 2} of {_MAX_FAILURES + 1} goes on "
                    "from the last snapshot"
                )


def _run_once(job: _Job, enter: Callable[[str], None]) -> None:
    least, most = job.spec.num_workers
    num_gpus = _count_gpus()
    use_gpu = num_gpus > 0
    if use_gpu:
        least = num_gpus if least == most else least
        most = num_gpus
    is_fixed = least >= most
    num_workers = (
        most if is_fixed else count_ready(least, most, "GPU" if use_gpu else "CPU")
    )
    plural = "s" * (num_workers != 1)
    enter(f"starting {num_workers} worker{plural}, which import PyTorch")
    meeting = Path(job.run_folder) / f"meeting-{uuid.uuid4().hex}"
    run_group(
        _work,
        job,
        num_workers,
        use_gpu,
        meeting,
        float("inf") if is_fixed else _ROOM_S,
    )


def _count_gpus() -> int:
    """Of this machine as PyTorch sees them; of all machines where Ray has several."""
    import ray
    import torch

    if sum(node["Alive"] for node in ray.nodes()) > 1:
        return int(ray.cluster_resources().get("GPU", 0))
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _work(job: _Job, device: Any) -> None:
    """The body of one worker on Ray."""
    from models.training.workers import find_workers

    require_seen(job.catalog.uri, "DAGUERRE_TABLES")
    workers = find_workers(job.spec.config)
    with (
        continued(job.traceparent),
        span("worker", rank=workers.rank),
        _settle(job) as mine,
    ):
        release = read_release(job.catalog, job.spec.release_id, job.spec.config.task)
        _fit(mine, release, workers, device)


@contextmanager
def _settle(job: _Job) -> Iterator[_Job]:
    """The job as it is done on this machine: with folders of its own where the run's folder is another machine's.

    Those go at the end; what counts is in the store. Raises ValueError where there is none and no folder either.
    """
    if job.post is None:
        require_seen(job.run_folder, "DAGUERRE_HOME")
        yield job
    elif job.post.is_here():
        yield replace(job, post=None)
    else:
        here = Workspace(find_home()).pixels.folder
        pixels = replace(job.pixels, folder=here) if job.pixels else None
        with TemporaryDirectory(prefix="daguerre-training-") as folder:
            yield replace(job, run_folder=folder, pixels=pixels)


def _fit(job: _Job, release: ReleaseFacts, workers: Workers, device: Any) -> None:
    """Train, and leave the checkpoint that is kept and the events in the run's folder."""
    run_folder = Path(job.run_folder)

    def save(snapshot: Snapshot) -> None:
        write_snapshot(run_folder / _SNAPSHOTS, snapshot, job.store)

    resume = read_newest_snapshot(run_folder / _SNAPSHOTS, job.store)
    lesson = Lesson(
        job.catalog, release, job.spec.config, job.spec.seed, job.weights, job.pixels
    )
    events = run_folder / _EVENTS if workers.rank == 0 else Path(os.devnull)
    with write_events(events, job.post if workers.rank == 0 else None) as write:
        say = trace_epochs(write)

        def show(name: str, jpeg: bytes) -> None:
            encoded = base64.b64encode(jpeg).decode()
            say({"kind": "picture", "name": name, "jpeg": encoded})

        say({"kind": "stage", "text": _FIRST_STAGE})
        result = learn(lesson, workers, device, Listeners(say, save, show), resume)
    _require_agreement(result, workers)
    if workers.rank == 0:
        write_checkpoint(
            run_folder / _KEPT,
            result.weights,
            {"epoch": result.epoch, "history": result.history},
        )
        if job.store:
            job.store.put(run_folder / _KEPT)


def trace_epochs(say: OnProgress) -> OnProgress:
    """The same; each epoch that it is told is a span, which began with the one before."""
    began_ns = time.time_ns()

    def say_and_trace(event: dict[str, Any]) -> None:
        nonlocal began_ns
        if event["kind"] == "epoch":
            ended_ns = time.time_ns()
            record("epoch", began_ns, ended_ns, epoch=event["epoch"] + 1)
            began_ns = ended_ns
        say(event)  # which may end a trial

    return say_and_trace


@dataclass(frozen=True)
class Lesson:
    """One net to train: on which release, how, and from which weights (None: from noise).

    Decoded images are kept where there is room for `pixels`; they are the same without.
    """

    catalog: Catalog
    release: ReleaseFacts
    config: TrainConfig
    seed: int
    start: WeightsFile | None
    pixels: CacheRoom | None = None


@dataclass(frozen=True)
class Listeners:
    """Who hears of it, on rank 0: `say` events, `save` snapshots, `show` pictures by name, JPEG bytes."""

    say: OnProgress
    save: Callable[[Snapshot], None] | None = None
    show: Callable[[str, bytes], None] | None = None


def learn(
    lesson: Lesson,
    workers: Workers,
    device: Any,
    listeners: Listeners,
    resume: Snapshot | None = None,
) -> FitResult:
    """Build the net and fit it to the release, read by random access; as `fit` does."""
    import torch

    from models.tasks import find_task
    from models.training.fit import Callbacks, Splits, fit

    config = lesson.config
    release = lesson.release
    task = find_task(config.task)
    side = int(config.image_size_px * _CACHE_MARGIN)
    gpu = str(device) if torch.device(device).type == "cuda" else None
    crops = (
        CropPlan(config.image_size_px, config.crop_area) if config.crop_area else None
    )
    train = ReleaseImages(
        lesson.catalog,
        release,
        "train",
        None if crops else side,
        gpu=gpu,
        crops=crops,
        room=lesson.pixels,
    )
    val = ReleaseImages(lesson.catalog, release, "val", side, room=lesson.pixels)
    torch.manual_seed(lesson.seed)
    weights = read_weights(lesson.start) if lesson.start else None
    net = task.build(config, len(release.class_names), weights).to(device)
    callbacks = Callbacks(listeners.say, listeners.save)
    if listeners.show and workers.rank == 0:
        from assets.previews.training import Previewer

        previewer = Previewer(task, config, release.class_names, listeners.show)
        previewer.draw_first_batch(train, lesson.seed)
        callbacks = replace(
            callbacks, on_score=partial(previewer.draw_answers, val=val)
        )
    splits = Splits(train, val, len(release.class_names))
    return fit(net, task, splits, config, lesson.seed, workers, callbacks, resume)


def _require_agreement(result: FitResult, workers: Workers) -> None:
    """Every worker must hold the same weights, to the bit: anything else means that they did not train together."""
    digest = hashlib.sha256()
    for name in sorted(result.weights):
        digest.update(result.weights[name].numpy().tobytes())
    digests = workers.gather(digest.hexdigest())
    if len(set(digests)) > 1:
        raise RuntimeError(
            f"{workers.num_workers} workers ended with different weights: {[d[:8] for d in digests]}"
        )

"""Train a model on a release: the plain loop on Ray Train workers, or in this process.

Workers read the tables themselves and speak gloo (NCCL on GPUs). Rank 0 appends its progress to a file in the run's
folder, which the caller's side follows, and leaves snapshots there while it trains and what it keeps at the end.
A worker, a driver or a machine that dies costs the steps since the last snapshot: the next attempt, of this call or of
the next one with equal arguments, goes on from there and ends with the same weights. Where fewer workers will do, an
attempt starts with those that there is room for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import shutil
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.inference.checkpoint import read_checkpoint, write_checkpoint
from assets.inference.package import ModelPackage, describe, write_package
from assets.pretrained import WeightsFile, find_weights, read_weights
from assets.samples import ReleaseFacts, ReleaseImages, read_release
from assets.training.cluster import count_ready, find_user_error, local_ray
from assets.training.progress import OnProgress, follow_events
from assets.training.run_folder import drop_abandoned, name_run, own_folder
from assets.training.snapshots import read_newest_snapshot, write_snapshot

if TYPE_CHECKING:
    from assets.tables.catalog import Catalog
    from models.recipes import TrainConfig
    from models.training.snapshot import FitResult, Snapshot
    from models.training.workers import Workers

CODE_VERSION = "2"  # another when equal arguments come to give other weights, or snapshots change
RUNS = ".runs"  # below the models: what is under way
_KEPT, _EVENTS, _SNAPSHOTS = "kept", "events.jsonl", "snapshots"
_MAX_FAILURES = 3  # of workers, in one call
_log = logging.getLogger("daguerre.training")
_CACHE_MARGIN = 1.25  # kept images are this much larger than the input, so that zooming in finds detail


@dataclass(frozen=True)
class _Job:
    """What every worker is told."""

    catalog_uri: str
    storage_options: dict[str, str] | None
    release_id: str
    config: TrainConfig
    weights: WeightsFile | None
    seed: int
    run_folder: str
    num_workers: tuple[int, int]
    meeting: str = ""  # names the attempt's process group


def train(
    catalog_uri: str, storage_options: dict[str, str] | None, release_id: str, config: TrainConfig, seed: int,
    models_dir: Path, code_version: str, num_workers: tuple[int, int] = (2, 2), on_progress: OnProgress | None = None,
    use_ray: bool = True, device_hour_price: float | None = None,
) -> ModelPackage:  # fmt: skip
    """Train on the release's train split, keep the weights that do best on its val split (see `FitResult`), and write
    their package.

    `on_progress` gets a dict a step and an epoch (see `models.training.fit`), and one a picture: name, and JPEG in
    base64. `num_workers` are at least and at most; with GPUs there is one a GPU at most. Equal arguments (and equal
    bytes in a file that they name) give equal weights on one machine, to the bit where both numbers are the same.
    `use_ray` False trains in this process, for small releases and tests. With a price, each row of the history says
    what the training cost so far. Raises ValueError, naming the remedy, for a release that cannot be trained on, and
    for weights to start from that are not there or do not fit.
    """
    from assets.tables.catalog import Catalog
    from models.tasks import find_task

    release = read_release(Catalog(catalog_uri, storage_options), release_id, config.task)
    start = find_weights(config)
    runs = models_dir.resolve() / RUNS
    drop_abandoned(runs)
    name = name_run(release_id, config, start.sha256 if start else None, seed, code_version, num_workers)
    with own_folder(runs / name) as run_folder:
        job = _Job(catalog_uri, storage_options, release_id, config, start, seed, str(run_folder), num_workers)
        (run_folder / _EVENTS).unlink(missing_ok=True)
        with follow_events(run_folder / _EVENTS, on_progress):
            if use_ray:
                _run_on_ray(job)
            else:
                _run_here(job, release)
        weights, facts = read_checkpoint(run_folder / _KEPT)
    history = [{**row, "is_kept": row["epoch"] == facts["epoch"]} for row in facts["history"]]
    if device_hour_price is not None:
        history = [{**row, "cost": row["device_hours"] * device_hour_price} for row in history]
    net = find_task(config.task).build(config, len(release.class_names), None)
    net.load_state_dict(weights)
    starts_from = {"origin": start.origin, "sha256": start.sha256} if start else None
    described = describe(config, release.class_names, release_id, seed, code_version, history, starts_from)
    return write_package(models_dir, net, config.task, described)


def _run_here(job: _Job, release: ReleaseFacts) -> None:
    import torch

    from assets.tables.catalog import Catalog
    from models.training.workers import Alone

    device = "cuda" if torch.cuda.is_available() else "cpu"
    _fit(job, Catalog(job.catalog_uri, job.storage_options), release, Alone(), device)


def _run_on_ray(job: _Job) -> None:
    """Ray Train until it is done; what a dead worker leaves is taken up by the next attempt.

    An error in a worker is raised here as itself where it is a ValueError: another attempt would meet it again.
    """
    with local_ray(job.num_workers[1]):
        for attempt in range(_MAX_FAILURES + 1):
            try:
                return _run_once(replace(job, meeting=uuid.uuid4().hex))
            except Exception as error:
                if cause := find_user_error(error):
                    raise cause from error
                if attempt == _MAX_FAILURES:
                    raise
                reason = (str(error).strip() or repr(error)).splitlines()[0]
                _log.warning(f"training failed ({reason}): attempt {attempt + 2} of {_MAX_FAILURES + 1} goes on "
                             "from the last snapshot")  # fmt: skip


def _run_once(job: _Job) -> None:
    import ray
    import torch
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.backend import Backend
    from ray.train.torch import TorchConfig, TorchTrainer

    class MeetByFile(TorchConfig):  # Ray's own way is a TCP store, which listens on every interface
        backend_cls = Backend

    use_gpu = torch.cuda.is_available()
    least, most = job.num_workers
    if use_gpu:
        least, most = torch.cuda.device_count() if least == most else least, torch.cuda.device_count()
    num_workers = most if least >= most else count_ready(least, most, "GPU" if use_gpu else "CPU")
    is_on_one_machine = len({node["NodeManagerAddress"] for node in ray.nodes() if node["Alive"]}) == 1
    patience = FailureConfig(controller_failure_limit=0 if least < most else -1)  # type: ignore[call-arg]  # for room
    backend = "nccl" if use_gpu else "gloo"
    name = f"ray-{job.meeting}"  # Ray Train silently resumes a run whose name it knows
    trainer = TorchTrainer(
        _work, train_loop_config={"job": job},
        torch_config=MeetByFile(backend) if is_on_one_machine else TorchConfig(backend),
        scaling_config=ScalingConfig(num_workers=num_workers, use_gpu=use_gpu),
        run_config=RunConfig(name=name, storage_path=job.run_folder, failure_config=patience),
    )  # fmt: skip
    try:
        trainer.fit()
    finally:
        shutil.rmtree(Path(job.run_folder) / name, ignore_errors=True)


def _work(settings: dict[str, Any]) -> None:
    """The body of one Ray Train worker."""
    import ray.train.torch
    import torch

    from assets.tables.catalog import Catalog
    from models.training.workers import find_workers

    job: _Job = settings["job"]
    device = ray.train.torch.get_device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    context = ray.train.get_context()
    if context.get_world_size() > 1 and not torch.distributed.is_initialized():
        _meet_by_file(Path(job.run_folder) / f"meeting-{job.meeting}", context, device)
    torch.set_num_threads(max(1, (os.cpu_count() or 1) // context.get_local_world_size()))
    catalog = Catalog(job.catalog_uri, job.storage_options)
    release = read_release(catalog, job.release_id, job.config.task)
    _fit(job, catalog, release, find_workers(job.config), device)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def _meet_by_file(path: Path, context: Any, device: Any) -> None:
    """Bring the workers of one machine together through a file, with sockets on loopback only."""
    import torch

    loopback = "lo" if sys.platform == "linux" else "lo0"
    os.environ.update({"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback})
    torch.distributed.init_process_group(
        "nccl" if device.type == "cuda" else "gloo", init_method=f"file://{path}", rank=context.get_world_rank(),
        world_size=context.get_world_size(),
    )  # fmt: skip


def _fit(job: _Job, catalog: Catalog, release: ReleaseFacts, workers: Workers, device: Any) -> None:
    """Train, and leave the checkpoint that is kept and the events in the run's folder."""
    run_folder = Path(job.run_folder)

    def save(snapshot: Snapshot) -> None:
        write_snapshot(run_folder / _SNAPSHOTS, snapshot)

    def show(name: str, jpeg: bytes) -> None:
        say({"kind": "picture", "name": name, "jpeg": base64.b64encode(jpeg).decode()})

    def say(event: dict[str, Any]) -> None:
        print(json.dumps(event), file=events)

    resume = read_newest_snapshot(run_folder / _SNAPSHOTS)
    with (run_folder / _EVENTS).open("a", buffering=1) if workers.rank == 0 else open(os.devnull, "w") as events:
        result = learn(catalog, release, job.config, job.weights, job.seed, workers, device,
                       say, save, resume, show)  # fmt: skip
    _require_agreement(result, workers)
    if workers.rank == 0:
        write_checkpoint(run_folder / _KEPT, result.weights, {"epoch": result.epoch, "history": result.history})


def learn(
    catalog: Catalog, release: ReleaseFacts, config: TrainConfig, start: WeightsFile | None, seed: int,
    workers: Workers, device: Any,
    on_progress: OnProgress, on_save: Callable[[Snapshot], None] | None = None, resume: Snapshot | None = None,
    show: Callable[[str, bytes], None] | None = None,
) -> FitResult:  # fmt: skip
    """Build the net from the weights of `start` and fit it to the release, read by random access; as `fit` does.

    `show` gets pictures of the training by name, JPEG bytes, on rank 0.
    """
    import torch

    from assets.previews.training import Sketcher
    from models.tasks import find_task
    from models.training.fit import fit

    task, side = find_task(config.task), int(config.image_size_px * _CACHE_MARGIN)
    gpu = str(device) if torch.device(device).type == "cuda" else None
    train = ReleaseImages(catalog, release, "train", None if config.crop_area else side, gpu=gpu)
    val = ReleaseImages(catalog, release, "val", side)
    torch.manual_seed(seed)
    net = task.build(config, len(release.class_names), read_weights(start) if start else None).to(device)
    on_score = None
    if show and workers.rank == 0:
        sketcher = Sketcher(task, config, release.class_names, show)
        sketcher.draw_first_batch(train, seed)
        on_score = partial(sketcher.draw_answers, val=val)
    return fit(net, task, train, val, len(release.class_names), config, seed, workers, on_progress, on_save, resume,
               on_score)  # fmt: skip


def _require_agreement(result: FitResult, workers: Workers) -> None:
    """Every worker must hold the same weights, to the bit: anything else means that they did not train together."""
    digest = hashlib.sha256()
    for name in sorted(result.weights):
        digest.update(result.weights[name].numpy().tobytes())
    if len(set(digests := workers.gather(digest.hexdigest()))) > 1:
        raise RuntimeError(f"{workers.num_workers} workers ended with different weights: {[d[:8] for d in digests]}")

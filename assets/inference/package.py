"""The model package: weights, ONNX form and facts of one trained model in one folder that proves itself.

`<models_dir>/<task>/<first 16 of model_sha256>/` with model.safetensors, model.onnx and model.json. The ONNX form takes
`pixels`, float32 RGB 0-255 (B, 3, S, S), S = image_size_px: recognition gives `probabilities` (B, C); detection gives
`scores` (B, P, C) and `boxes_xyxy` (B, P, 4) in px of the square, before non-maximum suppression; segmentation gives
`probabilities` (B, C, S, S); multilabel gives `probabilities` (B, C), each of its own; pretraining gives `vectors`
(B, 1280) of unit length; instances gives `scores` (1, N, C), `boxes_xyxy` (1, N, 4) in px of the square and `masks`
(1, N, 28, 28), probabilities over each box, after suppression, N up to 100; keypoints gives `scores`, `boxes_xyxy` as
detection and `points_xy` (B, P, K, 2) in px of the square. B is free, but for the two-stage detectors: there it is 1,
and P depends on the image.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.disk import hash_file
from assets.inference.checkpoint import (
    hash_bytes,
    read_proven,
    read_whole,
    write_folder,
)

if TYPE_CHECKING:
    from torch import nn

    from models.metrics.matching import JudgedImage
    from models.recipes import TrainConfig
    from models.tasks import OpenTask
    from models.tasks.base import Examined
    from models.types import Image, Prediction, Sample

WEIGHTS = "model.safetensors"
ONNX = "model.onnx"
FACTS = "model.json"
_FACTS_SHA256 = "facts_sha256"
_AT_ONCE = 4  # pictures that one thread takes


@dataclass(frozen=True)
class PackageFacts:
    """Where a model comes from. `files` maps file name to sha256; `history` holds one row an epoch, and in `is_kept`
    whether the weights are its; `starts_from` tells origin and sha256 of the weights that its training started from,
    None where there were none."""

    task: str
    recipe: str
    config: dict[str, Any]
    class_names: tuple[str, ...]
    release_id: str
    image_size_px: int
    seed: int
    code_version: str
    history: list[dict[str, Any]]
    files: dict[str, str] = field(default_factory=dict)
    starts_from: dict[str, str] | None = None


@dataclass(frozen=True)
class ModelPackage:
    """A package on disk whose hashes were found right. `hashes` are sha256 by file name, model.json among them."""

    folder: Path
    facts: PackageFacts
    hashes: Mapping[str, str]

    @property
    def model_sha256(self) -> str:
        """The sha256 of the weights: the model's identity."""
        return self.hashes[WEIGHTS]

    @property
    def task(self) -> str:
        """What it was trained for."""
        return self.facts.task

    @property
    def release_id(self) -> str:
        """The release that it was trained on."""
        return self.facts.release_id


class Refusal(ValueError):
    """A model is not taken, or not handed out. The message says what is wrong and what helps."""


def write_package(
    models_dir: Path, net: nn.Module, task: str, facts: PackageFacts
) -> ModelPackage:
    """Write the package of a trained net: complete or invisible. Equal weights give the same folder.

    Raises ValueError when the ONNX form does not compute what the net computes.
    """
    from safetensors.torch import save

    if task != facts.task:
        raise ValueError(
            f"task = {task!r} but facts.task = {facts.task!r}: give the facts of this net"
        )
    net = net.cpu().eval()
    files = {
        WEIGHTS: save(
            {k: v.detach().clone().contiguous() for k, v in net.state_dict().items()}
        ),
        ONNX: _to_onnx(net, task, facts.image_size_px),
    }
    facts = replace(
        facts, files={name: hash_bytes(content) for name, content in files.items()}
    )
    content = _dump(asdict(facts))
    folder = models_dir / task / facts.files[WEIGHTS][:16]
    write_folder(folder, {**files, FACTS: content})
    return ModelPackage(folder, facts, {**facts.files, FACTS: hash_bytes(content)})


def open_package(folder: Path) -> ModelPackage:
    """The package in a folder of `models_dir`. Raises as `read_package`, and where the folder is another model's."""
    package = read_package(folder)
    if folder.name != package.model_sha256[:16]:
        raise Refusal(
            f"{folder} holds model {package.model_sha256[:16]}: a package's folder is named by its weights"
        )
    return package


def read_package(
    folder: Path, expected: Mapping[str, str] | None = None
) -> ModelPackage:
    """Read the facts and hash every file again; the folder may have any name.

    `expected` are hashes known from elsewhere, by file name. Raises Refusal that names the file that is missing, has
    changed, lies elsewhere, or holds no safetensors: no other format of weights is taken.
    """
    facts, hashes = read_whole(folder, lambda at: _read_files(at, expected or {}))
    return ModelPackage(folder, facts, hashes)


def name_files(facts: bytes) -> dict[str, str]:
    """The sha256 of each other file of a package, by name, as its model.json says. Raises Refusal as `read_package`."""
    return _read_vouched(Path(FACTS), facts).files


def load_net(package: ModelPackage) -> nn.Module:
    """The net with the package's weights, in evaluation mode on the CPU."""
    from safetensors.torch import load

    from models.recipes import TrainConfig
    from models.tasks import find_task

    facts = package.facts
    net = find_task(facts.task).build(
        TrainConfig.from_dict(facts.config), len(facts.class_names), None
    )
    net.load_state_dict(
        load(read_proven(package.folder / WEIGHTS, package.model_sha256))
    )
    return net.eval()


def load_predictor(
    package: ModelPackage, num_threads: int | None = None
) -> Callable[[list[Image]], list[Prediction]]:
    """A function from RGB images of any size to one answer each, boxes in pixels of the image given.

    On CPUs a thread takes a few pictures at once, of `num_threads` (None: one a core): how many there are changes no
    bit of an answer, which it would if they shared the work on a picture.
    """
    import torch

    from models.recipes import TrainConfig
    from models.tasks import find_task

    task = find_task(package.facts.task)
    config = TrainConfig.from_dict(package.facts.config)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = load_net(package).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def predict(images_rgb: list[Image]) -> list[Prediction]:
        with torch.inference_mode():
            return task.predict(net, images_rgb, config)

    if device == "cuda":
        return predict

    def predict_by_threads(images_rgb: list[Image]) -> list[Prediction]:
        starts = range(0, len(images_rgb), _AT_ONCE)
        batches = [images_rgb[start : start + _AT_ONCE] for start in starts]
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            # threads that begin now have one thread for each operation
            with ThreadPoolExecutor(num_threads or os.cpu_count() or 1) as pool:
                return [one for some in pool.map(predict, batches) for one in some]
        finally:
            torch.set_num_threads(before)

    return predict_by_threads


def examine_package(
    package: ModelPackage, train: Sequence[Sample], test: Sequence[Sample]
) -> Examined:
    """What an open task finds of its model on frames that were never trained on."""
    import torch

    task, config, net = _load_open(package)
    with torch.inference_mode():
        return task.examine_images(net, train, test, config)


def judge_package(
    package: ModelPackage, samples: Sequence[Sample]
) -> tuple[JudgedImage, ...]:
    """What an open task judges of each frame; nothing where it has no objects."""
    import torch

    task, config, net = _load_open(package)
    with torch.inference_mode():
        return task.judge(net, samples, config)


def _load_open(package: ModelPackage) -> tuple[OpenTask, TrainConfig, nn.Module]:
    import torch

    from models.recipes import TrainConfig
    from models.tasks import OpenTask, find_task

    task = find_task(package.facts.task)
    assert isinstance(task, OpenTask), package.facts.task
    net = load_net(package).to("cuda" if torch.cuda.is_available() else "cpu")
    return task, TrainConfig.from_dict(package.facts.config), net


def describe(
    config: TrainConfig,
    class_names: tuple[str, ...],
    release_id: str,
    seed: int,
    code_version: str,
    history: Sequence[Mapping[str, Any]],
    starts_from: dict[str, str] | None = None,
) -> PackageFacts:
    """The facts of a training, but for the files."""
    as_json = json.loads(json.dumps(asdict(config)))
    return PackageFacts(
        config.task,
        config.name,
        as_json,
        class_names,
        release_id,
        config.image_size_px,
        seed,
        code_version,
        [dict(row) for row in history],
        starts_from=starts_from,
    )


def _read_files(
    folder: Path, expected: Mapping[str, str]
) -> tuple[PackageFacts, dict[str, str]]:
    path = folder / FACTS
    if not path.is_file():
        raise Refusal(
            f"{path} is missing: {folder} is not a model package, restore it or train again"
        )
    content = path.read_bytes()
    facts = _read_vouched(path, content)
    hashes = {**facts.files, FACTS: hash_bytes(content)}
    for name, sha256 in {**hashes, **expected}.items():
        _require_hash(folder / name, sha256)
    _require_safetensors(folder / WEIGHTS)
    return facts, hashes


def _read_vouched(path: Path, content: bytes) -> PackageFacts:
    """Facts whose own hash is right, and that vouch for all that a package needs."""
    row = _load(path, content)
    facts = _read_facts(path, row)
    if content != _dump(row):
        raise Refusal(
            f"{path} has changed: its bytes are not as they were written; restore it or train again"
        )
    elsewhere = sorted(name for name in facts.files if Path(name).name != name)
    if elsewhere:
        raise Refusal(
            f"{path} names {elsewhere}: the files of a package lie in its folder"
        )
    missing = {WEIGHTS, ONNX} - facts.files.keys()
    if missing:
        raise Refusal(
            f"{path} does not vouch for {sorted(missing)}: restore it or train again"
        )
    return facts


def _require_hash(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise Refusal(f"{path} is missing: restore it from a backup or train again")
    found = hash_file(path)
    if found != sha256:
        raise Refusal(
            f"{path} has changed: sha256 {found[:16]}, not {sha256[:16]}; restore it or train again"
        )


def _require_safetensors(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as tensors:
            if not list(tensors.keys()):
                raise Refusal(f"{path} holds no weights: train again")
    except SafetensorError as error:
        raise Refusal(
            f"{path} is not a safetensors file ({error}): no other format of weights is taken"
        ) from error


def _to_onnx(net: nn.Module, task: str, side_px: int) -> bytes:
    import torch

    from models.nets.export import export_onnx
    from models.tasks import find_task

    example = torch.linspace(0, 255, 3 * side_px * side_px).reshape(
        1, 3, side_px, side_px
    )
    form, names = find_task(task).deployed(net, side_px)
    return export_onnx(form, example, names)


def _read_facts(path: Path, row: Mapping[str, Any]) -> PackageFacts:
    """Facts that a package of before lacks have their defaults."""
    known = {f.name: f for f in fields(PackageFacts)}
    unknown = sorted(row.keys() - known.keys())
    if unknown:
        raise Refusal(
            f"{path} has {unknown}: a newer Daguerre wrote it, update Daguerre here"
        )
    needed = {
        name
        for name, f in known.items()
        if f.default is MISSING and f.default_factory is MISSING
    }
    missing = sorted(name for name in needed if row.get(name) is None)
    if missing:
        raise Refusal(
            f"{path} lacks {missing}: too old a Daguerre wrote it, train again"
        )
    return PackageFacts(**{**row, "class_names": tuple(row["class_names"])})


def _dump(row: Mapping[str, Any]) -> bytes:
    return json.dumps({**row, _FACTS_SHA256: _hash_row(row)}, indent=1).encode()


def _load(path: Path, content: bytes) -> dict[str, Any]:
    try:
        row = json.loads(content)
        stated = row.pop(_FACTS_SHA256)
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise Refusal(
            f"{path} has changed: it no longer reads as facts; restore it or train again"
        ) from error
    if stated != _hash_row(row):
        raise Refusal(
            f"{path} has changed: its facts hash to {_hash_row(row)[:16]}…; restore it or train again"
        )
    return row


def _hash_row(row: Mapping[str, Any]) -> str:
    return hash_bytes(json.dumps(row, sort_keys=True).encode())

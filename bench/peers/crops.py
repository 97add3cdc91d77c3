"""The crop with torchvision, as its users write it: decoded by torchvision.io, or an image of Pillow's."""

from __future__ import annotations

from typing import Any

import torch
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

from bench.peers.epochs import AREA, ASPECT, SIDE_PX

_CROP = (
    v2.RandomResizedCrop(SIDE_PX, AREA, ASPECT, antialias=True),
    v2.RandomHorizontalFlip(),
)
crop_tensor = v2.Compose(_CROP)
crop_pillow = v2.Compose([*_CROP, v2.PILToTensor()])


def crop_payload(payload: Any) -> torch.Tensor:
    """(3, 224, 224) uint8 of an encoded JPEG (bytes, or what else has a buffer)."""
    encoded = torch.frombuffer(bytearray(payload), dtype=torch.uint8)
    return crop_tensor(decode_jpeg(encoded, ImageReadMode.RGB))

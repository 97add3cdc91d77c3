"""A stereo net of the user's own, in ONNX: a rectified pair in, disparities out, from both sides.

The net takes two float32 inputs (1, 3, H, W) or (1, 1, H, W), grey values from 0 to 255, the left picture first, and
gives one output with H x W disparities in px of its input, above 0 to the left. Sides that are free are padded to
multiples of 32; where they are fixed, pictures are resized. A net of one picture has no scale, and is none of these.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.inference.brought_net import open_net
from models.geometry.stereo import Disparities, Gray, Image, match_by

if TYPE_CHECKING:
    import onnxruntime

SETTING = "DAGUERRE_STEREO_NET"
_MULTIPLE = 32
_NUM_THREADS = 4


class StereoNet:
    """Disparities by a net; `sha256` is of its file."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError for a file that is not there, or whose net takes or gives something else."""
        if not path.is_file():
            raise ValueError(
                f"{SETTING}: there is no file {path}: give a stereo net in ONNX, or unset it"
            )
        content = path.read_bytes()
        self._path = path
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._session = open_net(path, content, _NUM_THREADS)
        self._inputs = [given.name for given in self._session.get_inputs()]
        self._num_channels, self._size_px = _read_form(path, self._session)

    def match(self, first: Gray, second: Gray) -> Disparities:
        """Of a rectified pair (H, W), by the net from both sides. Raises ValueError for what is no disparities."""
        return match_by(first, second, self.match_side)

    def match_side(self, left: Gray, right: Gray) -> Image:
        """(H, W) px of the left picture, NaN where the net has none."""
        height, width = left.shape
        if self._size_px is None:
            fed = [self._feed(_pad(side)) for side in (left, right)]
            return _to_unknown(self._run(fed)[:height, :width])
        fed = [self._feed(_resize(side, self._size_px)) for side in (left, right)]
        found = self._run(fed) * np.float32(width / self._size_px[0])
        nearest = cv2.resize(found, (width, height), interpolation=cv2.INTER_NEAREST)
        return _to_unknown(np.asarray(nearest, np.float32))

    def _feed(self, side: NDArray[Any]) -> Image:
        return np.repeat(
            side[None, None].astype(np.float32), self._num_channels, axis=1
        )

    def _run(self, fed: list[Image]) -> Image:
        """(H, W) as the net gives it."""
        shape = fed[0].shape[2:]
        try:
            (answer,) = self._session.run(
                None, dict(zip(self._inputs, fed, strict=True))
            )
        except Exception as error:  # its own errors share no other class
            said = str(error).splitlines()[0]
            raise ValueError(
                f"{self._path.name} fails on pictures of {shape[1]} x {shape[0]} px: {said}"
            ) from error
        found = np.asarray(answer, np.float32)
        if found.size != shape[0] * shape[1]:
            raise ValueError(
                f"{self._path.name} gives {found.shape} for pictures of {shape[1]} x {shape[0]} px: needed is one "
                "disparity a pixel"
            )
        if (found < 0).mean() > 0.5:
            raise ValueError(
                f"{self._path.name} gives disparities below 0: needed is x_left - x_right; negate them at the export"
            )
        return found.reshape(shape)


def open_stereo_net(path: Path | None) -> StereoNet | None:
    """The net of the settings; None where none is named. Raises ValueError as `StereoNet` does."""
    return None if path is None else StereoNet(path)


def _read_form(
    path: Path, session: onnxruntime.InferenceSession
) -> tuple[int, tuple[int, int] | None]:
    """Channels, and width and height where they are fixed."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    forms = {(tuple(g.shape[1:]), g.type) for g in inputs if len(g.shape) == 4}
    shape, kind = min(forms, key=repr, default=((), ""))
    is_right = len(inputs) == 2 and len(outputs) == 1 and len(forms) == 1
    if not is_right or kind != "tensor(float)" or shape[0] not in (1, 3):
        taken = ", ".join(f"{g.name} {g.shape} {g.type}" for g in inputs)
        raise ValueError(
            f"{path} takes {taken} and gives {len(outputs)} outputs: needed are two float inputs (1, 3, H, W) or "
            "(1, 1, H, W), the left picture first, and one output, the disparities"
        )
    height, width = shape[1:]
    if isinstance(height, int) and isinstance(width, int):
        return int(shape[0]), (width, height)
    return int(shape[0]), None


def _pad(side: Gray) -> NDArray[Any]:
    """To multiples, at the right and below, by the last row and column."""
    height, width = side.shape
    return np.pad(side, ((0, -height % _MULTIPLE), (0, -width % _MULTIPLE)), "edge")


def _resize(side: Gray, size_px: tuple[int, int]) -> NDArray[Any]:
    return np.asarray(cv2.resize(side, size_px, interpolation=cv2.INTER_AREA))


def _to_unknown(px: Image) -> Image:
    """NaN for what is no disparity."""
    is_known = np.isfinite(px) & (px > 0)
    return np.where(is_known, px, np.float32(np.nan))

"""The detector of number plates: an ONNX file that the policy names.

`learn-plates` writes one, and the package of a detection model has one. It takes `pixels` (B, 3, S, S), RGB from 0 to
255, and gives `scores` (B, P, C) and `boxes_xyxy` (B, P, 4) in px. What it finds of any class is covered. It gets the
pixels of frames that intake accepted, no files.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assets.inference.checkpoint import hash_bytes
from models.faces.found import Faces
from models.faces.tiles import Detector, in_tiles
from models.types import Detections

MIN_SCORE = 0.15  # a miss costs more than a grey box too many
MAX_FILE_BYTES = 256 << 20
_INPUT, _OUTPUTS = "pixels", ("scores", "boxes_xyxy")
_REMEDY = (
    "`daguerre learn-plates --out plates.onnx` writes one, and `privacy: {plates: PATH}` names it; the model.onnx of a "
    "detection model does too"
)


def name_plates(path: str) -> str:
    """Changes with the file's content. Raises FileNotFoundError, with the remedy, where there is none."""
    return f"plates {hash_bytes(_read(path))[:8]}"


def load_plates(path: str) -> Detector:
    """What finds plates in an image of any size, in tiles of the size that the net takes.

    Raises FileNotFoundError, with the remedy, where there is no such file, and ValueError for one that is no such net.
    """
    return _open(_read(path), path)


@cache
def _open(content: bytes, path: str) -> Detector:
    from assets.inference.onnx_model import ShippedModel
    from assets.inference.shipped import ShippedNet

    side_px = _read_side(content, path)
    net = ShippedNet("detection", ("plate",), side_px, content)
    model = ShippedModel(net, num_threads=1)

    def look(image_rgb: NDArray[np.uint8]) -> Faces:
        (found,) = model.answer([image_rgb])
        assert isinstance(found, Detections)
        is_sure = found.scores >= MIN_SCORE
        boxes = found.boxes_xyxy[is_sure].astype(np.float64)
        return Faces(boxes, found.scores[is_sure].astype(np.float64))

    return in_tiles((look,), side_px)


def _read(path: str) -> bytes:
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(
            f"plates are found by {file}, which is not there: {_REMEDY}"
        )
    size = file.stat().st_size
    if size > MAX_FILE_BYTES:
        raise ValueError(
            f"{file} has {size} bytes, more than {MAX_FILE_BYTES}: {_REMEDY}"
        )
    return file.read_bytes()


def _read_side(content: bytes, path: str) -> int:
    """The side in px of what the net takes. Raises ValueError for another net, or none."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        graph = onnx.load_from_string(content).graph
    except DecodeError as error:
        raise ValueError(f"{path} is no ONNX net: {_REMEDY}") from error
    sides = {
        one.name: [d.dim_value for d in one.type.tensor_type.shape.dim]
        for one in graph.input
    }.get(_INPUT, [])
    answers = tuple(one.name for one in graph.output)
    is_known = len(sides) == 4 and sides[1] == 3 and sides[2] == sides[3] > 0
    if not is_known or answers != _OUTPUTS:
        raise ValueError(
            f"{path} takes {_INPUT} {sides} and gives {', '.join(answers)[:100]}, not {_INPUT} (B, 3, S, S) and "
            f"{' and '.join(_OUTPUTS)}: {_REMEDY}"
        )
    return int(sides[2])

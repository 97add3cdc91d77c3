"""A reader whose code version rises reads its files again, and what the older one said goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from assets.capture import versions
from assets.capture.versions import name_code, stamp_readers
from assets.code_versions import version_of
from assets.formats import READERS
from assets.formats.observations import (
    FrameObservation,
    LabelObservation,
    Observation,
    Problem,
)
from assets.storage import Folder

BOX = "0 .5 .5 .5 .5"


def reader_of(name: str):
    return next(reader for reader in READERS if reader.name == name)


def set_version(monkeypatch: pytest.MonkeyPatch, name: str, version: str) -> None:
    def tell(maker: str) -> str:
        return version if maker == f"reader {name}" else version_of(maker)

    monkeypatch.setattr(versions, "version_of", tell)


@pytest.fixture
def older(monkeypatch):
    """older("yolo", change): until `undo`, the reader is of an older version, and `change` spoils what it says."""

    def patch(name: str, change) -> pytest.MonkeyPatch:
        kind = type(reader_of(name))
        read = type(reader_of(name)).read

        def read_otherwise(self, plan, opener) -> Iterator[Observation]:
            return (
                found
                for o in read(self, plan, opener)
                if (found := change(o)) is not None
            )

        set_version(monkeypatch, name, "0")
        monkeypatch.setattr(kind, "read", read_otherwise)
        return monkeypatch

    return patch


def call_it_dog(observation: Observation) -> Observation:
    return (
        replace(observation, class_name="dog")
        if isinstance(observation, LabelObservation)
        else observation
    )


def call_it_depth(observation: Observation) -> Observation:
    if not isinstance(observation, FrameObservation):
        return observation
    return replace(observation, split_hint="test", sequence=observation.sequence + 7)


def test_labels_of_an_older_reader_are_replaced_and_frames_stay(
    intake, write_files, make_png, older
):
    root = write_files(
        {"data.yaml": "names: [cat]\n", "images/a.png": make_png(), "labels/a.txt": BOX}
    )
    patched = older("yolo", call_it_dog)
    intake.ingest(Folder(str(root)), "monday")
    before = intake.catalog.read_latest("frames", ["frame_id"])["frame_id"].to_pylist()
    assert intake.catalog.read_latest("labels")["class_name"].to_pylist() == ["dog"]
    patched.undo()
    report = intake.ingest(Folder(str(root)), "monday")
    assert intake.catalog.read_latest("labels")["class_name"].to_pylist() == ["cat"]
    assert (
        intake.catalog.read_latest("frames", ["frame_id"])["frame_id"].to_pylist()
        == before
    )
    assert (report.new, report.already_ingested, report.quarantined) == (0, 3, 0)
    assert intake.catalog.read_latest("captures")["code_version"].to_pylist() == [
        name_code("yolo")
    ]


def test_what_an_older_reader_said_of_frames_is_replaced(
    intake, write_files, make_png, older
):
    root = write_files({"a.png": make_png(), "b.png": make_png(1)})
    patched = older("image_folder", call_it_depth)
    intake.ingest(Folder(str(root)), "monday")
    patched.undo()
    intake.ingest(Folder(str(root)), "monday")
    frames = intake.catalog.read_latest(
        "frames", ["sequence", "split_hint", "payload", "source_path"]
    ).to_pylist()
    assert sorted(
        (f["source_path"], f["sequence"], f["split_hint"]) for f in frames
    ) == [
        ("a.png", 0, None),
        ("b.png", 1, None),
    ]
    assert {f["source_path"]: f["payload"] for f in frames} == {
        "a.png": make_png(),
        "b.png": make_png(1),
    }


def test_a_recording_is_read_again_from_the_store(
    intake, write_files, recording, older
):
    root = write_files({"desk.mcap": recording})
    patched = older(
        "mcap",
        lambda o: replace(o, t_ns=None) if isinstance(o, FrameObservation) else o,
    )
    intake.ingest(Folder(str(root)), "monday")
    assert intake.catalog.read_latest("frames")["t_ns"].null_count == len(
        intake.catalog.read_latest("frames")
    )
    assert not len(intake.catalog.read_latest("labels")), (
        "no label finds a frame without a time"
    )
    patched.undo()
    intake.ingest(Folder(str(root)), "monday")
    frames = intake.catalog.read_latest("frames")
    assert frames["t_ns"].null_count == 0 and len(
        set(frames["frame_id"].to_pylist())
    ) == len(frames)
    assert len(intake.catalog.read_latest("labels"))
    again = intake.ingest(Folder(str(root)), "monday")
    assert again.new == 0 and intake.catalog.read_latest("frames").num_rows == len(
        frames
    )


def test_a_folder_that_is_planned_otherwise_leaves_nothing_doubled(
    intake, write_files, make_png, older, monkeypatch
):
    files = {
        f"{name}/{n}.png": make_png(n, 16, 12 + len(name))
        for name in ("camera", "anchor", "chair")
        for n in range(2)
    }
    root = write_files(files)
    monkeypatch.setattr(
        type(reader_of("class_folder")), "plan", lambda self, files, opener: []
    )
    intake.ingest(Folder(str(root)), "monday")
    assert (
        not len(intake.catalog.read_latest("labels"))
        and len(intake.catalog.read_latest("frames")) == 6
    )
    monkeypatch.undo()
    report = intake.ingest(Folder(str(root)), "monday")
    labels = intake.catalog.read_latest("labels")
    assert (
        sorted(labels["class_name"].to_pylist())
        == ["anchor"] * 2 + ["camera"] * 2 + ["chair"] * 2
    )
    assert len(intake.catalog.read_latest("frames")) == 6 and report.frames == 6
    captures = intake.catalog.read_latest(
        "captures", ["num_frames", "num_labels"]
    ).to_pylist()
    assert (
        sum(c["num_frames"] for c in captures) == 6
        and sum(c["num_labels"] for c in captures) == 6
    )


def test_the_stamp_of_the_readers_follows_their_versions(monkeypatch):
    before = stamp_readers()
    set_version(monkeypatch, "voc", "99")
    assert stamp_readers() != before


def put_on_any_picture(observation: Observation) -> Observation:
    if not isinstance(observation, Problem):
        return observation
    box = (4.0, 3.0, 12.0, 9.0)
    return LabelObservation(
        "images/a/0.png", "detection", "cat", observation.source, box_xyxy=box
    )


def test_labels_that_are_refused_today_go_with_their_older_reader(
    intake, write_files, make_png, older
):
    """What was put on the wrong picture does not stay because nothing of its file is right."""
    files = {
        "data.yaml": "names: [cat]\n",
        "images/a/0.png": make_png(),
        "labels/b/0.txt": BOX,
    }
    root = write_files(files | {"images/a/1.png": make_png(1), "labels/a/1.txt": BOX})
    patched = older("yolo", put_on_any_picture)
    intake.ingest(Folder(str(root)), "monday")
    assert len(intake.catalog.read_latest("labels")) == 2
    patched.undo()
    intake.ingest(Folder(str(root)), "monday")
    assert intake.catalog.read_latest("labels")["source_path"].to_pylist() == [
        "labels/a/1.txt"
    ]
    assert intake.catalog.read_latest("quarantine")["source_path"].to_pylist() == [
        "labels/b/0.txt"
    ]

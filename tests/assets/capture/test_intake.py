"""Every file exactly once: what is new, what was there, what is refused, and what becomes of its neighbours."""

from __future__ import annotations

import json
import os
import shutil

import cv2
import numpy as np
import pytest

from assets.code_versions import version_of
from assets.images import decode_working_luma
from assets.ledger import LeaseLost
from assets.sandbox.guard import ImageGuard
from assets.sandbox.guard_lane import GuardLane
from assets.storage import Folder
from assets.tables.appending import Appender
from assets.tables.incremental import refresh_frames
from models import image_quality


def ingest(intake, folder, session="monday"):
    report = intake.ingest(Folder(str(folder)), session)
    assert report.files == report.new + report.already_ingested + report.quarantined
    return report


def counts(report) -> tuple[int, int, int]:
    return report.new, report.already_ingested, report.quarantined


def touch(path) -> None:
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1_000_000_000))


COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 16, "height": 12}],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 1,
            "bbox": [2, 3, 4, 5],
            "area": 20,
            "iscrowd": 0,
        }
    ],
    "categories": [{"id": 1, "name": "cup"}],
}


def test_images_of_a_folder_become_frames(intake, write_files, make_png):
    report = ingest(intake, write_files({"a.png": make_png(1), "b.png": make_png(2)}))
    assert (counts(report), report.captures, report.frames) == ((2, 0, 0), 1, 2)
    rows = intake.catalog.read_latest("frames").to_pylist()
    assert sorted((r["source_path"], r["width_px"], r["height_px"]) for r in rows) == [
        ("a.png", 16, 12),
        ("b.png", 16, 12),
    ]
    assert {r["payload"] for r in rows} == {make_png(1), make_png(2)}


def test_a_second_intake_adds_nothing(
    intake, write_files, make_png, read_tables, recording
):
    folder = write_files(
        {
            "a.png": make_png(1),
            "drive.mcap": recording,
            "README.md": "about",
            "x.bin": "?",
        }
    )
    first = ingest(intake, folder)
    before = read_tables(intake.catalog)
    versions = [intake.catalog.latest_version(n) for n in intake.catalog.names()]
    second = ingest(intake, folder)
    assert (counts(first), counts(second)) == ((3, 0, 1), (0, 3, 1))
    assert read_tables(intake.catalog) == before
    assert [
        intake.catalog.latest_version(n) for n in intake.catalog.names()
    ] == versions
    assert (second.frames, second.captures, second.problems) == (
        first.frames,
        first.captures,
        first.problems,
    )


def test_files_added_later_add_only_their_rows(intake, write_files, make_png):
    folder = write_files({"a.png": make_png(1)})
    ingest(intake, folder)
    kept = intake.catalog.read_latest("frames").to_pylist()[0]
    write_files({"b.png": make_png(2)})
    report = ingest(intake, folder)
    rows = intake.catalog.read_latest("frames").to_pylist()
    assert (counts(report), report.frames, len(rows)) == ((1, 1, 0), 2, 2)
    assert kept in rows
    assert intake.catalog.read_latest("captures")["num_frames"].to_pylist() == [2]


def test_a_refused_file_that_is_a_copy_by_now_leaves_the_quarantine_alone(
    intake, write_files, recording
):
    """What the reading of the recording said of its damage stays."""

    def list_reasons() -> list[str]:
        return intake.catalog.read_latest("quarantine")["reason"].to_pylist()

    ingest(intake, write_files({"a.mcap": recording}))
    damage = list_reasons()
    ingest(intake, write_files({"b.mcap": recording[:-8]}))
    assert len(list_reasons()) == len(damage) + 1
    ingest(intake, write_files({"b.mcap": recording}))
    assert damage and sorted(list_reasons()) == sorted(damage)


def test_the_same_recording_under_another_name_was_there_already(
    intake, write_files, recording, read_tables
):
    ingest(intake, write_files({"a.mcap": recording}))
    before = read_tables(intake.catalog)
    assert counts(ingest(intake, write_files({"b.mcap": recording}))) == (0, 2, 0)
    assert counts(
        ingest(intake, write_files({"c.mcap": recording}, "tuesday"), "tuesday")
    ) == (0, 1, 0)
    assert read_tables(intake.catalog) == before


def test_two_copies_in_one_intake_are_one_new_and_one_known(
    intake, write_files, recording
):
    report = ingest(intake, write_files({"a.mcap": recording, "b.mcap": recording}))
    assert (counts(report), report.captures) == ((1, 1, 0), 1)


def test_a_copy_of_an_unreadable_recording_is_quarantined_like_the_first(
    intake, write_files
):
    broken = b"\x89MCAP0\r\n" + b"\xff" * 64
    report = ingest(intake, write_files({"a.mcap": broken, "b.mcap": broken}))
    assert counts(report) == (0, 0, 2)
    assert report.reasons[0]["reason"] == report.reasons[1]["reason"] != ""


def test_changed_bytes_under_the_same_name_are_new(
    intake, write_files, make_png, recording
):
    folder = write_files({"a.png": make_png(1), "d.mcap": recording})
    first = ingest(intake, folder)
    write_files({"a.png": make_png(2)})
    touch(folder / "a.png")
    report = ingest(intake, folder)
    assert (counts(report), report.frames) == ((1, 1, 0), first.frames)


def test_a_touched_file_was_there_already(intake, write_files, make_png, recording):
    folder = write_files(
        {
            "a.png": make_png(1),
            "b.png": make_png(2),
            "instances.json": json.dumps(COCO),
            "d.mcap": recording,
        }
    )
    ingest(intake, folder)
    for path in folder.iterdir():
        touch(path)
    frames = len(intake.catalog.read_latest("frames"))
    assert counts(ingest(intake, folder)) == (0, 4, 0)
    assert len(intake.catalog.read_latest("frames")) == frames


def test_a_corrupt_file_is_quarantined_and_its_neighbours_go_in(
    intake, write_files, make_png
):
    cut = make_png(3)[:120]
    report = ingest(
        intake,
        write_files(
            {
                "a.png": make_png(1),
                "cut.png": cut,
                "b.png": make_png(2),
                "notes.xyz": "?",
            }
        ),
    )
    assert (counts(report), report.frames) == ((2, 0, 2), 2)
    rows = {
        r["source_path"]: r
        for r in intake.catalog.read_latest("quarantine").to_pylist()
    }
    assert set(rows) == {"cut.png", "notes.xyz"}
    assert rows["cut.png"]["reader"] == "image_folder"
    assert all(
        r["reason"] and r["remedy"] and r["session"] == "monday" for r in rows.values()
    )
    assert {r["path"] for r in report.reasons} == {"cut.png", "notes.xyz"}


def test_what_a_reader_takes_for_depth_and_is_none_is_quarantined(
    intake, write_files, make_png, monkeypatch
):
    monkeypatch.setattr(
        "assets.formats.images.frame_files.is_depth_png", lambda payload: True
    )
    report = ingest(intake, write_files({"depth/a.png": make_png(1)}))
    assert (report.frames, report.quarantined) == (0, 1)
    (row,) = intake.catalog.read_latest("quarantine").to_pylist()
    assert row["reason"] == "is read as depth, and is no 16-bit PNG of one channel"


def test_a_quarantined_file_stays_so_when_its_folder_grows(
    intake, write_files, make_png
):
    folder = write_files({"a.png": make_png(1), "cut.png": make_png(3)[:120]})
    ingest(intake, folder)
    write_files({"b.png": make_png(2)})
    assert counts(ingest(intake, folder)) == (1, 1, 1)
    assert len(intake.catalog.read_latest("quarantine")) == 1


def test_a_repaired_file_goes_in_and_leaves_the_quarantine(
    intake, write_files, make_png
):
    folder = write_files(
        {"a.png": make_png(1), "cut.png": make_png(3)[:120], "x.xyz": "?"}
    )
    ingest(intake, folder)
    write_files({"cut.png": make_png(3)})
    report = ingest(intake, folder)
    assert (counts(report), report.problems, report.frames) == ((1, 1, 1), 0, 2)
    assert intake.catalog.read_latest("quarantine")["source_path"].to_pylist() == [
        "x.xyz"
    ]


def test_labels_that_arrive_after_their_images_find_them(intake, write_files, make_png):
    folder = write_files({"a.png": make_png(1)})
    ingest(intake, folder)
    frame_id = intake.catalog.read_latest("frames")["frame_id"][0].as_py()
    write_files({"instances.json": json.dumps(COCO)})
    report = ingest(intake, folder)
    assert (counts(report), report.frames, report.problems) == ((1, 1, 0), 1, 0)
    assert intake.catalog.read_latest("frames")["frame_id"].to_pylist() == [frame_id]
    label = intake.catalog.read_latest("labels").to_pylist()[0]
    box = [label[n] for n in ("x_min", "y_min", "x_max", "y_max")]
    assert (label["frame_id"], label["class_name"], box) == (
        frame_id,
        "cup",
        [2, 3, 6, 8],
    )


def test_images_that_arrive_after_their_labels_take_them(intake, write_files, make_png):
    folder = write_files({"instances.json": json.dumps(COCO), "other.png": make_png(5)})
    assert ingest(intake, folder).problems + ingest(intake, folder).quarantined >= 1
    write_files({"a.png": make_png(1)})
    report = ingest(intake, folder)
    assert (
        report.quarantined,
        report.problems,
        len(intake.catalog.read_latest("labels")),
    ) == (0, 0, 1)
    assert len(intake.catalog.read_latest("quarantine")) == 0


def with_boxes(*boxes: list[int]) -> str:
    annotation = COCO["annotations"][0]
    return json.dumps(
        {
            **COCO,
            "annotations": [
                {**annotation, "id": n, "bbox": b} for n, b in enumerate(boxes, 1)
            ],
        }
    )


def read_boxes(intake) -> list[list[float]]:
    rows = intake.catalog.read_latest("labels").to_pylist()
    return sorted([r["x_min"], r["y_min"], r["x_max"], r["y_max"]] for r in rows)


def test_a_label_that_is_corrected_takes_the_place_of_the_wrong_one(
    intake, write_files, make_png
):
    folder = write_files(
        {"a.png": make_png(1), "instances.json": with_boxes([1, 1, 4, 4], [2, 3, 4, 5])}
    )
    ingest(intake, folder)
    kept = intake.catalog.read_latest("labels", where="x_min = 1")
    write_files({"instances.json": with_boxes([1, 1, 4, 4], [3, 3, 5, 5])})
    before = intake.catalog.latest_version("labels")
    assert counts(ingest(intake, folder)) == (1, 1, 0)
    assert read_boxes(intake) == [[1, 1, 5, 5], [3, 3, 8, 8]]
    # one row in, one row out
    assert intake.catalog.latest_version("labels") == before + 2
    assert intake.catalog.read_latest("labels", where="x_min = 1").equals(kept)
    write_files({"instances.json": with_boxes()})
    ingest(intake, folder)
    assert read_boxes(intake) == []


def test_a_file_that_cannot_be_read_any_more_keeps_its_labels(
    intake, write_files, make_png
):
    folder = write_files(
        {"a.png": make_png(1), "instances.json": with_boxes([1, 1, 4, 4])}
    )
    ingest(intake, folder)
    write_files({"instances.json": with_boxes([1, 1, 4, 4])[:-20]})
    assert ingest(intake, folder).quarantined == 1
    assert read_boxes(intake) == [[1, 1, 5, 5]]


def test_a_picture_that_was_overwritten_has_the_labels_and_the_older_one_none(
    intake, write_files, make_png
):
    folder = write_files(
        {"a.png": make_png(1), "instances.json": with_boxes([1, 1, 4, 4])}
    )
    ingest(intake, folder)
    write_files({"a.png": make_png(2)})
    ingest(intake, folder)
    labels, frames = (
        intake.catalog.read_latest(name)["frame_id"].to_pylist()
        for name in ("labels", "frames")
    )
    assert labels == frames and len(frames) == 1


def test_one_label_without_a_frame_does_not_refuse_the_whole_file(
    intake, write_files, make_png
):
    coco = {
        **COCO,
        "images": [
            *COCO["images"],
            {"id": 2, "file_name": "gone.png", "width": 16, "height": 12},
        ],
        "annotations": [
            *COCO["annotations"],
            {**COCO["annotations"][0], "id": 2, "image_id": 2},
        ],
    }
    report = ingest(
        intake, write_files({"a.png": make_png(1), "instances.json": json.dumps(coco)})
    )
    assert (counts(report), report.problems) == ((2, 0, 0), 1)
    row = intake.catalog.read_latest("quarantine").to_pylist()[0]
    assert "gone.png" in row["reason"] and row["source_path"] == "instances.json"


def test_a_recording_gives_frames_signals_calibrations_and_labels(
    intake, write_files, recording
):
    report = ingest(intake, write_files({"drive.mcap": recording}))
    capture = intake.catalog.read_latest("captures").to_pylist()[0]
    assert counts(report) == (1, 0, 0)
    reasons = intake.catalog.read_latest("quarantine")["reason"].to_pylist()
    assert sum("no image format" in r for r in reasons) == 1  # the corrupt frame
    assert (
        sum("for a frame that is not there" in r for r in reasons) == len(reasons) - 1
    )  # and its labels
    assert capture["num_problems"] == report.problems == len(reasons)
    # left, right and depth at 10 Hz for 0.5 s, less the corrupt one
    assert capture["num_frames"] == 3 * 5 - 1
    assert min(capture["num_signals"], capture["num_labels"]) > 0
    assert set(intake.catalog.read_latest("calibrations")["sensor"].to_pylist()) >= {
        "left",
        "right",
        "depth",
    }
    frames = intake.catalog.read_latest(
        "frames", ["t_ns", "source_path", "source_offset"]
    ).to_pylist()
    assert {f["source_path"] for f in frames} == {"drive.mcap"}
    assert capture["start_ns"] <= min(f["t_ns"] for f in frames)


def test_documents_are_kept_as_blobs_and_are_no_problem(intake, write_files, make_png):
    report = ingest(intake, write_files({"README.md": "about", "a.png": make_png(1)}))
    rows = {r["path"]: r for r in intake.ledger.file_table().to_pylist()}
    assert counts(report) == (2, 0, 0)
    assert intake.blobs.get(rows["README.md"]["sha256"]) == b"about"


def test_a_recording_that_vanishes_after_it_was_listed_is_quarantined(
    intake, write_files, recording, make_png
):
    folder = write_files(
        {"a.mcap": recording, "b.mcap": recording, "c/d.png": make_png(1)}
    )
    vanishing = Folder(str(folder))
    listed = vanishing.files()
    (folder / "a.mcap").unlink()
    vanishing.files = lambda: listed  # type: ignore[method-assign]  # a listing that is older than the folder
    report = intake.ingest(vanishing, "monday")
    assert [r["path"] for r in report.reasons] == ["a.mcap"]
    assert (report.new, report.quarantined) == (2, 1)


def test_what_took_the_place_of_a_listed_file_is_quarantined_and_told(
    intake, write_files, recording, make_png
):
    """A recording and a picture that become links to a secret between listing and opening; and a pipe, never opened."""
    secret = write_files({"key": "secret"}, "elsewhere") / "key"
    root = write_files(
        {"a.mcap": recording, "b/c.png": make_png(1), "b/d.png": make_png(2)}
    )
    os.mkfifo(root / "b" / "e.png")
    folder = Folder(str(root))
    listed = folder.files()
    for name in ("a.mcap", "b/c.png"):
        (root / name).unlink()
        (root / name).symlink_to(secret)
    folder.files = lambda: listed  # type: ignore[method-assign]  # a listing that is older than the folder
    report = intake.ingest(folder, "monday")
    told = {r["path"]: (r["reason"], r["remedy"]) for r in report.reasons}
    swapped = "a link, or no file, took its place"
    again = "ingest again when nobody changes the folder any more"
    assert told == {
        "a.mcap": (swapped, again),
        "b/c.png": (swapped, again),
        "b/e.png": (
            "a pipe, a socket or a device, and no file",
            "put the file itself there, or remove it",
        ),
    }
    assert (report.frames, report.quarantined) == (1, 3)
    assert not list(intake.blobs.names())


def test_what_may_not_be_read_is_quarantined_and_its_neighbours_go_on(
    intake, write_files, make_png, permissions_bind
):
    root = write_files(
        {"a.png": make_png(1), "b.mcap": b"x", "c.png": make_png(2), "d/e.png": "x"}
    )
    locked = ("b.mcap", "c.png", "d")
    for name in locked:
        (root / name).chmod(0)
    report = intake.ingest(Folder(str(root)), "monday")
    (root / "d").chmod(0o755)
    assert (report.frames, report.quarantined) == (1, 3)
    assert sorted(r["path"] for r in report.reasons) == ["b.mcap", "c.png", "d/"]
    assert all(r["remedy"] for r in report.reasons)


def test_a_folder_that_can_be_listed_again_is_no_entry_of_the_quarantine(
    intake, write_files, make_png, permissions_bind
):
    root = write_files({"a.png": make_png(1), "d/e.png": make_png(2)})
    (root / "d").chmod(0)
    assert intake.ingest(Folder(str(root)), "monday").quarantined == 1
    (root / "d").chmod(0o755)
    report = intake.ingest(Folder(str(root)), "monday")
    assert (report.frames, report.new, report.quarantined) == (2, 1, 0)
    assert len(intake.catalog.read_latest("quarantine")) == 0
    assert {o.path for o in intake.ledger.outcomes("monday").values()} == {
        "a.png",
        "d/e.png",
    }


def test_a_place_that_does_not_exist_is_refused(intake, tmp_path):
    with pytest.raises(FileNotFoundError, match="check the path"):
        intake.ingest(Folder(str(tmp_path / "nowhere")), "monday")


def test_an_empty_folder_gives_an_empty_report(intake, tmp_path):
    (tmp_path / "empty").mkdir()
    report = ingest(intake, tmp_path / "empty")
    assert (report.files, report.captures, report.frames) == (0, 0, 0)


def test_a_failed_intake_frees_its_captures_at_once(
    intake, open_intake, write_files, make_png, monkeypatch
):
    folder = write_files({"a.png": make_png(1)})
    with monkeypatch.context() as patch:
        patch.setattr(
            GuardLane,
            "_start",
            lambda self: (_ for _ in ()).throw(RuntimeError("no more processes")),
        )
        with pytest.raises(RuntimeError, match="no more processes"):
            ingest(intake, folder)
    assert counts(ingest(open_intake(), folder)) == (1, 0, 0)


def test_a_worker_that_slept_past_its_lease_writes_no_capture_row(
    intake, open_intake, write_files, make_png, monkeypatch
):
    """The other worker comes right after this one's frames: those are the same rows."""
    folder = write_files({"a.png": make_png(1)})
    other = open_intake()
    sleeper = open_intake()
    append = Appender.append

    def append_and_sleep(appender, rows):
        inserted = append(appender, rows)
        if appender.name == "frames":
            monkeypatch.undo()
            write_files({"b.png": make_png(2)})
            with sleeper.ledger.engine.begin() as connection:  # the lease ends
                connection.exec_driver_sql("UPDATE captures SET lease_until = 0")
            ingest(other, folder)
        return inserted

    monkeypatch.setattr(Appender, "append", append_and_sleep)
    with pytest.raises(LeaseLost, match="another worker"):
        ingest(sleeper, folder)
    capture = other.catalog.read_latest("captures").to_pylist()
    assert [c["num_frames"] for c in capture] == [2]
    assert capture[0]["size_bytes"] == len(make_png(1)) + len(make_png(2))
    assert counts(ingest(intake, folder)) == (0, 2, 0)


def test_a_worker_that_slept_before_it_writes_frames_writes_none(
    intake, open_intake, write_files, make_png, monkeypatch
):
    folder = write_files({"a.png": make_png(1)})
    other = open_intake()
    sleeper = open_intake()
    append = Appender.append

    def sleep_and_append(appender, rows):
        monkeypatch.undo()
        with sleeper.ledger.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE captures SET lease_until = 0")
        ingest(other, folder)
        version = other.catalog.latest_version("frames")
        with pytest.raises(LeaseLost):
            append(appender, rows)
        assert other.catalog.latest_version("frames") == version
        raise InterruptedError("seen")

    monkeypatch.setattr(Appender, "append", sleep_and_append)
    with pytest.raises(InterruptedError, match="seen"):
        ingest(sleeper, folder)
    assert counts(ingest(intake, folder)) == (0, 1, 0)


def test_an_intake_that_goes_on_decodes_no_frame_again_that_was_written(
    intake, open_intake, write_files, make_png, monkeypatch
):
    from assets.capture import inspection
    from assets.capture import intake as module

    folder = write_files({f"{n:02d}.png": make_png(n) for n in range(20)})
    monkeypatch.setattr(inspection, "_JOB_FRAMES", 2)
    monkeypatch.setattr(module, "WRITE_ROWS", 8)  # four frames with their figures
    append = Appender.append
    submit = ImageGuard.submit
    written = []
    decoded = []

    def append_twice(appender, rows):
        if written.count("frames") == 2 and appender.name == "frames":
            raise KeyboardInterrupt
        written.append(appender.name)
        return append(appender, rows)

    with monkeypatch.context() as patch:
        patch.setattr(Appender, "append", append_twice)
        with pytest.raises(KeyboardInterrupt):
            ingest(intake, folder)
    done = intake.catalog.dataset("frames").count_rows()
    assert 0 < done < 20
    monkeypatch.setattr(
        ImageGuard, "submit", lambda self, p: decoded.extend(p) or submit(self, p)
    )
    assert counts(ingest(open_intake(), folder)) == (20, 0, 0)
    assert len(decoded) == 20 - done
    assert (
        intake.catalog.dataset("frames").count_rows()
        == intake.catalog.dataset("frame_quality").count_rows()
        == 20
    )


def test_what_intake_measured_is_not_measured_again(intake, write_files, make_png):
    jpeg = cv2.imencode(
        ".jpg", np.random.default_rng(0).integers(0, 256, (300, 250, 3), dtype=np.uint8)
    )[1].tobytes()
    folder = write_files({"a.png": make_png(1), "b.jpg": jpeg})
    ingest(intake, folder)
    catalog = intake.catalog
    catalog.publish("frames", "monday", catalog.latest_version("frames"))
    before = catalog.read_latest("frame_quality").sort_by("frame_id").to_pylist()
    done = refresh_frames(
        catalog,
        "frame_quality",
        "monday",
        version_of("frame_quality"),
        decode_working_luma,
        lambda lumas: [1 / 0],
    )
    assert (done.new, done.stale, done.total, len(before)) == (0, 0, 2, 2)
    refresh_frames(
        catalog,
        "frame_quality",
        "monday",
        "next",
        decode_working_luma,
        lambda lumas: [image_quality.measure_quality(luma) for luma in lumas],
    )
    after = catalog.read_latest("frame_quality").sort_by("frame_id").to_pylist()
    assert [{**row, "code_version": "next"} for row in before] == after


def test_progress_ends_at_the_number_of_files(intake, write_files, make_png):
    seen = []
    folder = write_files({"a.png": make_png(1), "b/c.png": make_png(2), "x.xyz": "?"})
    intake.ingest(
        Folder(str(folder)),
        "monday",
        lambda done, total, path: seen.append((done, total)),
    )
    assert seen[-1] == (3, 3) and seen == sorted(seen)


def test_stand_ins_for_data_each_have_an_outcome(intake, test_data, tmp_path):
    shutil.copytree(test_data("lfs_pointers"), tmp_path / "bad")
    report = ingest(intake, tmp_path / "bad")
    assert report.files == 2
    assert all(r["reason"] and r["remedy"] for r in report.reasons)
    assert sum("git-lfs pointer" in r["reason"] for r in report.reasons) == 2

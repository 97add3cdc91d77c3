"""Labels of files that were taken away go, and pictures stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assets.storage import Folder

BOX = "0 .5 .5 .5 .5"


def take_in(intake, root: Path):
    return intake.ingest(Folder(str(root)), "monday")


def list_labels(intake) -> list[tuple[str, str]]:
    rows = intake.catalog.read_latest(
        "labels", ["source_path", "class_name"]
    ).to_pylist()
    return sorted((r["source_path"], r["class_name"]) for r in rows)


def count(intake, table: str) -> int:
    return len(intake.catalog.read_latest(table))


@pytest.fixture
def yolo(intake, write_files, make_png) -> Path:
    root = write_files(
        {
            "data.yaml": "names: [cat]\n",
            "images/a.png": make_png(),
            "images/b.png": make_png(1),
            "labels/a.txt": BOX,
            "labels/b.txt": BOX,
        }
    )
    take_in(intake, root)
    return root


def test_a_label_file_that_is_taken_away_says_nothing_any_more(intake, yolo):
    (yolo / "labels/b.txt").unlink()
    report = take_in(intake, yolo)
    assert list_labels(intake) == [("labels/a.txt", "cat")]
    assert count(intake, "frames") == 2 and count(intake, "annotated_frames") == 1
    assert intake.catalog.read_latest("captures", ["num_labels"])[
        "num_labels"
    ].to_pylist() == [1]
    assert (report.files, report.new, report.retracted) == (4, 0, 1)


def test_labels_of_a_folder_that_cannot_be_listed_stay(intake, yolo, permissions_bind):
    before = list_labels(intake), count(intake, "annotated_frames")
    (yolo / "labels").chmod(0)
    report = take_in(intake, yolo)
    (yolo / "labels").chmod(0o755)
    assert report.retracted == 0 and "labels/" in {r["path"] for r in report.reasons}
    assert (list_labels(intake), count(intake, "annotated_frames")) == before


def test_a_label_file_that_comes_back_as_it_was_is_read_again(intake, yolo, tmp_path):
    moved = tmp_path / "aside.txt"
    (yolo / "labels/b.txt").rename(moved)
    take_in(intake, yolo)
    moved.rename(yolo / "labels/b.txt")
    assert take_in(intake, yolo).new == 1
    assert list_labels(intake) == [("labels/a.txt", "cat"), ("labels/b.txt", "cat")]
    assert take_in(intake, yolo).new == 0


def test_all_labels_that_are_taken_away_leave_a_folder_of_images(intake, yolo):
    for path in ("labels/a.txt", "labels/b.txt", "data.yaml"):
        (yolo / path).unlink()
    take_in(intake, yolo)
    assert list_labels(intake) == [] and count(intake, "frames") == 2
    rows = intake.catalog.read_latest(
        "captures", ["num_frames", "num_labels"]
    ).to_pylist()
    assert (
        sum(r["num_frames"] for r in rows) == 2
        and sum(r["num_labels"] for r in rows) == 0
    )


def test_pictures_that_are_taken_away_keep_their_labels(intake, yolo):
    for path in ("labels/b.txt", "images/b.png"):
        (yolo / path).unlink()
    for _ in range(2):
        take_in(intake, yolo)
    assert (
        list_labels(intake) == [("labels/a.txt", "cat"), ("labels/b.txt", "cat")]
        and count(intake, "frames") == 2
    )


def test_an_emptied_landing_zone_loses_nothing(intake, yolo):
    for path in sorted(p for p in yolo.rglob("*") if p.is_file()):
        path.unlink()
    for _ in range(2):
        assert take_in(intake, yolo).files == 0
    assert (
        len(list_labels(intake)) == 2
        and count(intake, "frames") == 2
        and count(intake, "annotated_frames") == 2
    )


def test_a_document_that_another_replaces_leaves_only_what_the_newer_says(
    intake, write_files, make_png
):
    def describe(name: str, x: float) -> str:
        return json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.png", "width": 16, "height": 12}],
                "categories": [{"id": 1, "name": name}],
                "annotations": [
                    {"id": 1, "image_id": 1, "category_id": 1, "bbox": [x, 2, 6, 6]}
                ],
            }
        )

    root = write_files({"images/a.png": make_png(), "v1.json": describe("cat", 1)})
    take_in(intake, root)
    (root / "v1.json").unlink()
    (root / "v2.json").write_text(describe("dog", 3))
    take_in(intake, root)
    assert list_labels(intake) == [("v2.json", "dog")]


def test_a_picture_that_is_moved_to_another_class_has_that_class_alone(
    intake, write_files, make_png
):
    files = {
        f"{name}/{n}.png": make_png(i * 10 + n)
        for i, name in enumerate(("cat", "dog"))
        for n in range(3)
    }
    root = write_files(files)
    take_in(intake, root)
    (root / "cat/0.png").rename(root / "dog/0a.png")
    take_in(intake, root)
    labels = list_labels(intake)
    assert (
        ("cat/0.png", "cat") not in labels
        and ("dog/0a.png", "dog") in labels
        and len(labels) == 6
    )


def test_a_container_that_is_taken_away_keeps_what_it_said(
    intake, write_files, recording
):
    root = write_files({"desk.mcap": recording})
    take_in(intake, root)
    before = list_labels(intake)
    (root / "desk.mcap").unlink()
    take_in(intake, root)
    assert before and list_labels(intake) == before

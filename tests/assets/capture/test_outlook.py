"""What a dry run foresees: pictures, labels and classes as the intake finds them, and what cannot be read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from assets.capture import outlook
from assets.capture.outlook import Outlook, find_nothing, plan_folder
from assets.formats import read_capture
from assets.formats.observations import FrameObservation
from assets.storage import Folder
from assets.tables.catalog import Catalog

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n"
LFS_REMEDY = "run `git lfs pull` where the file comes from, and copy it again"


@pytest.fixture
def make_image():
    """make_image(1): a JPEG of 32 x 24 pixels."""

    def encode(seed: int) -> bytes:
        pixels = np.random.default_rng(seed).integers(0, 255, (24, 32, 3), np.uint8)
        return bytes(cv2.imencode(".jpg", pixels)[1])

    return encode


@pytest.fixture
def look(write_files, tmp_path):
    """look({path: content}): the outlooks of a folder with these files."""

    def look_at(files) -> list[Outlook]:
        folder = Folder(str(write_files(files)))
        catalog = Catalog(str(tmp_path / "tables"))
        plan = plan_folder(catalog, folder)
        return list(plan.list_outlooks(catalog, lambda done, total: None))

    return look_at


def test_classes_of_folders_are_told_with_their_pictures(look, make_image):
    (found,) = look({f"{c}/{n}.jpg": make_image(n) for c in "ab" for n in range(2)})
    assert found.notes["classes"] == "taken from folder names, 2: a, b"
    assert found.labels == {"recognition": {"a": 2, "b": 2}}
    assert (found.num_pictures, found.refused) == (4, {})


def test_classes_of_yolo_are_told_with_their_file_and_those_without_an_object_apart(
    look, make_image
):
    (found,) = look(
        {
            "data.yaml": "names: [cup, pen, book]\n",
            "images/a.jpg": make_image(1),
            "images/b.jpg": make_image(2),
            "labels/a.txt": "0 .5 .5 .2 .2\n0 .1 .1 .4 .1 .4 .4\n",
            "labels/b.txt": "2 .5 .5 .2 .2\n",
        }
    )
    notes = found.notes
    assert notes["class names of labels"] == "taken from data.yaml, 3: book, cup, pen"
    assert notes["classes without an object in labels"] == "1: pen"
    assert notes["polygons in labels"].startswith("1 of 3 objects: detection, ")
    assert found.labels == {"detection": {"cup": 2, "book": 1}}


def test_other_label_files_say_which_part_of_them_names_the_classes(look, make_image):
    dataset = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 32, "height": 24}],
        "categories": [{"id": 7, "name": "cup"}, {"id": 8, "name": "pen"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4]}
        ],
    }
    (found,) = look({"a.jpg": make_image(1), "labels.json": json.dumps(dataset)})
    assert found.labels == {"detection": {"cup": 1}}
    assert found.classes_from == "`categories` of the COCO file"


@pytest.mark.parametrize(
    ("content", "reason", "remedy"),
    [
        (LFS, "git-lfs pointer, not data", LFS_REMEDY),
        (LFS.replace("git-lfs.github.com", "hawser.github.com"), "git-lfs", LFS_REMEDY),
        ("/annex/objects/SHA256E-s7--00.jpg\n", "git-annex pointer", "git annex get"),
        (b"", "empty file", "copy it again from where it comes from"),
        ("a note and no picture\n", "text and no picture", "copy the picture again"),
        ("<!DOCTYPE html><p>404", "a web page and no picture", "download it again"),
        (b"\x00\x01\x02\x03 ....", "no known image format", "export it again"),
    ],
)
def test_what_is_named_like_a_picture_and_is_none_is_told_with_a_remedy(
    look, make_image, content, reason: str, remedy: str
):
    (found,) = look({"good.jpg": make_image(1), "a.jpg": content, "b.jpg": content})
    ((told, helps),) = found.refused
    assert told.startswith(reason) and remedy in helps
    assert found.refused[told, helps] == ["a.jpg", "b.jpg"]
    assert found.num_pictures == 1


def test_a_recording_that_is_a_pointer_is_told_though_it_is_not_read(look):
    (found,) = look({"drive.mcap": LFS})
    assert found.refused == {("git-lfs pointer, not data", LFS_REMEDY): ["drive.mcap"]}


def test_of_large_pictures_the_beginning_is_read_and_the_labels_stay_the_same(
    look, make_image, monkeypatch
):
    sizes = []

    def read(plan, opener):
        for seen in read_capture(plan, opener):
            if isinstance(seen, FrameObservation):
                sizes.append(len(seen.payload))
            yield seen

    monkeypatch.setattr(outlook, "read_capture", read)
    picture = make_image(1)
    files = {"images/a.jpg": picture, "labels/a.txt": "0 .1 .1 .4 .1 .4 .4"}
    (whole,) = look(files)
    monkeypatch.setattr(outlook, "HEAD_BYTES", len(picture) - 1)
    (short,) = look(files)
    assert short == whole and whole.labels == {"detection": {"0": 1}}
    assert sizes == [len(picture), len(picture) - 1]


def test_a_picture_whose_header_lies_further_back_is_read_whole(
    look, make_image, monkeypatch
):
    monkeypatch.setattr(outlook, "HEAD_BYTES", 20)  # no JPEG says its size so early
    (found,) = look({"images/a.jpg": make_image(1), "labels/a.txt": "0 .5 .5 .2 .2"})
    assert found.labels == {"detection": {"0": 1}} and not found.refused


def test_members_of_an_archive_tell_their_classes(look, make_image, tmp_path):
    packed = tmp_path / "set.zip"
    with zipfile.ZipFile(packed, "w") as store:
        for name in ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/2.jpg"):
            store.writestr(name, make_image(1))
    (found,) = look({"set.zip": packed.read_bytes()})
    told = [n for n in found.notes.values() if "folder names" in n]
    assert told == ["taken from folder names, 2: cat, dog"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({}, "holds no file: give the folder with the data"),
        ({"README.md": "x", ".hidden": "x"}, "holds documents alone"),
        ({"a.rar": "x", "b.rar": "x"}, "a.rar: no reader for .rar yet, and 1 more"),
    ],
)
def test_a_folder_of_which_nobody_reads_anything_makes_no_session(
    write_files, tmp_path: Path, files, told: str
):
    root = write_files(files)
    root.mkdir(exist_ok=True)
    reason = find_nothing(Catalog(str(tmp_path / "tables")), Folder(str(root)))
    assert reason is not None and told in reason and "\n" not in reason


@pytest.mark.parametrize("name", ["a.jpg", "drive.mcap", "set.zip"])
def test_a_folder_with_something_to_read_makes_one(write_files, tmp_path, name: str):
    root = write_files({name: "x"})
    assert find_nothing(Catalog(str(tmp_path / "tables")), Folder(str(root))) is None

"""Open Images: boxes in shares, classes by their ids, and rows of pictures that nobody took."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from assets.formats.observations import AnnotationObservation

HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,"
    "IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"
)
NAMES = "/m/01,Person\n/m/02,Traffic light\n"


def row(
    image: str,
    label: str = "/m/01",
    box: str = "0.25,0.5,0.125,0.75",
    flags: str = "0,0,0,0,0",
) -> str:
    return f"{image},xclick,{label},1,{box},{flags}\n"


def look(reading) -> dict[str, tuple[int, int, int]]:
    return {
        str(a.frame_path): (a.num_labels, a.num_missing, a.num_ignored)
        for a in reading.of(AnnotationObservation)
    }


def test_boxes_names_and_flags(write_files, read_session, make_image):
    table = (
        HEADER
        + row("a1", flags="1,0,0,-1,1")
        + row("a1", "/m/02", "0.5,0.25,0,1")
        + row("a1", flags="0,0,1,0,0")
    )
    files = {
        "train/a1.jpg": make_image(0),
        "train/b2.jpg": make_image(1),
        "train-annotations-bbox.csv": table + row("gone") + row("gone"),
        "class-descriptions-boxable.csv": NAMES,
    }
    reading = read_session(write_files(files))
    assert [p.reader for p in reading.plans] == ["open_images"]
    assert not reading.problems and not reading.leftovers
    person, light = reading.labels
    # of 32 x 24 px
    assert (person.class_name, person.box_xyxy) == ("Person", (8, 3, 16, 18))
    assert person.attributes == (("occluded", "1"), ("inside", "1"))
    assert (light.class_name, light.box_xyxy) == ("Traffic light", (8, 0, 16, 24)), (
        "corners in order"
    )
    assert look(reading) == {"train/a1.jpg": (2, 0, 1)}, "nobody looked at b2"
    notes = reading.plans[0].notes
    assert (
        notes[
            "not read from train-annotations-bbox.csv: boxes of images that are not here"
        ]
        == "2"
    )


def test_the_table_says_the_split_and_decides_between_equal_names(
    write_files, read_session, make_image
):
    files = {
        "train/a.jpg": make_image(0),
        "validation/a.jpg": make_image(1),
        "metadata/validation-annotations-bbox.csv": HEADER + row("a", "/m/09"),
        "flat/c.jpg": make_image(2),
        "metadata/oidv6-test-annotations-bbox.csv": HEADER + row("c"),
    }
    reading = read_session(write_files(files))
    assert {(x.frame_path, x.class_name) for x in reading.labels} == {
        ("validation/a.jpg", "/m/09"),
        ("flat/c.jpg", "/m/01"),
    }, "without a list of classes ids are names"
    assert {f.source.path: f.split_hint for f in reading.frames} == {
        "train/a.jpg": "train",
        "validation/a.jpg": "val",
        "flat/c.jpg": "test",
    }


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (row("a", box="10,20,5,30"), "XMin is 10: shares of the image"),
        (row("a", box="0.1,nan,0,1"), "XMax is 'nan', not a finite number"),
        (row("a", box="0.1,,0,1"), "XMax is '', not a number"),
        (row("a", ""), "has no LabelName"),
        ("a,xclick,/m/01,1,0.1\n", "has no XMax"),
    ],
)
def test_a_row_that_is_no_label_takes_its_picture_along(
    write_files, read_session, make_image, wrong, reason
):
    files = {"a.jpg": make_image(), "annotations-bbox.csv": HEADER + row("a") + wrong}
    reading = read_session(write_files(files))
    (problem,) = reading.problems
    assert problem.reason.startswith("line 3, of a.jpg: ") and reason in problem.reason
    assert look(reading) == {"a.jpg": (1, 1, 0)}


def test_two_names_of_a_class_and_a_table_that_is_no_text(
    write_files, read_session, make_image
):
    files = {
        "a.jpg": make_image(),
        "annotations-bbox.csv": HEADER + row("a"),
        "more-annotations-bbox.csv": HEADER.encode() + b"\xff\xfe",
        "class-descriptions.csv": NAMES + "/m/01,Man\n",
    }
    reading = read_session(write_files(files))
    assert [x.class_name for x in reading.labels] == ["Person"]
    assert {p.source.path for p in reading.problems} == {
        "class-descriptions.csv",
        "more-annotations-bbox.csv",
    }


def test_shares_are_of_the_picture_turned_upright(write_files, read_session):
    target = io.BytesIO()
    picture = Image.fromarray(np.zeros((24, 32, 3), np.uint8))
    exif = picture.getexif()
    exif[0x112] = 6
    picture.save(target, "JPEG", exif=exif)
    files = {
        "a.jpg": target.getvalue(),
        "annotations-bbox.csv": HEADER + row("a", box="0,0.25,0,0.125"),
    }
    reading = read_session(write_files(files))
    # 6 x 4 px at the upper left of 24 x 32 are stored at the lower left of 32 x 24
    assert reading.labels[0].box_xyxy == (0, 18, 4, 24)


def test_a_table_beside_no_picture_is_told(write_files, read_session):
    reading = read_session(write_files({"annotations-bbox.csv": HEADER + row("a")}))
    assert not reading.plans and len(reading.leftovers) == 1

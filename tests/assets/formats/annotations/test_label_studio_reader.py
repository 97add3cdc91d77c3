"""Label Studio exports: per cents become px, one annotation a task counts, and what is not read is said."""

from __future__ import annotations

import json
import math

import pytest

from models.masks import decode_mask
from tests.assets.formats.annotations.label_studio_text import export, rectangle, region
from tests.assets.formats.conftest import encode_turned


@pytest.fixture
def read(write_files, read_session, make_image):
    return lambda text: read_session(
        write_files(
            {"export.json": text, "images/a.jpg": make_image(width=40, height=20)}
        )
    )


def test_per_cents_become_pixels(read):
    reading = read(export(rectangle()))
    assert [p.reader for p in reading.plans] == [
        "label_studio"
    ] and not reading.problems
    (label,) = reading.labels
    assert (label.task, label.class_name, label.frame_path) == (
        "detection",
        "car",
        "images/a.jpg",
    )
    assert label.box_xyxy == (10, 10, 30, 15), (
        "25% of 40, 50% of 20, then 50% and 25% more"
    )


def test_a_turned_rectangle_turns_about_its_first_corner(read):
    (label,) = read(export(rectangle(50, 25, 20, 10, rotation=90))).labels
    # first corner (20, 5), 8x2 px; a quarter turn clockwise: it goes 8 down and 2 to the left
    assert label.box_xyxy == pytest.approx((18, 5, 20, 13))
    assert decode_mask(label.mask_rle, 20, 40).sum() == pytest.approx(16, abs=8)


def test_polygons_and_choices(read):
    polygon = region(
        "polygonlabels",
        {"points": [[10, 10], [30, 10], [30, 50]], "polygonlabels": ["roof", "house"]},
    )
    choice = {
        "id": "c",
        "type": "choices",
        "value": {"choices": ["dusk"]},
        "to_name": "image",
        "from_name": "light",
    }
    labels = read(export(polygon, choice)).labels
    assert [(label.task, label.class_name, label.box_xyxy) for label in labels] == [
        ("detection", "roof", (4, 2, 12, 10)),
        ("detection", "house", (4, 2, 12, 10)),
        ("recognition", "dusk", None),
    ]
    assert labels[0].mask_rle and len({label.index for label in labels}) == 3


@pytest.mark.parametrize(
    "image",
    [
        "/data/upload/3/0a1b2c3d-a.jpg",
        "s3://bucket/some/where/a.jpg",
        "/data/local-files/?d=images/a.jpg",
        "https://example.org/x/a.jpg?token=1",
        "a.jpg",
        "C:\\pictures\\a.jpg",
        "/data/upload/3/0a1b2c3d-%61.jpg",
    ],
)
def test_the_image_is_found_by_its_file_name(read, image):
    assert len(read(export(rectangle(), image=image)).labels) == 1


# written by label-studio-sdk 2.1.2, `converter.brush.encode_rle`, of 6x4 px RGBA whose alpha is
# 0 0 0 0 0 100 / 0 0 255 255 255 0 / 0 0 255 255 255 0 / 255 0 0 0 0 0
BRUSH = [
    0,
    0,
    0,
    96,
    57,
    27,
    254,
    22,
    0,
    1,
    146,
    208,
    0,
    31,
    241,
    0,
    1,
    255,
    16,
    0,
    31,
    247,
    128,
    0,
    255,
    136,
    0,
    15,
    248,
    128,
    0,
    255,
    152,
    0,
    15,
    252,
    38,
    0,
]


def brush(rle: object, form: str = "rle") -> dict:
    value = {"format": form, "rle": rle, "brushlabels": ["dirt"]}
    return region("brushlabels", value) | {"original_width": 6, "original_height": 4}


def test_brush_masks(write_files, read_session, make_image):
    root = write_files(
        {
            "export.json": export(brush(BRUSH)),
            "a.png": make_image(width=6, height=4, ending=".png"),
        }
    )
    (label,) = read_session(root).labels
    assert decode_mask(label.mask_rle, 4, 6).tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 1, 0],
        [0, 0, 1, 1, 1, 0],
        [1, 0, 0, 0, 0, 0],
    ]
    assert (label.task, label.class_name, label.box_xyxy) == (
        "detection",
        "dirt",
        (0, 1, 5, 4),
    )


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        (brush(BRUSH[:-4]), "ends early"),
        (brush([300]), "no list of bytes"),
        (brush("AAAA"), "no list of bytes"),
        (brush([0, 0, 0, 95, *BRUSH[4:]]), "95 words of 8 bits, for 6x4 px"),
        (brush(BRUSH, "png"), "format 'png'"),
    ],
)
def test_brush_masks_that_make_no_sense(
    write_files, read_session, make_image, region, reason
):
    root = write_files(
        {
            "export.json": export(region),
            "a.png": make_image(width=6, height=4, ending=".png"),
        }
    )
    reading = read_session(root)
    assert not reading.labels and reason in reading.problems[0].reason


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (rectangle(x="a"), "are not two numbers"),
        (
            region(
                "rectanglelabels",
                {"x": 1, "y": 1, "height": 1, "rectanglelabels": ["a"]},
            ),
            "has no 'width'",
        ),
        (
            region(
                "polygonlabels", {"points": [[1, 1], [2, 2]], "polygonlabels": ["a"]}
            ),
            "a polygon of 4 numbers",
        ),
        (
            region(
                "rectanglelabels",
                {"x": 1, "y": 1, "width": 1, "height": 1, "rectanglelabels": 3},
            ),
            "not a list of names",
        ),
        (
            {**rectangle(), "original_width": 400},
            "drawn on 400x20 px, images/a.jpg has 40x20",
        ),
        (
            rectangle(rotation=30) | {"image_rotation": 90},
            "turned in a view that is turned",
        ),
    ],
)
def test_a_region_that_makes_no_sense_is_named_and_its_neighbour_read(
    read, broken, reason
):
    reading = read(export(broken, rectangle()))
    assert [label.class_name for label in reading.labels] == ["car"]
    assert len(reading.problems) == 1 and reason in reading.problems[0].reason


def test_one_annotation_of_a_task_counts(read):
    def annotation(number: int, label: str, **more) -> dict:
        return {
            "id": number,
            "result": [rectangle(label=label)],
            "updated_at": f"2026-01-0{number}T00:00:00Z",
            **more,
        }

    newest = [
        annotation(1, "old"),
        annotation(3, "new"),
        annotation(4, "cancelled", was_cancelled=True),
    ]
    task = {
        "id": 1,
        "annotations": newest,
        "data": {"image": "a.jpg"},
        "predictions": [{"result": [rectangle()]}],
    }
    reading = read(json.dumps([task]))
    assert [label.class_name for label in reading.labels] == ["new"]
    assert reading.plans[0].notes == {
        "export.json: not read: predictions": "1",
        "export.json: not read: cancelled annotations": "1",
        "export.json: not read: other annotations of the same task": "1",
    }
    task["annotations"] = [
        annotation(1, "truth", ground_truth=True),
        annotation(3, "new"),
    ]
    assert [label.class_name for label in read(json.dumps([task])).labels] == ["truth"]


def test_images_without_file_and_files_without_annotation_are_reported(read):
    reading = read(export(rectangle(), image="/data/upload/1/gone.jpg"))
    assert "there is no image '/data/upload/1/gone.jpg'" in reading.problems[0].reason
    assert (
        reading.plans[0].notes["images that no annotation names"] == "1: images/a.jpg"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[{"image": "a.jpg", "label": [], "id": 1, "annotator": 1}]', "JSON_MIN"),
        (
            '[{"data": {"image": "a.jpg"}, "annotations": [], "annotations": []}]',
            "appears twice",
        ),
        (
            '[{"data": {"image": "a.jpg"}, "annotations": [{"result": [{"value": NaN}]}]}]',
            "NaN is not a JSON number",
        ),
    ],
)
def test_doubtful_files_are_refused(read, text, reason):
    reading = read(text)
    assert (
        reason in reading.problems[0].reason
        and len(reading.frames) == 1
        and not reading.labels
    )


def test_kinds_of_regions_that_are_not_read_are_counted(read):
    reading = read(
        export(
            region("keypointlabels", {"x": 1, "y": 1, "keypointlabels": ["eye"]}),
            rectangle(),
        )
    )
    assert reading.plans[0].notes == {
        "labels not read from export.json: keypointlabels": "1"
    }
    assert reading.looked_at() == {"images/a.jpg": (1, 0, 1)}


# ---- forms of regions ------------------------------------------------------------------------------------------------


def test_an_ellipse_has_the_box_around_it_and_a_mask(read):
    value = {
        "x": 50,
        "y": 50,
        "radiusX": 20,
        "radiusY": 20,
        "rotation": 0,
        "ellipselabels": ["cell"],
    }
    (label,) = read(export(region("ellipselabels", value))).labels
    assert (label.class_name, label.box_xyxy) == ("cell", (12, 6, 28, 14)), (
        "20% are 8 of 40 px and 4 of 20"
    )
    assert decode_mask(label.mask_rle, 20, 40).sum() == pytest.approx(
        math.pi * 8 * 4, abs=8
    )
    (label,) = read(export(region("ellipselabels", value | {"rotation": 90}))).labels
    assert label.box_xyxy == pytest.approx((16, 2, 24, 18))


PLACES = {
    "rectangle": {"x": 25, "y": 50, "width": 50, "height": 25, "rotation": 0},
    "polygon": {"points": [[25, 50], [75, 50], [75, 75], [25, 75]], "closed": True},
    "ellipse": {"x": 50, "y": 62.5, "radiusX": 25, "radiusY": 12.5, "rotation": 0},
}  # each with the box 10, 10, 30, 15


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("order", [1, -1])
def test_a_place_and_its_label_may_be_two_results(read, kind, order):
    place = PLACES[kind]
    pair = [region(kind, place), region("labels", {**place, "labels": ["car"]})]
    reading = read(export(*pair[::order]))
    (label,) = reading.labels
    assert (label.class_name, label.box_xyxy) == (
        "car",
        (10, 10, 30, 15),
    ) and not reading.problems
    assert reading.looked_at() == {"images/a.jpg": (1, 0, 0)}


def test_a_brush_and_its_label_may_be_two_results(
    write_files, read_session, make_image
):
    value = {"format": "rle", "rle": BRUSH}
    pair = [
        region(kind, value | words) | {"original_width": 6, "original_height": 4}
        for kind, words in (("brush", {}), ("labels", {"labels": ["dirt"]}))
    ]
    root = write_files(
        {
            "export.json": export(*pair),
            "a.png": make_image(width=6, height=4, ending=".png"),
        }
    )
    (label,) = read_session(root).labels
    assert (label.class_name, label.box_xyxy) == ("dirt", (0, 1, 5, 4))


def test_labels_without_a_place_are_of_the_region_of_their_id(read):
    (label,) = read(
        export(
            region("rectangle", PLACES["rectangle"]),
            region("labels", {"labels": ["car"]}),
        )
    ).labels
    assert (label.class_name, label.box_xyxy) == ("car", (10, 10, 30, 15))


@pytest.mark.parametrize(
    "more",
    [
        {"rectanglelabels": ["car"]},
        {"labels": ["car"]},
        {"rectanglelabels": ["car"], "labels": ["car"]},
    ],
)
def test_the_key_of_labels_may_be_that_of_the_control(read, more):
    assert [
        label.class_name
        for label in read(
            export(region("rectanglelabels", PLACES["rectangle"] | more))
        ).labels
    ] == ["car"]


def test_a_region_without_a_label_is_missing(read):
    bare = [
        region("rectanglelabels", PLACES["rectangle"] | {"rectanglelabels": []}),
        region("polygon", PLACES["polygon"]),
    ]
    reading = read(export(*bare, rectangle(x=0)))
    assert reading.looked_at() == {"images/a.jpg": (1, 2, 0)}
    assert reading.plans[0].notes == {
        "labels not read from export.json: polygon without a label": "1",
        "labels not read from export.json: rectangle without a label": "1",
    }


@pytest.mark.parametrize(
    ("result", "looked"),
    [
        (
            region(
                "bitmask",
                {"imageDataURL": "data:image/png;base64,AA", "bitmasklabels": ["a"]},
            ),
            (0, 1, 0),
        ),
        (
            region(
                "bitmasklabels",
                {"imageDataURL": "data:image/png;base64,AA", "bitmasklabels": ["a"]},
            ),
            (0, 1, 0),
        ),
        (
            region(
                "vectorlabels", {"vertices": [], "closed": True, "vectorlabels": ["a"]}
            ),
            (0, 1, 0),
        ),
        (
            region(
                "vectorlabels", {"vertices": [], "closed": False, "vectorlabels": ["a"]}
            ),
            (0, 0, 1),
        ),
        (region("keypoint", {"x": 1, "y": 1}), (0, 0, 1)),
        (region("cubelabels", {"corners": [], "cubelabels": ["a"]}), (0, 1, 0)),
        (region("videorectangle", {"sequence": []}), (0, 0, 0)),
        (
            region(
                "timeserieslabels", {"start": 1, "end": 2, "timeserieslabels": ["a"]}
            ),
            (0, 0, 0),
        ),
        (
            region("labels", {"start": 1, "end": 2, "text": "x", "labels": ["a"]}),
            (0, 0, 0),
        ),
        (
            {
                "id": "t",
                "type": "textarea",
                "from_name": "caption",
                "value": {"text": ["a dog"]},
            },
            (0, 0, 0),
        ),
    ],
)
def test_what_is_not_read_is_named_and_an_object_is_missing(read, result, looked):
    reading = read(export(result, rectangle()))
    assert len(reading.labels) == 1 and reading.looked_at() == {
        "images/a.jpg": (1, *looked[1:])
    }
    assert reading.plans[0].notes == {
        f"labels not read from export.json: {result['type']}": "1"
    }


def test_width_and_height_below_zero_and_numbers_as_text(read):
    back = rectangle(x="75", y=75, width=-50, height=-25)
    assert read(
        export(back | {"original_width": "40", "original_height": 20.0})
    ).labels[0].box_xyxy == (10, 10, 30, 15)


def test_no_stated_size_is_no_contradiction(read):
    (label,) = read(
        export(rectangle() | {"original_width": None, "original_height": None})
    ).labels
    assert label.box_xyxy == (10, 10, 30, 15)


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_numbers_are_of_the_image_however_it_was_turned_to_be_seen(read, angle):
    assert read(export(rectangle() | {"image_rotation": angle})).labels[0].box_xyxy == (
        10,
        10,
        30,
        15,
    )


# ---- what is said of a region, and of an image -----------------------------------------------------------------------


def test_words_of_a_region_are_attributes_of_its_box(read):
    place = PLACES["rectangle"]
    words = [
        ("choices", {"choices": ["old", "red"]}),
        ("taxonomy", {"taxonomy": [["car", "van"], ["bus"]]}),
        ("textarea", {"text": ["AB 12"]}),
        ("number", {"number": 3}),
        ("rating", {"rating": 4}),
    ]
    said = [
        region(kind, place | value) | {"from_name": kind.upper()}
        for kind, value in words
    ]
    reading = read(export(rectangle(), *said))
    (label,) = reading.labels
    assert label.attributes == (
        ("CHOICES", "old, red"),
        ("TAXONOMY", "car/van, bus"),
        ("TEXTAREA", "AB 12"),
        ("NUMBER", "3"),
        ("RATING", "4"),
    )
    assert not reading.looked_at("recognition") and not reading.plans[0].notes


@pytest.mark.parametrize(
    "word",
    [
        {"id": "r", "value": {"choices": ["old"]}},  # the id alone
        {"id": "other", "parentID": "r", "value": {"choices": ["old"]}},
        {"value": PLACES["rectangle"] | {"choices": ["old"]}},  # the place alone
    ],
)
def test_a_choice_is_of_the_region_of_its_id_its_parent_or_its_place(read, word):
    regions = [
        rectangle() | ({} if "id" in word else {"id": None}),
        rectangle(x=0) | {"id": "q"},
    ]
    first, second = read(
        export(*regions, {"type": "choices", "from_name": "state", **word})
    ).labels
    assert (first.attributes, second.attributes) == ((("state", "old"),), ())


def test_a_choice_that_may_be_of_two_regions_is_of_none_and_no_label_of_the_image(read):
    reading = read(
        export(rectangle(), rectangle(x=0), region("choices", {"choices": ["old"]}))
    )
    assert [label.task for label in reading.labels] == ["detection"] * 2
    assert reading.plans[0].notes == {"labels not read from export.json: choices": "1"}


def test_a_choice_with_the_place_of_a_region_that_is_not_labelled(read):
    reading = read(
        export(region("choices", PLACES["rectangle"] | {"choices": ["old"]}))
    )
    assert not reading.labels and reading.looked_at() == {"images/a.jpg": (0, 1, 0)}


def test_keypoints_of_a_region_stay_with_it(read):
    points = [
        region(
            "keypointlabels", {"x": x, "y": 50, "width": 1, "keypointlabels": [name]}
        )
        | {"id": name, "parentID": "r"}
        for x, name in ((25, "left eye"), (50, "nose"))
    ]
    reading = read(export(rectangle(), *points))
    (label,) = reading.labels
    assert label.attributes == (
        ("keypoints", "10 10 2 20 10 2"),
        ("keypoint_names", "left_eye nose"),
    )
    assert reading.looked_at() == {"images/a.jpg": (1, 0, 0)}


# ---- pictures that are shown upright ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize(
    ("orientation", "size", "box"),
    [
        (
            6,
            (20, 40),
            (20, 5, 30, 15),
        ),  # seen 5, 20, 15, 30 of 20 x 40; (x, y) seen is (y, 20 - x) stored
        (3, (40, 20), (10, 5, 30, 10)),  # seen 10, 10, 30, 15; (40 - x, 20 - y)
        (6, (40, 20), (10, 10, 30, 15)),  # the size says: as stored
    ],
)
def test_regions_lie_on_the_stored_pixels(
    write_files, read_session, kind, orientation, size, box
):
    result = region(f"{kind}labels", PLACES[kind] | {f"{kind}labels": ["car"]})
    result |= {"original_width": size[0], "original_height": size[1]}
    (label,) = read_session(
        write_files(
            {"export.json": export(result), "a.jpg": encode_turned(orientation, 40, 20)}
        )
    ).labels
    assert label.box_xyxy == box


def test_a_brush_mask_is_turned(write_files, read_session):
    """The mask of 6 x 4 px, of a picture that stores 4 x 6: pixel (x, y) seen is pixel (y, 5 - x) stored."""
    root = write_files(
        {"export.json": export(brush(BRUSH)), "a.jpg": encode_turned(6, 4, 6)}
    )
    (label,) = read_session(root).labels
    rows = decode_mask(label.mask_rle, 6, 4).tolist()
    assert rows == [
        [0, 0, 0, 0],
        [0, 1, 1, 0],
        [0, 1, 1, 0],
        [0, 1, 1, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 1],
    ]
    assert label.box_xyxy == (1, 1, 4, 6)


def test_a_turned_rectangle_of_an_upright_picture(write_files, read_session):
    # seen on 20 x 40: from (10, 20), 8 wide and 4 high, a quarter turn clockwise: 6, 20, 10, 28
    value = {
        "x": 50,
        "y": 50,
        "width": 40,
        "height": 10,
        "rotation": 90,
        "rectanglelabels": ["car"],
    }
    result = region("rectanglelabels", value) | {
        "original_width": 20,
        "original_height": 40,
    }
    (label,) = read_session(
        write_files({"export.json": export(result), "a.jpg": encode_turned(6, 40, 20)})
    ).labels
    assert label.box_xyxy == pytest.approx((20, 10, 28, 14))

"""Label Studio exports: per cents become px, one annotation a task counts, and what is not read is said."""

from __future__ import annotations

import json

import pytest

from models.masks import decode_mask


def region(kind: str, value: dict, **more) -> dict:
    return {"id": "r", "type": kind, "value": value, "original_width": 40, "original_height": 20, "image_rotation": 0,
            "to_name": "image", "from_name": "label", **more}  # fmt: skip


def rectangle(x=25, y=50, width=50, height=25, label="car", **more) -> dict:
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": 0, "rectanglelabels": [label], **more}
    return region("rectanglelabels", value)


def export(*results: dict, image: str = "/data/upload/3/0a1b2c3d-a.jpg", **more) -> str:
    annotation = {"id": 5, "was_cancelled": False, "ground_truth": False, "result": list(results)}
    return json.dumps([{"id": 1, "annotations": [annotation], "data": {"image": image}, "predictions": [], **more}])


@pytest.fixture
def read(write_files, read_session, make_image):
    return lambda text: read_session(
        write_files({"export.json": text, "images/a.jpg": make_image(width=40, height=20)})
    )


def test_per_cents_become_pixels(read):
    reading = read(export(rectangle()))
    assert [p.reader for p in reading.plans] == ["label_studio"] and not reading.problems
    (label,) = reading.labels
    assert (label.task, label.class_name, label.frame_path) == ("detection", "car", "images/a.jpg")
    assert label.box_xyxy == (10, 10, 30, 15), "25% of 40, 50% of 20, then 50% and 25% more"


def test_a_turned_rectangle_turns_about_its_first_corner(read):
    (label,) = read(export(rectangle(50, 25, 20, 10, rotation=90))).labels
    # first corner (20, 5), 8x2 px; a quarter turn clockwise: it goes 8 down and 2 to the left
    assert label.box_xyxy == pytest.approx((18, 5, 20, 13))
    assert decode_mask(label.mask_rle, 20, 40).sum() == pytest.approx(16, abs=8)


def test_polygons_and_choices(read):
    polygon = region("polygonlabels", {"points": [[10, 10], [30, 10], [30, 50]], "polygonlabels": ["roof", "house"]})
    choice = {"id": "c", "type": "choices", "value": {"choices": ["dusk"]}, "to_name": "image", "from_name": "light"}
    labels = read(export(polygon, choice)).labels
    assert [(label.task, label.class_name, label.box_xyxy) for label in labels] == [
        ("detection", "roof", (4, 2, 12, 10)), ("detection", "house", (4, 2, 12, 10)), ("recognition", "dusk", None),
    ]  # fmt: skip
    assert labels[0].mask_rle and len({label.index for label in labels}) == 3


@pytest.mark.parametrize("image", [
    "/data/upload/3/0a1b2c3d-a.jpg", "s3://bucket/some/where/a.jpg", "/data/local-files/?d=images/a.jpg",
    "https://example.org/x/a.jpg?token=1", "a.jpg", "C:\\pictures\\a.jpg", "/data/upload/3/0a1b2c3d-%61.jpg",
])  # fmt: skip
def test_the_image_is_found_by_its_file_name(read, image):
    assert len(read(export(rectangle(), image=image)).labels) == 1


# written by label-studio-sdk 2.1.2, `converter.brush.encode_rle`, of 6x4 px RGBA whose alpha is
# 0 0 0 0 0 100 / 0 0 255 255 255 0 / 0 0 255 255 255 0 / 255 0 0 0 0 0
BRUSH = [0, 0, 0, 96, 57, 27, 254, 22, 0, 1, 146, 208, 0, 31, 241, 0, 1, 255, 16, 0, 31, 247, 128, 0, 255, 136, 0, 15,
         248, 128, 0, 255, 152, 0, 15, 252, 38, 0]  # fmt: skip


def brush(rle: object, form: str = "rle") -> dict:
    value = {"format": form, "rle": rle, "brushlabels": ["dirt"]}
    return region("brushlabels", value) | {"original_width": 6, "original_height": 4}


def test_brush_masks(write_files, read_session, make_image):
    root = write_files({"export.json": export(brush(BRUSH)), "a.png": make_image(width=6, height=4, ending=".png")})
    (label,) = read_session(root).labels
    assert decode_mask(label.mask_rle, 4, 6).tolist() == [
        [0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 0], [0, 0, 1, 1, 1, 0], [1, 0, 0, 0, 0, 0],
    ]  # fmt: skip
    assert (label.task, label.class_name, label.box_xyxy) == ("detection", "dirt", (0, 1, 5, 4))


@pytest.mark.parametrize(("region", "reason"), [
    (brush(BRUSH[:-4]), "ends early"), (brush([300]), "no list of bytes"), (brush("AAAA"), "no list of bytes"),
    (brush([0, 0, 0, 95, *BRUSH[4:]]), "95 words of 8 bits, for 6x4 px"), (brush(BRUSH, "png"), "format 'png'"),
    (brush([255] * 40), "4294967295 words"),
])  # fmt: skip
def test_brush_masks_that_make_no_sense(write_files, read_session, make_image, region, reason):
    root = write_files({"export.json": export(region), "a.png": make_image(width=6, height=4, ending=".png")})
    reading = read_session(root)
    assert not reading.labels and reason in reading.problems[0].reason


@pytest.mark.parametrize(("broken", "reason"), [
    (rectangle(x="a"), "are not two numbers"),
    (region("rectanglelabels", {"x": 1, "y": 1, "height": 1, "rectanglelabels": ["a"]}), "has no 'width'"),
    (region("polygonlabels", {"points": [[1, 1], [2, 2]], "polygonlabels": ["a"]}), "a polygon of 4 numbers"),
    (region("rectanglelabels", {"x": 1, "y": 1, "width": 1, "height": 1, "rectanglelabels": 3}), "not a list of names"),
    ({**rectangle(), "original_width": 400}, "drawn on 400x20 px, images/a.jpg has 40x20"),
    ({**rectangle(), "original_width": None}, "not whole numbers"),
    ({**rectangle(), "image_rotation": 90}, "turned view"),
])  # fmt: skip
def test_a_region_that_makes_no_sense_is_named_and_its_neighbour_read(read, broken, reason):
    reading = read(export(broken, rectangle()))
    assert [label.class_name for label in reading.labels] == ["car"]
    assert len(reading.problems) == 1 and reason in reading.problems[0].reason


def test_one_annotation_of_a_task_counts(read):
    def annotation(number: int, label: str, **more) -> dict:
        return {"id": number, "result": [rectangle(label=label)], "updated_at": f"2026-01-0{number}T00:00:00Z", **more}

    newest = [annotation(1, "old"), annotation(3, "new"), annotation(4, "cancelled", was_cancelled=True)]
    task = {"id": 1, "annotations": newest, "data": {"image": "a.jpg"}, "predictions": [{"result": [rectangle()]}]}
    reading = read(json.dumps([task]))
    assert [label.class_name for label in reading.labels] == ["new"]
    assert reading.plans[0].notes == {
        "export.json: not read: predictions": "1", "export.json: not read: cancelled annotations": "1",
        "export.json: not read: other annotations of the same task": "1",
    }  # fmt: skip
    task["annotations"] = [annotation(1, "truth", ground_truth=True), annotation(3, "new")]
    assert [label.class_name for label in read(json.dumps([task])).labels] == ["truth"]


def test_images_without_file_and_files_without_annotation_are_reported(read):
    reading = read(export(rectangle(), image="/data/upload/1/gone.jpg"))
    assert "there is no image '/data/upload/1/gone.jpg'" in reading.problems[0].reason
    assert reading.plans[0].notes["images that no annotation names"] == "1: images/a.jpg"


@pytest.mark.parametrize(("text", "reason"), [
    ('[{"image": "a.jpg", "label": [], "id": 1, "annotator": 1}]', "JSON_MIN"),
    ('[{"data": {"image": "a.jpg"}, "annotations": [], "annotations": []}]', "appears twice"),
    ('[{"data": {"image": "a.jpg"}, "annotations": [{"result": [{"value": NaN}]}]}]', "NaN is not a JSON number"),
])  # fmt: skip
def test_doubtful_files_are_refused(read, text, reason):
    reading = read(text)
    assert reason in reading.problems[0].reason and len(reading.frames) == 1 and not reading.labels


def test_kinds_of_regions_that_are_not_read_are_counted(read):
    reading = read(export(region("keypointlabels", {"x": 1, "y": 1, "keypointlabels": ["eye"]}), rectangle()))
    assert reading.plans[0].notes == {"export.json: not read: keypointlabels": "1"}

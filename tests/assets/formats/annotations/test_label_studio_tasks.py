"""Label Studio exports: which annotation of a task counts, who looked at what, and which image an address means."""

from __future__ import annotations

import json

import pytest

from tests.assets.formats.annotations.label_studio_text import export, rectangle


@pytest.fixture
def read(write_files, read_session, make_image):
    return lambda text: read_session(
        write_files(
            {"export.json": text, "images/a.jpg": make_image(width=40, height=20)}
        )
    )


PLACES = {
    "rectangle": {"x": 25, "y": 50, "width": 50, "height": 25, "rotation": 0},
    "polygon": {"points": [[25, 50], [75, 50], [75, 75], [25, 75]], "closed": True},
    "ellipse": {"x": 50, "y": 62.5, "radiusX": 25, "radiusY": 12.5, "rotation": 0},
}  # each with the box 10, 10, 30, 15


# ---- who looked at what ----------------------------------------------------------------------------------------------


def tasks(*results: list | None, kept: str = "annotations") -> str:
    """Tasks of a.jpg, b.jpg, ...; None: nobody annotated it."""
    return json.dumps(
        [
            {
                "id": n,
                "data": {"image": f"/data/upload/1/0a1b2c3d-{'abcdef'[n]}.jpg"},
                kept: [] if result is None else [{"id": n, "result": result}],
            }
            for n, result in enumerate(results)
        ]
    )


@pytest.fixture
def read_tasks(write_files, read_session, make_image):
    pictures = {f"{name}.jpg": make_image(n, 40, 20) for n, name in enumerate("abc")}
    return lambda text: read_session(write_files({"export.json": text, **pictures}))


@pytest.mark.parametrize("kept", ["annotations", "completions"])
def test_an_empty_annotation_is_a_negative_and_none_is_not(read_tasks, kept):
    reading = read_tasks(tasks([rectangle()], [], None, kept=kept))
    assert reading.looked_at() == {"a.jpg": (1, 0, 0), "b.jpg": (0, 0, 0)}
    assert reading.plans[0].notes["export.json: tasks without an annotation"] == "1"
    assert reading.plans[0].notes["images that no annotation names"] == "1: c.jpg"


def test_an_annotation_that_was_cancelled_is_none(read_tasks):
    export_of_two = json.loads(tasks([rectangle()], []))
    export_of_two[1]["annotations"][0]["was_cancelled"] = True
    assert read_tasks(json.dumps(export_of_two)).looked_at() == {"a.jpg": (1, 0, 0)}


def test_a_project_of_choices_has_looked_for_no_object(read_tasks):
    choice = {
        "id": "c",
        "type": "choices",
        "value": {"choices": ["dusk"]},
        "to_name": "image",
        "from_name": "light",
    }
    reading = read_tasks(tasks([choice], []))
    assert not reading.looked_at()
    assert reading.looked_at("recognition") == {"a.jpg": (1, 0, 0), "b.jpg": (0, 0, 0)}


def test_predictions_tell_what_the_project_is_of(read_tasks):
    export_of_one = json.loads(tasks([]))
    export_of_one[0]["predictions"] = [{"result": [rectangle()]}]
    reading = read_tasks(json.dumps(export_of_one))
    assert not reading.labels and reading.looked_at() == {"a.jpg": (0, 0, 0)}


def test_a_region_that_is_refused_is_missing(read):
    reading = read(export(rectangle() | {"original_width": 400}, rectangle(x=0)))
    assert reading.looked_at() == {"images/a.jpg": (1, 1, 0)}


# ---- which image -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "is_found"),
    [
        ("/data/upload/12/0a1b2c3d-x.jpg", True),
        ("http://host:8080/data/upload/0a1b2c3d-x.jpg", True),
        ("/data/local-files/?d=cam_a%2Fx.jpg", True),
        ("/data/local-files/?d=cam_b/x.jpg", False),
        ("/data/local-files/?d=set%5Ccam_a%5Cx.jpg", True),
        ("s3://bucket/run/cam_a/x.jpg", True),
        ("s3://bucket/run/cam_b/x.jpg", False),
        ("gs://bucket/cam_a/20240101-x.jpg", False),
        ("https://host/cam_a/x.jpg?token=a/b", True),
        ("cam_a/x.jpg", True),
        ("0a1b2c3d-x.jpg", False),
    ],
)
def test_folders_of_the_server_say_nothing_and_those_of_the_data_contradict(
    write_files, read_session, make_image, address, is_found
):
    root = write_files(
        {
            "export.json": export(rectangle(), image=address),
            "cam_a/x.jpg": make_image(width=40, height=20),
        }
    )
    reading = read_session(root)
    assert (len(reading.labels), len(reading.problems)) == (
        (1, 0) if is_found else (0, 1)
    )


def test_an_uploaded_file_that_kept_its_prefix_is_found_first(
    write_files, read_session, make_image
):
    pictures = {
        name: make_image(n, 40, 20)
        for n, name in enumerate(("0a1b2c3d-a.jpg", "a.jpg"))
    }
    (label,) = read_session(
        write_files({"export.json": export(rectangle()), **pictures})
    ).labels
    assert label.frame_path == "0a1b2c3d-a.jpg"


def test_the_server_writes_spaces_as_lines(write_files, read_session, make_image):
    text = export(rectangle(), image="/data/upload/1/0a1b2c3d-my_cat_1.jpg")
    root = write_files(
        {"export.json": text, "my cat (1).jpg": make_image(width=40, height=20)}
    )
    assert [label.frame_path for label in read_session(root).labels] == [
        "my cat (1).jpg"
    ]


def test_two_uploads_of_one_name_are_of_two_pictures(
    write_files, read_session, make_image
):
    both = [
        json.loads(export(rectangle(), image=f"/data/upload/1/{n}-a.jpg"))[0]
        for n in ("0a1b2c3d", "1a2b3c4d")
    ]
    reading = read_session(
        write_files(
            {"export.json": json.dumps(both), "a.jpg": make_image(width=40, height=20)}
        )
    )
    assert not reading.labels and not reading.looked_at()
    assert (
        "were uploads of one name, and a.jpg may be any of them"
        in reading.problems[0].reason
    )


def test_the_file_that_was_uploaded_tells_where_the_data_do_not(read):
    assert (
        len(
            read(
                export(
                    rectangle(),
                    image="https://host/show/17",
                    file_upload="0a1b2c3d-a.jpg",
                )
            ).labels
        )
        == 1
    )


def test_other_texts_of_a_task_name_no_image(read):
    (task,) = json.loads(export(rectangle()))
    task["data"]["title"] = "a"
    assert len(read(json.dumps([task])).labels) == 1


def test_pages_of_a_task_are_told_by_their_number(read_tasks):
    pages = {"pages": ["s3://b/a.jpg", "s3://b/b.jpg"]}
    result = [rectangle() | {"item_index": 1}]
    reading = read_tasks(
        json.dumps(
            [{"id": 1, "data": pages, "annotations": [{"id": 1, "result": result}]}]
        )
    )
    assert [label.frame_path for label in reading.labels] == ["b.jpg"]
    assert reading.looked_at() == {"a.jpg": (0, 0, 0), "b.jpg": (1, 0, 0)}


# ---- forms of files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [lambda text: "\ufeff" + text, lambda text: text[1:-1], lambda text: " \n" + text],
)
def test_a_mark_of_the_byte_order_one_task_and_white_space(read, form):
    assert len(read(form(export(rectangle()))).labels) == 1


def short_form(**fields: object) -> dict:
    return {
        "image": "/data/upload/1/0a1b2c3d-a.jpg",
        "id": 3,
        **fields,
        "annotator": 1,
        "annotation_id": 5,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "lead_time": 2.5,
    }


SIZES = {"original_width": 40, "original_height": 20}


def test_regions_of_the_short_form(read_tasks):
    box = PLACES["rectangle"] | {"rectanglelabels": ["car"]} | SIZES
    shape = PLACES["polygon"] | {"polygonlabels": ["roof"]} | SIZES
    records = [
        short_form(label=[box, shape], state="old"),
        short_form(image="b.jpg", id=4),
        short_form(image="c.jpg", id=5) | {"annotation_id": None},
    ]
    reading = read_tasks(json.dumps(records))
    assert [(label.class_name, label.box_xyxy) for label in reading.labels] == [
        ("car", (10, 10, 30, 15)),
        ("roof", (10, 10, 30, 15)),
    ]
    assert reading.looked_at() == {"a.jpg": (2, 0, 0), "b.jpg": (0, 0, 0)}, (
        "nobody annotated c"
    )
    assert (
        reading.plans[0].notes[
            "labels not read from export.json: choices or texts in 'state' of the short form"
        ]
        == "1"
    )


def test_a_place_and_its_label_in_two_fields_of_the_short_form(read):
    place = PLACES["rectangle"] | SIZES
    (label,) = read(
        json.dumps([short_form(box=[place], label=[place | {"labels": ["car"]}])])
    ).labels
    assert (label.class_name, label.box_xyxy) == ("car", (10, 10, 30, 15))


def test_the_newest_annotation_of_the_short_form_counts(read):
    records = [
        short_form(label=[PLACES["rectangle"] | {"rectanglelabels": [name]} | SIZES])
        for name in ("old", "new")
    ]
    records[0]["updated_at"] = "2025-01-01T00:00:00Z"
    assert [label.class_name for label in read(json.dumps(records)).labels] == ["new"]

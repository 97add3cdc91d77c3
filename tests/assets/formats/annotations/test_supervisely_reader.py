"""Projects of Supervisely: boxes, polygons with holes, bitmaps, graphs, tags; what is left out, what is refused."""

from __future__ import annotations

import base64
import io
import json
import zlib

import numpy as np
import pytest
from PIL import Image

from assets.formats.annotations import supervisely
from assets.formats.observations import AnnotationObservation
from models.masks import decode_mask

SIZE = {"height": 24, "width": 32}
CLASSES = [
    {"title": "car", "shape": "rectangle", "color": "#FF0000"},
    {
        "title": "person",
        "shape": "graph",
        "color": "#00FF00",
        "geometry_config": {
            "nodes": {
                "n1": {"label": "left hand", "loc": [0, 0]},
                "n2": {"label": "head", "loc": [5, 5]},
                "n3": {"label": "foot", "loc": [9, 9]},
            },
            "edges": [],
        },
    },
]
META = json.dumps({"classes": CLASSES, "tags": [], "projectType": "images"})


def compress(mask: np.ndarray, kind: str = "palette") -> str:
    """As `Bitmap.data_2_base64` does: a palette of two colours, the first transparent; or alpha, or grey."""
    stream = io.BytesIO()
    if kind == "palette":
        picture = Image.fromarray(mask.astype(np.uint8))
        picture.putpalette([0, 0, 0, 255, 255, 255])
        picture.save(stream, "PNG", transparency=0)
    elif kind == "alpha":
        alpha = np.zeros((*mask.shape, 4), np.uint8)
        alpha[..., 3] = mask * 255
        Image.fromarray(alpha).save(stream, "PNG")
    else:
        Image.fromarray(mask.astype(np.uint8) * 255).save(stream, "PNG")
    return base64.b64encode(zlib.compress(stream.getvalue())).decode()


def figure(kind: str, **said) -> dict:
    return {"classTitle": "car", "geometryType": kind, "tags": [], **said}


def points(exterior, interior=()) -> dict:
    return {"points": {"exterior": exterior, "interior": list(interior)}}


def annotation(*objects: dict, tags=(), size=SIZE) -> str:
    said = {"description": "", "tags": list(tags), "size": size}
    return json.dumps({**said, "objects": list(objects)})


@pytest.fixture
def read_project(write_files, read_session, make_image):
    """Annotations by the name of their picture, of one data set."""

    def read(annotations: dict[str, str], **more: bytes | str):
        files: dict[str, bytes | str] = {"p/meta.json": META, **more}
        for seed, (name, text) in enumerate(annotations.items()):
            files[f"p/ds0/img/{name}"] = make_image(seed)
            files[f"p/ds0/ann/{name}.json"] = text
        return read_session(write_files(files))

    return read


def pixels_of(label) -> np.ndarray:
    return decode_mask(label.mask_rle, 24, 32).astype(bool)


def test_figures_become_boxes_masks_and_keypoints(read_project):
    window = np.array([[0, 1, 1], [1, 1, 0]], bool)
    text = annotation(
        figure("rectangle", **points([[20, 15], [4, 3.5]])),
        figure(
            "polygon",
            **points(
                [[2, 2], [12, 2], [12, 12], [2, 12]],
                [[[4, 4], [8, 4], [8, 8], [4, 8]]],
            ),
        ),
        figure("bitmap", bitmap={"data": compress(window), "origin": [5, 6]}),
        figure(
            "graph",
            classTitle="person",
            nodes={"n2": {"loc": [10, 4]}, "n1": {"loc": [6, 9], "disabled": True}},
        ),
    )
    reading = read_project({"a.jpg": text})
    assert not reading.problems and not reading.leftovers
    box, polygon, bitmap, graph = reading.labels
    assert [plan.reader for plan in reading.plans] == ["supervisely"]
    assert box.box_xyxy == (4, 3.5, 20, 15) and box.mask_rle is None
    assert {x.frame_path for x in reading.labels} == {"p/ds0/img/a.jpg"}
    # 10 x 10 without a hole of 4 x 4
    assert polygon.box_xyxy == (2, 2, 12, 12)
    mask = pixels_of(polygon)
    assert mask.sum() == 84 and not mask[5, 5] and mask[3, 3]
    assert bitmap.box_xyxy == (5, 6, 8, 8)
    assert (pixels_of(bitmap)[6:8, 5:8] == window).all()
    assert pixels_of(bitmap).sum() == 4
    assert graph.class_name == "person" and graph.box_xyxy == (6, 4, 10, 9)
    assert dict(graph.attributes) == {
        "keypoints": "6 9 1 10 4 2 0 0 0",
        "keypoint_names": "left_hand head foot",
    }
    (look,) = reading.of(AnnotationObservation)
    assert (look.task, look.num_labels, look.num_missing) == ("detection", 4, 0)


@pytest.mark.parametrize("kind", ["palette", "alpha", "grey"])
def test_a_bitmap_is_what_is_opaque_or_not_black(read_project, kind):
    window = np.array([[0, 1], [1, 1]], bool)
    bitmap = {"data": compress(window, kind), "origin": [30, 22]}
    reading = read_project({"a.jpg": annotation(figure("bitmap", bitmap=bitmap))})
    (label,) = reading.labels
    assert label.box_xyxy == (30, 22, 32, 24)
    assert (pixels_of(label)[22:, 30:] == window).all()


def test_whole_corners_are_pixels_and_others_edges(read_project):
    """A rectangle from pixel 3 to pixel 3 is one pixel."""
    shapes = ([[3, 5], [3, 5]], [[0, 0], [31, 23]], [[3, 5], [3.5, 6]])
    figures = [figure("rectangle", **points(corners)) for corners in shapes]
    reading = read_project({"a.jpg": annotation(*figures)})
    boxes = [label.box_xyxy for label in reading.labels]
    assert boxes == [(3, 5, 4, 6), (0, 0, 32, 24), (3, 5, 3.5, 6)]


def test_tags_are_attributes_of_objects_and_classes_of_pictures(read_project):
    tags = [{"name": "blurred", "value": None}, {"name": "angle", "value": 30}]
    box = figure("rectangle", **points([[1, 1], [5, 5]]))
    reading = read_project({"a.jpg": annotation({**box, "tags": tags}, tags=tags)})
    (label, whole) = sorted(reading.labels, key=lambda x: x.task)
    assert label.attributes == (("blurred", "1"), ("angle", "30"))
    assert (whole.task, whole.class_name) == ("recognition", "blurred")
    assert reading.plans[0].notes["labels not read: tags with a value"] == "1"


def test_a_picture_without_an_object_is_a_negative_unless_tags_are_the_matter(
    read_project,
):
    box = figure("rectangle", **points([[1, 1], [5, 5]]))
    reading = read_project({"a.jpg": annotation(), "b.jpg": annotation(box)})
    looks = {a.frame_path: a.num_labels for a in reading.of(AnnotationObservation)}
    assert looks == {"p/ds0/img/a.jpg": 0, "p/ds0/img/b.jpg": 1}


def test_a_project_of_tags_looks_for_classes(read_project):
    tagged = annotation(tags=[{"name": "night"}])
    reading = read_project({"a.jpg": annotation(), "b.jpg": tagged})
    assert {a.task for a in reading.of(AnnotationObservation)} == {"recognition"}


def test_points_lines_and_other_shapes_are_counted(read_project):
    text = annotation(
        figure("point", **points([[3, 3]])),
        figure("polyline", **points([[3, 3], [9, 9]])),
        figure("cuboid_2d"),
    )
    reading = read_project({"a.jpg": text})
    notes = reading.plans[0].notes
    for kind in ("point", "polyline", "cuboid_2d"):
        assert notes[f"labels not read: {kind}"] == "1"
    (look,) = reading.of(AnnotationObservation)
    assert (look.num_labels, look.num_missing, look.num_ignored) == (0, 1, 2)


def test_renderings_and_files_of_the_server_are_no_pictures(read_project, make_image):
    more = {
        "p/ds0/seg/a.jpg.png": make_image(ending=".png"),
        "p/ds0/img_info/a.jpg.json": "{}",
        "p/key_id_map.json": "{}",
    }
    reading = read_project({"a.jpg": annotation()}, **more)
    assert len(reading.frames) == 1 and not reading.leftovers
    assert reading.plans[0].notes["not read: seg/"] == "1 files"


def test_data_sets_in_data_sets_share_the_classes(
    write_files, read_session, make_image
):
    text = annotation(
        figure(
            "graph",
            classTitle="person",
            nodes={"n2": {"loc": [1, 1]}, "n3": {"loc": [9, 9]}},
        )
    )
    files = {"p/meta.json": META}
    for folder in ("p/a", "p/a/datasets/b"):
        files[f"{folder}/img/x.png"] = make_image(ending=".png")
        files[f"{folder}/ann/x.png.json"] = text
    reading = read_session(write_files(files))
    (plan,) = reading.plans
    assert plan.root == "p" and not reading.problems
    assert {x.frame_path for x in reading.labels} == {
        "p/a/img/x.png",
        "p/a/datasets/b/img/x.png",
    }
    names = {dict(x.attributes)["keypoint_names"] for x in reading.labels}
    assert names == {"left_hand head foot"}


GOOD = compress(np.ones((2, 2), bool))


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (figure("rectangle", **points([[1, 1]])), "a rectangle of 1 points"),
        (figure("rectangle"), "it has no points"),
        (figure("polygon", **points([[1, 1], [2, 2]])), "a polygon of 4 numbers"),
        (figure("polygon", **points([["a", 1]])), "no list of x and y"),
        (
            figure("bitmap", bitmap={"data": GOOD, "origin": [31, 0]}),
            "leaves the 32x24",
        ),
        (figure("bitmap", bitmap={"data": "x!", "origin": [0, 0]}), "do not expand"),
        (figure("bitmap", bitmap={"data": GOOD[:40], "origin": [0, 0]}), "are cut"),
        (
            figure(
                "bitmap",
                bitmap={
                    "data": base64.b64encode(zlib.compress(b"GIF89a")).decode(),
                    "origin": [0, 0],
                },
            ),
            "a bitmap that is no PNG",
        ),
        (
            figure(
                "bitmap",
                bitmap={"data": compress(np.zeros((2, 2), bool)), "origin": [0, 0]},
            ),
            "a mask without a pixel",
        ),
        (
            figure("graph", classTitle="person", nodes={"zz": {"loc": [1, 1]}}),
            "a node 'zz' that its class does not have",
        ),
        (
            figure("rectangle", classTitle=" ", **points([[1, 1], [2, 2]])),
            "no classTitle",
        ),
    ],
)
def test_a_figure_that_makes_no_sense_is_refused_alone(read_project, item, reason):
    good = figure("rectangle", **points([[1, 1], [5, 5]]))
    reading = read_project({"a.jpg": annotation(item, good)})
    (problem,) = reading.problems
    assert problem.reason.startswith("object 0: ") and reason in problem.reason
    assert len(reading.labels) == 1
    (look,) = reading.of(AnnotationObservation)
    assert (look.num_labels, look.num_missing) == (1, 1)


def test_files_that_make_no_sense_are_told(read_project, write_files, read_session):
    reading = read_project(
        {
            "a.jpg": annotation(size={"height": 5, "width": 5}),
            "b.jpg": '{"objects": 3, "size": {}}',
        },
        **{"p/ds0/ann/c.jpg.json": annotation(), "p/meta.json": "[]"},
    )
    reasons = {p.source.path.split("/")[-1]: p.reason for p in reading.problems}
    assert reasons["b.jpg.json"].startswith("not a file of Supervisely")
    assert reasons["c.jpg.json"] == "there is no image 'p/ds0/img/c.jpg'"
    assert "would lie elsewhere" in reasons["a.jpg.json"]
    assert reasons["meta.json"].startswith("not a description of a project")


def test_a_bitmap_has_limits(lower, read_project):
    text = annotation(figure("bitmap", bitmap={"data": GOOD, "origin": [0, 0]}))
    lower(supervisely, MAX_LABEL_PIXELS=3)
    (problem,) = read_project({"a.jpg": text}).problems
    assert "a bitmap of 4 px, more than 3" in problem.reason
    lower(supervisely, _MAX_BITMAP_BYTES=20)
    (problem,) = read_project({"a.jpg": text}).problems
    assert "expand to more than 20 bytes" in problem.reason

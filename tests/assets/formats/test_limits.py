"""The limits of label files, settings and index files, lowered until an ordinary one of a few lines exceeds them."""

from __future__ import annotations

import io
import itertools
import json
import struct
from types import ModuleType

import pytest
from PIL import Image

from assets import image_segments, tiff_layout
from assets.formats import protocol, session_settings
from assets.formats.annotations import (
    class_masks,
    coco,
    cvat,
    image_labels,
    kitti_object,
    label_book,
    label_images,
    label_studio,
    mask_runs,
    open_images,
    picture_json,
    voc,
    yolo,
    yolo_labels,
    yolo_trees,
)
from assets.formats.images import exif, opencv_calibration
from assets.formats.messages import log_times, rig
from assets.formats.observations import LabelObservation, SignalObservation, Source
from assets.formats.protocol import CapturePlan, UnreadableBytes, read_bytes
from assets.formats.sequences import asl, sequence_files
from assets.storage import SessionFile

SQUARE = (4, 4, 8, 4, 8, 8, 4, 8)  # corners, px: 16 px around


def coco_of(*labels: dict[str, object]) -> str:
    return json.dumps(
        {
            "images": [{"id": 1, "file_name": "a.jpg", "width": 32, "height": 24}],
            "annotations": [
                {"id": n, "image_id": 1, "category_id": 7} | label
                for n, label in enumerate(labels)
            ],
            "categories": [{"id": 7, "name": "cup"}],
        }
    )


def box_of(n: int) -> dict[str, object]:
    return {"bbox": [n, n, 5, 5]}


def cvat_of(shapes: str, size: str = 'width="32" height="24"') -> str:
    head = "<annotations><version>1.1</version><meta><task><id>1</id></task></meta>"
    return f'{head}<image id="0" name="a.jpg" {size}>{shapes}</image></annotations>'


def cvat_box(n: int) -> str:
    return f'<box label="a" xtl="{n}" ytl="{n}" xbr="{n + 5}" ybr="{n + 5}"/>'


def cvat_track(number: int, last_frame: int) -> str:
    boxes = "".join(
        f'<box frame="{frame}" outside="0" xtl="{number}" ytl="1" xbr="9" ybr="9"/>'
        for frame in (0, last_frame)
    )
    return f'<track id="{number}" label="a">{boxes}</track>'


def studio_of(*values: dict[str, object], kind: str = "rectanglelabels") -> str:
    results = [
        {
            "id": f"r{n}",
            "type": kind,
            "value": {kind: ["a"], **value},
            "original_width": 32,
            "original_height": 24,
            "image_rotation": 0,
            "to_name": "image",
            "from_name": "label",
        }
        for n, value in enumerate(values)
    ]
    annotation = {"id": 5, "was_cancelled": False, "result": results}
    task = {"id": 1, "annotations": [annotation], "data": {"image": "a.jpg"}}
    return json.dumps([task])


def studio_box(n: int) -> dict[str, object]:
    return {"x": 5 * n, "y": 5, "width": 20, "height": 20, "rotation": 0}


def sheet_of(count: int) -> str:
    boxes = "".join(
        f"<object><name>a</name><bndbox><xmin>{n}</xmin><ymin>{n}</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
        for n in range(count)
    )
    return f"<annotation><filename>a.jpg</filename>{boxes}</annotation>"


def file_of(data: bytes) -> SessionFile:
    return SessionFile("a", "a", len(data), "1")


@pytest.fixture
def read_beside(write_files, read_session, make_image):
    """read_beside({"a.json": text}): how many labels were read of a picture a.jpg, and what is said."""

    def read(files: dict[str, bytes | str]) -> tuple[int, list[str]]:
        reading = read_session(write_files({"a.jpg": make_image(), **files}))
        assert len(reading.frames) >= 1
        return len(reading.labels), [p.reason for p in reading.problems]

    return read


# ---- labels of one picture -------------------------------------------------------------------------------------------

MANY = {
    "coco": {"instances.json": coco_of(*map(box_of, range(10)))},
    "cvat": {"a.xml": cvat_of("".join(map(cvat_box, range(10))))},
    "kitti_object": {
        "labels/a.txt": "".join(
            f"Car 0 0 0 {n} {n} 9 9 1 1 1 1 1 1 1\n" for n in range(9)
        ),
    },
    "labelme": {
        "a.json": json.dumps(
            {
                "imagePath": "a.jpg",
                "shapes": [
                    {
                        "label": "a",
                        "points": [[n, n], [20, 20]],
                        "shape_type": "rectangle",
                    }
                    for n in range(9)
                ],
            }
        )
    },
    "open_images": {
        "boxes.csv": "ImageID,LabelName,XMin,XMax,YMin,YMax\n"
        + "".join(f"a,/m/1,0,0.{n + 1},0,1\n" for n in range(9))
    },
    "label_studio": {"a.json": studio_of(*map(studio_box, range(10)))},
    "voc": {"a.xml": sheet_of(9)},
    "yolo": {
        "data.yaml": "names: [a]\n",
        "labels/a.txt": "".join(f"0 0.5 0.5 0.1 0.{n + 1}\n" for n in range(9)),
    },
}


@pytest.mark.parametrize(
    ("reader", "module", "reason"),
    [
        ("coco", coco, "annotation 2: more than 2 of one image, not read on"),
        ("cvat", cvat, "more than 2 shapes of a.jpg, the others are not read"),
        ("label_studio", label_studio, "more than 2 of one image, the others are not"),
        ("kitti_object", kitti_object, "more than 2 rows, not read on"),
        ("labelme", picture_json, "more than 2 shapes, not read on"),
        ("open_images", open_images, "row 2, of a.jpg: more than 2 of one image"),
        ("voc", protocol, "more than 2 labels of one frame: the 3th"),
        ("yolo", yolo_labels, "more than 2 rows"),
    ],
)
def test_labels_of_one_picture_beyond_the_limit_are_not_read(
    read_beside, lower, reader: str, module: ModuleType, reason: str
):
    files = MANY[reader]
    assert read_beside(files)[0] in (9, 10)
    lower(module, MAX_LABELS=2)
    num_labels, reasons = read_beside(files)
    assert num_labels == 2
    assert reason in reasons[0]


def test_only_so_many_boxes_at_one_place_are_compared(lower):
    def count() -> int:
        book = label_book.LabelBook(CapturePlan("coco", "", (), is_container=False))
        # the last is the first again, and three others at the same place lie between them
        for n, shift in enumerate((0, 0.5, 1, 1.5, 0)):
            box = (10.0 + shift, 20.0, 90.0, 90.0)
            source = Source("a.json")
            book.add(
                LabelObservation(
                    "a.jpg", "detection", "cup", source, box_xyxy=box, index=n
                )
            )
        return sum(isinstance(item, LabelObservation) for item in book.close())

    assert count() == 4
    lower(label_book, _MAX_IN_CELL=1)
    assert count() == 5


# ---- masks -----------------------------------------------------------------------------------------------------------


def test_masks_of_a_coco_file_beyond_its_columns_are_refused(read_beside, lower):
    masks = {"segmentation": [list(SQUARE)]}
    files = {"instances.json": coco_of(*(box_of(n) | masks for n in range(3)))}
    assert read_beside(files) == (3, [])
    # each mask has the 32 columns of its picture
    lower(coco, _FREE_COLUMNS=2 * 32, _COLUMNS_A_BYTE=0)
    num_labels, (reason,) = read_beside(files)
    assert num_labels == 2
    assert "with which masks are more than the file may hold" in reason


def polygon(n: int) -> str:
    points = ";".join(
        f"{x + n},{y}" for x, y in zip(SQUARE[::2], SQUARE[1::2], strict=True)
    )
    return f'<polygon label="a" points="{points}"/>'


def window(n: int) -> str:
    return f'<mask label="a" rle="0,80" left="{n}" top="0" width="10" height="8"/>'


@pytest.mark.parametrize(
    ("files", "columns"),
    [
        # 16 px around the square, there and back
        ({"a.xml": cvat_of("".join(map(polygon, range(3))))}, 8),
        # 10 x 8 px, of which 40 cost as much as a column
        ({"a.xml": cvat_of("".join(map(window, range(3))))}, 2),
    ],
)
def test_masks_beyond_the_budget_of_their_file_are_refused(
    read_beside, lower, files, columns
):
    assert read_beside(files) == (3, [])
    lower(image_labels, _FREE_COLUMNS=2 * columns, _COLUMNS_A_BYTE=0)
    num_labels, (reason,) = read_beside(files)
    assert num_labels == 2
    assert "the masks are more than a file of this size may hold" in reason


def test_shapes_between_listed_frames_beyond_the_limit_are_refused(
    write_files, read_session, make_image, lower, monkeypatch
):
    tracks = "".join(cvat_track(n, last_frame=3) for n in range(3))
    xml = f"<annotations><version>1.1</version><meta/>{tracks}</annotations>"
    pictures = {f"frame_{n:06d}.png": make_image(n, ending=".png") for n in range(4)}
    root = write_files({"a.xml": xml, **pictures})
    # four pictures with an object of each track
    assert len(read_session(root).labels) == 3 * 4
    # the first track fills two frames, and so it is the last
    lower(cvat, _FREE_SHAPES=1)
    monkeypatch.setattr(cvat, "_BYTES_A_SHAPE", 9999)
    reading = read_session(root)
    assert len(reading.labels) == 4
    (problem,) = reading.problems
    assert problem.reason.startswith("2 shapes between listed frames, more than a file")


def test_a_mask_of_more_pixels_than_the_limit_is_refused(lower):
    assert mask_runs.encode_runs([8, 4], (4, 3))
    lower(mask_runs, MAX_MASK_PIXELS=11)
    with pytest.raises(ValueError, match="a mask of 4x3 pixels"):
        mask_runs.encode_runs([8, 4], (4, 3))


def test_an_outline_longer_than_the_limit_is_refused(lower):
    assert mask_runs.encode_polygons([SQUARE], (32, 24))
    lower(mask_runs, MAX_OUTLINE_PX=15)
    with pytest.raises(ValueError, match="an outline of 16 px, more than 15"):
        mask_runs.encode_polygons([SQUARE], (32, 24))


def test_brush_masks_beyond_the_budget_of_their_file_are_refused(read_beside, lower):
    # 32x24 px RGBA as one run of the value 255: 32 bits of length, word size, four sizes of counts, the run
    num_values = 32 * 24 * 4
    bits = (
        f"{num_values:032b}{7:05b}" + f"{15:04b}" * 4 + "100" + f"{num_values - 1:016b}"
    )
    bits += f"{255:08b}"
    rle = [int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8)]
    brush = {"format": "rle", "rle": rle}
    files = {"a.json": studio_of(brush, kind="brushlabels")}
    assert read_beside(files) == (1, [])
    lower(image_labels, _FREE_COLUMNS=32 * 24 / 200 - 1, _COLUMNS_A_BYTE=0)
    num_labels, (reason,) = read_beside(files)
    assert num_labels == 0
    assert "the masks are more than a file of this size may hold" in reason


def test_a_label_image_of_more_pixels_than_the_limit_is_refused(
    write_files, read_session, make_image, lower
):
    stream = io.BytesIO()
    Image.new("L", (4, 2), 1).save(stream, "PNG")
    files = {"train/a.png": make_image(ending=".png", width=4, height=2)}
    root = write_files(files | {"trainannot/a.png": stream.getvalue()})
    assert [x.class_name for x in read_session(root).labels] == ["building"]
    lower(label_images, MAX_LABEL_PIXELS=7)
    (problem,) = read_session(root).problems
    assert "a label image of 4x2 px, more than 7" in problem.reason


# ---- bytes of a file -------------------------------------------------------------------------------------------------

YOLO = MANY["yolo"]
SIZE = "{} bytes, more than the {} read at once"


def test_a_file_larger_than_the_limit_is_not_read_whole():
    file = file_of(b"abc")
    assert read_bytes(file, lambda _: io.BytesIO(b"abc"), 3) == b"abc"
    with pytest.raises(UnreadableBytes, match="3 bytes, more than the 2 read at once"):
        read_bytes(file, lambda _: io.BytesIO(b"abc"), 2)


def test_no_more_is_read_than_was_listed():
    asked = []

    class Longer(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            asked.append(size)
            return super().read(size)

    with pytest.raises(UnreadableBytes, match="listed with 3 bytes, read with 4"):
        read_bytes(file_of(b"abc"), lambda _: Longer(b"abcdefgh"))
    assert asked == [4]


@pytest.mark.parametrize(
    ("files", "large", "module", "limit"),
    [
        (MANY["coco"], "instances.json", coco, "MAX_JSON_BYTES"),
        (MANY["label_studio"], "a.json", label_studio, "MAX_JSON_BYTES"),
        (MANY["cvat"], "a.xml", cvat, "_MAX_XML_BYTES"),
        (MANY["voc"], "a.xml", voc, "_MAX_XML_BYTES"),
        (YOLO, "labels/a.txt", yolo, "_MAX_LABEL_BYTES"),
    ],
)
def test_a_label_file_larger_than_the_limit_is_not_read(
    read_beside, lower, files, large, module, limit
):
    size = len(files[large])
    lower(module, **{limit: size})
    assert read_beside(files)[0] > 0
    lower(module, **{limit: size - 1})
    num_labels, (reason,) = read_beside(files)
    assert num_labels == 0
    assert reason == SIZE.format(size, size - 1)


def test_a_row_longer_than_the_limit_is_refused_alone(read_beside, lower):
    rows = {"labels/a.txt": "0 0.5 0.5 0.1 0.1\n0 0.500 0.500 0.100 0.100\n"}
    lower(yolo_labels, _MAX_ROW_BYTES=20)
    num_labels, (reason,) = read_beside(YOLO | rows)
    assert num_labels == 1
    assert reason == "row 1 has 25 bytes, more than 20"


def test_a_description_larger_than_the_limit_is_none(lower):
    data = b"names: [a]\n"
    file = SessionFile("data.yaml", "data.yaml", len(data), "1")

    def is_one() -> bool:
        return yolo_trees.is_description(file, lambda _: io.BytesIO(data))

    lower(yolo_trees, MAX_CONFIG_BYTES=len(data))
    assert is_one()
    lower(yolo_trees, MAX_CONFIG_BYTES=len(data) - 1)
    assert not is_one()


def test_a_list_of_images_larger_than_the_limit_is_not_read(
    write_files, read_session, make_image, lower
):
    files = {"train.txt": "images/a.jpg\n", "images/a.jpg": make_image()}
    files |= {"labels/a.txt": "0 0.5 0.5 0.1 0.1\n", "data.yaml": "names: [a]\n"}
    root = write_files(files)
    assert [f.split_hint for f in read_session(root).frames] == ["train"]
    lower(yolo, MAX_LIST_BYTES=12)
    reading = read_session(root)
    assert [f.split_hint for f in reading.frames] == [None]
    assert reading.plans[0].notes["train of train.txt"] == SIZE.format(13, 12)


def test_class_names_larger_than_the_limit_are_not_read(
    write_files, read_session, make_image, lower
):
    stream = io.BytesIO()
    Image.new("L", (4, 2)).save(stream, "PNG")
    root = write_files(
        {
            "images/a.png": make_image(ending=".png", width=4, height=2),
            "masks/a.png": stream.getvalue(),
            "classes.txt": "grass\n",
        }
    )
    assert [x.class_name for x in read_session(root).labels] == ["grass"]
    lower(class_masks, _MAX_NAMES_BYTES=5)
    reading = read_session(root)
    assert not reading.labels
    assert reading.problems[0].reason == f"class names: {SIZE.format(6, 5)}"


def test_a_text_larger_than_the_limit_is_not_read(lower):
    data = b"1 2\n"

    def read() -> list[str]:
        lines = sequence_files.read_lines(file_of(data), lambda _: io.BytesIO(data))
        return [line.text for line in lines]

    assert read() == ["1 2"]
    lower(sequence_files, _MAX_LINE_BYTES=2)
    assert read() == ["1"]
    lower(sequence_files, _MAX_TEXT_BYTES=3)
    with pytest.raises(UnreadableBytes, match="4 bytes, more than the 3 read at once"):
        read()


def test_a_calibration_larger_than_the_limit_is_not_read(lower):
    data = b"K: [1, 0, 0, 0, 1, 0, 0, 0, 1]\n"
    file = SessionFile("a.yml", "a.yml", len(data), "1")
    lower(opencv_calibration, MAX_YAML_BYTES=len(data) - 1)
    with pytest.raises(UnreadableBytes, match="read at once"):
        opencv_calibration._parse_entries(file, lambda _: io.BytesIO(data))


def test_a_sensor_larger_than_the_limit_is_not_read(
    write_files, read_session, make_image, lower
):
    text = "sensor_type: camera\nrate_hz: 20\n"
    root = write_files(
        {
            "mav0/cam0/sensor.yaml": text,
            "mav0/cam0/data.csv": "#timestamp [ns],filename\n1,a.png\n",
            "mav0/cam0/data/a.png": make_image(ending=".png"),
        }
    )
    lower(asl, MAX_YAML_BYTES=len(text) - 1)
    reasons = [p.reason for p in read_session(root).problems]
    assert reasons == [SIZE.format(len(text), len(text) - 1)]


# ---- entries ---------------------------------------------------------------------------------------------------------


def test_more_sensors_than_the_limit_are_no_settings(lower):
    parse = session_settings.parse_settings
    assert parse(b"no_clock: [a, b, c]").no_clock == ("a", "b", "c")
    lower(session_settings, _MAX_SENSORS=2)
    with pytest.raises(ValueError, match="not a list of names"):
        parse(b"no_clock: [a, b, c]")


def test_settings_larger_than_the_limit_are_not_read(lower):
    data = b"no_clock: [a]"
    file = SessionFile("daguerre.yaml", "daguerre.yaml", len(data), "1")
    lower(session_settings, MAX_YAML_BYTES=len(data) - 1)
    _, (left,) = session_settings.read_settings([file], lambda _: io.BytesIO(data))
    assert left.reason == SIZE.format(len(data), len(data) - 1)


def test_a_chain_of_transforms_longer_than_the_limit_is_no_place(lower):
    transforms = rig.RigTransforms()
    for parent, child in (("rig", "mast"), ("mast", "arm"), ("arm", "camera")):
        values = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
        transforms.add(
            SignalObservation(
                "rig", "transform", None, values, Source("a"), parent, child
            )
        )
    # one metre from each to the next
    assert transforms.find_rig_from_camera("camera") == (3, 0, 0, 0, 0, 0, 1)
    lower(rig, _MAX_CHAIN=1)
    assert transforms.find_rig_from_camera("camera") is None


def test_the_rate_is_that_of_the_first_messages_up_to_the_limit(lower):
    def describe() -> str:
        times = log_times.LogTimes()
        for log_ns in (0, 10**9, 3 * 10**9, 5 * 10**9):
            times.add("/a", log_ns, has_stamp=False)
        return "".join(times.describe().values())

    # steps of 1, 2 and 2 s
    assert "median rate 0.5 Hz" in describe()
    lower(log_times, _MAX_STEPS=1)
    assert "median rate 1 Hz" in describe()


def test_entries_of_a_directory_beyond_the_limit_are_not_read(lower):
    # two entries of one number each
    data = bytes(8) + struct.pack("<HHHIIHHII", 2, 256, 4, 1, 32, 257, 4, 1, 24)
    walk = image_segments.walk_directory
    assert [e.tag for e in walk(data, "<", 8)] == [256, 257]
    lower(image_segments, _MAX_ENTRIES=1)
    assert [e.tag for e in walk(data, "<", 8)] == [256]


def test_pages_of_a_tiff_beyond_the_limit_are_not_looked_at(lower):
    next_of = {8: 20, 20: 32, 32: 0}
    assert list(tiff_layout.walk_chain(8, next_of.__getitem__)) == [8, 20, 32]
    lower(tiff_layout, _MAX_PAGES=2)
    assert list(tiff_layout.walk_chain(8, next_of.__getitem__)) == [8, 20]


def test_no_page_of_a_tiff_is_looked_at_twice():
    next_of = {8: 20, 20: 8}
    places = tiff_layout.walk_chain(8, next_of.__getitem__)
    assert list(itertools.islice(places, 9)) == [8, 20]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_facts_behind_the_limit_are_not_looked_for(lower, kind):
    facts = Image.Exif()
    facts[0x0110] = "Model 3"
    stream = io.BytesIO()
    Image.new("RGB", (4, 2)).save(stream, kind, exif=facts)
    assert exif.read_exif(stream.getvalue()) == exif.ExifFacts(model="Model 3")
    lower(exif, MAX_EXIF_BYTES=9)
    assert exif.read_exif(stream.getvalue()) is None

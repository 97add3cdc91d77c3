"""Frames of a recording are exported, labelled elsewhere, and what is said of them comes back onto them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from assets.capture import lending
from assets.capture.simulate import SimulationSpec, simulate
from assets.choice import Choice
from assets.curation.annotations import Statements
from assets.curation.release import draft_release
from assets.formats.annotations.brush_runs import decode_brush, encode_brush
from assets.formats.annotations.coco import UNLABELLED
from assets.formats.protocol import read_bytes
from assets.formats.session_settings import parse_settings
from assets.frame_names import split_stamp
from assets.retrieval.frame_export import (
    Order,
    Sampling,
    export_frames,
    list_classes,
    read_labels,
    sample_frames,
)
from assets.storage import Folder
from assets.tables.catalog import is_in, repr_sql
from assets.tables.rows import SIDES
from assets.tables.schemas import TABLES, to_table
from checks.gates import gate_session
from checks.verdicts import stops_flow
from models.masks import encode_mask
from orchestration.cli import app

_BOX = (10.0, 12.0, 40.0, 52.0)  # xyxy, px


class Home:
    """A home with one recording, and sessions of labels that are landed beside it."""

    def __init__(self, folder: Path, open_at) -> None:
        self.folder = folder
        (folder / "home").mkdir()
        self.intake = open_at(folder / "home")
        self.catalog = self.intake.catalog

    def choose(self, **choice):
        chosen = sample_frames(self.catalog, Sampling(("monday",), **choice))
        return chosen.frames

    def export(self, name: str, form: str, frames, labels=None) -> Path:
        order = Order(form, list_classes(self.catalog, form, frames), labels)
        export_frames(self.catalog, frames, self.folder / name, order)
        return self.folder / name

    def land(self, session: str, files: dict[str, str | bytes]):
        for path, data in files.items():
            target = self.folder / session / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data.encode() if isinstance(data, str) else data)
        return self.ingest(session)

    def ingest(self, session: str):
        return self.intake.ingest(Folder(str(self.folder / session)), session)

    def read(self, table: str, session: str) -> list[dict]:
        where = f"session = {repr_sql(session)}"
        return self.catalog.read_latest(table, where=where).to_pylist()

    def boxes(self, session: str) -> dict[str, list]:
        """Frame id -> (class, corners in px) of what a session says."""
        found: dict[str, list] = {}
        for row in self.read("labels", session):
            corners = tuple(row[side] for side in ("x_min", "y_min", "x_max", "y_max"))
            found.setdefault(row["frame_id"], []).append((row["class_name"], corners))
        return found


@pytest.fixture(scope="module")
def home(tmp_path_factory, open_at):
    folder = tmp_path_factory.mktemp("labels")
    simulate(folder / "monday", SimulationSpec(1, 0.5, 3, width_px=96, height_px=72))
    home = Home(folder, open_at)
    home.ingest("monday")
    return home


def label_coco(document: dict, box=_BOX, class_name: str = "mug") -> dict:
    """A box on every picture, as a labelling tool would put it into the file."""
    x_min, y_min, x_max, y_max = box
    bbox = [x_min, y_min, x_max - x_min, y_max - y_min]
    annotations = [
        {"id": n, "image_id": image["id"], "category_id": 77, "bbox": bbox}
        for n, image in enumerate(document["images"], 1)
    ]
    categories = [{"id": 77, "name": class_name}]
    info = {"description": "of the tool"}
    return {
        **document,
        "info": info,
        "annotations": annotations,
        "categories": categories,
    }


def on_each(frames, class_name: str = "mug", box=_BOX) -> dict[str, list]:
    return {frame["frame_id"]: [(class_name, box)] for frame in frames}


def test_coco_comes_back_onto_stored_frames_by_their_id(home):
    frames = home.choose(limit=3)
    out = home.export("coco", "coco", frames)
    names = {path.stem.split("_")[-1] for path in (out / "images").iterdir()}
    assert names == {frame["frame_id"] for frame in frames}
    document = json.loads((out / "annotations/instances_default.json").read_text())
    report = home.land("tuesday", {"done.json": json.dumps(label_coco(document))})
    assert report.quarantined == report.problems == 0
    assert home.boxes("tuesday") == on_each(frames)
    assert not home.read("frames", "tuesday")
    # pictures that are lent are no files of the session, and none of them goes at the next look
    assert {path for path, _ in home.intake.ledger.outcomes("tuesday")} == {"done.json"}
    again = home.ingest("tuesday")
    assert (again.already_ingested, again.gone) == (1, 0)
    verdicts = [
        verdict
        for table in ("captures", "frames", "labels", "annotated_frames")
        for verdict in gate_session(home.catalog, table, "tuesday")
    ]
    assert not stops_flow(verdicts), [v for v in verdicts if not v.passed]

    # the same file, corrected: what it said before is gone, and a picture that it names no more says nothing
    document["images"] = document["images"][:2]
    corrected = label_coco(document, (1.0, 2.0, 30.0, 40.0), "cup")
    home.land("tuesday", {"done.json": json.dumps(corrected)})
    assert home.boxes("tuesday") == on_each(frames[:2], "cup", (1.0, 2.0, 30.0, 40.0))
    assert len(home.read("annotated_frames", "tuesday")) == 2


def test_the_pictures_landed_with_their_labels_become_no_frames_again(home):
    frames = home.choose(limit=2)
    out = home.export("with pictures", "coco", frames)
    document = json.loads((out / "annotations/instances_default.json").read_text())
    files = {f"images/{p.name}": p.read_bytes() for p in (out / "images").iterdir()}
    home.land("wednesday", {**files, "a.json": json.dumps(label_coco(document))})
    assert home.boxes("wednesday") == on_each(frames)
    assert not home.read("frames", "wednesday")

    # renamed, they are found by their bytes
    renamed = {f"images/{n}.png": data for n, data in enumerate(files.values())}
    names = {Path(name).name: f"{n}.png" for n, name in enumerate(files)}
    for image in document["images"]:
        image["file_name"] = names[Path(image["file_name"]).name]
    home.land("thursday", {**renamed, "a.json": json.dumps(label_coco(document))})
    assert home.boxes("thursday") == on_each(frames)
    assert not home.read("frames", "thursday")


def test_sensor_and_time_name_a_frame(home):
    frames = home.choose(limit=2)
    images = [
        {
            "id": n,
            "file_name": f"{frame['sensor']}/{frame['t_ns']}.png",
            "width": 96,
            "height": 72,
        }
        for n, frame in enumerate(frames)
    ]
    assert split_stamp(f"x/left-{'9' * 19}.png") is None  # no 64-bit integer
    home.land("by time", {"a.json": json.dumps(label_coco({"images": images}))})
    assert home.boxes("by time") == on_each(frames)


def test_a_frame_that_nobody_knows_is_named_in_quarantine(home):
    unknown = "0123456789abcdef" * 2
    image = {"id": 1, "file_name": f"x_{unknown}.jpg", "width": 96, "height": 72}
    document = label_coco({"images": [image]})
    report = home.land("lost", {"a.json": json.dumps(document)})
    assert report.quarantined == 1
    assert f"no stored frame has the id {unknown}" in report.reasons[0]["reason"]
    assert "recording" in report.reasons[0]["remedy"]
    assert home.boxes("lost") == {}


def test_labels_that_come_back_take_the_place_of_those_that_were_recorded(home):
    # of which no other session of these tests speaks
    labels = home.catalog.read_latest("labels", ["frame_id", "session"]).to_pylist()
    elsewhere = {row["frame_id"] for row in labels if row["session"] != "monday"}
    frames = [f for f in home.choose() if f["frame_id"] not in elsewhere][-1:]
    labels = read_labels(home.catalog, frames)
    out = home.export("prelabelled", "coco", frames, labels)
    document = json.loads((out / "annotations/instances_default.json").read_text())
    num_recorded = len([a for a in document["annotations"] if "bbox" in a])
    assert all("segmentation" in a for a in document["annotations"])
    assert (
        num_recorded
        == len(document["annotations"])
        == sum(
            row["task"] == "detection"
            for row in home.read("labels", "monday")
            if row["frame_id"] == frames[0]["frame_id"]
        )
    )
    for table in ("labels", "annotated_frames"):
        gate_session(home.catalog, table, "monday")
    home.land("friday", {"a.json": json.dumps(label_coco(document))})
    for table in ("labels", "annotated_frames"):
        gate_session(home.catalog, table, "friday")
    columns = ["frame_id", "sha256", "capture_id", "width_px", "height_px"]
    ids = [frame["frame_id"] for frame in frames]
    stored = home.catalog.read_latest("frames", columns, is_in("frame_id", ids))
    said = Statements(home.catalog, "detection", stored).read(np.arange(len(stored)))[
        frames[0]["frame_id"]
    ]
    assert [label["class_name"] for label in said.labels] == ["mug"]


def test_cvat_comes_back(home):
    frames = home.choose(limit=2)
    text = (home.export("cvat", "cvat", frames) / "annotations.xml").read_text()
    box = '<box label="mug" source="manual" occluded="0" xtl="10" ytl="12" xbr="40" ybr="52"/>'
    done = re.sub(r"(<image [^>]*?) ?/>", rf"\1>{box}</image>", text)
    home.land("cvat came", {"annotations.xml": done})
    assert home.boxes("cvat came") == on_each(frames)


def test_label_studio_comes_back(home):
    frames = home.choose(limit=2)
    tasks = json.loads(
        (home.export("studio", "label-studio", frames) / "tasks.json").read_text()
    )
    value = {"x": 25, "y": 25, "width": 50, "height": 50, "rotation": 0}
    region = {
        "type": "rectanglelabels",
        "from_name": "box",
        "to_name": "image",
        "original_width": 96,
        "original_height": 72,
        "value": {**value, "rectanglelabels": ["mug"]},
    }
    for task in tasks:
        task["annotations"] = [{"id": task["id"], "result": [region]}]
    home.land("studio came", {"export.json": json.dumps(tasks)})
    # a quarter of 96 x 72 px to three quarters
    assert home.boxes("studio came") == on_each(frames, box=(24.0, 18.0, 72.0, 54.0))


def test_yolo_and_voc_come_back_by_the_names_of_their_files(home):
    frame = home.choose(limit=1)[0]
    name = f"monday_cam_{frame['frame_id']}"
    home.land(
        "yolo",
        {f"labels/{name}.txt": "0 0.5 0.5 0.5 0.5\n", "classes.txt": "mug\n"},
    )
    assert home.boxes("yolo") == on_each([frame], box=(24.0, 18.0, 72.0, 54.0))
    sheet = (
        f"<annotation><filename>{name}.jpg</filename><size><width>96</width><height>72</height></size>"
        "<object><name>mug</name><bndbox><xmin>11</xmin><ymin>13</ymin><xmax>40</xmax><ymax>52</ymax></bndbox>"
        "</object></annotation>"
    )
    home.land("voc", {f"Annotations/{name}.xml": sheet})
    assert home.boxes("voc").keys() == {frame["frame_id"]}


def test_labels_go_with_their_frame_and_come_back_with_it(home):
    frame = home.choose(limit=5)[3]
    image = {"id": 1, "file_name": f"a_{frame['frame_id']}.jpg"}
    files = {"a.json": json.dumps(label_coco({"images": [image]}))}
    home.land("saturday", files)
    name = f"cam_{frame['frame_id']}"
    row = {f"labels/{name}.txt": "0 0.5 0.5 0.5 0.5\n", "classes.txt": "mug\n"}
    home.land("sunday", row)
    quarter = on_each([frame], box=(24.0, 18.0, 72.0, 54.0))
    assert home.boxes("sunday") == quarter
    assert home.boxes("saturday") == on_each([frame])
    is_it = f"frame_id = {repr_sql(frame['frame_id'])}"
    stored = home.catalog.read_latest("frames", where=is_it)
    home.catalog.delete("frames", is_it)
    home.ingest("saturday")
    assert home.boxes("saturday") == {}
    assert frame["frame_id"] in home.read("quarantine", "saturday")[0]["reason"]
    home.ingest("sunday")
    assert home.boxes("sunday") == {}
    reasons = {
        row["source_path"]: row["reason"] for row in home.read("quarantine", "sunday")
    }
    assert frame["frame_id"] in reasons[f"labels/{name}.txt"]
    assert "stored frame" in reasons[f"labels/{name}.txt"]
    home.catalog.merge("frames", stored)
    home.ingest("sunday")
    assert home.boxes("sunday") == quarter
    home.ingest("saturday")
    assert home.boxes("saturday") == on_each([frame])
    assert not home.read("quarantine", "saturday")


@pytest.fixture
def asked(monkeypatch):
    """The label files that are read whole for the names in them."""
    found: list[str] = []

    def read(file, opener, limit_bytes):
        found.append(file.path)
        return read_bytes(file, opener, limit_bytes)

    monkeypatch.setattr(lending, "read_bytes", read)
    return found


def test_label_files_are_asked_for_their_pictures_where_something_is_new(home, asked):
    one, other = home.choose(limit=2)
    home.land("asked", {"a.json": json.dumps(naming([one]))})
    assert asked == ["a.json"]
    assert home.ingest("asked").already_ingested == 1
    assert asked == ["a.json"]
    assert home.boxes("asked") == on_each([one])

    # another file of the same folder is new: both are read, and neither loses what it says
    home.land("asked", {"b.json": json.dumps(naming([other]))})
    assert home.boxes("asked") == on_each([one, other])
    assert not home.read("quarantine", "asked")


def naming(frames) -> dict:
    """COCO with a box on each frame, whose pictures are elsewhere."""
    images = [
        {"id": n, "file_name": f"{f['frame_id']}.jpg"} for n, f in enumerate(frames)
    ]
    return label_coco({"images": images})


def test_a_dry_run_counts_the_stored_frames_that_labels_will_be_of(home, monkeypatch):
    frames = home.choose(limit=3)
    out = home.export("to look at", "coco", frames)
    picture = next((out / "images").glob(f"*{frames[0]['frame_id']}*"))
    names = naming(frames)
    names["images"][0]["file_name"] = picture.name
    files = {
        "a.json": json.dumps(names),
        f"images/{picture.name}": picture.read_bytes(),
    }
    for path, data in files.items():
        target = home.folder / "look" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data if isinstance(data, bytes) else data.encode())
    monkeypatch.setenv("DAGUERRE_HOME", str(home.folder / "home"))
    words = ["ingest", str(home.folder / "look"), "--dry-run", "--json"]
    (capture,) = json.loads(CliRunner().invoke(app, words).stdout)["captures"]
    assert (capture["reader"], capture["files"]) == ("coco", 2)
    told = capture["notes"]["labels of stored frames"]
    assert (
        told.startswith("2, by what label files call") and "; 1, by the names" in told
    )
    assert not home.read("labels", "look")


@pytest.mark.parametrize("form", ["cvat", "coco"])
def test_a_file_without_a_single_label_says_nothing_unless_told(home, form):
    out = home.export(f"blank {form}", form, home.choose(limit=2))
    name = {"cvat": "annotations.xml", "coco": "annotations/instances_default.json"}[
        form
    ]
    text = (out / name).read_text().replace(UNLABELLED, "of the tool")
    session = f"blank {form} came"
    home.land(session, {Path(name).name: text})
    assert not home.read("annotated_frames", session)
    (capture,) = home.read("captures", session)
    notes = json.loads(capture["notes"])
    told = notes[f"not read: pictures without a label in {Path(name).name}"]
    assert told.startswith("2, and none") and "looked_at: true" in told

    home.land(session, {"daguerre.yaml": "looked_at: true"})
    looked = home.read("annotated_frames", session)
    assert {row["frame_id"] for row in looked} == {
        frame["frame_id"] for frame in home.choose(limit=2)
    }
    (home.folder / session / "daguerre.yaml").unlink()
    home.ingest(session)
    assert not home.read("annotated_frames", session)


def test_one_label_in_a_file_says_that_somebody_looked_at_its_pictures(home):
    frames = home.choose(limit=2)
    text = (home.export("begun", "cvat", frames) / "annotations.xml").read_text()
    box = '<box label="mug" source="manual" occluded="0" xtl="10" ytl="12" xbr="40" ybr="52"/>'
    done = re.sub(r"(<image [^>]*?) ?/>", rf"\1>{box}</image>", text, count=1)
    home.land("begun came", {"annotations.xml": done})
    assert len(home.read("annotated_frames", "begun came")) == 2
    assert len(home.read("labels", "begun came")) == 1


def test_an_export_with_labels_that_comes_back_as_it_was_says_nothing(home):
    frames = home.choose(limit=4)
    out = home.export("as it was", "coco", frames, read_labels(home.catalog, frames))
    home.ingest(out.name)
    assert not home.read("labels", "as it was")
    assert not home.read("annotated_frames", "as it was")
    (capture,) = home.read("captures", "as it was")
    assert "as it was exported" in capture["notes"]
    # touched, it does
    path = out / "annotations" / "instances_default.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(label_coco(document)))
    home.ingest(out.name)
    assert home.boxes("as it was") == on_each(frames)


def test_all_of_a_label_comes_back_in_the_forms_that_hold_it(home, rich):
    frames = [f for f in home.choose() if f["frame_id"] in rich]
    forms = {
        "coco": "annotations/instances_default.json",
        "label-studio": "tasks.json",
        "cvat": "annotations.xml",
    }
    for form, name in forms.items():
        labels = read_labels(home.catalog, frames)
        session = f"rich {form}"
        text = (home.export(session, form, frames, labels) / name).read_text()
        if form == "label-studio":
            tasks = json.loads(text)
            for task in tasks:  # as who accepts what the tool shows
                task["annotations"] = task.pop("predictions")
            text = json.dumps(tasks)
        home.land(f"{session} came", {Path(name).name: text})
        assert not home.read("quarantine", f"{session} came")
        came = home.read("labels", f"{session} came")
        came = [row for row in came if row["task"] == "detection"]
        for row in came:
            was = rich[row["frame_id"]]
            corners = [row[side] for side in SIDES]
            if form == "coco":
                assert corners == was["corners"] and row["mask_rle"] == was["mask"]
                assert dict(json.loads(row["attributes"])) == was["attributes"]
            else:  # one of both: the mask, where it is as large as the box
                mask = was["mask"] if was["fits"] else None
                assert row["mask_rle"] == mask
                assert corners == pytest.approx(was["corners"], abs=0.01)
            if form == "label-studio" and was["fits"]:
                points = dict(json.loads(row["attributes"]))
                assert points["keypoints"] == was["attributes"]["keypoints"]
        assert len(came) == len(rich) == 2
        expected = {
            "coco": {},
            "label-studio": {"masks that differ from their box": 1}
            | {"keypoints of which one is hidden or absent": 1},
            "cvat": {"masks that differ from their box": 1, "keypoints": 2},
        }
        assert +labels.left_out == expected[form]


@pytest.fixture
def rich(home):
    """Frame id -> a label with mask, points and an attribute: one is as large as its mask, one is not."""
    frames = home.choose(sensor="left")[:2]
    assert frames[0] != frames[1], frames
    mask = np.zeros((72, 96), bool)
    mask[12:52, 10:40] = True
    mask[20:30, 10:12] = False
    texts = ["12 14 2 30 40 2", "12 14 1 30 40 2"]
    boxes = [(10.0, 12.0, 40.0, 52.0), (5.0, 5.0, 60.0, 60.0)]
    document = naming(frames)
    for image, annotation, text, box in zip(
        document["images"], document["annotations"], texts, boxes, strict=True
    ):
        image |= {"width": 96, "height": 72}
        x_min, y_min, x_max, y_max = box
        annotation |= {
            "bbox": [x_min, y_min, x_max - x_min, y_max - y_min],
            "segmentation": {"size": [72, 96], "counts": encode_mask(mask)},
            "keypoints": [float(word) for word in text.split()],
            "attributes": {"colour": "red"},
        }
    document["categories"][0]["keypoints"] = ["rim", "foot"]
    home.land("rich", {"a.json": json.dumps(document)})
    others = {
        row["session"]
        for row in home.catalog.read_latest("labels", ["session"]).to_pylist()
    } - {"monday", "rich"}
    for name in (
        "labels",
        "annotated_frames",
    ):  # who speaks of these frames is rich alone
        home.catalog.delete(name, is_in("session", sorted(others)))
    return {
        frame["frame_id"]: {
            "corners": list(box),
            "mask": encode_mask(mask),
            "fits": box == boxes[0],
            "attributes": {
                "keypoints": text,
                "keypoint_names": "rim foot",
                "colour": "red",
            },
        }
        for frame, box, text in zip(frames, boxes, texts, strict=True)
    }


def test_maps_of_classes_come_back_as_label_images(home):
    labels = home.read("labels", "monday")
    mapped = {r["frame_id"] for r in labels if r["task"] == "segmentation"}
    frames = [f for f in home.choose() if f["frame_id"] in mapped]
    out = home.export("maps", "masks", frames, read_labels(home.catalog, frames))
    files = {f"masks/{p.name}": p.read_bytes() for p in (out / "masks").iterdir()}
    assert len(files) == len(frames) + 1  # and the names
    home.land("maps came", files)
    assert not home.read("frames", "maps came") + home.read("quarantine", "maps came")

    def tell(session: str) -> set[tuple[str, str, str]]:
        rows = home.read("labels", session)
        maps = [row for row in rows if row["task"] == "segmentation"]
        return {(r["frame_id"], r["class_name"], r["mask_rle"]) for r in maps}

    assert tell("maps came") == tell("monday")


def test_a_folder_that_holds_something_is_refused_and_nothing_is_half_written(home):
    frames = home.choose(limit=1)
    taken = home.folder / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        export_frames(home.catalog, frames, taken, Order("coco"))
    gone = [{**frames[0], "frame_id": "0" * 32}]
    with pytest.raises(ValueError, match="gone meanwhile"):
        export_frames(home.catalog, gone, home.folder / "half", Order("coco"))
    assert not list(home.folder.glob("*half*")) + list(home.folder.glob(".*half*"))


def test_frames_are_chosen_evenly_by_sql_and_along_a_sensor(home):
    left = home.choose(sensor="left")
    assert [f["t_ns"] for f in left] == sorted(f["t_ns"] for f in left)
    assert home.choose(sensor="left", every=2) == left[::2]
    assert home.choose(sensor="left", limit=2) == [left[0], left[len(left) // 2]]
    one = f"frame_id = {repr_sql(left[1]['frame_id'])} -- this one"
    assert home.choose(where=one) == [left[1]]
    with pytest.raises(ValueError, match="no colour frame is left"):
        home.choose(where="t_ns < 0")


def write_video(path: Path, num_frames: int) -> None:
    """Frames of one grey each, which differ."""
    path.parent.mkdir()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for number in range(num_frames):
        writer.write(np.full((48, 64, 3), 40 + 60 * number, np.uint8))
    writer.release()


def test_sessions_to_export_are_named_by_patterns_too(home):
    def count(*patterns: str) -> int:
        return len(sample_frames(home.catalog, Sampling(patterns)).frames)

    assert count("mon*") == count("monday") == count() > 0
    with pytest.raises(ValueError, match="session 'tue\\*' has no frames"):
        count("mon*", "tue*")


def test_frames_of_videos_are_written_as_pictures_that_come_back(home):
    write_video(home.folder / "film" / "a.avi", 3)
    home.ingest("film")
    chosen = sample_frames(home.catalog, Sampling(("film",)))
    assert {frame["encoding"] for frame in chosen.frames} == {"video"}
    out = home.export("of film", "coco", chosen.frames)
    greys = [
        round(
            float(cv2.imread(str(next(out.glob(f"images/*{f['frame_id']}*")))).mean())
        )
        for f in chosen.frames
    ]
    assert greys == pytest.approx([40, 100, 160], abs=3)
    document = json.loads((out / "annotations/instances_default.json").read_text())
    files = {f"images/{p.name}": p.read_bytes() for p in (out / "images").iterdir()}
    # a picture with the name of a frame and other bytes is none
    first = sorted(files)[0]
    pixels = cv2.imdecode(np.frombuffer(files[first], np.uint8), cv2.IMREAD_COLOR)
    files[first] = cv2.imencode(".jpg", 255 - pixels)[1].tobytes()
    home.land("of film came", {**files, "a.json": json.dumps(label_coco(document))})
    own = home.read("frames", "of film came")
    assert [row["source_path"] for row in own] == [first]
    others = [f for f in chosen.frames if f["frame_id"] not in first]
    expected = on_each(others) | {own[0]["frame_id"]: [("mug", _BOX)]}
    assert home.boxes("of film came") == expected


def test_an_export_that_nobody_has_labelled_says_nothing(home):
    out = home.export("untouched", "coco", home.choose(limit=2))
    home.ingest(out.name)
    assert not home.read("annotated_frames", "untouched")
    assert not home.read("frames", "untouched")
    assert not home.read("quarantine", "untouched")


def test_a_release_learns_each_frame_once_by_what_came_back(home):
    frames = home.choose(sensor="right", limit=3)
    out = home.export("to learn", "coco", frames)
    document = json.loads((out / "annotations/instances_default.json").read_text())
    files = {f"images/{p.name}": p.read_bytes() for p in (out / "images").iterdir()}
    labels = json.dumps(label_coco(document, class_name="learnt"))
    home.land("learn", {**files, "a.json": labels})
    splits = [
        {
            "frame_id": frame["frame_id"],
            "capture_id": frame["capture_id"],
            "session": "monday",
            "group_id": frame["capture_id"],
            "split": "train",
            "rule": "cluster",
        }
        for frame in frames
    ]
    version = home.catalog.merge("splits", to_table(TABLES["splits"], splits)).version
    home.catalog.publish("splits", None, version)
    for session, tables in {
        "monday": ("frames",),
        "learn": ("labels", "annotated_frames"),
    }.items():
        for table in tables:
            newest = home.catalog.latest_version(table)
            home.catalog.publish(table, session, newest)
    draft = draft_release(home.catalog, "detection", Choice(("monday",)))
    rows = {row["frame_id"]: row["boxes_xyxy"] for row in draft.frames.to_pylist()}
    learnt = draft.row["class_names"].index("learnt")
    for frame in frames:
        assert rows[frame["frame_id"]][:4] == list(_BOX)
    assert sum(learnt in row["box_class_ids"] for row in draft.frames.to_pylist()) == 3


@pytest.mark.parametrize("size_hw", [(1, 1), (72, 96), (300, 400)])
def test_a_brush_mask_is_packed_and_unpacked(size_hw):
    mask = np.random.default_rng(0).random(size_hw) > 0.5
    mask[: size_hw[0] // 2] = False  # runs of more than 16 bits count
    size_px = (size_hw[1], size_hw[0])
    assert (decode_brush(encode_brush(mask), size_px) == mask).all()


def test_settings_that_say_neither_yes_nor_no_are_refused():
    assert parse_settings(b"looked_at: true").is_looked_at
    with pytest.raises(ValueError, match="not true or false"):
        parse_settings(b"looked_at: maybe")


def test_classes_are_those_of_the_sessions_that_are_exported(
    open_at, tmp_path, make_png
):
    """Of labels that lie with the pictures, and of those that came back; not of other sessions of the home."""
    home = Home(tmp_path, open_at)
    for session, name in (("street", "car"), ("kitchen", "mug")):
        picture = {"id": 1, "file_name": "1.png", "width": 16, "height": 12}
        other = {"id": 2, "file_name": "2.png", "width": 16, "height": 12}
        document = label_coco({"images": [picture]}, (1, 1, 9, 9), name)
        document["images"].append(other)
        files = {f"{n}.png": make_png(len(session) * n) for n in (1, 2)}
        home.land(session, {**files, "a.json": json.dumps(document)})
    frames = sample_frames(home.catalog, Sampling(("kitchen",))).frames
    assert list_classes(home.catalog, "coco", frames) == ["mug"]
    # one frame alone: the tool needs what the session shows elsewhere too
    assert list_classes(home.catalog, "coco", frames[1:]) == ["mug"]
    assert list_classes(home.catalog, "coco", frames, ("jug", "mug")) == ["jug", "mug"]
    assert list_classes(home.catalog, "masks", frames) == []
    document = {"images": [{"id": 1, "file_name": f"{frames[1]['frame_id']}.png"}]}
    home.land("came", {"a.json": json.dumps(label_coco(document, (1, 1, 9, 9), "cup"))})
    assert list_classes(home.catalog, "cvat", frames) == ["cup", "mug"]
    both = sample_frames(home.catalog, Sampling()).frames
    assert list_classes(home.catalog, "cvat", both) == ["car", "cup", "mug"]
    with pytest.raises(ValueError, match="'images' lists no classes"):
        list_classes(home.catalog, "images", frames, ("cup",))


def test_the_command_names_the_classes(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home.folder / "home"))
    words = [
        "export",
        "frames",
        str(home.folder / "named"),
        "--sessions",
        "monday",
        "--limit",
        "1",
    ]
    done = CliRunner().invoke(app, [*words, "--dry-run", "--classes", 'jug,"a, b"'])
    assert "classes: a, b, ball, " in done.stdout and ", jug" in done.stdout
    done = CliRunner().invoke(app, [*words, "--classes", "jug", "--json"])
    told = json.loads(done.stdout)["classes"]
    path = home.folder / "named" / "annotations" / "instances_default.json"
    listed = json.loads(path.read_text())["categories"]
    assert [c["name"] for c in listed] == told and {"ball", "jug"} < set(told)

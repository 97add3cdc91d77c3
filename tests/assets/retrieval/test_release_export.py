"""A release is written for other programs, and taken in again as a session it says the same of the same pictures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from assets.choice import Choice
from assets.curation.release import draft_release, write_release
from assets.formats.layout import stem_of
from assets.retrieval.release_export import export_release
from assets.storage import Folder
from assets.tables.catalog import repr_sql
from assets.tables.rows import SIDES
from assets.tables.schemas import TABLES, to_table
from models.masks import encode_mask
from orchestration.cli import app

PARTS = ("train", "train", "val", "test")
# corners that no float holds exactly
BOXES = ((0.1, 0.2, 5.3, 7.7), (1 / 3, 2.1, 11.13, 9.99))
POINTS = "2.5 3.25 2 0 0 0 4.125 6 1"


class Home:
    """A home, and what its tables say."""

    def __init__(self, folder: Path, open_at) -> None:
        (folder / "home").mkdir(parents=True)
        self.folder = folder
        self.intake = open_at(folder / "home")
        self.catalog = self.intake.catalog

    def land(self, session: str, folder: Path) -> None:
        report = self.intake.ingest(Folder(str(folder)), session)
        assert report.quarantined == report.problems == 0
        for name in ("frames", "labels", "annotated_frames"):
            if self.catalog.exists(name):
                version = self.catalog.latest_version(name)
                self.catalog.publish(name, session, version)

    def read(self, name: str, session: str) -> list[dict]:
        where = f"session = {repr_sql(session)}"
        return self.catalog.read_latest(name, where=where).to_pylist()

    def tell(self, session: str) -> dict[str, set]:
        """Id of a frame that a file is named by, or of a stored one -> what the session's labels say of it."""
        frames = {r["frame_id"]: r for r in self.read("frames", session)}
        said: dict[str, set] = {name_of(f): set() for f in frames.values()}
        for row in self.read("labels", session):
            stored = frames.get(row["frame_id"])
            key = name_of(stored) if stored else row["frame_id"]
            attributes = dict(json.loads(row["attributes"] or "[]"))
            fact = (row["task"], row["class_name"], *(row[s] for s in SIDES))
            fact += (row["mask_rle"], attributes.get("keypoints"))
            said.setdefault(key, set()).add(fact)
        return said


def name_of(frame: dict) -> str:
    return stem_of(frame["source_path"]).split("_")[-1]


@pytest.fixture(scope="module")
def full(tmp_path_factory, open_at, make_png) -> Home:
    """Three sessions of four pictures of 16 x 12 px: objects with box, mask and points, of which one is empty; classes
    of pictures; maps of two classes in which a column has none."""
    home = Home(tmp_path_factory.mktemp("full"), open_at)
    for write in (write_objects, write_classes, write_maps):
        folder = home.folder / write.__name__.removeprefix("write_")
        write(folder, make_png)
        home.land(folder.name, folder)
    sides = []
    for session in ("objects", "classes", "maps"):
        frames = sorted(home.read("frames", session), key=lambda r: r["source_path"])
        for frame, part in zip(frames, PARTS, strict=True):
            row = {k: frame[k] for k in ("frame_id", "capture_id", "session")}
            row |= {"group_id": frame["frame_id"], "split": part, "rule": "cluster"}
            sides.append(row)
    written = home.catalog.merge("splits", to_table(TABLES["splits"], sides))
    home.catalog.publish("splits", None, written.version)
    return home


def write_objects(folder: Path, make_png) -> None:
    mask = np.zeros((12, 16), bool)
    mask[2:7, 1:5] = True
    mask[3, 2] = False
    runs = {"size": [12, 16], "counts": encode_mask(mask)}
    annotations = [
        {
            "id": 10 * n + c,
            "image_id": n,
            "category_id": c,
            "bbox": [x, y, right - x, bottom - y],
            "segmentation": runs,
            "keypoints": [float(word) for word in POINTS.split()],
        }
        for n in (0, 1, 3)
        for c, (x, y, right, bottom) in enumerate(BOXES)
    ]
    names = ["cup", "big mug"]
    points = ["rim", "ear", "foot"]
    document = {
        "images": [
            {"id": n, "file_name": f"{n}.png", "width": 16, "height": 12}
            for n in range(4)
        ],
        "annotations": annotations,
        "categories": [
            {"id": n, "name": name, "keypoints": points} for n, name in enumerate(names)
        ],
    }
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(document))
    for n in range(4):
        (folder / f"{n}.png").write_bytes(make_png(n))


def write_classes(folder: Path, make_png) -> None:
    for n in range(4):
        path = folder / ("ripe", "a, green")[n % 2] / f"{n}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_png(100 + n))


def write_maps(folder: Path, make_png) -> None:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    ids = np.zeros((12, 16), np.uint8)
    ids[6:] = 1
    ids[:, 3] = 255
    for n in range(4):
        (folder / "images" / f"{n}.png").write_bytes(make_png(200 + n))
        content = cv2.imencode(".png", np.roll(ids, n, axis=1))[1].tobytes()
        (folder / "masks" / f"{n}.png").write_bytes(content)
    (folder / "masks" / "classes.txt").write_text("wall\nfloor\n")


RELEASES = {
    "detection": "objects",
    "instances": "objects",
    "keypoints": "objects",
    "multilabel": "objects",
    "recognition": "classes",
    "segmentation": "maps",
    "pretraining": "objects",
}


def make(home: Home, task: str) -> str:
    choice = Choice((RELEASES[task],))
    return write_release(home.catalog, draft_release(home.catalog, task, choice))


def list_expected(home: Home, task: str) -> dict[str, set]:
    """What a release of the task takes of the labels of its session."""
    session = RELEASES[task]
    by_id = {name_of(f): f["frame_id"] for f in home.read("frames", session)}
    said = {by_id[name]: facts for name, facts in home.tell(session).items()}
    if task == "pretraining":
        return {frame_id: set() for frame_id in said}
    if task == "multilabel":
        alone = ("recognition", *[None] * 6)
        return {i: {(alone[0], f[1], *alone[1:]) for f in fs} for i, fs in said.items()}
    kept = {"detection": 6, "instances": 7}.get(task, 8)
    drop = {"keypoints": 6}.get(task)

    def keep(fact):
        shown = [v if n < kept and n != drop else None for n, v in enumerate(fact)]
        return tuple(shown)

    return {i: {keep(fact) for fact in facts} for i, facts in said.items()}


@pytest.mark.parametrize("task", RELEASES)
def test_a_release_comes_back_with_its_labels_and_parts(
    full, task, tmp_path, open_at, make_png
):
    expected = list_expected(full, task)
    out = tmp_path / "out"
    facts = export_release(full.catalog, make(full, task), out)
    assert {p: c["images"] for p, c in facts["counts"].items()} == {
        "train": 2,
        "val": 1,
        "test": 1,
    }
    num_labels = sum(c["labels"] for c in facts["counts"].values())
    assert num_labels == sum(map(len, expected.values()))

    elsewhere = Home(tmp_path / "elsewhere", open_at)
    elsewhere.land("came", out)
    assert elsewhere.tell("came") == expected
    # the parts come along, and nobody need deal them out again
    parts = {r["frame_id"]: r["split"] for r in full.read("splits", RELEASES[task])}
    came = {name_of(f): f["split_hint"] for f in elsewhere.read("frames", "came")}
    assert came == parts
    # a picture that somebody found empty is known as such
    if task in ("detection", "instances", "keypoints"):
        looked = elsewhere.read("annotated_frames", "came")
        assert sorted(r["num_labels"] for r in looked) == [0, 2, 2, 2]


@pytest.mark.parametrize(
    "task, form, is_whole",
    [
        ("detection", "yolo", True),
        ("keypoints", "yolo", True),
        ("detection", "cvat", True),
        ("detection", "label-studio", True),
        ("recognition", "cvat", True),
        ("multilabel", "label-studio", True),
        ("instances", "yolo", False),  # the boxes are not those of the masks
        ("keypoints", "cvat", False),
    ],
)
def test_a_release_is_written_in_a_form_that_is_asked_for(
    full, task, form, is_whole, tmp_path
):
    out = tmp_path / "out"
    release_id = make(full, task)
    facts = export_release(full.catalog, release_id, out, form)
    assert not facts["not_written"] if is_whole else facts["not_written"]
    assert facts["format"] == form
    num_labels = sum(c["labels"] for c in facts["counts"].values())
    assert num_labels == sum(map(len, list_expected(full, task).values()))
    if not is_whole:
        with pytest.raises(ValueError, match=f"'{form}' cannot hold"):
            export_release(full.catalog, release_id, tmp_path / "no", form, True)
        assert not (tmp_path / "no").exists()


def test_a_release_without_labels_has_no_format(full, tmp_path):
    release_id = make(full, "pretraining")
    with pytest.raises(ValueError, match="has no labels to write as coco"):
        export_release(full.catalog, release_id, tmp_path / "out", "coco")


def test_labels_that_stand_are_written_with_what_cannot_be_held(
    full, tmp_path, monkeypatch
):
    monkeypatch.setenv("DAGUERRE_HOME", str(full.folder / "home"))
    out = tmp_path / "labels"
    words = ["export", "labels", str(out), "--sessions", "objects", "--json"]
    dry = CliRunner().invoke(app, [*words, "--dry-run"], catch_exceptions=False)
    assert json.loads(dry.stdout)["labels"] == 6 and not out.exists()
    refused = CliRunner().invoke(app, [*words, "--format", "yolo", "--strict"])
    assert "cannot hold" in str(refused.exception) and not out.exists()
    told = json.loads(CliRunner().invoke(app, words, catch_exceptions=False).stdout)
    # four pictures that somebody looked at, one of them empty
    assert (told["images"], told["labels"], told["task"]) == (4, 6, "detection")
    assert told["not_written"] == {} and told["format"] == "coco"
    (path,) = (out / "annotations").iterdir()
    assert len(json.loads(path.read_text())["annotations"]) == 6
    several = CliRunner().invoke(app, ["export", "labels", str(tmp_path / "no")])
    assert "choose one with --task" in str(several.exception)
    unknown = CliRunner().invoke(app, [*words[:2], str(tmp_path / "no"), "--task", "x"])
    assert "no task 'x': choose one of recog" in str(unknown.exception)


def test_a_release_of_what_came_back_has_the_same_targets(full, tmp_path, open_at):
    release_id = make(full, "instances")
    export_release(full.catalog, release_id, tmp_path / "out")
    elsewhere = Home(tmp_path / "elsewhere", open_at)
    elsewhere.land("came", tmp_path / "out")
    frames = elsewhere.read("frames", "came")
    sides = [
        {k: f[k] for k in ("frame_id", "capture_id", "session")}
        | {"group_id": f["frame_id"], "split": f["split_hint"], "rule": "producer"}
        for f in frames
    ]
    written = elsewhere.catalog.merge("splits", to_table(TABLES["splits"], sides))
    elsewhere.catalog.publish("splits", None, written.version)
    again = draft_release(elsewhere.catalog, "instances")
    where = f"release_id = '{release_id}'"
    first = full.catalog.read_latest("release_frames", where=where).to_pylist()

    def tell(rows):
        """Picture -> its part and its objects, whose order is that of their ids."""
        found = {}
        for row in rows:
            boxes = np.reshape(row["boxes_xyxy"], (-1, 4)).tolist()
            objects = zip(row["box_class_ids"], boxes, row["mask_rles"], strict=True)
            found[row["sha256"]] = (row["split"], sorted(objects))
        return found

    assert tell(again.frames.to_pylist()) == tell(first) and len(first) == 4
    (stored,) = full.catalog.read_latest("releases", where=where).to_pylist()
    assert again.row["class_names"] == stored["class_names"]


def test_in_its_own_home_the_labels_come_back_onto_the_stored_frames(
    full, tmp_path, open_at, make_png
):
    home = Home(tmp_path / "own", open_at)
    write_objects(home.folder / "objects", make_png)
    home.land("objects", home.folder / "objects")
    frames = sorted(home.read("frames", "objects"), key=lambda r: r["source_path"])
    sides = [
        {k: f[k] for k in ("frame_id", "capture_id", "session")}
        | {"group_id": f["frame_id"], "split": part, "rule": "cluster"}
        for f, part in zip(frames, PARTS, strict=True)
    ]
    written = home.catalog.merge("splits", to_table(TABLES["splits"], sides))
    home.catalog.publish("splits", None, written.version)
    export_release(home.catalog, make(home, "detection"), tmp_path / "out")
    home.land("came", tmp_path / "out")
    assert not home.read("frames", "came")
    said = {i: facts for i, facts in list_expected(home, "detection").items() if facts}
    assert home.tell("came") == said and len(said) == 3


def test_frames_that_changed_are_not_written(full, tmp_path):
    release_id = make(full, "recognition")
    where = f"release_id = '{release_id}'"
    rows = full.catalog.read_latest("release_frames", where=where)
    damaged = [r | {"sha256": "0" * 64} for r in rows.to_pylist()]
    full.catalog.upsert("release_frames", to_table(TABLES["release_frames"], damaged))
    with pytest.raises(ValueError, match="has changed"):
        export_release(full.catalog, release_id, tmp_path / "out")
    full.catalog.upsert("release_frames", rows)
    assert not (tmp_path / "out").exists()


def test_the_command_takes_a_beginning_and_says_what_is_in_it(
    full, tmp_path, monkeypatch
):
    release_id = make(full, "detection")
    monkeypatch.setenv("DAGUERRE_HOME", str(full.folder / "home"))
    out = tmp_path / "deep" / "out"
    words = ["export", "release", release_id[:10], str(out)]
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert done.stdout.splitlines() == [
        f"{out}: detection release {release_id}",
        "train 2 images, 4 labels; val 1 image, 0 labels; test 1 image, 2 labels",
        "classes: big mug, cup",
    ]
    assert sorted(p.name for p in (out / "annotations").iterdir()) == [
        "instances_test.json",
        "instances_train.json",
        "instances_val.json",
    ]
    told = json.loads((out / "README-release.json").read_text())
    assert told["release_id"] == release_id and told["chosen"] == "sessions objects"
    again = CliRunner().invoke(app, words)
    assert "is not empty" in str(again.exception)

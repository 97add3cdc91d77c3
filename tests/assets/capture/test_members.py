"""Inside an archive: labels come back onto stored frames as if they were unpacked, and videos stay videos."""

from __future__ import annotations

import json
import shutil
import tarfile
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from assets.capture.simulate import SimulationSpec, simulate
from assets.retrieval.verify import Stores, verify
from assets.storage import Folder
from assets.video_frames import unpack
from checks.gates import gate_session
from checks.verdicts import stops_flow
from orchestration.cli import app
from tests.assets.capture.test_labels_of_frames import (
    Home,
    label_coco,
    on_each,
    write_video,
)


def pack(files: dict[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return stream.getvalue()


@pytest.fixture(scope="module")
def home(tmp_path_factory, open_at):
    folder = tmp_path_factory.mktemp("labels")
    simulate(folder / "monday", SimulationSpec(1, 0.5, 3, width_px=96, height_px=72))
    home = Home(folder, open_at)
    home.ingest("monday")
    return home


def export_labelled(home: Home, name: str, frames) -> tuple[dict, str]:
    """The exported pictures, and the label file that a tool makes of them."""
    out = home.export(name, "coco", frames)
    document = json.loads((out / "annotations/instances_default.json").read_text())
    pictures = {f"images/{p.name}": p.read_bytes() for p in (out / "images").iterdir()}
    return pictures, json.dumps(label_coco(document))


@pytest.mark.parametrize("has_pictures", [False, True])
def test_labels_in_a_zip_find_stored_frames(home, has_pictures):
    frames = home.choose(limit=3)
    session = f"zip-{has_pictures}".lower()
    pictures, labels = export_labelled(home, f"out {session}", frames)
    files = {"annotations/instances_default.json": labels}
    data = pack({**files, **pictures} if has_pictures else files)
    report = home.land(session, {"task 7.zip": data})
    assert report.quarantined == report.problems == 0
    assert home.boxes(session) == on_each(frames)
    assert not home.read("frames", session)
    verdicts = [
        verdict
        for table in ("captures", "frames", "labels", "annotated_frames")
        for verdict in gate_session(home.catalog, table, session)
    ]
    assert not stops_flow(verdicts), [v for v in verdicts if not v.passed]
    # with the archive its labels go
    (home.folder / session / "task 7.zip").unlink()
    home.land(session, {"other.txt": "x"})
    assert not home.boxes(session)


def test_a_corrected_zip_takes_the_place_of_the_former_one(home):
    frames = home.choose(limit=2)
    _, labels = export_labelled(home, "to correct", frames)
    home.land("correct", {"a.zip": pack({"a.json": labels})})
    assert home.boxes("correct") == on_each(frames)
    corrected = label_coco(json.loads(labels), (1.0, 2.0, 30.0, 40.0), "cup")
    home.land("correct", {"a.zip": pack({"a.json": json.dumps(corrected)})})
    assert home.boxes("correct") == on_each(frames, "cup", (1.0, 2.0, 30.0, 40.0))


def test_settings_of_the_session_hold_for_labels_in_a_zip(home):
    _, labels = export_labelled(home, "to look", home.choose(limit=2))
    empty = pack({"a.json": json.dumps({**json.loads(labels), "annotations": []})})
    home.land("empty", {"a.zip": empty})
    assert not home.read("annotated_frames", "empty")
    home.land("empty", {"daguerre.yaml": "looked_at: true\n"})
    assert len(home.read("annotated_frames", "empty")) == 2


def test_labels_of_darknet_in_a_tar_find_stored_frames_by_their_names(home):
    frames = home.choose(limit=2)
    out = home.export("darknet", "coco", frames)
    stream = BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        texts = {"obj.names": "mug\n", "obj.data": "classes = 1\nnames = obj.names\n"}
        for path in (out / "images").iterdir():
            texts[f"obj_train_data/{path.stem}.txt"] = "0 0.5 0.5 0.25 0.5\n"
        for name, text in texts.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, BytesIO(text.encode()))
    report = home.land("of darknet", {"a.tar.gz": stream.getvalue()})
    assert report.problems == 0
    # a quarter of 96 and half of 72 px, in the middle
    assert home.boxes("of darknet") == on_each(frames, box=(36, 18, 60, 54))


@pytest.mark.parametrize("is_packed", [False, True])
def test_annotations_of_supervisely_find_stored_frames_by_their_names(home, is_packed):
    (frame,) = home.choose(limit=1)
    picture = f"monday_left_{frame['frame_id']}.jpg"
    box = {
        "classTitle": "mug",
        "geometryType": "rectangle",
        "points": {"exterior": [[10, 12], [39, 51]], "interior": []},
    }
    size = {"width": 96, "height": 72}
    files = {
        "p/meta.json": json.dumps({"classes": [{"title": "mug"}]}),
        f"p/ds0/ann/{picture}.json": json.dumps({"size": size, "objects": [box]}),
    }
    session = f"supervisely-{is_packed}".lower()
    report = home.land(session, {"a.zip": pack(files)} if is_packed else files)
    assert report.problems == 0 and home.boxes(session) == on_each([frame])
    assert not home.read("frames", session)


def test_an_archive_that_nobody_has_labelled_says_nothing(home):
    out = home.export("untouched", "coco", home.choose(limit=2))
    files = {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file()
    }
    home.land("came back", {"untouched.zip": pack(files)})
    for table in ("annotated_frames", "frames", "quarantine"):
        assert not home.read(table, "came back"), table
    (capture,) = home.read("captures", "came back")
    assert "nobody has touched it" in capture["notes"]


def test_labels_in_a_zip_wait_for_their_recording(home, tmp_path, open_at):
    """The same recording in another home has the same frames."""
    frames = home.choose(limit=2)
    _, labels = export_labelled(home, "waited for", frames)
    shutil.copytree(home.folder / "monday", tmp_path / "monday")
    home = Home(tmp_path, open_at)
    report = home.land("labels", {"a.zip": pack({"a.json": labels})})
    assert report.problems == 2 and not home.boxes("labels")
    reasons = [row["reason"] for row in home.read("quarantine", "labels")]
    assert all("no stored frame has the id" in reason for reason in reasons)
    home.ingest("monday")
    home.ingest("labels")
    assert home.boxes("labels") == on_each(frames)
    assert not home.read("quarantine", "labels")
    # nothing waits now, so nothing is read again
    (before,) = home.read("captures", "labels")
    versions = home.catalog.dataset("captures").version
    home.ingest("labels")
    assert home.catalog.dataset("captures").version == versions
    # the recording goes, and what was said of its frames goes at the next look
    for path in (tmp_path / "monday").iterdir():
        path.unlink()
    (tmp_path / "monday" / "readme.txt").write_text("nothing here")
    home.ingest("monday")
    home.ingest("labels")
    assert not home.boxes("labels")
    assert len(home.read("quarantine", "labels")) == 2
    assert home.read("captures", "labels")[0]["capture_id"] == before["capture_id"]


def test_a_dry_run_counts_the_stored_frames_that_labels_in_a_zip_will_be_of(
    home, monkeypatch
):
    _, labels = export_labelled(home, "looked", home.choose(limit=3))
    folder = home.folder / "look into"
    folder.mkdir()
    (folder / "a.zip").write_bytes(pack({"x/a.json": labels}))
    monkeypatch.setenv("DAGUERRE_HOME", str(home.folder / "home"))
    words = ["ingest", str(folder), "--dry-run", "--json"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    (capture,) = json.loads(result.stdout)["captures"]
    assert capture["notes"]["read as coco"] == "1 members, in a.zip!/x"
    key = "a.zip!/x: labels of stored frames"
    assert capture["notes"][key] == "3, by what label files call their pictures"


@pytest.mark.parametrize("kind", ["stored zip", "zip", "tar"])
def test_a_video_in_an_archive_stays_a_video(tmp_path, open_at, kind):
    plain = tmp_path / "plain" / "a.avi"
    write_video(plain, 3)
    folder = tmp_path / "packed"
    folder.mkdir()
    if kind == "tar":
        with tarfile.open(folder / "a.tar", "w") as archive:
            archive.add(plain, "film/a.avi")
    else:
        method = zipfile.ZIP_STORED if kind == "stored zip" else zipfile.ZIP_DEFLATED
        (folder / "a.zip").write_bytes(pack({"film/a.avi": plain.read_bytes()}, method))
    home = tmp_path / "home"
    home.mkdir()
    intake = open_at(home)
    intake.ingest(Folder(str(folder)), "packed")
    rows = intake.catalog.read_latest("frames").sort_by("sequence").to_pylist()
    assert [row["encoding"] for row in rows] == ["video"] * 3
    assert all(row["source_path"].endswith("!/film/a.avi") for row in rows)
    greys = [
        float(np.mean(i)) for i in unpack(intake.catalog, [r["payload"] for r in rows])
    ]
    assert greys == pytest.approx([40, 100, 160], abs=3)
    # the same video unpacked is the same blob, and the same frames
    blobs = set(intake.blobs.names())
    intake.ingest(Folder(str(plain.parent)), "plain")
    assert set(intake.blobs.names()) == blobs
    where = "session = 'plain'"
    others = intake.catalog.read_latest("frames", where=where).sort_by("sequence")
    assert others["payload"].to_pylist() == [row["payload"] for row in rows]


def test_a_video_of_an_archive_that_is_gone_is_found(tmp_path, open_at):
    plain = tmp_path / "plain" / "a.avi"
    write_video(plain, 3)
    (tmp_path / "packed").mkdir()
    data = pack({"a.avi": plain.read_bytes()}, zipfile.ZIP_STORED)
    (tmp_path / "packed" / "a.zip").write_bytes(data)
    home = tmp_path / "home"
    home.mkdir()
    intake = open_at(home)
    intake.ingest(Folder(str(tmp_path / "packed")), "packed")
    stores = Stores(intake.catalog, intake.ledger, intake.blobs, home)
    assert verify(stores) == []
    video = intake.blobs.put(BytesIO(plain.read_bytes()))
    for path in Path(intake.blobs.folder.uri.removeprefix("file://")).rglob(video):
        path.unlink()
    (found,) = verify(stores)
    assert (found.kind, found.id) == ("blob", video)
    assert "a video out of an archive is gone" in found.reason
    intake.ingest(Folder(str(plain.parent)), "unpacked")
    assert verify(stores) == []


def test_a_damaged_video_in_an_archive_is_told_and_its_neighbours_are_kept(
    tmp_path, open_at
):
    plain = tmp_path / "plain" / "a.avi"
    write_video(plain, 3)
    whole = plain.read_bytes()
    data = bytearray(
        pack({"a.avi": whole, "b.avi": whole[:-1] + b"x"}, zipfile.ZIP_STORED)
    )
    at = bytes(data).index(whole) + len(whole) // 2
    data[at] ^= 1  # its checksum in the directory differs now
    (tmp_path / "packed").mkdir()
    (tmp_path / "packed" / "a.zip").write_bytes(bytes(data))
    (tmp_path / "home").mkdir()
    intake = open_at(tmp_path / "home")
    intake.ingest(Folder(str(tmp_path / "packed")), "packed")
    rows = intake.catalog.read_latest("frames").to_pylist()
    assert {row["source_path"] for row in rows} == {"a.zip!/b.avi"}
    (problem,) = intake.catalog.read_latest("quarantine").to_pylist()
    assert problem["source_path"] == "a.zip!/a.avi" and "CRC" in problem["reason"]

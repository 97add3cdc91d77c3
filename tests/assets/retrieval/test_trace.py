"""Lineage both ways: from anything to file and byte, and to everything that saw it."""

from __future__ import annotations

import shutil

import pytest

from assets.inference.predict import StoredImages
from assets.retrieval.lineage import trace
from assets.retrieval.verify import verify
from assets.storage import Folder
from assets.tables.releases import open_release
from assets.tables.row_sequence import RowSequence
from assets.tables.schemas import TABLES, to_table


def ids(rows: list[dict], key: str) -> list[str]:
    return [row[key] for row in rows]


def test_a_prediction_leads_to_the_file_and_the_release(world):
    found = trace(world.catalog, "prediction", world.prediction_id)
    up = found["upstream"]
    assert (found["id"], found["downstream"]) == (world.prediction_id, {})
    assert (
        up["frame"]["frame_id"],
        up["frame"]["source_path"],
        up["frame"]["source_offset"],
    ) == (
        world.frame_id,
        "images/3.png",
        0,
    )
    assert (up["model"]["model_sha256"], up["release"]["release_id"]) == (
        world.model_sha256,
        world.release_id,
    )
    assert up["capture"]["source_uri"].endswith("/landed")


def test_a_frame_leads_up_to_its_labels_and_down_to_all_that_saw_it(world):
    found = trace(world.catalog, "frame", world.frame_id)
    (label,) = found["upstream"]["labels"]
    assert (label["class_name"], label["source_path"]) == (
        "cup",
        "images/instances.json",
    )
    down = found["downstream"]
    assert down["releases"] == [{"release_id": world.release_id, "split": "test"}]
    assert ids(down["models"], "model_sha256") == [world.model_sha256]
    assert ids(down["predictions"], "prediction_id") == [world.prediction_id]


def test_a_frame_of_a_recording_leads_to_the_bytes_of_its_image(world, recording):
    frame = world.catalog.read_latest(
        "frames", where="source_path = 'drive.mcap'"
    ).to_pylist()[0]
    up = trace(world.catalog, "frame", frame["frame_id"])["upstream"]
    assert (
        up["capture"]["path"],
        up["capture"]["reader"],
        up["frame"]["source_path"],
    ) == (
        "drive.mcap",
        "mcap",
        "drive.mcap",
    )
    stored = world.stores.blobs.get(up["capture"]["sha256"])
    assert stored == recording
    start = up["frame"]["source_offset"]
    length = up["frame"]["source_length"]
    if up["frame"]["source_inner_offset"] is None:
        assert frame["payload"] in stored[start : start + length]
    assert 0 < start < start + length <= len(stored)


def test_a_capture_leads_to_its_frames_and_what_they_led_to(world):
    capture_id = world.catalog.read_latest(
        "frames", where=f"frame_id = '{world.frame_id}'"
    )["capture_id"][0].as_py()
    found = trace(world.catalog, "capture", capture_id)
    assert found["upstream"]["capture"]["reader"] == "coco"
    assert len(found["downstream"]["frames"]) == 4
    assert found["downstream"]["releases"] == [
        {"release_id": world.release_id, "split": s} for s in ("test", "train", "val")
    ]
    assert ids(found["downstream"]["predictions"], "prediction_id") == [
        world.prediction_id
    ]


def test_a_capture_that_nothing_used_leads_nowhere(world):
    (capture,) = world.catalog.read_latest(
        "captures", where="reader = 'mcap'"
    ).to_pylist()
    down = trace(world.catalog, "capture", capture["capture_id"])["downstream"]
    assert len(down["frames"]) == capture["num_frames"]
    assert (down["releases"], down["models"], down["predictions"]) == ([], [], [])


def test_a_release_leads_up_to_its_captures_and_down_to_its_models(world):
    found = trace(world.catalog, "release", world.release_id)
    assert (len(found["upstream"]["frames"]), len(found["upstream"]["captures"])) == (
        4,
        1,
    )
    assert ids(found["downstream"]["models"], "model_sha256") == [world.model_sha256]
    assert ids(found["downstream"]["predictions"], "prediction_id") == [
        world.prediction_id
    ]


def test_frames_and_predictions_stay_columns_until_they_are_looked_at(world):
    found = trace(world.catalog, "release", world.release_id)
    frames = found["upstream"]["frames"]
    predictions = found["downstream"]["predictions"]
    assert isinstance(frames, RowSequence) and isinstance(predictions, RowSequence)
    assert ids(frames, "frame_id") == sorted(frames.table["frame_id"].to_pylist())


def test_a_model_leads_up_to_its_release_and_frames(world):
    found = trace(world.catalog, "model", world.model_sha256)
    assert found["upstream"]["release"]["release_id"] == world.release_id
    assert len(found["upstream"]["frames"]) == 4
    assert ids(found["downstream"]["predictions"], "prediction_id") == [
        world.prediction_id
    ]


def test_no_trace_carries_image_bytes(world):
    for kind, wanted in (
        ("frame", world.frame_id),
        ("release", world.release_id),
        ("model", world.model_sha256),
    ):
        assert "payload" not in str(trace(world.catalog, kind, wanted))


def test_a_unique_beginning_is_enough(world):
    assert trace(world.catalog, "frame", world.frame_id[:12])["id"] == world.frame_id


def test_a_beginning_of_two_ids_is_refused_with_their_number(world):
    (row,) = world.catalog.read_latest("models").to_pylist()
    other = row["model_sha256"][:10] + "0" * 54
    world.catalog.merge(
        "models", to_table(TABLES["models"], [row | {"model_sha256": other}])
    )
    with pytest.raises(
        ValueError,
        match=f"2 models begin with {other[:8]}.*select model_sha256 from models",
    ):
        trace(world.catalog, "model", other[:8])
    assert trace(world.catalog, "model", other)["id"] == other


@pytest.mark.parametrize("wanted", ["0" * 32, "abcdef' OR '1'='1", "______", "%%%%%%"])
def test_an_unknown_id_is_refused_with_a_way_to_find_it(world, wanted):
    with pytest.raises(ValueError, match=r"no frame begins with .*daguerre query"):
        trace(world.catalog, "frame", wanted)


def test_an_id_of_a_table_that_is_not_there_yet_is_unknown(catalog):
    for kind in ("capture", "frame", "release", "model", "prediction"):
        with pytest.raises(ValueError, match=f"no {kind} begins"):
            trace(catalog, kind, "0" * 32)


def test_too_short_a_beginning_and_an_unknown_kind_are_refused(catalog):
    with pytest.raises(ValueError, match="at least 6 characters"):
        trace(catalog, "frame", "abc")
    with pytest.raises(
        ValueError, match="'picture' has no lineage: use one of capture, frame"
    ):
        trace(catalog, "picture", "abcdef")


def test_a_model_whose_release_is_gone_is_still_traced(world):
    world.catalog.delete("releases", "true")
    found = trace(world.catalog, "model", world.model_sha256)
    assert (
        "release" not in found["upstream"] and found["upstream"]["model"]["seed"] == 7
    )


def test_what_is_gone_since_is_traced_as_before_and_the_home_verifies(world):
    things = {"prediction": world.prediction_id, "release": world.release_id}
    before = {kind: trace(world.catalog, kind, i) for kind, i in things.items()}
    release = open_release(world.catalog, world.release_id)
    for path in ("images", "drive.mcap"):
        place = world.landed / path
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    report = world.intake.ingest(Folder(str(world.landed)), "monday")
    assert report.gone_frames > 4
    assert len(world.catalog.read_latest("frames")) == 0
    assert len(world.catalog.read_latest("captures")) == 0
    after = {kind: trace(world.catalog, kind, i) for kind, i in things.items()}
    assert after == before and before["prediction"]["upstream"]["frame"]
    assert open_release(world.catalog, world.release_id) == release
    images = StoredImages(world.catalog, release.frames_version)
    assert len(images.read(release.frames.to_pylist())) == 4
    assert verify(world.stores) == []

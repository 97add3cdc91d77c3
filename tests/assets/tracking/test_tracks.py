"""Tracks of a stored session: rows that name what they rest on, ids that stay, and no work that was done before."""

from __future__ import annotations

import numpy as np
import pytest

from assets.code_versions import version_of
from assets.previews.tracks import draw_tracks
from assets.retrieval.lineage import trace
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tracking.method_of_asset import choose_score, read_detector
from assets.tracking.recordings import number_frames, read_recordings
from assets.tracking.rows import Method, track_recording
from assets.tracking.session import track_session
from assets.workspace import Workspace
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from checks.verdicts import stops_flow
from tests.assets.tracking.conftest import FRAMES, RELEASE, SHA, publish

MODEL = {"task": "detection", "model_sha256": SHA, "release_id": RELEASE}


@pytest.fixture
def workspace(home) -> Workspace:
    return Workspace(home, home / "ray")


def make(catalog, workspace, method=None):
    return track_session(catalog, workspace, MODEL, "monday", method or Method())


def test_a_session_of_two_recordings_has_a_track_in_each(catalog, session, workspace):
    session(lost={5, 6})
    done = make(catalog, workspace)
    assert (len(done.recordings), done.num_tracks, done.num_filled) == (2, 2, 4)
    rows = catalog.read_latest("tracks").to_pylist()
    assert len(rows) == 2 * FRAMES
    assert {r["frame_number"] for r in rows if r["is_filled"]} == {5, 6}
    answers = {
        r["prediction_id"]: r for r in catalog.read_latest("predictions").to_pylist()
    }
    for row in rows:
        if row["is_filled"]:
            assert row["prediction_id"] is None and row["box_number"] is None
        else:
            assert answers[row["prediction_id"]]["frame_id"] == row["frame_id"]
            assert row["box_number"] == 0
        assert row["x_min"] == pytest.approx(0.5 * row["frame_number"], abs=0.3)


def test_the_gate_publishes_them_and_holds_what_rests_on_nothing(
    catalog, session, workspace
):
    session()
    make(catalog, workspace)
    assert not stops_flow(gate_session(catalog, "tracks", "monday"))
    assert len(catalog.read("tracks")) == 2 * FRAMES
    rows = catalog.read_latest("tracks").to_pylist()
    lost = [row | {"prediction_id": content_id("nothing")} for row in rows[:1]]
    catalog.upsert("tracks", to_table(TABLES["tracks"], lost))
    verdicts = gate_session(catalog, "tracks", "monday")
    assert [v.name for v in verdicts if v.stops] == ["tracks_rest_on_answers"]


def test_a_second_time_nothing_is_made_and_ids_stay_when_frames_come(
    catalog, session, workspace
):
    session()
    first = {row["track_id"] for row in make(catalog, workspace).rows}
    again = make(catalog, workspace)
    assert again.refreshed.computed == 0 and again.refreshed.stale == 0
    session(FRAMES + 4)
    longer = make(catalog, workspace)
    assert longer.refreshed.computed == 2 * (FRAMES + 4)
    assert {row["track_id"] for row in longer.rows} == first


def test_another_score_makes_other_rows_and_takes_the_old_ones_away(
    catalog, session, workspace
):
    session()
    make(catalog, workspace)
    none = make(catalog, workspace, Method(min_score=0.95))
    assert none.num_tracks == 0 and len(catalog.read_latest("tracks")) == 0
    assert none.refreshed.removed == 2 * FRAMES


def test_trackers_stand_beside_each_other(catalog, session, workspace):
    session()
    make(catalog, workspace)
    make(catalog, workspace, Method("sort"))
    stored = catalog.read_latest("tracks", ["tracker"])["tracker"].to_pylist()
    assert set(stored) == {"offline", "sort"}
    assert not stops_flow(gate_session(catalog, "tracks", "monday"))


def test_a_session_without_answers_says_why_it_has_no_track(
    catalog, session, workspace
):
    session(lost=set(range(FRAMES)))
    assert make(catalog, workspace).num_tracks == 0
    verdicts = gate_session(catalog, "tracks", "monday")
    assert not stops_flow(verdicts)
    assert "in enough frames one after another" in str(verdicts[0].empty_reason)


def test_pictures_are_no_recording(catalog, frame_rows, workspace):
    publish(catalog, "frames", frame_rows(1))
    assert read_recordings(catalog, "monday", SHA) == []
    assert number_frames([{"t_ns": None, "sequence": 0}] * 3) is None


def test_frames_are_counted_in_intervals_and_one_by_one_where_they_jitter():
    ms = 10**6
    even = [{"t_ns": t * ms, "sequence": 0} for t in (100, 133, 167, 300)]
    assert number_frames(even).tolist() == [0, 1, 2, 6]
    uneven = [{"t_ns": t * ms, "sequence": n} for n, t in enumerate((0, 30, 60, 61))]
    assert number_frames(uneven).tolist() == [0, 1, 2, 3]
    untimed = [{"t_ns": None, "sequence": n} for n in (7, 5, 9)]
    assert number_frames(untimed).tolist() == [2, 0, 4]


def test_classes_are_tracked_apart(catalog, session, answer, workspace):
    rows = session()
    said = [
        answer(r, [(1.0, 0.9)], "cup" if r["sequence"] < 6 else "ball") for r in rows
    ]
    publish(catalog, "predictions", to_table(TABLES["predictions"], said))
    done = make(catalog, workspace)
    assert sorted({(r["capture_id"], r["class_name"]) for r in done.rows}) == sorted(
        (content_id(c), name) for c in ("first", "second") for name in ("ball", "cup")
    )


def test_looks_are_asked_of_the_pixels_in_the_boxes(catalog, session):
    session()
    recording = read_recordings(catalog, "monday", SHA)[0]
    asked = []

    def look(frames, boxes):
        asked.append(([f["frame_id"] for f in frames], boxes))
        return np.eye(2)[[0] * 6 + [1] * 6]

    method = Method(uses_looks=True)
    rows = track_recording(recording, SHA, method, look, version_of("tracks")).rows
    assert asked[0][0] == [frame["frame_id"] for frame in recording.frames]
    assert asked[0][1].shape == (FRAMES, 4)
    assert {row["uses_looks"] for row in rows} == {True}


def test_vectors_of_boxes_come_from_their_own_pixels(catalog, session, encoder, home):
    from assets.inference.embed import Embedder
    from assets.inference.predict import StoredImages
    from assets.tracking.looks import embed_boxes

    frames = session()[:2]
    images = StoredImages(catalog)
    boxes = np.array([[0, 0, 8, 8], [0, 0, 8, 8], [100.0, 100, 120, 120]])
    asked = [frames[0], frames[1], frames[0]]
    embedder = Embedder(home, encoder)
    vectors = embed_boxes(images, embedder, asked, boxes)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3))
    image = images.read(frames[:1])[frames[0]["frame_id"]]
    assert vectors[:1] == pytest.approx(embedder.embed([image[:8, :8]]), abs=1e-6)


def test_pictures_show_the_tracks_over_their_frames(catalog, session, workspace):
    session(lost={5})
    drawn = draw_tracks(catalog, make(catalog, workspace).rows)
    assert drawn is not None and drawn[:3] == b"\xff\xd8\xff"
    assert draw_tracks(catalog, []) is None


def test_the_champion_and_its_operating_score_are_what_the_asset_goes_by(catalog):
    assert read_detector(catalog) is None
    champion = plain_row("champions", {**MODEL, "model_name": "detection"})
    catalog.upsert("champions", to_table(TABLES["champions"], [champion]))
    model = read_detector(catalog)
    assert model is not None and model["model_sha256"] == SHA
    assert choose_score(catalog, model, Method()).min_score == Method().min_score
    score = {
        "model_sha256": SHA,
        "release_id": RELEASE,
        "metric": "operating_score",
        "slice_by": "all",
        "split": "test",
        "value": 0.31,
    }
    catalog.upsert("scores", to_table(TABLES["scores"], [plain_row("scores", score)]))
    assert choose_score(catalog, model, Method()).min_score == 0.31


def test_methods_that_there_are_not_are_refused():
    with pytest.raises(ValueError, match="no tracker 'deep': choose one of offline"):
        Method("deep")
    with pytest.raises(ValueError, match=r"from a score of 1\.5 on"):
        Method(min_score=1.5)
    with pytest.raises(ValueError, match="sort goes by overlap alone"):
        Method("sort", uses_looks=True)


def test_a_track_leads_back_to_its_answers_and_frames_and_these_lead_to_it(
    catalog, session, workspace
):
    frames = session(lost={5, 6})
    track = make(catalog, workspace).rows[0]
    found = trace(catalog, "track", track["track_id"][:12])
    assert found["id"] == track["track_id"]
    up = found["upstream"]
    assert len(up["predictions"]) == FRAMES - 2 and len(up["frames"]) == FRAMES
    assert up["capture"]["capture_id"] == track["capture_id"]
    prediction = next(row for row in up["predictions"])
    down = trace(catalog, "prediction", prediction["prediction_id"])["downstream"]
    assert [row["track_id"] for row in down["tracks"]] == [track["track_id"]]
    down = trace(catalog, "frame", frames[0]["frame_id"])["downstream"]
    assert len(down["tracks"]) == 1
    with pytest.raises(ValueError, match="select distinct track_id from tracks"):
        trace(catalog, "track", "0" * 32)

"""Tracks beside labels that name theirs: figures that a person can count, kept with the recording and shown."""

from __future__ import annotations

import pytest

from assets.annotation.interpolation import INTERPOLATOR
from assets.annotation.labels import Answer, Author, Marked, record_answers
from assets.tables.schemas import TABLES, content_id, to_table
from assets.tracking.rows import Method
from assets.tracking.session import track_session
from assets.tracking.told import list_figures
from assets.workspace import Workspace
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from tests.assets.tracking.conftest import FRAMES, RELEASE, SHA, publish

MODEL = {"task": "detection", "model_sha256": SHA, "release_id": RELEASE}
FIRST = content_id("first")


@pytest.fixture
def follow(catalog, home):
    """follow(): the rows of the two recordings of monday, that of the first capture first."""

    def call():
        workspace = Workspace(home, home / "ray")
        done = track_session(catalog, workspace, MODEL, "monday", Method())
        return sorted(done.recordings, key=lambda r: r["capture_id"] != FIRST)

    return call


def mark(frame: dict, track_id: int | None, name: str = "cup") -> dict:
    left = 0.5 * frame["sequence"]
    box = {"x_min": left, "y_min": 2.0, "x_max": left + 6, "y_max": 10.0}
    given = {**box, "track_id": track_id, "class_name": name, "task": "detection"}
    named = {k: frame[k] for k in ("frame_id", "capture_id", "session")}
    label_id = {"label_id": content_id("label", frame["frame_id"], name)}
    return plain_row("labels", {**given, **named, **label_id})


def store_labels(catalog, labels: list[dict]) -> None:
    publish(catalog, "labels", to_table(TABLES["labels"], labels))


def list_of_first(frames: list[dict]) -> list[dict]:
    return [frame for frame in frames if frame["capture_id"] == FIRST]


def test_tracks_that_go_with_the_labels_are_all_right(catalog, session, follow):
    frames = list_of_first(session())
    store_labels(catalog, [mark(frame, 7) for frame in frames])
    labelled, other = follow()
    assert labelled["idf1"] == labelled["mota"] == labelled["hota"] == 1.0
    assert (labelled["num_true_tracks"], labelled["num_true_boxes"]) == (1, FRAMES)
    assert other["truth_sha256"] is None and other["hota"] is None
    told = list_figures([labelled, other]).splitlines()
    assert len(told) == 3 and "100.00" in told[2]


def test_a_label_that_changes_its_track_half_way_is_a_switch(catalog, session, follow):
    frames = list_of_first(session())
    store_labels(catalog, [mark(f, 1 + (f["sequence"] >= 6)) for f in frames])
    labelled, _ = follow()
    # six of twelve boxes go with one true track: 2 * 6 / (12 + 12)
    assert labelled["idf1"] == 0.5 and labelled["num_true_tracks"] == 2
    # the found track is no track's second one: the new track begins with it
    assert labelled["switches"] == 0 and labelled["mota"] == 1.0
    verdicts = {
        v.name: v for v in gate_session(catalog, "tracked_recordings", "monday")
    }
    assert verdicts["tracks_agree_with_labels"].passed
    (told,) = (
        text
        for name, text in verdicts["tracks_agree_with_labels"].figures.items()
        if name.startswith("cam of")
    )
    assert "MOTA 100.0, IDF1 50.0, 0 switches" in told


def test_boxes_meet_those_of_their_class_alone(catalog, session, follow):
    frames = list_of_first(session())
    store_labels(catalog, [mark(frame, 7, "ball") for frame in frames])
    labelled, _ = follow()
    # twelve misses and twelve false alarms over twelve true boxes
    assert labelled["mota"] == -1.0 and labelled["idf1"] == 0.0
    verdicts = gate_session(catalog, "tracked_recordings", "monday")
    bad = [v for v in verdicts if not v.passed]
    assert [v.name for v in bad] == ["tracks_agree_with_labels"] and not bad[0].stops


def test_frames_that_nobody_looked_at_do_not_count(catalog, session, follow):
    frames = list_of_first(session())
    store_labels(catalog, [mark(frame, 7) for frame in frames[:4]])
    labelled, _ = follow()
    assert labelled["mota"] == 1.0 and labelled["num_true_boxes"] == 4


def test_labels_without_tracks_are_no_truth_and_a_track_twice_in_a_frame_gives_no_figure(
    catalog, session, follow
):
    frames = list_of_first(session())
    store_labels(catalog, [mark(frame, None) for frame in frames])
    assert follow()[0]["truth_sha256"] is None
    twice = [mark(f, 7) for f in frames]
    twice.append(mark(frames[0], 7) | {"label_id": content_id("again"), "x_max": 9.0})
    store_labels(catalog, twice)
    labelled, _ = follow()
    assert labelled["num_true_tracks"] == 1 and labelled["hota"] is None
    verdict = gate_session(catalog, "tracked_recordings", "monday")[-1]
    assert "in two places at once" in verdict.examples[0]


def test_corrected_labels_are_the_truth_and_measure_anew(catalog, session, follow):
    frames = list_of_first(session())
    before = follow()[0]
    marked = [
        Marked(
            "cup", tuple(m[s] for s in ("x_min", "y_min", "x_max", "y_max")), track_id=3
        )
        for m in (mark(f, 3) for f in frames)
    ]
    answers = [
        Answer(f["frame_id"], "detection", (m,))
        for f, m in zip(frames, marked, strict=True)
    ]
    record_answers(catalog, answers, Author("import", "tool"))
    after = follow()[0]
    assert before["hota"] is None and after["idf1"] == 1.0
    assert before["input_sha256"] == after["input_sha256"]


def test_what_was_interpolated_is_no_truth(catalog, session, follow):
    """Between two answers boxes follow a track: it would agree with itself."""
    frames = list_of_first(session())
    cup = Marked("cup", (0.0, 2.0, 6.0, 10.0), track_id=7)
    ends = [Answer(f["frame_id"], "detection", (cup,)) for f in (frames[0], frames[2])]
    versions = record_answers(catalog, ends, Author("person", "Anna")).versions
    rests_on = tuple(version["version_id"] for version in versions)
    between = Answer(frames[1]["frame_id"], "detection", (cup,), rests_on=rests_on)
    record_answers(catalog, [between], INTERPOLATOR)
    gate_session(catalog, "label_versions", None)
    assert follow()[0]["num_true_boxes"] == 2

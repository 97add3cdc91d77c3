"""When tracks are made that nobody asked for: each session once, again when what they rest on changes; the plan."""

from __future__ import annotations

import json

import dagster as dg
import pytest

from assets.retrieval.stale_reasons import CODE, INPUT, MISSING, SELECTED
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES, to_table
from assets.tracking.due import is_due, list_due
from assets.tracking.method_of_asset import choose_asset_method
from assets.tracking.session import track_session
from assets.workspace import Workspace
from bench.synthetic_home import plain_row
from checks.gates import gate_session
from orchestration.plan.lines import FOLLOWS, Line
from orchestration.plan.tasks import Asked
from orchestration.plan.tracks import list_tracks
from orchestration.sensors.tracking import track_sensor
from tests.assets.tracking.conftest import (
    FRAMES,
    RELEASE,
    SHA,
    make_answer,
    publish,
    store_walks,
)

OTHER = "d" * 64
ALL = Asked(None, (), (), None)


@pytest.fixture
def monday(catalog: Catalog, frame_rows) -> list[dict]:
    """Frames of a session with answers of the champion of detection."""
    rows = store_walks(catalog, frame_rows)
    crown(catalog, SHA)
    return rows


@pytest.fixture
def make(catalog, home):
    """make(): what a run makes of monday, and lets through."""

    def call() -> int:
        model, method = choose_asset_method(catalog)
        workspace = Workspace(home, home / "ray")
        done = track_session(catalog, workspace, model, "monday", method)
        gate_session(catalog, "tracks", "monday")
        return done.refreshed.computed

    return call


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sessions", ["monday"])
        yield instance


def crown(catalog: Catalog, sha256: str) -> None:
    model = {"task": "detection", "model_sha256": sha256, "release_id": RELEASE}
    row = plain_row("champions", {**model, "model_name": "detection"})
    catalog.upsert("champions", to_table(TABLES["champions"], [row]))


def answer(catalog: Catalog, frames: list[dict], score: float) -> None:
    said = [make_answer(f, [(0.5 * f["sequence"], score)]) for f in frames]
    publish(catalog, "predictions", to_table(TABLES["predictions"], said))


def tick(catalog: Catalog, instance: dg.DagsterInstance, cursor: str | None = None):
    context = dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"catalog": catalog}
    )
    return track_sensor(context)


def tell(lines) -> dict[str, tuple[int | None, dict]]:
    return {line.reason: (line.num_rows, dict(line.sessions)) for line in lines}


def test_a_session_is_asked_for_until_its_tracks_are_there(
    catalog, monday, make, instance
):
    (asked,) = tick(catalog, instance).run_requests
    assert asked.partition_key == "monday"
    assert tick(catalog, instance).run_requests[0].run_key == asked.run_key
    make()
    settled = tick(catalog, instance)
    assert not settled.run_requests and "is joined" in settled.skip_reason.skip_message
    assert list(json.loads(settled.cursor)) == ["monday"]


def test_a_run_that_was_asked_for_is_not_asked_for_twice(catalog, monday, instance):
    (asked,) = tick(catalog, instance).run_requests
    tags = {"dagster/run_key": asked.run_key, "dagster/partition": "monday"}
    instance.add_run(dg.DagsterRun(job_name="follow_objects", tags=tags))
    waiting = tick(catalog, instance)
    assert not waiting.run_requests
    assert waiting.skip_reason.skip_message.startswith("1 session waiting")


def test_other_answers_ask_again_and_equal_ones_do_not(catalog, monday, make, instance):
    make()
    cursor = tick(catalog, instance).cursor
    answer(catalog, monday, 0.9)  # the same, published anew
    again = tick(catalog, instance, cursor)
    assert not again.run_requests and again.cursor != cursor
    answer(catalog, monday, 0.8)
    (asked,) = tick(catalog, instance, again.cursor).run_requests
    assert asked.partition_key == "monday"


def test_a_session_in_which_nothing_can_be_followed_is_settled_too(
    catalog, frame_rows, make, instance
):
    store_walks(catalog, frame_rows, lost=set(range(FRAMES)))
    crown(catalog, SHA)
    assert is_due(catalog, "monday")
    assert make() == 0
    assert not is_due(catalog, "monday")
    assert not tick(catalog, instance).run_requests


def test_without_a_champion_nothing_is_due(catalog, frame_rows, instance):
    store_walks(catalog, frame_rows)
    assert list_due(catalog) == ([], True)
    assert not tick(catalog, instance).run_requests


def test_the_plan_counts_what_a_run_makes_by_reason(catalog, monday, make):
    lines, is_compared = list_tracks(catalog, [], ALL)
    assert tell(lines) == {MISSING: (None, {"monday": None})} and is_compared
    assert make() == 2 * FRAMES
    assert list_tracks(catalog, [], ALL)[0] == []
    answer(catalog, monday, 0.8)
    assert tell(list_tracks(catalog, [], ALL)[0]) == {
        INPUT: (2 * FRAMES, {"monday": 2 * FRAMES})
    }
    assert make() == 2 * FRAMES
    rows = catalog.read_latest("tracked_recordings").to_pylist()
    old = [row | {"code_version": "0:0.600000"} for row in rows]
    catalog.upsert("tracked_recordings", to_table(TABLES["tracked_recordings"], old))
    (line,) = list_tracks(catalog, [], ALL)[0]
    assert (line.reason, line.num_rows) == (CODE, 2 * FRAMES)
    assert "0:0.600000 made them" in line.why and not line.is_exact
    assert make() == 2 * FRAMES


def test_another_champion_has_no_tracks_yet(catalog, monday, make):
    make()
    said = [
        make_answer(f, [(0.5 * f["sequence"], 0.9)])
        | {"model_sha256": OTHER, "prediction_id": f["frame_id"][::-1]}
        for f in monday
    ]
    publish(catalog, "predictions", to_table(TABLES["predictions"], said))
    crown(catalog, OTHER)
    assert tell(list_tracks(catalog, [], ALL)[0]) == {MISSING: (None, {"monday": None})}
    assert make() == 2 * FRAMES
    assert len(catalog.read_latest("tracks")) == 4 * FRAMES  # those of before stay


def test_tracks_follow_answers_that_will_be_others(catalog, monday, make):
    make()
    rows = {"monday": 24, "tuesday": 3}
    before = Line("monitoring/predictions", CODE, "", "rows", 27, rows, True)
    lines, _ = list_tracks(catalog, [before], ALL)
    assert tell(lines) == {FOLLOWS: (None, {"monday": None, "tuesday": None})}


def test_tracks_can_be_selected(catalog, monday, make):
    make()
    asked = Asked({"monday"}, {"tracking/tracks"}, (), None)
    assert tell(list_tracks(catalog, [], asked)[0]) == {
        SELECTED: (2 * FRAMES, {"monday": 2 * FRAMES})
    }
    assert list_tracks(catalog, [], Asked(None, {"curation/splits"}, (), None))[0] == []


def test_of_too_many_answers_only_the_code_is_looked_at(catalog, monday, make, lower):
    from assets.tracking import due

    make()
    lower(due, MAX_HASHED=1)
    answer(catalog, monday, 0.8)
    assert list_due(catalog) == ([], False)

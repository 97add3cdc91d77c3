"""Runs over several sessions: each is made, judged and published by itself; a bad one is named and stops no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from assets.batches import BATCH, read_left_out_of
from assets.capture.simulate import SimulationSpec, simulate
from assets.capture.stage import STAGE as CAPTURE
from assets.curation import defs as curation
from assets.materialize import result as make_result
from assets.tables.catalog import Catalog
from orchestration.jobs import ingest_session
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_catalog, build_landing_zone
from orchestration.ticks import LocalEngine

pytestmark = pytest.mark.filterwarnings("default")  # third parties warn in the checks
SESSIONS = ("desk", "empty", "shelf")
QUALITY = dg.AssetKey(["curation", "frame_quality"])
INTAKE = [dg.AssetKey(list(key)) for key in CAPTURE.step_of("recordings").keys]
FRAMES = dg.AssetKey(["capture", "frames"])


def open_home(home: Path) -> Settings:
    return load_settings(
        {
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_PROFILE": "ci",
            "DAGUERRE_PARTIAL_WAIT_S": "0",
        }
    )


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    """Of two good sessions, and one whose only file nobody can read."""
    home = tmp_path_factory.mktemp("batches") / "home"
    settings = open_home(home)
    build_landing_zone(settings)
    for seed, session in enumerate(("desk", "shelf")):
        spec = SimulationSpec(1, 0.2, seed=seed, width_px=64, height_px=48)
        simulate(home / "landing" / session, spec)
    (home / "landing" / "empty").mkdir()
    (home / "landing" / "empty" / "cut.mcap").write_bytes(b"no recording")
    with LocalEngine(settings) as engine:
        engine.instance.add_dynamic_partitions("sessions", list(SESSIONS))
        yield engine


@pytest.fixture(scope="module")
def taken_in(engine: LocalEngine) -> dg.ExecuteInProcessResult:
    """One run from intake to quality figures."""
    return run_batch(engine, *INTAKE, QUALITY)


def run_batch(engine: LocalEngine, *keys: dg.AssetKey) -> dg.ExecuteInProcessResult:
    """The sessions in one run, as a backfill asks for it."""
    job = engine.defs.resolve_job_def(ingest_session.name)
    return job.execute_in_process(
        instance=engine.instance,
        tags={
            "dagster/asset_partition_range_start": SESSIONS[0],
            "dagster/asset_partition_range_end": SESSIONS[-1],
        },
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
        asset_selection=list(keys) or None,
    )


def list_made(result: dg.ExecuteInProcessResult, key: dg.AssetKey) -> list[str]:
    events = result.get_asset_materialization_events()
    return [e.partition for e in events if e.asset_key == key and e.partition]


def list_published(catalog: Catalog, table: str) -> dict[str, bool]:
    return {d["session"]: d["is_held"] for d in catalog.publications(table)}


def test_a_bad_session_is_named_and_left_out_and_the_others_are_made(engine, taken_in):
    result = taken_in
    catalog = build_catalog(engine.settings)

    assert not result.success
    assert list_made(result, FRAMES) == ["desk", "empty", "shelf"]
    assert list_made(result, QUALITY) == ["desk", "shelf"]
    left_out = read_left_out_of(engine.instance, result.run_id)
    assert list(left_out) == ["empty"]
    assert left_out["empty"].startswith("capture/")
    assert list_published(catalog, "frame_quality") == {"desk": False, "shelf": False}
    judged = {
        (e.asset_check_evaluation_data.partition, e.asset_check_evaluation_data.passed)
        for e in result.all_events
        if e.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        and e.asset_check_evaluation_data.asset_key == QUALITY
    }
    assert judged == {("desk", True), ("shelf", True), ("empty", False)}
    for session in ("desk", "shelf"):
        alone = make_result(catalog, "frame_quality", list(QUALITY.path), session)
        assert read_version(engine, session) == alone.data_version.value


def read_version(engine: LocalEngine, session: str) -> str:
    """The data version of the session's newest quality figures, as Dagster has it."""
    wanted = dg.AssetRecordsFilter(QUALITY, asset_partitions=[session])
    made = engine.instance.fetch_materializations(wanted, limit=1).records[0]
    return made.asset_materialization.tags["dagster/data_version"]


def test_what_raises_for_one_session_is_named_and_the_others_go_on(
    engine, taken_in, monkeypatch
):
    measure = curation.measure_frames

    def fail_for_desk(session: str, *rest: object) -> object:
        if session == "desk":
            raise OSError("the disk is gone")
        return measure(session, *rest)

    monkeypatch.setattr(curation, "measure_frames", fail_for_desk)
    result = run_batch(engine, QUALITY)

    assert not result.success
    assert list_made(result, QUALITY) == ["empty", "shelf"]
    left_out = read_left_out_of(engine.instance, result.run_id)
    assert left_out["desk"] == "curation/frame_quality: OSError: the disk is gone"


def test_every_asset_of_sessions_may_be_backfilled_many_at_a_time(engine):
    graph = engine.defs.resolve_asset_graph()
    partitioned = [
        key for key in graph.materializable_asset_keys if graph.get(key).is_partitioned
    ]
    assert len(partitioned) == 24
    assert {graph.get(key).backfill_policy for key in partitioned} == {BATCH}

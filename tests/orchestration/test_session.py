"""What a session needs: the same by the command and by the graph, made once, and found where it is missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from assets.capture.simulate import SimulationSpec, simulate
from assets.retrieval.dagster_events import audit_events
from assets.stages import list_session_steps
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES
from checks.gates import GATES, SESSION_ASSETS
from checks.verdicts import Verdict
from orchestration import session as session_module
from orchestration.jobs import ingest_session
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_catalog, build_landing_zone, build_ledger
from orchestration.sensors import made
from orchestration.sensors.landing import landing_zone_sensor
from orchestration.session import SessionOutcome, find_due, run_session, session_keys
from orchestration.ticks import LocalEngine

# third parties warn inside the checks
pytestmark = pytest.mark.filterwarnings("default")
CHECKOUT = Path(__file__).resolve().parents[2]
WRITTEN = [table for key in session_keys() for table in SESSION_ASSETS[key]]


def open_home(home: Path) -> Settings:
    return load_settings(
        {
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_PROFILE": "ci",
            "DAGUERRE_PARTIAL_WAIT_S": "0",
        }
    )


def run(settings: Settings, folder: Path) -> tuple[SessionOutcome, list[str]]:
    """The outcome, and what a person was told."""
    told = []

    @contextmanager
    def show(step):
        yield lambda done, total, *_: told.append(
            f"{step.doing} {done}/{total} {step.unit}"
        )

    place = Folder(str(folder), settings.file_options)
    build_landing_zone(settings).register("desk", place)
    return run_session(settings, "desk", place, show), told


def list_due(settings: Settings) -> dict[str, list[str]]:
    return {
        session: [step.doing for step in steps]
        for session, steps in find_due(settings).items()
    }


def read_rows(catalog: Catalog, table: str) -> list[dict]:
    return catalog.read(table).sort_by(TABLES[table].key).to_pylist()


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory):
    """A home with one simulated session, made by the functions; what came of it, and what was told."""
    folder = tmp_path_factory.mktemp("session")
    settings = open_home(folder / "home")
    simulate(folder / "desk", SimulationSpec(1, 0.4, seed=1, width_px=96, height_px=72))
    yield settings, *run(settings, folder / "desk")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def desk(ingested) -> Path:
    """The folder that was taken in."""
    return ingested[0].home.parent / "desk"


@pytest.fixture
def copied(ingested, tmp_path) -> Settings:
    shutil.copytree(ingested[0].home, tmp_path / "home")
    return open_home(tmp_path / "home")


def test_every_table_that_a_session_needs_is_published_and_nothing_is_left_to_do(
    ingested,
):
    settings, outcome, told = ingested
    catalog = build_catalog(settings)
    assert outcome.held == set() and not any(v.stops for v in outcome.verdicts)
    written = [table for table in WRITTEN if catalog.exists(table)]
    assert {
        "frames",
        "signals",
        "calibrations",
        "labels",
        "clock_reports",
        "frame_embeddings",
    } <= set(written)
    assert all(
        [d["session"] for d in catalog.publications(table)] == ["desk"]
        for table in written
    )
    num_images = len(catalog.read("frames", ["frame_id"], "kind = 'color'"))
    assert (
        len(catalog.read("frame_quality"))
        == len(catalog.read("frame_embeddings"))
        == num_images
        > 0
    )
    assert (
        told[-1] == f"embedding {num_images}/{num_images} frames"
        and "ingesting 1/1 files" in told
    )
    assert find_due(settings) == {}


def test_a_second_run_makes_no_row_again(copied, desk):
    before = {
        table: build_catalog(copied).latest_version(table)
        for table in ("frame_quality", "frame_embeddings")
    }
    outcome, _ = run(copied, desk)
    assert (
        outcome.made["capture", "recordings"].new == 0
        and outcome.made["curation", "frame_embeddings"].computed == 0
    )
    assert {
        table: build_catalog(copied).latest_version(table) for table in before
    } == before


def test_the_graph_makes_the_same_rows(ingested, desk, tmp_path):
    settings, _, _ = ingested
    other = open_home(tmp_path / "home")
    shutil.copytree(settings.home / "cache", other.home / "cache")
    build_landing_zone(other).register("desk", Folder(str(desk), other.file_options))
    with LocalEngine(other) as engine:
        engine.instance.add_dynamic_partitions("sessions", ["desk"])
        assert engine.execute(ingest_session.name, "desk").success
    assert tick_anew(other) == [], "a cursor that was lost makes no run"
    mine = build_catalog(settings)
    theirs = build_catalog(other)
    assert all(read_rows(mine, table) == read_rows(theirs, table) for table in WRITTEN)


def tick_anew(home: Settings) -> list[str | None]:
    """The partitions that the landing sensor asks for, with a cursor that is empty."""
    with LocalEngine(home) as engine:
        looks = [engine.tick(landing_zone_sensor) for _ in range(3)]
    return [request.partition_key for look in looks for request in look]


def read_events(home: Settings) -> dict[tuple[str, ...], list[dg.AssetMaterialization]]:
    """The materialisations of the session's assets that Dagster knows, newest first."""
    with LocalEngine(home) as engine:
        return {
            key: [
                record.asset_materialization
                for record in engine.instance.fetch_materializations(
                    dg.AssetRecordsFilter(dg.AssetKey(list(key))), limit=9
                ).records
            ]
            for key in session_keys()
        }


def read_checks(home: Settings) -> dict[str, dg.AssetCheckEvaluation]:
    """Claim -> what Dagster was told last of it."""
    wanted = [
        dg.AssetCheckKey(dg.AssetKey(list(key)), name)
        for key in session_keys()
        for table in SESSION_ASSETS[key]
        for name in GATES[table].names
    ]
    with LocalEngine(home) as engine:
        storage = engine.instance.event_log_storage
        found = storage.get_latest_asset_check_execution_by_key(wanted)
    return {
        key.name: record.event.dagster_event.asset_check_evaluation_data
        for key, record in found.items()
    }


def test_what_the_command_took_in_is_not_run_again_and_dagster_knows_its_assets(copied):
    assert tick_anew(copied) == []
    events = read_events(copied)
    assert {key: [e.partition for e in events[key]] for key in events} == {
        key: ["desk"] for key in session_keys()
    }
    (frames,) = events["capture", "frames"]
    num_rows = build_catalog(copied).dataset("frames").count_rows()
    assert frames.metadata["dagster/row_count"].value == num_rows
    assert "data:image" in frames.metadata["contact sheet"].value
    assert set(audit_events(copied.dagster_home)) == {None}
    assert tick_anew(copied) == []
    assert read_events(copied) == events, "it is told once"


def test_dagster_is_shown_of_it_what_a_run_would_have_shown(copied):
    tick_anew(copied)
    events = read_events(copied)
    (recordings,), (labels,) = (
        events["capture", noun] for noun in ("recordings", "imported_labels")
    )
    for name in ("contact sheet", "timeline"):
        assert "data:image" in recordings.metadata[name].value, name
    assert "| left |" in recordings.metadata["sync report"].value
    assert recordings.metadata["quarantine"].value == "nothing"
    assert recordings.metadata["files"].value == 1
    assert "detection" in labels.metadata["labels"].value
    assert "evidence" in events["capture", "clock_reports"][0].metadata


def test_its_checks_are_told_with_what_the_gates_found(ingested, copied):
    tick_anew(copied)
    found = read_checks(copied)
    assert {name: e.passed for name, e in found.items()} == {
        v.name: v.passed for v in ingested[1].verdicts
    }
    assert {e.partition for e in found.values()} == {"desk"}
    assert all(e.blocking and e.description for e in found.values())


def test_telling_of_it_decides_nothing(copied):
    before = build_catalog(copied).publications("frames")
    tick_anew(copied)
    assert build_catalog(copied).publications("frames") == before


def test_what_is_held_is_told_as_failed_with_its_quarantine(home, make_png, tmp_path):
    (tmp_path / "desk").mkdir()
    for number in range(3):
        (tmp_path / "desk" / f"{number}.png").write_bytes(make_png(number))
    (tmp_path / "desk" / "cut.png").write_bytes(make_png(3)[:50])
    settings = open_home(home)
    run(settings, tmp_path / "desk")
    tick_anew(settings)
    assert not read_checks(settings)["images_are_readable"].passed
    (recordings,) = read_events(settings)["capture", "recordings"]
    assert "| cut.png |" in recordings.metadata["quarantine"].value.replace("\\", "")
    assert recordings.metadata["quarantined"].value == 1


def test_a_tick_that_has_no_time_tells_the_rest_in_the_next(copied, monkeypatch):
    monkeypatch.setattr(made, "_MOST_S", 0.0)
    ledger, catalog = build_ledger(copied), build_catalog(copied)
    told = []
    with LocalEngine(copied) as engine:
        for _ in session_keys():
            some, untold = made.tell_made(engine.instance, catalog, ledger, ["desk"])
            for event in some:
                engine.instance.report_runless_asset_event(event)
            told.append(len({e.asset_key for e in some}))
    assert told == [1] * len(session_keys()), "an asset a tick, none twice"
    assert untold == []


def test_what_is_not_as_it_was_taken_in_is_asked_for(copied):
    ledger = build_ledger(copied)
    known = ledger.intake_of("desk")
    assert known is not None
    for change in ({"code": "older"}, {"fingerprint": "another"}, {"made_by": ""}):
        ledger.note_intake(replace(known, **change))
        assert tick_anew(copied) == ["desk"], change
    ledger.note_intake(known)
    assert tick_anew(copied) == []
    ledger.reopen(list(ledger.outcomes("desk").values()))
    assert tick_anew(copied) == ["desk"]


def test_rows_that_are_missing_or_stale_are_due_and_no_other(copied, monkeypatch):
    catalog = build_catalog(copied)
    row = catalog.read("frame_embeddings", ["frame_id"])["frame_id"][0].as_py()
    catalog.publish(
        "frame_embeddings",
        "desk",
        catalog.delete("frame_embeddings", f"frame_id = '{row}'"),
    )
    assert list_due(copied) == {"desk": ["embedding"]}
    monkeypatch.setattr("assets.curation.session.version_of", lambda maker: "another")
    assert list_due(copied) == {"desk": ["measuring", "embedding"]}


def test_rows_that_no_gate_has_let_through_are_due(copied):
    catalog = build_catalog(copied)
    for table in ("clock_reports", "frame_quality"):
        catalog.hold(table, "desk", catalog.latest_version(table), "a claim failed")
    assert list_due(copied) == {"desk": ["comparing the clocks of", "measuring"]}


def test_what_is_held_is_not_built_upon(home, make_png):
    (home / "desk").mkdir()
    (home / "desk" / "cut.png").write_bytes(make_png(1)[:60])
    outcome, _ = run(open_home(home), home / "desk")
    assert outcome.made.keys() == {("capture", "recordings")}
    later = {key for step in list_session_steps() if step.after for key in step.keys}
    assert {("capture", "frames")} | later <= outcome.held


def test_only_what_comes_after_what_is_held_is_left_out(copied, desk, monkeypatch):
    def gate(catalog, table, session):
        return [Verdict("claim", table != "labels", True, table, 1)]

    monkeypatch.setattr(session_module, "gate_session", gate)
    outcome, _ = run(copied, desk)
    assert outcome.held == {("capture", "imported_labels")}
    assert ("curation", "frame_embeddings") in outcome.made and len(
        outcome.verdicts
    ) == len(WRITTEN)


def test_an_encoder_that_is_none_stops_with_the_reason_and_what_was_taken_in_stays(
    copied, desk, tmp_path
):
    (tmp_path / "empty").mkdir()
    broken = replace(
        copied, workspace=replace(copied.workspace, encoder=tmp_path / "empty")
    )
    with pytest.raises((ValueError, OSError), match="empty"):
        run(broken, desk)
    assert len(build_catalog(copied).read("frames")) > 0


def test_the_command_does_it_without_the_orchestrator(ingested, desk, tmp_path):
    settings, _, _ = ingested
    shutil.copytree(settings.home / "cache", tmp_path / "home" / "cache")
    script = (
        "import atexit, sys; from orchestration.cli import main\n"
        "atexit.register(lambda: print('dagster' in sys.modules))\n"
        "main()"
    )
    command = [sys.executable, "-c", script, "ingest", str(desk)]
    environ = {"DAGUERRE_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(build_catalog(open_home(tmp_path / "home")).read("frame_embeddings")) > 0
    assert done.stdout.startswith("session desk: 1 file, 1 capture")
    assert done.stdout.endswith("False\n")
    assert not (tmp_path / "home" / "ledger.db-wal").exists()

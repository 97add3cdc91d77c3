"""The verb `backfill` on a real home: one backfill an order, taken up again after a kill, down to a verdict."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from typer.testing import CliRunner

from assets.capture.simulate import SimulationSpec, simulate
from assets.locks import take_named
from assets.storage import Folder
from assets.tables.schemas import TABLES, to_table
from assets.training.turn import take_turn
from orchestration import definitions
from orchestration.backfill import launch
from orchestration.backfill.launch import Busy, backfill
from orchestration.backfill.orders import Order, require_writable
from orchestration.backfill.work import open_workspace
from orchestration.cli import app, main
from orchestration.graph import build_defs
from orchestration.plan.making import name_code
from orchestration.profiles import CHECKOUT, Settings, load_settings
from orchestration.resources import build_catalog, build_landing_zone
from orchestration.session import run_session
from orchestration.ui import Ports, serve

pytestmark = pytest.mark.filterwarnings("default")  # third parties warn in the checks
QUALITY = "curation/frame_quality"


class _Show:
    def __enter__(self):
        return lambda *_: None

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Two sessions, all made."""
    home = tmp_path_factory.mktemp("backfill") / "home"
    settings = load_settings(environ(home))
    for seed, session in enumerate(("desk", "shelf")):
        spec = SimulationSpec(1, 0.2, seed=seed, width_px=64, height_px=48)
        simulate(home / "landing" / session, spec)
        build_landing_zone(settings)
        folder = Folder(str(home / "landing" / session), settings.file_options)
        run_session(settings, session, folder, lambda _: _Show())
    return settings


def environ(home: Path) -> dict[str, str]:
    return {
        "DAGUERRE_HOME": str(home),
        "DAGUERRE_PROFILE": "ci",
        "DAGUERRE_PARTIAL_WAIT_S": "0",
    }


@pytest.fixture
def call(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """call("--select", ...) -> exit code and JSON."""
    for name, value in environ(settings.home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(definitions, "defs", build_defs(settings))

    def run(*words: str):
        result = CliRunner().invoke(app, ["backfill", *words, "--json"])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, json.loads(result.stdout)

    return run


@pytest.fixture
def plan(settings: Settings, tmp_path: Path) -> Path:
    """Of the quality figures of both sessions."""
    line = {"asset": QUALITY, "sessions": {"desk": 1, "shelf": 1}}
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({"code": name_code(), "lines": [line]}))
    return path


def count_made(settings: Settings) -> dict[str, int]:
    """session -> how often its quality figures were materialised."""
    with open_workspace(settings) as workspace:
        key = dg.AssetKey(QUALITY.split("/"))
        found = {}
        for session in ("desk", "shelf"):
            wanted = dg.AssetRecordsFilter(key, asset_partitions=[session])
            made = workspace.instance.fetch_materializations(wanted, limit=50)
            found[session] = len(made.records)
        return found


def test_a_refused_session_is_named_and_alone_made_again_by_the_same_plan(
    settings, call, plan
):
    catalog = build_catalog(settings)
    (right, *_) = catalog.read_latest(
        "frame_quality", where="session = 'shelf'"
    ).to_pylist()
    catalog.upsert(
        "frame_quality",
        to_table(TABLES["frame_quality"], [right | {"brightness": 7.0}]),
    )

    code, told = call("--plan", str(plan))
    assert code == told["exit_code"] == 1
    states = {o["session"]: o["state"] for o in told["outcomes"]}
    assert states == {"desk": "good", "shelf": "refused"}
    bad = next(o for o in told["outcomes"] if o["session"] == "shelf")
    assert bad["refused"][0]["check"] == "frame_quality_rows_match_schema"
    assert told["num_runs"] == 1
    # what Dagster itself says of it
    assert told["status"] == "COMPLETED_SUCCESS"

    catalog.upsert("frame_quality", to_table(TABLES["frame_quality"], [right]))
    code, told = call("--plan", str(plan))
    assert (code, {o["state"] for o in told["outcomes"]}) == (0, {"good"})
    assert count_made(settings) == {"desk": 1, "shelf": 2}

    code, told = call("--plan", str(plan))
    assert (code, told["backfill"], told["num_runs"]) == (0, "", 0)
    assert count_made(settings) == {"desk": 1, "shelf": 2}


def test_after_a_kill_the_same_backfill_goes_on_and_nothing_is_made_twice(
    settings, call
):
    before = count_made(settings)
    words = [sys.executable, "-c", _KILL, "--select", "frame_quality"]
    env = {**os.environ, **environ(settings.home), "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, cwd=CHECKOUT)
    assert done.returncode == -signal.SIGKILL, done.stderr
    begun = done.stderr.split("backfill ")[1].split()[0]
    assert count_made(settings) == {
        "desk": before["desk"] + 1,
        "shelf": before["shelf"],
    }

    code, told = call("--select", "frame_quality")
    assert (code, told["backfill"]) == (0, begun)
    assert told["num_runs"] == 2  # the killed one, and the one that went on
    assert count_made(settings) == {name: n + 1 for name, n in before.items()}


# dies while the second session is measured
_KILL = """
import os, signal, sys
from assets.curation import defs
measure = defs.measure_frames
def die(session, *rest):
    if session == "shelf":
        os.kill(os.getpid(), signal.SIGKILL)
    return measure(session, *rest)
defs.measure_frames = die
from orchestration.cli import app
app(["backfill", *sys.argv[1:]])
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--select", "frame_qualty"), "'frame_qualty' is no asset"),
        (
            ("--select", "frame_quality", "--sessions", "dsek"),
            "'dsek' names no session",
        ),
        (("--plan", "{plan}", "--select", "splits"), "give one of the two"),
        (("--plan", "{other_code}"), "was made by code 'aaaa'"),
        (("--plan", "{other_session}"), "the session 'attic', which there is not"),
        (("--plan", "{other_asset}"), "'curation/nothing', which is no asset"),
        (("--plan", "{no_plan}"), "is no plan (code: Field required)"),
        (("--select", "splits", "--set", "epochs=5"), "give it as ASSET.FIELD=VALUE"),
        (("--select", "splits", "--set", "splits.epochs=5"), "takes no config"),
        (
            ("--select", "training/detection", "--set", "detection.recipe=none"),
            "'none'",
        ),
        (
            ("--select", "training/detection", "--set", "detection.epochs=5"),
            "there is no 'epochs'",
        ),
        (
            (
                "--select",
                "training/detection",
                "--set",
                "detection.settings.epochs=five",
            ),
            "five",
        ),
        (("--select", "training/detection", "--set", "detection.seed=x"), "seed"),
        (
            ("--select", "training/detection", "--set", "detection.release_id=ffff"),
            "ffff",
        ),
    ],
)
def test_a_mistake_in_the_call_is_one_line_and_starts_nothing(
    settings, plan, tmp_path, monkeypatch, capsys, words, told
):
    line = {"asset": QUALITY, "sessions": {}}
    files = {
        "plan": plan,
        "other_code": {"code": "aaaa", "lines": []},
        "other_session": {
            "code": name_code(),
            "lines": [line | {"sessions": {"attic": 1}}],
        },
        "other_asset": {
            "code": name_code(),
            "lines": [line | {"asset": "curation/nothing"}],
        },
        "no_plan": {"lines": []},
    }
    for name, content in files.items():
        if isinstance(content, dict):
            files[name] = tmp_path / name
            files[name].write_text(json.dumps(content))
    for name, value in environ(settings.home).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(launch, "open_workspace", None)
    given = [word.format(**files) for word in words]
    monkeypatch.setattr(sys, "argv", ["daguerre", "backfill", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    errors = [
        e for e in capsys.readouterr().err.splitlines() if e.startswith("daguerre: ")
    ]
    assert ended.value.code == 2
    assert len(errors) == 1
    assert told in errors[0]


def test_a_dry_run_names_what_would_be_made_and_starts_nothing(
    settings, call, monkeypatch
):
    monkeypatch.setattr(launch, "open_workspace", None)
    code, told = call(
        *("--select", "frame_quality,training/detection", "--dry-run"),
        *("--set", "training/detection.settings.epochs=5"),
    )
    assert code == 0
    assert told["targets"] == {QUALITY: ["desk", "shelf"], "training/detection": []}
    assert told["config"] == {"training/detection": {"settings": {"epochs": "5"}}}


def test_a_second_training_of_a_task_gives_up_where_it_may_not_wait(settings):
    order = Order({"training/detection": ()}, {}, "code")
    told: list[str] = []
    with (
        take_turn(settings.home, "detection", told.append),
        pytest.raises(Busy, match=f"process {os.getpid()} trains detection"),
    ):
        backfill(settings, order, True, told.append)
    assert told == []


def test_a_home_that_cannot_be_written_to_is_refused_before_anything_is_begun(settings):
    closed = replace(settings, home=Path("/proc"))
    with pytest.raises(
        ValueError, match=r"the home '/proc' cannot be written to .*DAGUERRE_HOME"
    ):
        require_writable(closed)


def test_the_ui_does_not_start_beside_a_backfill_that_is_worked_on_elsewhere(settings):
    with settings.backfill_lock.open("a+") as file:
        assert take_named(file)
        with pytest.raises(
            ValueError, match=f"process {os.getpid()} works on a backfill"
        ):
            serve(settings, Ports(1, 2, 3))


def test_another_backfill_gives_up_where_it_may_not_wait(settings):
    with settings.backfill_lock.open("a+") as file:
        assert take_named(file)
        with pytest.raises(Busy, match=f"process {os.getpid()} works on a backfill"):
            backfill(settings, Order({QUALITY: ("desk",)}, {}, "code"), True, print)

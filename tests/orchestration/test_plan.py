"""What a plan says is what a run then makes, by reason, session and row; and what it says of costs and mistakes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assets.capture.simulate import SimulationSpec, simulate
from assets.code_versions import version_of
from assets.code_versions.tree import ROOMS, ROOT, GitTree
from assets.retrieval import recorded_costs, stale_rows
from assets.retrieval.recorded_costs import Rate
from assets.retrieval.stale_reasons import CODE, ENCODER, INPUT, MISSING, SELECTED
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.incremental import Refreshed
from assets.tables.schemas import TABLES, to_table
from orchestration.cli import app, main
from orchestration.cli.planning import draw_markdown
from orchestration.plan import making
from orchestration.plan.lines import FOLLOWS, Line, Plan
from orchestration.plan.making import list_assets, make_plan
from orchestration.profiles import Settings, load_settings
from orchestration.resources import build_catalog, build_landing_zone
from orchestration.session import run_session

# third parties warn inside the checks
pytestmark = pytest.mark.filterwarnings("default")
COLOUR = "kind = 'color'"
STEPS = {
    "capture/clock_reports": ("capture", "clock_reports"),
    "curation/frame_quality": ("curation", "frame_quality"),
    "curation/frame_embeddings": ("curation", "frame_embeddings"),
}


def open_home(home: Path) -> Settings:
    return load_settings(
        {
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_PROFILE": "ci",
            "DAGUERRE_PARTIAL_WAIT_S": "0",
        }
    )


@contextmanager
def show(step) -> Iterator[object]:
    yield lambda done, total, *_: None


def run(settings: Settings, session: str) -> dict[str, int]:
    """asset -> rows that a run of the session makes now."""
    folder = Folder(str(settings.home / "landing" / session), settings.file_options)
    made = run_session(settings, session, folder, show).made
    counts = {}
    for asset, key in STEPS.items():
        done = made[key]
        assert isinstance(done, Refreshed)
        counts[asset] = done.computed
    return {asset: count for asset, count in counts.items() if count}


def list_planned(settings: Settings, session: str) -> dict[str, int]:
    """asset -> rows that the plan counts exactly for the session."""
    found: dict[str, int] = {}
    for line in make_plan(settings).lines:
        if line.asset in STEPS and line.is_exact and line.sessions.get(session):
            found[line.asset] = found.get(line.asset, 0) + line.sessions[session]
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):
    """A home with two simulated sessions, all made."""
    home = tmp_path_factory.mktemp("plan") / "home"
    settings = open_home(home)
    for seed, session in enumerate(("desk", "shelf")):
        spec = SimulationSpec(1, 0.3, seed=seed, width_px=96, height_px=72)
        simulate(home / "landing" / session, spec)
        build_landing_zone(settings)
        run(settings, session)
    return settings


@pytest.fixture
def home(made, tmp_path) -> Settings:
    shutil.copytree(made.home, tmp_path / "home")
    return open_home(tmp_path / "home")


def list_reasons(plan: Plan) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in plan.lines:
        found.setdefault(line.asset, []).append(line.reason)
    return found


def spoil(catalog: Catalog, table: str, where: str, **columns: str) -> int:
    """Let rows say that something else made them."""
    rows = catalog.read_latest(table, where=where).to_pylist()
    catalog.upsert(table, to_table(TABLES[table], [r | columns for r in rows]))
    return len(rows)


def test_of_a_home_where_all_is_made_only_what_compares_sessions_is_left(home):
    assert list_planned(home, "desk") == list_planned(home, "shelf") == {}
    assert list_reasons(make_plan(home)) == {
        "curation/unique_frames": [MISSING],
        "curation/splits": [FOLLOWS],
    }


def test_each_reason_is_told_and_counted_as_the_run_then_makes_it(home):
    catalog = build_catalog(home)
    ids = [
        row["frame_id"]
        for row in catalog.read(
            "frames", ["frame_id"], f"session = 'desk' AND {COLOUR}"
        )
        .sort_by("frame_id")
        .to_pylist()
    ]
    assert len(ids) > 3
    catalog.delete("frame_embeddings", f"frame_id = '{ids[0]}'")
    spoil(catalog, "frame_embeddings", f"frame_id = '{ids[1]}'", code_version="1:ab")
    spoil(catalog, "frame_embeddings", f"frame_id = '{ids[2]}'", code_version="0")
    spoil(catalog, "frame_embeddings", f"frame_id = '{ids[3]}'", input_sha256="a" * 64)
    num_reports = spoil(catalog, "clock_reports", "session = 'desk'", code_version="0")
    num_measured = spoil(
        catalog, "frame_quality", "session = 'desk'", input_sha256="b" * 64
    )
    plan = make_plan(home)
    told = {
        line.reason: dict(line.sessions)
        for line in plan.lines
        if line.asset == "curation/frame_embeddings"
    }
    assert told == {reason: {"desk": 1} for reason in (MISSING, ENCODER, CODE, INPUT)}
    why = {line.why for line in plan.lines if line.reason in (ENCODER, CODE)}
    assert "1:ab made them, 1 would" in why and "0 made them, 1 would" in why
    planned = list_planned(home, "desk")
    assert planned == {
        "capture/clock_reports": num_reports,
        "curation/frame_quality": num_measured,
        "curation/frame_embeddings": 4,
    }
    assert list_planned(home, "shelf") == {}
    assert run(home, "desk") == planned
    assert list_planned(home, "desk") == {}


def test_code_of_a_maker_that_differs_makes_all_its_rows_stale(home, monkeypatch):
    real = stale_rows.version_of

    def tell(maker: str) -> str:
        return "code-aa" if maker == "clock_reports" else real(maker)

    for place in ("assets.retrieval.stale_rows", "assets.clocks.reports"):
        monkeypatch.setattr(f"{place}.version_of", tell)
    planned = list_planned(home, "shelf")
    assert planned.keys() == {"capture/clock_reports"}
    assert run(home, "shelf") == planned


def test_captures_that_another_reader_made_are_read_again(home):
    catalog = build_catalog(home)
    count = spoil(catalog, "captures", "session = 'desk'", code_version="2.0")
    lines = {line.reason: line for line in make_plan(home).lines if line.unit == "rows"}
    assert lines[CODE].asset == "capture/recordings"
    assert lines[CODE].sessions == {"desk": count}
    assert "mcap 2.0 made them, 2." in lines[CODE].why
    assert FOLLOWS in list_reasons(make_plan(home))["curation/frame_embeddings"]


def test_files_that_wait_are_counted_by_what_became_of_them(home):
    folder = home.home / "landing" / "shelf"
    first = next(p for p in sorted(folder.rglob("*")) if p.suffix == ".mcap")
    assert MISSING not in list_reasons(make_plan(home)).get("capture/recordings", [])
    shutil.copy(first, folder / "more.mcap")
    other = home.home / "landing" / "desk"
    shutil.copy(next(other.rglob("*.mcap")), first)
    (folder / "daguerre.yaml").write_text("no_clock: [a]\n")
    found = {
        line.reason: dict(line.sessions)
        for line in make_plan(home).lines
        if line.unit == "files"
    }
    assert found == {
        MISSING: {"shelf": 1},
        INPUT: {"shelf": 1},
        "other settings": {"shelf": 1},
    }


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """A repository with the code that runs, but for one threshold of quality figures, and a comment elsewhere."""
    root = tmp_path / "scratch"
    for room in ROOMS:
        shutil.copytree(
            ROOT / room, root / room, ignore=shutil.ignore_patterns("*.pyc")
        )
    quality = root / "models/image_quality.py"
    quality.write_text(quality.read_text().replace("_DARK = 5", "_DARK = 6"))
    embed = root / "assets/inference/embed.py"
    embed.write_text(f"# of before\n{embed.read_text()}")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "before"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    monkeypatch.setattr(making, "GitTree", partial(GitTree, root=root))
    return root


def test_a_change_since_a_commit_is_named_with_the_rows_that_it_makes_stale(
    home, scratch
):
    catalog = build_catalog(home)
    changes = {change.maker: change for change in make_plan(home, "HEAD").changes}
    quality = changes["frame_quality"]
    assert quality.definitions == ("models.image_quality:_DARK",)
    assert quality.after == version_of("frame_quality") and not quality.is_same
    assert "frame_embeddings" not in changes and "captures" in changes
    count = spoil(catalog, "frame_quality", "true", code_version=quality.before)
    spoil(catalog, "frame_embeddings", "true", code_version="of long ago")
    plan = make_plan(home, "HEAD")
    lines = {line.asset: line for line in plan.lines}
    assert lines["curation/frame_quality"].num_rows == count > 0
    assert lines["curation/frame_quality"].sessions.keys() == {"desk", "shelf"}
    assert list(lines)[1:] == ["curation/unique_frames", "curation/splits"]


def test_a_selection_takes_its_rows_and_what_follows(home):
    plan = make_plan(home, select=["frame_embeddings"], patterns=["d*"])
    reasons = list_reasons(plan)
    assert reasons["curation/frame_embeddings"] == [SELECTED]
    assert list(reasons)[1:] == ["curation/unique_frames", "curation/splits"]
    count = len(
        build_catalog(home).read(
            "frames", ["frame_id"], f"session = 'desk' AND {COLOUR}"
        )
    )
    assert plan.lines[0].sessions == {"desk": count}


def test_costs_are_by_recorded_runs_or_said_to_be_none(home, monkeypatch):
    plan = make_plan(home, select=["frame_embeddings"])
    assert plan.cost is None and {line.cost for line in plan.lines} == {None}
    rates = {"curation/frame_embeddings": Rate(2.0, 1.0, 4.0, 3)}
    monkeypatch.setattr("orchestration.plan.making.read_rates", lambda *_: rates)
    priced = replace(home, workspace=replace(home.workspace, device_hour_price=1800.0))
    plan = make_plan(priced, select=["frame_embeddings"])
    (line,) = [line for line in plan.lines if line.cost]
    assert line.num_rows is not None and line.cost is not None
    assert line.cost.device_hours * 3600 == pytest.approx(2 * line.num_rows)
    assert line.cost.most * 3600 == pytest.approx(4 * line.num_rows)
    assert line.cost.money == pytest.approx(line.num_rows)
    assert plan.num_without_cost == len(plan.lines) - 1


def test_what_a_home_says_of_runs_is_by_row(tmp_path):
    assert recorded_costs.read_rates(tmp_path) == {}
    event = {
        "run_id": "r",
        "step_key": "curation__frame_embeddings",
        "dagster_event": {
            "event_specific_data": {
                "materialization": {
                    "metadata_entries": [
                        {"label": "dagster/row_count", "entry_data": {"value": 9}},
                        {
                            "label": "rows",
                            "entry_data": {"text": "4 new; computed: 4"},
                        },
                    ]
                }
            }
        },
    }
    steps = {"curation__frame_embeddings": 2.0}
    asset = "curation/frame_embeddings"
    assert [*recorded_costs._tell(asset, event, steps)] == [0.5]
    assert [*recorded_costs._tell(asset, event, {})] == []


def list_files(home: Path) -> dict[Path, int]:
    """When each was written to; but for the index that SQLite keeps beside its log, which readers share."""
    files = [p for p in home.rglob("*") if p.is_file() and p.suffix != ".db-shm"]
    return {path: path.stat().st_mtime_ns for path in files}


def test_nothing_of_a_home_is_written_to(home):
    before = list_files(home.home)
    assert make_plan(home).lines and len(before) > 50
    assert list_files(home.home) == before


def test_the_verb_answers_in_three_ways(home, monkeypatch):
    monkeypatch.setenv("DAGUERRE_HOME", str(home.home))
    monkeypatch.setenv("COLUMNS", "80")
    words = ["plan", "--select", "curation/frame_quality,splits"]
    text = CliRunner().invoke(app, words, catch_exceptions=False).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "curation/frame_quality: " in text and "no recorded runs to go by" in text
    facts = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert facts["lines"][0]["asset"] == "curation/frame_quality"
    assert facts["lines"][0]["sessions"].keys() == {"desk", "shelf"}
    drawn = CliRunner().invoke(app, [*words, "--markdown"]).stdout
    assert "| curation/frame\\_quality |" in drawn


def test_names_in_markdown_are_escaped():
    line = Line("a", "b", "x | <b>", "rows", 1, {"d_e": 1}, True)
    row = draw_markdown(Plan("", "", (line,))).splitlines()[4]
    assert "<b>" not in row and "x \\|" in row and "d\\_e" in row


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--select", "frame_colour"],
            "--select 'frame_colour' is no asset: choose of",
        ),
        (["--sessions", "attic"], "--sessions 'attic' names no session"),
        (["--base", "no-such-ref"], "--base 'no-such-ref' is no commit here"),
        (["--base", "HEAD", "--select", "splits"], "give one of the two"),
        (["--markdown", "--json"], "--markdown and --json: give one of the two"),
    ],
)
def test_mistakes_are_one_line_and_exit_with_2(home, monkeypatch, capsys, words, told):
    monkeypatch.setenv("DAGUERRE_HOME", str(home.home))
    monkeypatch.setattr("sys.argv", ["daguerre", "plan", *words])
    with pytest.raises(SystemExit) as left:
        main()
    out = capsys.readouterr()
    lines = (out.err if "--json" not in words else json.loads(out.out)["error"]).strip()
    assert left.value.code == 2 and told in lines and "\n" not in lines


def test_assets_are_those_of_the_graph():
    """But for what no change of code makes stale, or a person asks for: the order of the home, what people say, what
    was served and how its days were judged, calibrations, what whoever searches brings up to date."""
    from orchestration.definitions import defs

    keys = defs.resolve_asset_graph().get_all_asset_keys()
    unplanned = (
        *("maintenance", "annotation", "serving", "reconstruction"),
        "search",
    )
    made = {"/".join(key.path) for key in keys if key.path[0] not in unplanned}
    asked_for = {"monitoring/request_drift", "tracking/object_boxes"}
    assert set(list_assets()) == made - asked_for


def test_versions_are_those_of_the_rows(home):
    catalog = build_catalog(home)
    for table in ("frame_quality", "clock_reports"):
        codes = catalog.read_latest(table, ["code_version"])["code_version"]
        assert set(codes.to_pylist()) == {version_of(table)}


def test_code_that_makes_the_rows_of_before_is_one_line_where_it_is_much():
    reasons = {f"reader {name}": "words alone" for name in ("a", "b", "c", "d")}
    told = draw_markdown(Plan("", "", (), said_same=reasons))
    assert "- 4 makers of rows (reader a, reader b, reader c, ...): other code" in told
    assert "reader d" not in told and "words alone" not in told
    few = dict(list(reasons.items())[:3])
    assert draw_markdown(Plan("", "", (), said_same=few)).count("(words alone)") == 3

"""The verbs of `daguerre`, in this process and on a real home."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from assets.retrieval.lineage import KINDS
from orchestration.cli import _narrow, app
from orchestration.cli.output import format_bytes, shorten

# third parties warn inside the checks
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def run(home, monkeypatch, tmp_path):
    """run("status", "--json"): the verb on an empty home, in an empty folder."""
    monkeypatch.setenv("DAGUERRE_HOME", str(home))
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(
            app, list(words), input=answer, catch_exceptions=False
        )

    return invoke


@pytest.fixture
def landed(home, make_png, recording) -> Path:
    """monday in the landing zone: a good picture, a cut one, and a recording in which one frame is corrupt."""
    folder = home / "landing" / "monday"
    folder.mkdir(parents=True)
    (folder / "good.png").write_bytes(make_png(1))
    (folder / "cut.png").write_bytes(make_png(2)[:60])
    (folder / "drive.mcap").write_bytes(recording)
    return folder


def read(result: Result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_of_the_verbs_the_one_that_is_named_is_put_together_alone():
    verbs = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for name in verbs:
        alone = typer.main.get_command(_narrow([name])).commands  # type: ignore[attr-defined]
        assert list(alone) == [name]
    for words in ([], ["--help"], ["ingset"], [""]):
        assert _narrow(words) is app


def test_every_verb_has_a_help(run):
    verbs = (
        "simulate",
        "ingest",
        "forget",
        "status",
        "plan",
        "query",
        "verify",
        "lineage",
        "train",
        "tune",
        "results",
        "report",
        "upgrade",
        "demo",
        "ui",
        "quarantine",
        "export",
    )
    assert all(verb in run("--help").stdout for verb in verbs)
    for words in (
        ("quarantine", "list"),
        ("quarantine", "retry"),
        ("quarantine", "drop"),
        ("export", "rerun"),
    ):
        assert run(*words, "--help").exit_code == 0


def test_a_help_has_what_its_verb_says_to_the_letter(run):
    """Brackets are no markup, and a line of a docstring is no line of the help."""
    told = run("mcp", "--help").stdout
    assert "daguerre[mcp]." in told
    paragraph = "exit code 1 where that holds them back. Of a FOLDER nothing is kept"
    assert paragraph in " ".join(run("track", "--help").stdout.split())
    help_of = {c.name or c.callback.__name__: c.help for c in app.registered_commands}
    assert not any("\n" in p for p in help_of["track"].split("\n\n"))


def test_the_help_of_lineage_names_every_kind(run):
    told = run("lineage", "--help").stdout
    assert [kind for kind in KINDS if kind not in told] == []


def test_simulate_writes_captures(run):
    assert [
        Path(p).name
        for p in read(run("simulate", "here", "--seconds", "0.2", "--json"))["captures"]
    ] == ["sim_s0_000.mcap"]


def test_upgrade_says_what_it_does_and_does_it_once(run, home):
    with tarfile.open(
        Path(__file__).parents[1] / "homes" / "before_clocks.tar.xz"
    ) as packed:
        packed.extractall(home, filter="data")
    planned = run("upgrade", "--dry-run")
    assert planned.exit_code == 0 and "nothing was changed" in planned.stdout
    assert (
        "unique_frames: version 0 -> 1: name the bytes that each row rests on"
        in planned.stdout
    )
    facts = read(run("upgrade", "--json"))
    steps = {row["table"]: row["steps"] for row in facts["tables"]}
    assert (facts["registry"], facts["dry_run"]) == ([], False)
    assert "add the column 'notes'" in steps["captures"]
    assert "tables are as this Daguerre has them" in run("upgrade").stdout


def test_the_module_is_the_command(home):
    command = [
        sys.executable,
        "-m",
        "orchestration.cli",
        "quarantine",
        "list",
        "--json",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={"DAGUERRE_HOME": str(home), "PATH": ""},
    )
    assert (done.returncode, json.loads(done.stdout), done.stderr) == (0, [], "")


def test_a_dry_run_of_ingest_writes_nothing(run, landed, home):
    plan = read(run("ingest", str(landed), "--dry-run", "--json"))
    assert {c["reader"] for c in plan["captures"]} == {"mcap", "image_folder"}
    assert not (home / "tables").exists()


@pytest.mark.parametrize("option", ["--dry-run", "--json"])
def test_a_folder_that_may_not_be_listed_is_told_with_what_helps(
    run, landed, home, permissions_bind, option
):
    landed.chmod(0)
    try:
        with pytest.raises(
            ValueError, match=r"Permission denied.*let this user"
        ) as told:
            run("ingest", str(landed), option)
    finally:
        landed.chmod(0o755)
    assert str(landed) in str(told.value)
    assert not (home / "tables").exists()


def test_a_dry_run_names_the_folder_below_that_may_not_be_listed(
    run, landed, permissions_bind
):
    locked = landed / "locked"
    locked.mkdir()
    (locked / "a.png").write_bytes((landed / "good.png").read_bytes())
    locked.chmod(0)
    try:
        plan = read(run("ingest", str(landed), "--dry-run", "--json"))
    finally:
        locked.chmod(0o755)
    (told,) = plan["unread"]
    assert told["path"] == "locked/" and "cannot be listed" in told["reason"]
    assert "list it" in told["remedy"]
    assert len(plan["captures"]) == 2  # its neighbours: pictures, and the recording


def test_status_of_a_landed_session_then_of_an_ingested_one(run, landed):
    (session,) = read(run("status", "--json"))["sessions"]
    assert (session["state"], session["waiting"]) == ("waiting", 3)
    report = read(run("ingest", str(landed), "--json"))
    assert (report["files"], report["new"], report["quarantined"]) == (3, 2, 1)
    facts = read(run("status", "--json"))
    assert (facts["sessions"][0]["waiting"], facts["sessions"][0]["quarantined"]) == (
        0,
        1,
    )
    assert {t["table"]: t["rows"] for t in facts["tables"]}["frames"] == report[
        "frames"
    ]
    assert "decoders_lack" not in facts
    text = run("status", "--health").stdout
    assert "monday: 3 files (2 ingested, 1 quarantined)" in text and "frames" in text
    assert "decoders of foreign images" in text


def test_quarantine_from_list_to_drop_to_retry(run, landed):
    run("ingest", str(landed))
    entries = read(run("quarantine", "list", "monday", "--json"))
    assert {e["path"]: e["what"] for e in entries} == {
        "cut.png": "file",
        "drive.mcap": "record",
    }
    text = run("quarantine", "list").stdout
    assert "file cut.png (image_folder)" in text and "-> " in text

    asked = run("quarantine", "drop", "monday", answer="n\n")
    assert asked.exit_code == 1 and "acknowledge 1 file?" in asked.stderr
    assert (
        read(
            run(
                "quarantine", "drop", "monday", "--path", "*.png", "--dry-run", "--json"
            )
        )[0]["path"]
        == "cut.png"
    )
    assert read(run("status", "--json"))["sessions"][0]["quarantined"] == 1
    assert (
        run("quarantine", "drop", "monday", "--path", "cut.png", answer="y\n").exit_code
        == 0
    )
    assert read(run("status", "--json"))["sessions"][0]["dropped"] == 1

    with pytest.raises(ValueError, match="no quarantined file of monday"):
        run("quarantine", "retry", "monday")
    again = read(run("quarantine", "retry", "monday", "--path", "cut.*", "--json"))
    assert (again["retried"], again["gone"], again["quarantined"]) == (
        ["cut.png"],
        [],
        1,
    )
    assert (landed / "cut.png").exists()


def test_retry_names_what_it_would_take(run, landed):
    run("ingest", str(landed))
    (found,) = read(run("quarantine", "retry", "monday", "--dry-run", "--json"))
    assert (found["session"], found["path"]) == ("monday", "cut.png") and found[
        "reason"
    ]


def test_a_whole_session_is_dropped_without_a_question(run, landed):
    run("ingest", str(landed))
    assert len(read(run("quarantine", "drop", "monday", "--yes", "--json"))) == 1
    assert read(run("status", "--json"))["sessions"][0]["state"] != "quarantined"


def test_a_file_name_moves_no_cursor_and_makes_no_line(run, landed):
    (landed / "a\x1b[2J\nb.xyz").write_text("?")
    text = run("ingest", str(landed)).stdout + run("quarantine", "list").stdout
    assert "\x1b" not in text and "a\\x1b[2J\\nb.xyz" in text


def test_what_has_one_cause_is_told_once_with_a_count_unless_all_is_asked_for(
    run, landed
):
    for n in range(9):
        (landed / f"cut{n}.png").write_bytes(
            (landed / "cut.png").read_bytes()[: 60 - n]
        )
        (landed / f"{n}.rar").write_bytes(b"?")
    told = run("ingest", str(landed)).stdout
    assert told.count("no reader for .rar yet") == 1 and "quarantined 9 files: " in told
    entries = read(run("quarantine", "list", "--json"))
    lines = run("quarantine", "list").stdout.splitlines()
    num_causes = int(lines[0].split()[-2])
    num_files = len({entry["path"] for entry in entries})
    counted = f"{len(entries)} records of {num_files} files in quarantine"
    assert lines[0] == f"monday: {counted}, {num_causes} causes"
    assert len(entries) >= 20 and len(lines) == 1 + 3 * num_causes < 20
    assert "  9 files, the first 0.rar (none)" in lines
    every = run("quarantine", "list", "--verbose").stdout
    assert all(f"  file {n}.rar (none)" in every for n in range(9))
    assert len(every.splitlines()) == 1 + 3 * len(entries)
    asked = run(
        "quarantine", "drop", "monday", "--path", "*.rar", "--dry-run"
    ).stdout.splitlines()
    assert asked == [
        "9 files would be dropped:",
        "  monday: 9 files, the first 0.rar: no reader for .rar yet",
    ]


def test_nothing_in_quarantine_says_so(run):
    assert run("quarantine", "list").stdout == "nothing is in quarantine\n"


def test_export_writes_a_recording(run, landed, tmp_path):
    run("ingest", str(landed))
    facts = read(run("export", "rerun", "monday", "--json"))
    assert facts["images"] > 1 and facts["imu"] > 0
    assert (tmp_path / "monday.rrd").stat().st_size > 1000
    assert (
        "open it with: rerun"
        in run("export", "rerun", "monday", "--out", "other.rrd").stdout
    )


def test_query_prints_a_table_and_markup_in_it_stays_text(run):
    assert "[bold]x" in run("query", "select '[bold]x' as name").stdout
    asked = read(run("query", "select 1 as n", "--json"))
    assert asked == {"rows": [{"n": 1}], "held": []}


def test_verify_of_an_empty_home_is_clean(run):
    assert read(run("verify", "--json"))["ok"] is True
    told = run("verify").stdout.splitlines()
    assert told[-1] == "everything verifies" and " 0 " not in told[0]


def test_index_of_an_empty_home_says_so(run):
    assert run("index", "--dry-run").stdout == "there is no frame to look at yet\n"
    assert read(run("index", "--dry-run", "--json")) == []


def test_sizes_and_cells_are_short():
    assert [format_bytes(n) for n in (0, 1023, 2048, 5 << 30, 3 << 40)] == [
        "0 B",
        "1023 B",
        "2.0 KiB",
        "5.0 GiB",
        "3.0 TiB",
    ]
    assert shorten("a" * 5, 4) == "aaa…" and shorten(None) == ""


def test_pictures_are_taken_in_and_judged_without_what_takes_seconds_to_load(
    run, home, make_png, tmp_path
):
    for name, numbers in (("first", [0]), ("second", [1, 2, 3])):
        (tmp_path / name).mkdir()
        for number in numbers:
            (tmp_path / name / f"{number}.png").write_bytes(make_png(number))
    run("ingest", str(tmp_path / "first"))  # what a home needs once is there
    script = (
        "import sys; from orchestration.cli import main\n"
        "sys.argv = ['daguerre', 'ingest', sys.argv[1]]\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = ('great_expectations', 'scipy', 'torch', 'dagster', 'mlflow', 'ray')\n"
        "print('loaded:', [name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "second")],
        cwd=Path(__file__).resolve().parents[2],
        env={"DAGUERRE_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "3 new" in done.stdout
    assert done.stdout.splitlines()[-1] == "loaded: []"

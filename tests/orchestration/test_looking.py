"""The verbs that look leave no trace in a home, and go on where its ledger cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from assets.ledger import Ledger, LedgerFault
from assets.retrieval.query import QueryError
from assets.storage import Folder
from assets.tables.catalog import Catalog
from assets.tables.schemas import TABLES
from orchestration import cli

VERBS = (
    ("status",),
    ("query", "select session, count(*) as n from files group by all"),
    ("query", "select * from frames"),
    ("verify",),
    ("quarantine", "list"),
    ("results",),
)


@pytest.fixture
def run(home, run_on):
    return run_on(home, exit_codes=(0, 1))


@pytest.fixture
def taken_in(intake, home, write_files, make_png):
    """A home with a session of one picture and one cut one; its ledger is closed."""
    files = {"a.png": make_png(1), "cut.png": make_png(2)[:60]}
    source = Folder(str(write_files(files)))
    intake.ingest(source, "monday")
    intake.ledger.register_source("monday", source.uri)
    intake.ledger.engine.dispose()
    return home


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(root)): (p.lstat().st_size, p.lstat().st_mtime_ns)
        for p in sorted([root, *root.rglob("*")])
    }


def test_no_verb_that_looks_changes_anything(run, taken_in):
    before = snapshot(taken_in)
    for verb in VERBS:
        run(*verb)
    assert snapshot(taken_in) == before


def test_an_empty_home_stays_empty(run, home, tmp_path):
    for verb in VERBS:
        run(*verb)
    with pytest.raises(ValueError, match="a report needs a model"):
        run("report", "--out", str(tmp_path / "page.html"))
    assert list(home.iterdir()) == []


def test_lineage_changes_nothing(run, taken_in, intake):
    before = snapshot(taken_in)
    (frame_id,) = intake.catalog.read_latest("frames")["frame_id"].to_pylist()
    assert run("lineage", "frame", frame_id)
    assert snapshot(taken_in) == before


def test_a_column_that_newer_code_has_added_is_null_and_is_not_written(
    run, home, monkeypatch, frame_rows
):
    catalog = Catalog(str(home / "tables"))
    table = TABLES["frames"]
    columns = tuple(c for c in table.columns if c.name != "split_hint")
    older = replace(table, columns=columns, version=table.version - 1)
    rows = frame_rows(1, sensor="cam")
    monkeypatch.setitem(TABLES, "frames", older)
    catalog.merge("frames", rows)
    monkeypatch.setitem(TABLES, "frames", table)
    before = snapshot(home)
    asked = "select sensor, split_hint from frames"
    assert run("query", asked)["rows"] == [{"sensor": "cam", "split_hint": None}]
    run("status")
    assert snapshot(home) == before


def test_what_was_committed_and_is_in_the_log_of_the_ledger_alone_is_read(
    home, tmp_path
):
    """As after a kill: the log is there, and nobody has brought it into the file."""
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    ledger.register_source("monday", "/elsewhere")
    left = tmp_path / "left"
    left.mkdir()
    for name in ("ledger.db", "ledger.db-wal"):
        (left / name).write_bytes((home / name).read_bytes())
    before = snapshot(left)
    read = Ledger(f"sqlite:///{left / 'ledger.db'}", is_read_only=True)
    assert read.sources() == {"monday": "/elsewhere"}
    assert snapshot(left) == before


def test_a_table_that_an_older_ledger_lacks_has_no_rows(home):
    ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
    with ledger.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE pauses")
    ledger.engine.dispose()
    assert Ledger(f"sqlite:///{home / 'ledger.db'}", is_read_only=True).pauses() == []


@pytest.fixture
def damaged(taken_in):
    (taken_in / "ledger.db").write_bytes(b"no database " * 999)
    return taken_in


def test_with_a_damaged_ledger_the_rest_is_told(run, damaged):
    before = snapshot(damaged)
    facts = run("status")
    assert "restore it from a backup" in facts["ledger_fault"]
    assert {t["table"]: t["rows"] for t in facts["tables"]}["frames"] == 1
    assert run("query", "select count(*) as n from frames")["rows"] == [{"n": 1}]
    with pytest.raises(QueryError, match=r"ledger .* cannot be used"):
        run("query", "select * from files")
    assert "ledger" in {w["reason"] for w in run("verify")["wrong"]}.pop()
    assert snapshot(damaged) == before


def test_who_writes_is_told_that_the_ledger_is_damaged(damaged):
    with pytest.raises(LedgerFault, match="restore it from a backup"):
        Ledger(f"sqlite:///{damaged / 'ledger.db'}")


def test_a_library_that_complains_is_one_line(monkeypatch, capsys, home):
    from sqlalchemy.exc import ArgumentError

    def complain() -> None:
        raise ArgumentError("no such address\nand more")

    monkeypatch.setattr(cli, "_narrow", lambda words: lambda **_: complain())
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err == (
        "daguerre: sqlalchemy: no such address; "
        "`daguerre status --health` tries each address and says what helps\n"
    )


def test_the_command_itself_says_one_line_of_a_damaged_ledger(damaged):
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "quarantine", "list"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={"DAGUERRE_HOME": str(damaged), "PATH": os.environ["PATH"]},
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("daguerre: the ledger ")

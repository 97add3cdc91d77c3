"""A materialisation that was changed in Dagster's storage is named, whichever copy of it was."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import dagster as dg
import pytest

from assets.partitions import sessions
from assets.retrieval.dagster_events import audit_events
from assets.retrieval.verify import Stores, verify


@dg.asset(key=["capture", "frames"], partitions_def=sessions)
def frames() -> dg.MaterializeResult:
    return dg.MaterializeResult(data_version=dg.DataVersion("abcd"))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Dagster's storage after one run."""
    folder = tmp_path_factory.mktemp("dagster")
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        instance.add_dynamic_partitions("sessions", ["monday"])
        dg.materialize([frames], instance=instance, partition_key="monday")
    return folder


@pytest.fixture
def storage(built, home) -> Path:
    return Path(shutil.copytree(built, home / "dagster"))


def find_run(storage: Path) -> Path:
    (path,) = (p for p in storage.rglob("history/runs/*.db") if p.name != "index.db")
    return path


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute(statement).rowcount == 1
        database.commit()


def test_what_dagster_wrote_is_right(storage):
    assert list(audit_events(storage)) == [None]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("event_logs SET event = replace(event, 'abcd', 'abce')", "its data version"),
        ("event_logs SET event = replace(event, '\"pid\": ', '\"pid\": 1')", "differs"),
        ("event_logs SET partition = 'mondax'", "its row says"),
        ("event_logs SET event = substr(event, 2)", "cannot be read"),
        ("asset_event_tags SET value = 'abce'", "its tag says abce"),
    ],
)
def test_a_changed_event_is_named(storage, statement, reason):
    where = "WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
    if statement.startswith("asset"):
        where = "WHERE key = 'dagster/data_version'"
    change(next(storage.rglob("index.db")), f"UPDATE {statement} {where}")
    (fault,) = audit_events(storage)
    assert fault.where.startswith("capture/frames monda") and reason in fault.reason


def test_a_change_in_the_copy_of_the_run_is_found_and_verify_says_so(
    storage, intake, home
):
    change(
        find_run(storage),
        "UPDATE event_logs SET event = replace(event, 'abcd', 'abce') "
        "WHERE dagster_event_type = 'ASSET_MATERIALIZATION'",
    )
    stores = Stores(intake.catalog, intake.ledger, intake.blobs, home)
    (found,) = verify(stores)
    assert (found.kind, found.reason) == (
        "materialisation",
        "it differs from what its run has of it",
    )


def test_a_run_that_was_deleted_is_no_fault_and_a_broken_file_is(storage):
    find_run(storage).unlink()
    assert list(audit_events(storage)) == [None]
    runs = next(storage.rglob("runs.db"))
    runs.write_bytes(runs.read_bytes()[:5000])
    assert [f.where for f in audit_events(storage) if f] == ["history/runs.db"]

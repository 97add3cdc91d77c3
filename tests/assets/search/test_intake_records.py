"""Files refused whole, sessions of which nothing was taken in and what waits are documents as long as they are so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from assets.ledger import FileOutcome
from assets.search.documents import refresh_documents
from assets.search.intake_records import IntakeRecords
from assets.search.records import HomeRecords
from assets.search.run_records import RunRecords

REFUSED = FileOutcome(
    session="friday",
    path="a.xyz",
    version="1",
    size_bytes=3,
    outcome="quarantined",
    capture_id=None,
    reader="",
    reason="no reader takes such a file",
    remedy="convert it",
)


@pytest.fixture(autouse=True)
def no_pages(monkeypatch):
    """The documentation of this checkout is not what is tested."""
    monkeypatch.setattr("assets.search.sources.list_pages", lambda: iter(()))


@pytest.fixture
def told(catalog, ledger, tmp_path):
    """told(): kind and source -> document, after a refresh."""
    records = HomeRecords(RunRecords(tmp_path / "d"), IntakeRecords(catalog, ledger))

    def list_rows() -> dict[tuple[str, str], dict]:
        refresh_documents(catalog, records, None)
        rows = catalog.read_latest("documents").to_pylist()
        return {(row["kind"], row["source"]): row for row in rows}

    return list_rows


def test_files_refused_for_one_cause_are_one_document_and_their_session_another(
    told, ledger
):
    ledger.record([REFUSED, replace(REFUSED, path="b.xyz")])
    rows = told()
    assert rows.keys() == {("quarantine", "friday/a.xyz"), ("session", "friday")}
    cause = rows["quarantine", "friday/a.xyz"]
    assert cause["title"] == "refused of friday: a.xyz" and cause["session"] == "friday"
    assert cause["text"] == (
        "no reader takes such a file\nwhat helps: convert it\n2 files refused whole: a.xyz, b.xyz"
    )
    session = rows["session", "friday"]
    assert session["title"] == "session friday, of which nothing was taken in"
    assert session["text"] == "2 files: no reader takes such a file"


def test_what_was_taken_in_later_acknowledged_or_is_told_elsewhere_is_no_document(
    told, ledger, asked
):
    newer = replace(REFUSED, version="2", outcome="ingested", capture_id="c" * 32)
    dropped = replace(REFUSED, path="b.xyz", outcome="dropped")
    elsewhere = replace(REFUSED, session="tuesday", path="broken.mcap", reader="mcap")
    other = replace(REFUSED, session="tuesday", path="other.xyz")
    ledger.record([REFUSED, newer, dropped, elsewhere, other])
    rows = told()
    assert [k for k in rows if k[0] == "quarantine"] == [
        ("quarantine", "tuesday/broken.mcap"),
        ("quarantine", "tuesday/other.xyz"),
    ]
    assert "magic bytes" in rows["quarantine", "tuesday/broken.mcap"]["text"]
    assert rows["session", "tuesday"]["title"] == "session tuesday"
    assert ("session", "friday") not in rows


def test_what_failed_and_waits_is_a_document_until_it_does_not(told, ledger):
    ledger.put_off("intake", "friday", 3, "the disk is full: s3://user:secret@host/b")
    ledger.put_off("listing", "", 1, "the bucket does not answer")
    rows = told()
    assert rows.keys() == {("quarantine", "friday"), ("quarantine", "the landing zone")}
    waits = rows["quarantine", "friday"]
    assert waits["title"] == "intake of friday failed"
    assert "failed 3 times in a row" in waits["text"] and "secret" not in waits["text"]
    assert rows["quarantine", "the landing zone"]["session"] is None
    ledger.end_pause("intake", "friday")
    assert told().keys() == {("quarantine", "the landing zone")}


def test_nothing_of_a_session_that_was_forgotten_is_a_document(
    told, ledger, catalog, rows_of
):
    ledger.record([REFUSED])
    catalog.merge("gone", rows_of("gone", 1, session="friday", cause="forgotten"))
    assert told() == {}

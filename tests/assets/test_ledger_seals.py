"""A ledger whose rows were changed behind its back says which, and one from before seals takes them on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from assets.ledger import FileOutcome, Ledger, LedgerFault

DRIVE = FileOutcome(
    "monday", "drive.mcap", "7-100", 100, "ingested", "c1", "mcap", "f" * 64
)


@pytest.fixture
def path(home) -> Path:
    return home / "ledger.db"


@pytest.fixture
def written(path) -> Path:
    """A ledger with a row of each kind: one capture committed, one under a lease."""
    ledger = Ledger(f"sqlite:///{path}")
    ledger.register_source("monday", "/data/monday")
    ledger.commit(ledger.claim("c1", "me"), [DRIVE])
    ledger.claim("c2", "me")
    ledger.put_off("listing", "monday", 1, "away")
    ledger.engine.dispose()
    return path


def find(path: Path) -> list[str]:
    ledger = Ledger(f"sqlite:///{path}", is_read_only=True)
    return [fault.where for fault in ledger.find_faults() if fault]


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_rows_are_right_whatever_was_done_to_them(path, written):
    ledger = Ledger(f"sqlite:///{path}")
    ledger.record([DRIVE])
    ledger.reopen([DRIVE])
    claim = ledger.claim("c1", "you")
    ledger.renew(claim)
    ledger.release(claim)
    ledger.put_off("listing", "monday", 2, "still away")
    assert [f for f in ledger.find_faults() if f] == []
    assert ledger.sources() == {"monday": "/data/monday"}


@pytest.mark.parametrize(
    ("statement", "where"),
    [
        ("UPDATE files SET size_bytes = 101", "files monday/drive.mcap/7-100"),
        ("UPDATE files SET reader = 'mcao'", "files monday/drive.mcap/7-100"),
        ("UPDATE files SET path = 'drivd.mcap'", "files monday/drivd.mcap/7-100"),
        ("UPDATE captures SET is_committed = 3 WHERE is_committed", "captures c1"),
        ("UPDATE captures SET epoch = 9 WHERE is_committed", "captures c1"),
        (
            "UPDATE captures SET lease_until = 9e12 WHERE NOT is_committed",
            "captures c2",
        ),
        ("UPDATE sources SET uri = '/dat`/monday'", "sources monday"),
        ("UPDATE pauses SET num_failures = 129", "pauses listing/monday"),
    ],
)
def test_a_value_that_was_changed_is_named_by_its_row(written, statement, where):
    change(written, statement)
    assert find(written) == [where]


def test_each_bit_of_a_text_counts(written):
    data = written.read_bytes()
    at = data.index(b"drive.mcap")
    with closing(sqlite3.connect(written)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for bit in range(7):  # the eighth makes it no UTF-8
        flipped = bytearray(data)
        flipped[at + 2] ^= 1 << bit
        written.write_bytes(flipped)
        assert any(w.startswith("files monday/") or w == "file" for w in find(written))
    flipped = bytearray(data)
    flipped[at + 2] ^= 0x80
    written.write_bytes(flipped)
    with pytest.raises(LedgerFault, match="restore it from a backup"):
        find(written)


def test_a_ledger_from_before_seals_is_read_as_it_is_and_sealed_when_it_is_written(
    written,
):
    for table in ("files", "captures", "sources", "pauses"):
        change(written, f"ALTER TABLE {table} DROP COLUMN seal")
    before = written.read_bytes()
    assert find(written) == []
    reader = Ledger(f"sqlite:///{written}", is_read_only=True)
    assert list(reader.outcomes("monday").values()) == [DRIVE]
    assert written.read_bytes() == before
    Ledger(f"sqlite:///{written}").engine.dispose()
    assert find(written) == []
    change(written, "UPDATE files SET outcome = 'ignored'")
    assert find(written) == ["files monday/drive.mcap/7-100"]

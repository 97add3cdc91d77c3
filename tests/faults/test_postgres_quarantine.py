"""What a person decides about quarantined files, and who works on what: the same words on Postgres."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from assets.ledger import FileOutcome, Ledger


@pytest.fixture
def ledger(postgres) -> Iterator[Ledger]:
    ledger = Ledger(postgres.make_database())
    yield ledger
    ledger.engine.dispose()


def test_reopened_files_are_forgotten_and_their_capture_is_open_again(ledger):
    claim = ledger.claim("c", "me")
    cut = FileOutcome(
        "monday",
        "cut.mcap",
        "v1",
        7,
        "quarantined",
        "c",
        "mcap",
        reason="cut",
        remedy="copy it again",
    )
    good = FileOutcome("monday", "good.mcap", "v1", 7, "ingested", "d", "mcap")
    ledger.commit(claim, [cut, good])
    ledger.reopen([cut])
    assert (
        set(ledger.outcomes("monday")) == {("good.mcap", "v1")}
        and ledger.committed() == []
    )


def test_a_lease_is_listed_while_it_lasts(ledger):
    claim = ledger.claim("c", "other-machine:1:2:3")
    (lease,) = ledger.leases()
    assert (
        lease["capture_id"] == "c"
        and lease["epoch"] == 1
        and 0 < lease["left_s"] <= ledger.lease_s
    )
    ledger.release(claim)
    assert ledger.leases() == []

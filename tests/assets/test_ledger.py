"""Claims, leases and epochs: one worker a capture, and none that writes after its time."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import asdict, replace

import pytest

from assets.ledger import Claim, FileOutcome, LeaseLost, Ledger
from assets.worker import name_worker


@pytest.fixture
def expire(ledger):
    """Let every lease end."""

    def end() -> None:
        with ledger.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE captures SET lease_until = 1 WHERE lease_until > 0"
            )

    return end


def outcome(path: str = "a.png", **changes) -> FileOutcome:
    return replace(
        FileOutcome("monday", path, "v1", 7, "ingested", "c", "image_folder"), **changes
    )


def who(claim: Claim) -> tuple[str, str, int]:
    """The claim without the number that it alone bears."""
    return claim.capture_id, claim.owner.partition("#")[0], claim.epoch


def test_a_ledger_in_a_file_loads_nothing_of_postgres(tmp_path):
    code = f"""
import sys
from assets.ledger import Ledger
ledger = Ledger("sqlite:///{tmp_path / "ledger.db"}")
ledger.register_source("monday", "/landing/monday")
print([m for m in ("sqlalchemy.dialects.sqlite", "sqlalchemy.dialects.postgresql") if m in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['sqlalchemy.dialects.sqlite']\n"


def test_a_capture_has_one_worker(ledger):
    assert who(ledger.claim("c", "one")) == ("c", "one", 1)
    assert ledger.claim("c", "two") is None
    assert who(ledger.claim("d", "two")) == ("d", "two", 1)


def test_threads_of_one_worker_exclude_each_other(ledger):
    assert ledger.claim("c", "one") is not None
    assert ledger.claim("c", "one") is None


def test_a_released_capture_can_be_claimed_and_is_not_committed(ledger):
    ledger.release(ledger.claim("c", "one"))
    assert who(ledger.claim("c", "two")) == ("c", "two", 2)
    assert not ledger.is_committed("c")


def test_an_ended_lease_can_be_claimed_and_its_worker_is_refused(ledger, expire):
    slept = ledger.claim("c", "one")
    expire()
    ledger.claim("c", "two")
    for act in (
        lambda: ledger.renew(slept),
        lambda: ledger.release(slept),
        lambda: ledger.commit(slept, [outcome()]),
    ):
        with pytest.raises(LeaseLost, match="another worker after epoch 1"):
            act()
    assert ledger.outcomes("monday") == {} and not ledger.is_committed("c")


def test_a_worker_is_refused_even_when_the_other_one_has_finished(ledger, expire):
    slept = ledger.claim("c", "one")
    expire()
    ledger.commit(ledger.claim("c", "two"), [outcome(reader="other")])
    with pytest.raises(LeaseLost):
        ledger.commit(slept, [outcome()])
    assert [o.reader for o in ledger.outcomes("monday").values()] == ["other"]


def test_an_ended_lease_that_nobody_took_can_be_renewed(ledger, expire):
    claim = ledger.claim("c", "one")
    expire()
    ledger.renew(claim)
    assert ledger.claim("c", "two") is None


def test_the_lease_of_a_killed_worker_ends_with_it(ledger):
    machine, _process, started, rest = name_worker().rsplit(":", 3)
    # above the largest process number
    assert ledger.claim("c", f"{machine}:{2**22 + 1}:{started}:{rest}") is not None
    assert ledger.claim("c", name_worker()).epoch == 2
    assert ledger.claim("c", name_worker()) is None  # this process lives


def test_a_commit_records_its_files_and_frees_the_capture(ledger):
    ledger.commit(
        ledger.claim("c", "one"),
        [outcome(), outcome("b.png", outcome="quarantined", reason="cut")],
    )
    assert set(ledger.outcomes("monday")) == {("a.png", "v1"), ("b.png", "v1")}
    assert (ledger.is_committed("c"), ledger.committed()) == (True, ["c"])
    assert [o.path for o in ledger.outcomes_of("c")] == ["a.png", "b.png"]
    assert ledger.claim("c", "two").epoch == 2
    assert ledger.outcomes("tuesday") == {} and ledger.outcomes_of("d") == []


def test_recording_a_file_again_replaces_its_outcome(ledger):
    ledger.record([outcome(outcome="quarantined", reason="cut")])
    ledger.record([outcome()])
    assert list(ledger.outcomes("monday").values()) == [outcome()]


def test_a_commit_is_whole_or_nothing(ledger):
    claim = ledger.claim("c", "one")
    with pytest.raises(AssertionError):
        ledger.commit(claim, [outcome(), outcome("b.png", outcome="half done")])
    assert ledger.outcomes("monday") == {} and not ledger.is_committed("c")


def test_the_file_table_has_columns_before_it_has_rows(ledger):
    assert (len(ledger.file_table()), "reason" in ledger.file_table().column_names) == (
        0,
        True,
    )
    ledger.record([outcome()])
    assert ledger.file_table().to_pylist() == [asdict(outcome())]


def test_a_session_name_stands_for_one_place(ledger):
    ledger.register_source("monday", "/data/monday")
    ledger.register_source("monday", "/data/monday")
    with pytest.raises(ValueError, match="'monday' is already /data/monday"):
        ledger.register_source("monday", "/other/monday")
    assert ledger.sources() == {"monday": "/data/monday"}


def test_leases_do_not_follow_the_clock_of_a_worker(ledger, monkeypatch):
    claim = ledger.claim("c", "one")
    monkeypatch.setattr("time.time", lambda: 4e9)  # in the year 2096
    assert ledger.claim("c", "two") is None
    monkeypatch.setattr("time.time", lambda: 0.0)
    ledger.renew(claim)
    assert ledger.claim("c", "two") is None


def test_what_is_sent_again_after_a_lost_reply_is_done_once(ledger):
    claim = ledger.claim("c", "one")
    ledger.commit(claim, [outcome()])
    ledger.commit(claim, [outcome()])
    assert ledger.is_committed("c") and len(ledger.outcomes("monday")) == 1
    other = ledger.claim("c", "two")
    ledger.release(other)
    ledger.release(other)
    assert ledger.is_committed("c")
    ledger.claim("c", "three")
    with pytest.raises(LeaseLost):
        ledger.commit(claim, [outcome()])


def test_many_threads_get_one_claim(home):
    url = f"sqlite:///{home / 'race.db'}"
    won = []
    barrier = threading.Barrier(8)

    def claim(number: int) -> None:
        barrier.wait()
        # the first also makes the tables
        won.append(Ledger(url).claim("c", f"worker {number}"))

    threads = [threading.Thread(target=claim, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(c is not None for c in won) == 1 and len(won) == 8


def test_whether_files_are_held_is_asked_of_an_index_that_older_ledgers_get(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger(url)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        file.execute("DROP INDEX ix_files_outcome")
    Ledger(url)
    query = "EXPLAIN QUERY PLAN SELECT * FROM files WHERE session = ? AND outcome = ? LIMIT 1"
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as file:
        ((*_, told),) = file.execute(query, ["monday", "ingested"]).fetchall()
    assert "ix_files_outcome (session=? AND outcome=?)" in told

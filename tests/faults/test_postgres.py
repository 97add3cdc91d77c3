"""The ledger on Postgres: the same promises, also over a crash of the server and with many clients at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.exc import InternalError

from assets.backup.postgres import list_tables
from assets.ledger import FileOutcome, LeaseLost, Ledger


@pytest.fixture
def connect(postgres) -> Iterator[Callable[[], Ledger]]:
    """connect(): one more client of a ledger that is new to this test."""
    url = postgres.make_database()
    made = []

    def open_ledger() -> Ledger:
        made.append(Ledger(url))
        return made[-1]

    yield open_ledger
    for ledger in made:
        ledger.engine.dispose()


def outcome(path: str = "a.png", **changes: str) -> FileOutcome:
    return FileOutcome(
        **{
            "session": "monday",
            "path": path,
            "version": "v1",
            "size_bytes": 7,
            "outcome": "ingested",
            "capture_id": "c",
            "reader": "image_folder",
            **changes,
        }
    )


def together(count: int, act: Callable[[int], None]) -> None:
    barrier = threading.Barrier(count)
    errors = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            act(number)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_clients_that_make_the_tables_at_once_get_one_claim(connect):
    won = []
    together(8, lambda number: won.append(connect().claim("c", f"worker {number}")))
    assert sum(claim is not None for claim in won) == 1 and len(won) == 8


def test_clients_that_record_the_same_files_at_once_leave_each_once(connect):
    ledgers = [connect() for _ in range(6)]

    def record(number: int) -> None:
        files = [outcome(f"{n}.png") for n in range(40)]
        ledgers[number].record(files if number % 2 else reversed(files))

    together(6, record)
    assert len(ledgers[0].outcomes("monday")) == 40


def test_a_worker_that_lost_its_lease_is_refused(connect):
    one = connect()
    two = connect()
    slept = one.claim("c", "one")
    with two.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE captures SET lease_until = 1")
    assert two.claim("c", "two").epoch == 2
    for act in (lambda: one.renew(slept), lambda: one.commit(slept, [outcome()])):
        with pytest.raises(LeaseLost):
            act()
    assert two.outcomes("monday") == {}


def test_leases_follow_the_clock_of_the_server(connect, monkeypatch):
    one = connect()
    two = connect()
    assert one.claim("c", "one") is not None
    monkeypatch.setattr("time.time", lambda: 4e9)  # in the year 2096
    assert two.claim("c", "two") is None


def test_a_commit_waits_for_a_server_that_crashed(connect, postgres):
    ledger = connect()
    claim = ledger.claim("c", "one")
    postgres.stop("immediate")
    starting = threading.Thread(target=postgres.start)
    starting.start()
    ledger.commit(claim, [outcome()])
    starting.join()
    assert (ledger.committed(), len(ledger.outcomes("monday"))) == (["c"], 1)
    postgres.restart()
    assert ledger.is_committed("c")


def test_what_is_sent_again_after_a_lost_reply_is_done_once(connect):
    ledger = connect()
    claim = ledger.claim("c", "one")
    ledger.commit(claim, [outcome()])
    ledger.commit(claim, [outcome()])
    assert len(ledger.outcomes("monday")) == 1 and ledger.claim("c", "two").epoch == 2


def test_who_only_reads_makes_no_table_and_changes_no_row(postgres):
    url = postgres.make_database()
    reader = Ledger(url, is_read_only=True)
    assert (reader.committed(), reader.sessions(), reader.pauses()) == ([], [], [])
    assert list_tables(url) == []
    writer = Ledger(url)
    writer.commit(writer.claim("c", "one"), [outcome()])
    assert (reader.committed(), reader.sessions()) == (["c"], ["monday"])
    with pytest.raises(InternalError, match="read-only"):
        reader.register_source("monday", "/data/monday")
    assert writer.sources() == {}
    for ledger in (reader, writer):
        ledger.engine.dispose()


def test_a_session_name_stands_for_one_place(connect):
    ledgers = [connect() for _ in range(4)]
    together(
        4, lambda number: ledgers[number].register_source("monday", "/data/monday")
    )
    with pytest.raises(ValueError, match="'monday' is already /data/monday"):
        ledgers[0].register_source("monday", "/other")


def test_pauses_are_kept_by_the_clock_of_the_server(connect):
    ledger = connect()
    ledger.put_off("listing", "monday", 1, "gone")
    ledger.put_off("listing", "monday", 2, "gone")
    (pause,) = connect().pauses()
    assert (pause.session, pause.num_failures) == ("monday", 2)
    assert 60 < pause.left_s <= 120
    ledger.end_pause("listing", "monday")
    assert ledger.pauses() == []

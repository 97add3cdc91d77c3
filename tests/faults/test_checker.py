"""The checker finds what is planted: rows that are gone, rows that are there twice, rows that changed, late commits."""

from __future__ import annotations

from bench.prove.export import LEDGER_FILES, Export, rows_of
from bench.prove.history import History, Verdict, check, read_history

WHOLE = Export(
    {"frames": [("a", "1"), ("b", "2")], LEDGER_FILES: [("monday/a@v1", "x")]}
)


def of(*frames: tuple[str, str]) -> Export:
    return Export({"frames": list(frames), LEDGER_FILES: [("monday/a@v1", "x")]})


def figures(verdict: Verdict) -> tuple[int, int, int, int]:
    return verdict.lost, verdict.duplicated, verdict.altered, verdict.late_commits


def test_an_equal_outcome_is_clean():
    assert check([], [WHOLE], of(("a", "1"), ("b", "2"))).is_clean
    assert WHOLE.to_bytes() == of(("a", "1"), ("b", "2")).to_bytes() and len(WHOLE) == 3


def test_rows_that_are_gone_are_lost():
    assert figures(check([], [WHOLE], of(("a", "1")))) == (1, 0, 0, 0)
    assert figures(check([], [WHOLE], Export({}))) == (3, 0, 0, 0)


def test_rows_beyond_are_duplicates_be_they_equal_or_not():
    assert figures(check([], [WHOLE], of(("a", "1"), ("b", "2"), ("b", "2")))) == (
        0,
        1,
        0,
        0,
    )
    assert figures(
        check([], [WHOLE], of(("a", "1"), ("b", "2"), ("b", "3"), ("c", "1")))
    ) == (0, 2, 0, 0)


def test_a_row_with_other_content_is_altered():
    verdict = check([], [WHOLE], of(("a", "1"), ("b", "9")))
    assert figures(verdict) == (0, 0, 1, 0) and not verdict.is_clean
    assert verdict.examples == ("frames: missing 2", "frames: extra 9")


def test_the_nearest_of_several_right_outcomes_counts():
    assert check([], [Export({}), WHOLE], WHOLE).is_clean


def test_what_was_acknowledged_must_be_there():
    events = [{"op": "acknowledged", "files": ["monday/a@v1", "monday/b@v1"]}]
    assert figures(check(events, [WHOLE], WHOLE)) == (1, 0, 0, 0)


def test_a_commit_after_a_younger_claim_is_late():
    def event(op: str, worker: str, epoch: int) -> dict:
        return {"op": op, "worker": worker, "capture_id": "c", "epoch": epoch}

    claims = [event("claimed", "one", 1), event("claimed", "two", 2)]
    late = [*claims, event("commit begins", "one", 1), event("committed", "one", 1)]
    refused = [
        *claims,
        event("commit begins", "one", 1),
        event("commit begins", "two", 2),
        event("committed", "two", 2),
    ]
    under_way = [
        claims[0],
        event("commit begins", "one", 1),
        claims[1],
        event("committed", "one", 1),
    ]  # told late
    found = [
        figures(check(events, [WHOLE], WHOLE))[3]
        for events in (late, refused, under_way)
    ]
    assert found == [1, 0, 0]


def test_a_history_is_read_but_for_a_line_that_a_kill_cut_short(tmp_path):
    path = tmp_path / "history.jsonl"
    assert read_history(path) == []
    History(path, "one").add("begins")
    with path.open("a") as stream:
        stream.write('{"op": "cla')
    assert [event["op"] for event in read_history(path)] == ["begins"]


def test_rows_are_exported_without_the_place_where_they_lay():
    rows = [
        {"id": "b", "at": "/tmp/1/x.png", "payload": b"?", "x": 0.5},
        {"id": "a", "at": None, "payload": b"", "x": 1},
    ]
    (first, _), (second, text) = rows_of(rows, "id", "/tmp/1")
    assert (
        (first, second) == ("a", "b")
        and '"at": "landing:/x.png"' in text
        and '"x": "0x1.0000000000000p-1"' in text
    )

"""Some of the requests of an intake on an object store, each failed once."""

from __future__ import annotations

from bench.prove.every_request import fail_every_request


def test_a_request_that_fails_changes_nothing_and_numbers_beyond_the_last_end_it(stage):
    told: list[str] = []
    found = fail_every_request(
        stage, ("slow_down", "lost_reply"), lambda: (30, 100_000, 5), told.append
    )
    assert found == {
        "requests": 2,
        "lost": 0,
        "duplicated": 0,
        "unequal": 0,
        "felt": found["felt"],
        "not_recovered": 0,
        "by_fault": {"slow_down": 1, "lost_reply": 1},
    }, told
    assert 0 <= found["felt"] <= 2

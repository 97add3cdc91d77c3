"""What a card says of the terms of a release, before and after a consent is over."""

from __future__ import annotations

from datetime import date

import pytest

from assets.terms.carded import list_terms

STATED = {"session": "monday", "path": "", "num_frames": 4, "licence": "CC0-1.0"}
STATED |= {"purposes": ["research"], "until_day": "2027-05-31", "objection": None}
UNSTATED = {**STATED, "licence": None, "purposes": None, "until_day": None}


@pytest.mark.parametrize(
    ("day", "all_of_it", "purposes"),
    [
        (date(2027, 5, 31), "research", "research"),
        (date(2027, 6, 1), "nothing that all allow", "none any more"),
    ],
)
def test_a_consent_that_is_over_allows_nothing(day, all_of_it, purposes):
    told, table = list_terms([STATED], day)
    assert told == f"All of it may be used for: {all_of_it}."
    assert table.rows == (("monday", 4, "CC0-1.0", purposes, "2027-05-31"),)


def test_a_consent_that_somebody_ended_is_told_as_ended():
    ended = UNSTATED | {"objection": "its consent has ended"}
    _, table = list_terms([ended, UNSTATED], date(2027, 1, 1))
    assert [row[2:4] for row in table.rows] == [
        ("its consent has ended", "its consent has ended"),
        ("not stated", "not stated"),
    ]

"""What stands against a release: by day, purpose, licence, and what nobody has stated."""

from __future__ import annotations

from datetime import date

import pytest

from assets.terms.ending import list_ending
from assets.terms.judging import (
    UNKNOWN,
    find_purposes,
    judge_terms,
    list_refused,
    read_terms,
    warn_of,
    write_terms,
)
from assets.terms.policy import Policy
from assets.terms.statements import read_statements, state_from_file
from assets.terms.terms import Terms
from tests.assets.terms.conftest import PATHS

DAY = date(2027, 6, 1)
NO_POLICY = Policy()


def judge(stored, policy: Policy = NO_POLICY) -> dict[str, tuple[int, str, bool]]:
    parts = judge_terms(stored.catalog, stored.frames, policy, DAY)
    return {str(p.subject): (p.num_frames, p.objection, p.is_refused) for p in parts}


def test_what_nobody_stated_is_warned_of_and_refused_where_the_team_says_so(stored):
    stored.say("monday")
    assert judge(stored) == {
        "monday": (4, "", False),
        "tuesday": (4, UNKNOWN, False),
    }
    parts = judge_terms(stored.catalog, stored.frames, Policy(), DAY)
    (warning,) = warn_of(parts)
    assert "of 1 of 2 sessions: tuesday: `daguerre consent" in warning
    strict = judge(stored, Policy(refuses_unknown=True))
    assert strict["tuesday"] == (4, UNKNOWN, True)


@pytest.mark.parametrize(
    ("until", "is_refused"), [(date(2027, 6, 1), False), (date(2027, 5, 31), True)]
)
def test_a_consent_holds_until_the_end_of_its_last_day(stored, until, is_refused):
    stored.say("monday", until=until)
    assert judge(stored)["monday"][2] is is_refused
    stored.say("tuesday")
    parts = judge_terms(stored.catalog, stored.frames, NO_POLICY, DAY)
    assert find_purposes(parts, DAY) == ["research"] * (not is_refused)


def test_all_purposes_of_the_policy_are_to_be_allowed(stored):
    stored.say("monday", purposes=("product", "research"))
    stored.say("tuesday", purposes=("research",))
    found = judge(stored, Policy(("product",)))
    assert found["monday"] == (4, "", False)
    assert found["tuesday"] == (4, "it is for research and not for product", True)
    parts = judge_terms(stored.catalog, stored.frames, Policy(), DAY)
    assert find_purposes(parts) == ["research"]


def test_licences_that_may_not_be_mixed_name_the_fewer_sessions(stored):
    stored.say("monday", "CC-BY-4.0")
    stored.say("tuesday", "CC-BY-4.0")
    stored.say("tuesday", "CC-BY-NC-4.0", path=PATHS[1])
    policy = Policy(mixed=(frozenset({"CC-BY-4.0", "CC0-1.0"}),))
    assert judge(stored, policy) == {
        "monday": (4, "", False),
        "tuesday": (2, "", False),
        "tuesday/b.mcap": (
            2,
            "CC-BY-NC-4.0 may not be mixed with CC-BY-4.0, CC0-1.0",
            True,
        ),
    }
    assert not any(refused for _, _, refused in judge(stored).values())


def test_one_licence_alone_is_no_mix(stored):
    stored.say("monday", "CC-BY-NC-4.0")
    stored.say("tuesday", "CC-BY-NC-4.0")
    policy = Policy(mixed=(frozenset({"CC0-1.0"}),))
    assert not any(refused for _, _, refused in judge(stored, policy).values())


def test_a_consent_that_ends_takes_its_captures_along_until_one_is_given_again(stored):
    stored.say("monday")
    stored.say("monday", path=PATHS[0])
    stored.say("monday", licence=None)
    assert judge(stored)["monday"] == (4, "its consent has ended", True)
    stored.say("monday", path=PATHS[1])
    found = judge(stored)
    assert found["monday"][0] == 2 and found["monday"][2]
    assert found["monday/b.mcap"] == (2, "", False)


def test_a_release_keeps_its_terms_and_is_judged_again_when_it_is_made_again(stored):
    release_id = "0" * 32
    write_terms(stored.catalog, release_id, stored.frames, Policy())
    first = stored.catalog.latest_version("release_terms")
    write_terms(stored.catalog, release_id, stored.frames, Policy())
    assert stored.catalog.latest_version("release_terms") == first
    stored.say("monday")
    parts = write_terms(stored.catalog, release_id, stored.frames, Policy())
    assert list_refused(parts) == []
    said = {r["session"]: r["licence"] for r in read_terms(stored.catalog, release_id)}
    assert said == {"monday": "CC-BY-4.0", "tuesday": None}


def test_a_file_states_once_and_counts_again_when_it_changes_back(stored):
    one, other = (Terms(name, ("research",)) for name in ("CC0-1.0", "CC-BY-4.0"))
    kept = [
        state_from_file(stored.catalog, "monday", terms, "daguerre.yaml")
        for terms in (one, one, other, one)
    ]
    assert kept == [True, False, True, True]
    last = read_statements(stored.catalog, ["monday"])[-1]
    assert (last["licence"], last["stated_by"]) == ("CC0-1.0", "daguerre.yaml")


def test_what_ends_within_the_days_is_told_and_what_is_over_stays_told(stored):
    stored.say("monday", until=date(2027, 6, 8))
    stored.say("tuesday", until=date(2027, 5, 31))
    told = [one.summary for one in list_ending(stored.catalog, 7, DAY)]
    assert told == [
        "the consent of monday ends with 2027-06-08",
        "the consent of tuesday ended with 2027-05-31",
    ]
    stored.say("tuesday", licence=None)
    assert [one.summary for one in list_ending(stored.catalog, 6, DAY)] == [
        "the consent of tuesday has ended"
    ]


def test_a_statement_that_others_have_replaced_for_all_captures_is_not_told(stored):
    for path in PATHS:
        stored.say("monday", until=date(2027, 6, 2), path=path)
    stored.say("monday", until=date(2027, 6, 3))  # counts for no capture of its own
    assert [one.subject for one in list_ending(stored.catalog, 7, DAY)] == [
        f"monday/{path}" for path in PATHS
    ]
    stored.say("monday", licence=None)
    assert [one.summary for one in list_ending(stored.catalog, 7, DAY)] == [
        "the consent of monday has ended"
    ]

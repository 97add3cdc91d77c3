"""Terms and policies as people write them: what is read, and what is refused with the remedy."""

from __future__ import annotations

from datetime import date

import pytest

from assets.formats.session_settings import parse_settings
from assets.terms.policy import Policy, read_policy
from assets.terms.terms import Terms, parse_terms

TERMS = {"licence": "cc-by-4.0", "purposes": ["research", "product", "research"]}


def test_terms_have_spdx_spelling_and_sorted_purposes():
    said = parse_terms({**TERMS, "until": "2027-12-31", "holder": " Anna "})
    until = date(2027, 12, 31)
    assert said == Terms("CC-BY-4.0", ("product", "research"), until, "Anna")
    assert said.summary == "CC-BY-4.0, for product, research, until 2027-12-31, of Anna"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"licence": "free for all"}, "is no SPDX expression: write one such as"),
        ({"licence": "MIT AND " * 50 + "MIT"}, "has more than 200 characters"),
        ({"purposes": []}, "give words of a-z"),
        ({"purposes": "research"}, "give words of a-z"),
        ({"purposes": ["Research!"]}, "give words of a-z"),
        ({"until": "next year"}, "give a day as YEAR-MONTH-DAY"),
        ({"until": 2027}, "give a day as YEAR-MONTH-DAY"),
        ({"holder": 7}, "not a name"),
        ({"licence_": "MIT"}, "write `terms:"),
    ],
)
def test_what_are_no_terms_is_refused_with_the_remedy(change, told):
    with pytest.raises(ValueError, match=told):
        parse_terms({**TERMS, **change})


def test_terms_stand_in_the_settings_of_a_session():
    text = b"terms: {licence: CC0-1.0, purposes: [research], until: 2027-12-31}"
    assert parse_settings(text).terms == Terms(
        "CC0-1.0", ("research",), date(2027, 12, 31)
    )
    with pytest.raises(ValueError, match="terms without `purposes`"):
        parse_settings(b"terms: {licence: CC0-1.0}")


def test_a_policy_is_read_from_its_file(tmp_path):
    file = tmp_path / "policy.yaml"
    file.write_text(
        "purposes: [product]\nmixed: [[cc0-1.0, CC-BY-4.0]]\nunknown: refuse\nremind_days: 7\n"
    )
    groups = (frozenset({"CC0-1.0", "CC-BY-4.0"}),)
    assert read_policy(file) == Policy(("product",), groups, True, 7)


def test_without_a_file_nothing_but_an_ended_consent_is_refused(tmp_path):
    assert read_policy(tmp_path / "policy.yaml") == Policy((), (), False)


def test_a_policy_that_cannot_be_read_is_not_taken_for_none(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "gone.yaml")
    for path in (tmp_path, tmp_path / "link"):
        with pytest.raises(ValueError, match="is no policy"):
            read_policy(path)


@pytest.mark.parametrize(
    "text",
    ["", "unknown: maybe", "mixed: CC0-1.0", "remind_days: -1", "purpose: [x]", "[1]"],
)
def test_a_faulty_policy_lets_nothing_pass(tmp_path, text):
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    with pytest.raises(
        ValueError, match=r"policy.yaml is no policy: .*`unknown: warn`"
    ):
        read_policy(file)

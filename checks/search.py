"""The gate of search: what is found can be followed, and nothing of a session that is gone is found."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from checks.gate import Gate
from checks.verdicts import NEVER_BLOCKS, Rule, Verdict, judge_share


def documents_have_something_to_follow(documents: pa.Table) -> Verdict:
    """Every document has a title, a text and something to follow."""
    is_bare = pc.equal(pc.utf8_length(documents["text"]), 0)
    for column in ("title", "source"):
        is_bare = pc.or_(is_bare, pc.equal(pc.utf8_length(documents[column]), 0))
    return judge_share(
        "documents_have_something_to_follow",
        num_checked=len(documents),
        offenders=documents["document_id"].filter(is_bare).to_pylist(),
        of="documents",
        fault="have no title, no text, or nothing to follow",
    )


def documents_are_of_sessions_that_are_there(
    documents: pa.Table, captures: pa.Table, quarantine: pa.Table
) -> Verdict:
    """No document of the data of a session is left once nothing of the session is."""
    known = {*captures["session"].to_pylist(), *quarantine["session"].to_pylist()}
    of_sessions = pa.array(["session", "quarantine"])
    is_of = pc.is_in(documents["kind"], value_set=of_sessions)
    rows = documents.filter(is_of).to_pylist()
    return judge_share(
        "documents_are_of_sessions_that_are_there",
        num_checked=len(documents),
        offenders=[row["source"] for row in rows if row["session"] not in known],
        of="documents",
        fault="are of sessions that are gone",
    )


def most_documents_have_a_vector(documents: pa.Table) -> Verdict:
    """Where some documents are found by what they mean, all are."""
    has_none = pc.invert(pc.match_substring(documents["code_version"], ":"))
    lacking = documents["document_id"].filter(has_none).to_pylist()
    if len(lacking) == len(documents):
        lacking = []
    return judge_share(
        "most_documents_have_a_vector",
        num_checked=len(documents),
        offenders=lacking,
        of="documents",
        fault="have no vector where others have: refresh them where the net of sentences is installed",
        tolerance=NEVER_BLOCKS,
    )


SEARCH_RULES = (
    Rule(
        documents_have_something_to_follow,
        {"documents": ("document_id", "title", "text", "source")},
    ),
    Rule(
        documents_are_of_sessions_that_are_there,
        {
            "documents": ("kind", "source", "session"),
            "captures": ("session",),
            "quarantine": ("session",),
        },
    ),
    Rule(most_documents_have_a_vector, {"documents": ("document_id", "code_version")}),
)
GATES = (Gate("documents", SEARCH_RULES, has_readers=False),)
WHOLE_ASSETS = {"documents": ("documents",)}

"""What the gate of documents refuses."""

from __future__ import annotations

from checks.search import (
    documents_are_of_sessions_that_are_there,
    documents_have_something_to_follow,
    most_documents_have_a_vector,
)


def test_a_document_without_a_text_blocks(rows_of):
    assert documents_have_something_to_follow(
        rows_of("documents", 2, text="words")
    ).passed
    assert documents_have_something_to_follow(
        rows_of("documents", 2, text=["words", ""])
    ).stops
    assert documents_have_something_to_follow(
        rows_of("documents", 2, source=["", "a"])
    ).stops


def test_a_document_of_a_session_that_is_gone_blocks(rows_of):
    rows = rows_of(
        "documents", 2, kind="session", source=["a", "b"], session=["a", "b"]
    )
    captures = rows_of("captures", 1, session="a")
    for of_b, stops in ((0, True), (1, False)):
        quarantine = rows_of("quarantine", of_b, session="b")
        verdict = documents_are_of_sessions_that_are_there(rows, captures, quarantine)
        assert verdict.stops == stops


def test_some_documents_without_a_vector_warn(rows_of):
    some = rows_of("documents", 2, code_version=["1:net", "1"])
    verdict = most_documents_have_a_vector(some)
    assert not verdict.passed and not verdict.stops
    for alike in ("1", "1:net"):
        rows = rows_of("documents", 2, code_version=alike)
        assert most_documents_have_a_vector(rows).passed

"""What the gate of documents refuses."""

from __future__ import annotations

import pytest

from checks.search import (
    documents_are_of_no_forgotten_session,
    documents_have_something_to_follow,
    each_text_has_its_place,
    every_frame_has_a_picture_vector,
    every_frame_is_read,
    most_documents_have_a_vector,
    picture_vectors_are_of_one_net,
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


def test_a_document_of_a_session_that_was_forgotten_blocks(rows_of):
    rows = rows_of("documents", 2, source=["a", "b"], session=["a", "b"])
    captures = rows_of("captures", 1, session="a")
    for cause, of_b, stops in (
        ("forgotten", 0, True),
        ("forgotten", 1, False),
        ("deleted", 0, False),
    ):
        quarantine = rows_of("quarantine", of_b, session="b")
        gone = rows_of("gone", 2, session=["a", "b"], cause=cause)
        verdict = documents_are_of_no_forgotten_session(
            rows, captures, quarantine, gone
        )
        assert verdict.stops == stops


def test_some_documents_without_a_vector_warn(rows_of):
    some = rows_of("documents", 2, code_version=["1:net", "1"])
    verdict = most_documents_have_a_vector(some)
    assert not verdict.passed and not verdict.stops
    for alike in ("1", "1:net"):
        rows = rows_of("documents", 2, code_version=alike)
        assert most_documents_have_a_vector(rows).passed


def test_a_frame_that_nobody_read_or_looked_at_blocks(rows_of):
    frames = rows_of("frames", 2, kind="color")
    ids = frames["frame_id"].to_pylist()
    for judge, table in (
        (every_frame_is_read, "frame_texts"),
        (every_frame_has_a_picture_vector, "picture_vectors"),
    ):
        assert judge(rows_of(table, 2, frame_id=ids), frames).passed
        assert judge(rows_of(table, 1, frame_id=ids[:1]), frames).stops


@pytest.mark.parametrize(
    ("change", "passes"),
    [
        ({}, True),
        ({"texts": [[]], "scores": [[]], "boxes_xyxy": [[]]}, True),
        ({"scores": [[1.2]]}, False),
        ({"scores": [[]]}, False),
        ({"boxes_xyxy": [[1.0, 1.0, 17.0, 5.0]]}, False),
        ({"boxes_xyxy": [[5.0, 1.0, 5.0, 5.0]]}, False),
        ({"boxes_xyxy": [[float("nan"), 1.0, 9.0, 5.0]]}, False),
        ({"boxes_xyxy": [[1.0, 1.0, 9.0]]}, False),
    ],
)
def test_texts_without_a_score_or_a_box_in_their_frame_block(rows_of, change, passes):
    frames = rows_of("frames", 1, width_px=16, height_px=12)
    facts = {
        "frame_id": frames["frame_id"].to_pylist(),
        "texts": [["EXIT"]],
        "scores": [[0.9]],
        "boxes_xyxy": [[0.0, 1.0, 16.0, 12.0]],
    }
    rows = rows_of("frame_texts", 1, **{**facts, **change})
    assert each_text_has_its_place(rows, frames).passed == passes


@pytest.mark.parametrize(
    ("vectors", "versions", "passes"),
    [
        ([[0.6, 0.8], [1.0, 0.0]], ["1:a", "1:a"], True),
        ([[0.6, 0.8], [1.0, 0.0]], ["1:a", "1:b"], False),
        ([[0.6, 0.8], [1.0]], ["1:a", "1:a"], False),
        ([[0.6, 0.8], [0.6, 0.9]], ["1:a", "1:a"], False),
        ([[0.6, 0.8], [float("nan"), 0.0]], ["1:a", "1:a"], False),
    ],
)
def test_vectors_of_two_nets_or_another_length_block(
    rows_of, vectors, versions, passes
):
    rows = rows_of("picture_vectors", 2, vector=vectors, code_version=versions)
    assert picture_vectors_are_of_one_net(rows).passed == passes

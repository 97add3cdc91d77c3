"""The gates of search: what is found can be followed, nothing that is gone is found, and what frames show is whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from checks.gate import Gate, no_colour_frames
from checks.quality import judge_coverage
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


def documents_are_of_no_forgotten_session(
    documents: pa.Table, captures: pa.Table, quarantine: pa.Table, gone: pa.Table
) -> Verdict:
    """No document of a session is left once all of the session was forgotten."""
    forgotten = gone.filter(pc.equal(gone["cause"], "forgotten"))["session"].to_pylist()
    left = {*captures["session"].to_pylist(), *quarantine["session"].to_pylist()}
    rows = documents.to_pylist()
    return judge_share(
        "documents_are_of_no_forgotten_session",
        num_checked=len(documents),
        offenders=[
            f"{row['kind']} {row['source']}"
            for row in rows
            if row["session"] in {*forgotten} - left
        ],
        of="documents",
        fault="are of sessions that were forgotten",
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


def every_frame_is_read(frame_texts: pa.Table, frames: pa.Table) -> Verdict:
    """Of every colour frame of the session it is known what text it shows, if any."""
    return judge_coverage("every_frame_is_read", frame_texts, frames, "were not read")


def each_text_has_its_place(frame_texts: pa.Table, frames: pa.Table) -> Verdict:
    """Each text has a score from 0 to 1 and a box with an area inside of its frame."""
    sizes = {
        row["frame_id"]: (row["width_px"], row["height_px"])
        for row in frames.to_pylist()
    }
    rows = frame_texts.to_pylist()
    return judge_share(
        "each_text_has_its_place",
        num_checked=len(rows),
        offenders=[
            row["frame_id"]
            for row in rows
            if not _has_places(row, sizes.get(row["frame_id"]))
        ],
        of="frames",
        fault="have texts without a score from 0 to 1, or a box inside of the frame",
    )


def every_frame_has_a_picture_vector(
    picture_vectors: pa.Table, frames: pa.Table
) -> Verdict:
    """Every colour frame of the session has a vector that texts are compared with."""
    name = "every_frame_has_a_picture_vector"
    return judge_coverage(name, picture_vectors, frames, "have no picture vector")


def picture_vectors_are_of_one_net(picture_vectors: pa.Table) -> Verdict:
    """All vectors of the session are by one net, equally long lists, and have length 1."""
    rows = picture_vectors.to_pylist()
    first = rows[0] if rows else {}
    offenders = [
        row["frame_id"]
        for row in rows
        if row["code_version"] != first["code_version"]
        or len(row["vector"]) != len(first["vector"])
        or not abs(np.linalg.norm(row["vector"]) - 1) < 1e-3
    ]
    return judge_share(
        "picture_vectors_are_of_one_net",
        num_checked=len(rows),
        offenders=offenders,
        of="vectors",
        fault="are by another net than the first, or do not have length 1",
    )


def _has_places(row: dict[str, Any], size_px: tuple[int, int] | None) -> bool:
    boxes = (
        np.reshape(row["boxes_xyxy"], (-1, 4))
        if len(row["boxes_xyxy"]) % 4 == 0
        else None
    )
    scores = np.asarray(row["scores"], float)
    if boxes is None or size_px is None:
        return False
    if not len(row["texts"]) == len(scores) == len(boxes):
        return False
    low, high = boxes[:, :2], boxes[:, 2:]
    is_inside = (low >= 0).all() and (low < high).all() and (high <= size_px).all()
    return bool(is_inside and ((scores >= 0) & (scores <= 1)).all())


SEARCH_RULES = (
    Rule(
        documents_have_something_to_follow,
        {"documents": ("document_id", "title", "text", "source")},
    ),
    Rule(
        documents_are_of_no_forgotten_session,
        {
            "documents": ("kind", "source", "session"),
            "captures": ("session",),
            "quarantine": ("session",),
            "gone": ("session", "cause"),
        },
    ),
    Rule(most_documents_have_a_vector, {"documents": ("document_id", "code_version")}),
)
TEXT_RULES = (
    Rule(
        every_frame_is_read,
        {"frame_texts": ("frame_id",), "frames": ("frame_id", "kind")},
    ),
    Rule(
        each_text_has_its_place,
        {
            "frame_texts": ("frame_id", "texts", "scores", "boxes_xyxy"),
            "frames": ("frame_id", "width_px", "height_px"),
        },
    ),
)
PICTURE_RULES = (
    Rule(
        every_frame_has_a_picture_vector,
        {"picture_vectors": ("frame_id",), "frames": ("frame_id", "kind")},
    ),
    Rule(
        picture_vectors_are_of_one_net,
        {"picture_vectors": ("frame_id", "vector", "code_version")},
    ),
)
GATES = (
    Gate("documents", SEARCH_RULES, has_readers=False),
    Gate("frame_texts", TEXT_RULES, no_colour_frames),
    Gate("picture_vectors", PICTURE_RULES, no_colour_frames),
)
SESSION_ASSETS = {
    "frame_texts": ("frame_texts",),
    "picture_vectors": ("picture_vectors",),
}
WHOLE_ASSETS = {"documents": ("documents",)}

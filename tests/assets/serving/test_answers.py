"""What a replica says is taken where it has the form of an answer, and nothing else of it."""

from __future__ import annotations

import asyncio
import copy
import json
from typing import Any

import pytest

from assets.serving.answers import NoAnswers, read_answers
from assets.serving.protocol import NoMessage, pack, receive_soon
from assets.serving.queue import Answered
from assets.serving.refusals import Refused

FACTS = {
    "width_px": 24,
    "height_px": 20,
    "encoding": "png",
    "channels": 3,
    "bits": 8,
    "is_depth_candidate": False,
    "quality": None,
}
COLUMNS: dict[str, Any] = {
    "boxes_xyxy": [1.0, 2.0, 3.0, 4.0],
    "class_names": ["cup"],
    "scores": [0.5],
    "mask_rles": None,
}
GOOD: dict[str, Any] = {
    "answers": [{"facts": FACTS, "columns": COLUMNS}],
    "seconds": 0.2,
    "work_s": 0.1,
    "is_over": False,
}
REFUSED = {"status": 422, "reason": "no picture", "remedy": "another"}


def change(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A good message with one value changed."""
    said = copy.deepcopy(GOOD)
    at: Any = said
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return said


def test_an_answer_is_read_with_its_share_of_the_time():
    (answered,) = read_answers(GOOD, 1).each
    assert isinstance(answered, Answered)
    assert (answered.facts.width_px, answered.columns) == (24, COLUMNS)
    assert (answered.work_s, answered.seconds_per_image) == (0.1, 0.2)


def test_a_refusal_and_an_error_are_told():
    (refused,) = read_answers(change(("answers", 0), {"refused": REFUSED}), 1).each
    assert isinstance(refused, Refused) and refused.status == 422
    found = read_answers({"error": "no net", "is_over": True}, 2)
    assert [str(one) for one in found.each] == ["no net"] * 2 and found.is_over


FACTS_AT = ("answers", 0, "facts")
COLUMNS_AT = ("answers", 0, "columns")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"error": 7, "is_over": False},
        change(("answers",), []),
        change(("work_s",), -1.0),
        change(("seconds",), float("nan")),
        change(("answers", 0), {"refused": {**REFUSED, "status": 200}}),
        change((*FACTS_AT, "width_px"), 10**9),
        change((*FACTS_AT, "width_px"), "24"),
        change(FACTS_AT, {**FACTS, "width_px": 6000, "height_px": 6000}),
        change((*FACTS_AT, "quality"), {"request_id": "another"}),
        change((*COLUMNS_AT, "scores"), [0.5, 0.5]),
        change((*COLUMNS_AT, "scores"), [2.0]),
        change((*COLUMNS_AT, "boxes_xyxy"), [1.0]),
        change((*COLUMNS_AT, "mask_rles"), ["a", "b"]),
        change((*COLUMNS_AT, "model_sha256"), "another"),
    ],
)
def test_what_is_no_answer_is_told_from_one(said):
    with pytest.raises(NoAnswers):
        read_answers(said, 1)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ([(2**31).to_bytes(4, "big")], "2147483648 bytes at once"),
        ([(2).to_bytes(4, "big"), b"{x"], "no JSON"),
        ([(2).to_bytes(4, "big"), b"[]"], "no object"),
        (pack({"error": ""}, [b"piece"]), "pieces behind it"),
    ],
)
def test_what_is_no_message_is_told_from_one(written, told):
    async def work() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(b"".join(written))
        with pytest.raises(NoMessage, match=told):
            await receive_soon(reader)

    asyncio.run(work())


def test_a_message_comes_as_it_was_sent():
    async def work() -> Any:
        reader = asyncio.StreamReader()
        reader.feed_data(b"".join(pack(GOOD)))
        return await receive_soon(reader)

    assert asyncio.run(work()) == json.loads(json.dumps(GOOD))

"""What a request to the frame browser may hold: questions, numbers, outlines and bodies, within limits.

Belongs here: how they are read, and refused. Does not: what is done with them.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request

from assets.browsing.questions import Question
from orchestration.browse.answers import Refused

MOST_UPLOAD_BYTES = 32 << 20
MOST_JSON_BYTES = 4 << 20


def read_question(asked: QueryParams) -> Question:
    """Which frames are asked for."""
    return Question(
        sessions=tuple(asked.getlist("session")),
        sensors=tuple(asked.getlist("sensor")),
        classes=tuple(asked.getlist("class")),
        splits=tuple(asked.getlist("split")),
        model_id=asked.get("model", ""),
        score_from=_read_score(asked.get("score_from", "")),
        where=asked.get("where", ""),
        selection=asked.get("selection", ""),
        sort=asked.get("sort", ""),
    )


def _read_score(text: str) -> float | None:
    if not text:
        return None
    with suppress(ValueError):
        score = float(text)
        if 0 <= score <= 1:
            return score
    raise Refused(400, f"score_from={text[:40]!r} is no score", "give one of 0 to 1")


def read_number(asked: Mapping[str, str], name: str, default: int) -> int:
    """A number from 0 on. Raises Refused."""
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise Refused(400, f"{name}={text[:40]!r} is no number", "give one from 0 on")
    return int(text)


def read_corners(given: Any) -> list[tuple[float, float]]:
    """Of an outline. Raises Refused."""
    with suppress(TypeError, ValueError):
        return [(float(x), float(y)) for x, y in given]
    raise Refused(400, "that is no outline", 'send {"polygon": [[x, y], ...]}')


async def read_json(request: Request) -> Any:
    """The body, which says that it is JSON. Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await read_body(request, MOST_JSON_BYTES)
    if kind != "application/json":
        raise Refused(415, f"content type {kind[:80]!r} is not read", "send JSON")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is no JSON", "send JSON") from None


async def read_body(request: Request, most_bytes: int) -> bytes:
    """Raises Refused for a body that is too large, as soon as that is known."""
    pieces: list[bytes] = []
    num_bytes = 0
    async for piece in request.stream():
        num_bytes += len(piece)
        if num_bytes > most_bytes:
            raise Refused(413, f"more than {most_bytes:,} bytes", "send fewer")
        pieces.append(piece)
    return b"".join(pieces)


def split(text: str) -> list[str]:
    """The parts between commas, each once."""
    return [part for part in dict.fromkeys(text.split(",")) if part]

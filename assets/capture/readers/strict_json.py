"""Parse JSON that leaves no room for doubt: no NaN, no infinity, no key twice, no excessive depth."""

from __future__ import annotations

import json
from typing import Any

MAX_JSON_BYTES = 256 << 20


def parse_json(data: bytes) -> Any:
    """The value of a UTF-8 JSON text. Raises ValueError naming what is wrong."""
    if len(data) > MAX_JSON_BYTES:
        raise ValueError(f"{len(data)} bytes of JSON, more than {MAX_JSON_BYTES}")
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            parse_float=_parse_float,
            object_pairs_hook=_unique,
        )
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


def _parse_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large for a number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"key {next(n for n in names if names.count(n) > 1)!r} appears twice in one object")
    return result

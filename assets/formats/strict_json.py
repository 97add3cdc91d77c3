"""Parse JSON that leaves no room for doubt: no NaN, no infinity, no key twice, no excessive depth."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

MAX_JSON_BYTES = 256 << 20
MAX_MEMORY_BYTES = 512 << 20  # of text and values together
# bytes of memory that one of these brings in CPython, at most
_COSTS = {b"{": 240, b"[": 88, b",": 40, b":": 60}


def parse_json(
    data: bytes,
    max_bytes: int = MAX_JSON_BYTES,
    max_memory_bytes: int = MAX_MEMORY_BYTES,
) -> Any:
    """The value of a UTF-8 JSON text. Raises ValueError naming what is wrong.

    A text is not begun that may take more memory than that: values take many times the length of their text.
    """
    if len(data) > max_bytes:
        raise ValueError(f"{len(data)} bytes of JSON, more than {max_bytes}")
    needed = _estimate_memory(data)
    if needed > max_memory_bytes:
        what = f"JSON that may take {needed >> 20} MiB of memory, more than {max_memory_bytes >> 20}"
        raise ValueError(f"{what}: split it")
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            parse_constant=_refuse_constant,
            parse_float=_parse_float,
            object_pairs_hook=_unique,
        )
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None


def _estimate_memory(data: bytes) -> int:
    """An upper bound in bytes, without parsing: signs inside of texts count too."""
    # one wide letter makes every letter wide
    letters = len(data) * (1 if data.isascii() else 4)
    return letters + sum(cost * data.count(sign) for sign, cost in _COSTS.items())


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
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"key {twice[:100]!r} appears twice in one object")
    return result

"""JSON that leaves no room for doubt is read, within limits of bytes and memory; all else is refused by its reason."""

from __future__ import annotations

import json

import pytest

from assets.formats.strict_json import parse_json


def test_plain_json_is_read():
    assert parse_json(b'{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b'{"a": 1, "a": 2}', "key 'a' appears twice in one object"),
        (b"[NaN]", "NaN is not a JSON number"),
        (b"[1e999]", "1e999 is too large for a number"),
        (b"[1", "Expecting"),
    ],
)
def test_json_that_leaves_room_for_doubt_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


def test_more_bytes_than_the_limit_are_not_read():
    assert parse_json(b"[1, 2]", max_bytes=6) == [1, 2]
    with pytest.raises(ValueError, match="6 bytes of JSON, more than 5"):
        parse_json(b"[1, 2]", max_bytes=5)


def test_json_is_weighed_before_it_is_parsed():
    # 6 letters, a list of 88 bytes, a comma of 40
    assert parse_json(b"[1, 2]", max_memory_bytes=6 + 88 + 40) == [1, 2]
    with pytest.raises(ValueError, match="JSON that may take 0 MiB of memory"):
        parse_json(b"[1, 2]", max_memory_bytes=6 + 88 + 40 - 1)


def test_one_wide_letter_makes_every_letter_wide():
    text = '["ü"]'.encode()  # 6 bytes, of which each may take four
    assert parse_json(text, max_memory_bytes=4 * 6 + 88) == ["ü"]
    with pytest.raises(ValueError, match="JSON that may take"):
        parse_json(text, max_memory_bytes=4 * 6 + 88 - 1)


def test_a_parser_that_gives_up_on_depth_is_understood(monkeypatch):
    def give_up(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr(json, "loads", give_up)
    with pytest.raises(ValueError, match="JSON nested too deeply"):
        parse_json(b"[]")

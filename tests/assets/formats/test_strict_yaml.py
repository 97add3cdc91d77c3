"""YAML of plain values is read, within limits of bytes and depth; all else is refused by its reason."""

from __future__ import annotations

import pytest

from assets.formats.strict_yaml import parse_yaml, parse_yaml_text


def test_plain_yaml_is_read():
    text = b"#YAML:1.0\nT_BS:\n  data: [1.0, 2.5e-1,\n    -3]\nname: cam0\nnone:\n"
    assert parse_yaml(text) == {
        "T_BS": {"data": [1.0, 0.25, -3]},
        "name": "cam0",
        "none": None,
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a: &x 1\nb: *x\n", "alias in line 1"),
        (b"a: 1\na: 2\n", "key 'a' appears twice"),
        (b"a: {b: 1, b: 2}", "key 'b' appears twice"),
        (b"a: [1", "cannot be read"),
        (b"a: !unknown 1", "could not determine a constructor"),
    ],
)
@pytest.mark.parametrize("parse", [parse_yaml, parse_yaml_text])
def test_yaml_that_is_refused(parse, text, reason):
    with pytest.raises(ValueError, match=reason):
        parse(text)


def test_more_bytes_than_the_limit_are_not_read():
    assert parse_yaml(b"a: 1", max_bytes=4) == {"a": 1}
    with pytest.raises(ValueError, match="4 bytes of YAML, more than 3"):
        parse_yaml(b"a: 1", max_bytes=3)


def test_deeper_than_the_limit_is_not_read():
    assert parse_yaml(b"[[1], [2]]", max_depth=2) == [[1], [2]]
    with pytest.raises(ValueError, match="YAML nested more than 2 deep"):
        parse_yaml(b"[[[1]]]", max_depth=2)

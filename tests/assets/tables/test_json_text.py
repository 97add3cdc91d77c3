"""Columns become the JSON that Python writes of their values, byte for byte: ids of releases rest on it."""

from __future__ import annotations

import json
import math
import random
import struct

import pyarrow as pa
import pytest

from assets.tables.json_text import join_json, write_json

NUMBERS = [0.0, -0.0, 1.0, 0.1, 639.5, 1e-4, 9.99e-5, 1e9, 999999999.5, 1e15, 1e16]
ODD = [None, math.nan, math.inf, -math.inf, 5e-324, 1.7976931348623157e308]
TEXTS = ["", "a", 'quote " and \\', "é 😀", "line\nfeed", "\x7f", None, "`0<P1"]


def draw_numbers(seed: int, count: int) -> list[float]:
    """Of any bits, of boxes in px, and boxes as they are stored: 32 bits."""
    rng = random.Random(seed)
    bits = [struct.pack("<Q", rng.getrandbits(64)) for _ in range(count)]
    boxes = [rng.uniform(-4000, 4000) for _ in range(count)]
    stored = [struct.unpack("<f", struct.pack("<f", box))[0] for box in boxes]
    powers = [rng.uniform(1, 10) * 10.0 ** rng.randint(-12, 20) for _ in range(count)]
    whole = [float(rng.randrange(10 ** rng.randint(1, 20))) for _ in range(count)]
    return [struct.unpack("<d", b)[0] for b in bits] + boxes + stored + powers + whole


def test_numbers_are_written_as_python_writes_them():
    numbers = [*NUMBERS, *(-n for n in NUMBERS), *ODD, *draw_numbers(1, 5000)]
    found = write_json(pa.array(numbers, pa.float64())).to_pylist()
    assert found == [json.dumps(number) for number in numbers]


def test_texts_and_whole_numbers_are_written_as_python_writes_them():
    assert write_json(pa.array(TEXTS)).to_pylist() == list(map(json.dumps, TEXTS))
    ids = [0, -5, None, 2**62]
    assert write_json(pa.array(ids)).to_pylist() == ["0", "-5", "null", str(2**62)]


@pytest.mark.parametrize("start", [0, 1, 3])
def test_lists_are_written_as_python_writes_them_also_from_the_middle(start):
    lists = [[1.5, 2.0], [], None, [None, 1e-7], [3.0]]
    found = write_json(pa.array(lists)[start:]).to_pylist()
    assert found == [json.dumps(values) for values in lists[start:]]
    texts = [["a", "\\"], None, [], [None]]
    assert write_json(pa.array(texts)).to_pylist() == [json.dumps(t) for t in texts]


def test_a_row_is_an_array_of_its_columns():
    columns = [pa.array(["f", "g"]), pa.array([None, [1]], pa.list_(pa.int64()))]
    assert join_json(*map(write_json, columns)).to_pylist() == [
        '["f", null]',
        '["g", [1]]',
    ]


def test_a_type_without_a_form_is_refused():
    with pytest.raises(TypeError, match="binary"):
        write_json(pa.array([b"x"]))
